"""Photos with a label map each: PNG files whose values, or colours, are classes.

    photos/0001.jpg     masks/0001.png      labels.csv

Folders of splits may stand in both (``photos/train/0001.jpg``, ``masks/train/0001.png``) or above
them (``train/photos``, ``train/masks``). A map is called like its photo, with the ending ``.png``
in the place of the photo's own, or after it. The list of classes is described in
:mod:`lapel.data.label_maps.class_list`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from lapel.data.label_maps.class_list import find_class_list, read_class_list
from lapel.data.label_maps.files import look_at_maps, png_values
from lapel.data.label_maps.pixel_classes import choose_groups, pixel_classes
from lapel.data.progress import Track, silent
from lapel.data.reading.base import Reading, existing_folder, refuse
from lapel.data.reading.last_as_test import with_last_as_test
from lapel.data.reading.walking import Walk, subfolders
from lapel.schema.annotation import SPLIT_NAMES, Annotation
from lapel.schema.counting import counted
from lapel.schema.errors import Fault, UsageError
from lapel.schema.labels import Schema, TaskSpec

TASK = "parsing"

#: What the folder of photos, and that of label maps, is called where nobody names it.
PHOTOS = ("photos", "images", "image", "img", "JPEGImages")
MAPS = ("masks", "mask", "labels", "annotations", "segmentations", "SegmentationClass")

MAP_ENDING = ".png"


@dataclass(slots=True)
class _Found:
    """What is gathered folder by folder.

    Attributes:
        splits: image to its split, or None where the folders name none.
        maps: image to the file of its label map.
        unlabelled: images without one.
        strangers: how many label maps have no photo.
        faults: what is wrong.
    """

    splits: dict[str, str | None] = field(default_factory=dict)
    maps: dict[str, Path] = field(default_factory=dict)
    unlabelled: list[str] = field(default_factory=list)
    strangers: int = 0
    faults: list[Fault] = field(default_factory=list)


def read_masks(
    source: str | Path,
    *,
    labels: str | Path | None = None,
    photos: str | None = None,
    masks: str | None = None,
    task: str = TASK,
    suffix: str = "",
    groups: str | Path | None = None,
    ignore: Sequence[str] = (),
    test_last: int = 0,
    unlabelled: bool = False,
    track: Track = silent,
) -> Reading:
    """Photos and label maps in folders beside each other.

    Args:
        source: the folder of both.
        labels: the list of classes; by default ``labels.csv`` or the like in ``source``.
        photos: the folder of the photos, below ``source``; by default one of ``PHOTOS``.
        masks: the folder of the maps, below ``source``; by default one of ``MAPS``.
        task: what the classes answer.
        suffix: what the name of a map has after that of its photo, such as ``_segm``.
        groups: a table that takes classes to groups; see
            :func:`lapel.data.label_maps.pixel_classes.choose_groups`.
        ignore: names of classes or groups whose pixels become unknown.
        test_last: the last photos, by name, that are the test split.
        unlabelled: keep photos without a map, as unknown, instead of refusing them.
        track: is told how far the work is.

    Raises:
        UsageError: no such folder, list or table, an ignored class that does not exist, or a test
            split asked for where folders name splits.
        FormatError: files that do not fit each other, maps that cannot be read or that have
            values of no class; all faults together.
        StorageError: a file cannot be read.
    """
    root = existing_folder(source)
    parts = list(_parts(root, photos, masks))
    listed = read_class_list(labels if labels is not None else find_class_list(root))
    table = None if groups is None else choose_groups(groups, [one.name for one in listed])
    classes = pixel_classes(listed, table, ignore)
    found = _Found()
    walk = Walk(root)
    for split, photo_folder, map_folder in parts:
        _read_part(walk, split, photo_folder, map_folder, suffix, found)
    if not unlabelled:
        found.faults += [
            Fault(
                file=image,
                found="no label map",
                expected=f"one called {Path(image).stem}{suffix}{MAP_ENDING}",
            )
            for image in found.unlabelled
        ]
    if not found.splits and not (found.faults or walk.faults):
        found.faults.append(Fault(file=str(parts[0][1]), found="no photo", expected="some"))
    refuse([*walk.faults, *found.faults], remedy=_remedy(found, unlabelled=unlabelled))
    looked = look_at_maps(found.maps, png_values, classes, track)
    refuse(list(looked.faults))
    rows = (
        Annotation(image=image, labels={}, split=split) for image, split in found.splits.items()
    )
    return Reading(
        name=root.resolve().name,
        schema=Schema((TaskSpec(name=task, kind="segmentation", labels=classes.labels),)),
        annotations=with_last_as_test(tuple(rows), test_last),
        images=root,
        origin=f"photos and label maps of {root.resolve().name}",
        notes=(*_notes(found, walk), *looked.notes),
        masks={task: looked.masks},
    )


def _remedy(found: _Found, *, unlabelled: bool) -> str:
    """What may help."""
    if found.strangers and not found.maps:
        return (
            "No label map is called like a photo. What their names have after the photos' is said "
            "with --suffix, such as _segm for 0001_segm.png of 0001.jpg."
        )
    if unlabelled or not found.unlabelled:
        return ""
    return "Photos without a label map are kept, of unknown classes, with --unlabelled."


def _parts(
    root: Path, photos: str | None, masks: str | None
) -> Iterator[tuple[str | None, Path, Path]]:
    """Split, folder of photos and folder of maps: the source's own, or one below each split.

    Raises:
        UsageError: a folder is not there.
    """
    above = [name for name in subfolders(root) if name.lower() in SPLIT_NAMES]
    places: list[tuple[str | None, Path]] = [
        (SPLIT_NAMES[name.lower()], root / name) for name in above
    ]
    for split, place in places or [(None, root)]:
        folders = _folder(place, photos, PHOTOS), _folder(place, masks, MAPS)
        for folder, what in zip(folders, ("photos", "label maps"), strict=True):
            if not folder.resolve().is_relative_to(root.resolve()):
                raise UsageError(f"{folder}: expected a folder of {what} inside {root}")
            if not folder.is_dir():
                there = ", ".join(subfolders(place)) or "no folder"
                option = "--photos" if what == "photos" else "--masks"
                raise UsageError(
                    f"{place}: found {there}, expected a folder of {what}; name it with {option}"
                )
        yield split, *folders


def _folder(place: Path, name: str | None, usual: Sequence[str]) -> Path:
    if name is not None:
        return place / name
    there = (place / one for one in usual if (place / one).is_dir())
    return next(there, place / usual[0])


def _read_part(
    walk: Walk, split: str | None, photos: Path, maps: Path, suffix: str, found: _Found
) -> None:
    """The photos of a folder and their maps; a map without its photo is a fault."""
    splits = {} if split else walk.split_folders(photos)
    files = {
        name: walk.root / name
        for name in walk.images(maps)
        if PurePosixPath(name).suffix.lower() == MAP_ENDING
    }
    within = maps.relative_to(walk.root)
    by_place = {Path(name).relative_to(within): path for name, path in files.items()}
    taken: dict[Path, str] = {}
    for image in walk.images(photos):
        place = Path(image).relative_to(photos.relative_to(walk.root))
        found.splits[image] = split or splits.get(place.parts[0])
        names = [f"{start}{suffix}{MAP_ENDING}" for start in (place.name, place.stem)]
        places = (place.with_name(name) for name in names)
        called = next((name for name in places if name in by_place), None)
        if called is None:
            found.unlabelled.append(image)
        elif called in taken:
            what, expected = f"{taken[called]} with the same label map", "one map a photo"
            found.faults.append(Fault(file=image, found=what, expected=expected))
        else:
            taken[called] = image
            found.maps[image] = by_place[called]
    for name, path in by_place.items():
        if name not in taken:
            found.strangers += 1
            expected = f"one in {photos}"
            found.faults.append(Fault(file=str(path), found="no photo", expected=expected))


def _notes(found: _Found, walk: Walk) -> Iterator[str]:
    if found.unlabelled:
        yield f"without a label map, kept as unknown: {counted(len(found.unlabelled), 'photo')}"
    yield from walk.notes()
