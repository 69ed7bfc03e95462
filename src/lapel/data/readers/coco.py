"""Garments in COCO's form: JSON files of any tool, and photos.

    annotations/instances_train.json    train/*.jpg       as COCO has them
    train/_annotations.coco.json        train/*.jpg       as some tools export them
    garments.json                       images/*.jpg      one file of all

The files are described in :mod:`lapel.data.coco.file`, their places in
:mod:`lapel.data.coco.folders`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lapel.data.coco.file import Category, Content, Identifier, checked_content
from lapel.data.coco.folders import coco_files, image_folder, image_root, one_each
from lapel.data.coco.parts import Wrong, compact
from lapel.data.label_maps.painting import painted_masks, parsing_task
from lapel.data.progress import Track, silent
from lapel.data.reading.base import Reading, existing_file, oddity_notes, read_bytes, refuse
from lapel.data.reading.json_records import RecordError, loaded_object
from lapel.data.reading.listing import ImageList
from lapel.data.reading.on_demand import OnDemand
from lapel.schema.annotation import Annotation
from lapel.schema.counting import counted
from lapel.schema.errors import Fault, UsageError
from lapel.schema.garments import Garment
from lapel.schema.labels import Schema, TaskSpec
from lapel.schema.masks import ClassMap

TASK = "garments"

BROKEN = "annotations that are wrong, left out"
MISSING = "images that are not there, left out"


@dataclass(slots=True)
class _Found:
    """What is gathered file by file."""

    images: ImageList
    skip_broken: bool
    skip_missing: bool
    annotations: list[Annotation] = field(default_factory=list)
    marked: dict[str, tuple[Content, Identifier]] = field(default_factory=dict)
    categories: dict[str, Category] = field(default_factory=dict)
    roots: list[str] = field(default_factory=list)
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    garments: int = 0
    faults: list[Fault] = field(default_factory=list)
    oddities: Counter[str] = field(default_factory=Counter)

    def make(self, image: str) -> Sequence[Garment]:
        """What is marked in an image."""
        content, identifier = self.marked[image]
        return content.garments(identifier)


def read_coco(
    source: str | Path,
    *,
    images: str | Path | None = None,
    validation: str | Path | None = None,
    test: str | Path | None = None,
    task: str = TASK,
    holes: bool = False,
    parsing: bool = False,
    skip_broken: bool = False,
    skip_missing: bool = False,
    track: Track = silent,
) -> Reading:
    """A JSON file, or a folder of JSON files named after splits or in folders named so.

    Args:
        source: the file or folder.
        images: what image names are relative to; by default found beside the files.
        validation: a further file, whose photos are the validation split; ``source`` is then the
            file of the training photos.
        test: likewise, of the test split.
        task: what the garments answer.
        holes: whether an outline within another of the same garment is a hole.
        parsing: paint a label map of each photo from its garments, too.
        skip_broken: leave out annotations that are wrong, with their count said, instead of
            refusing them.
        skip_missing: likewise images whose file is not there.
        track: is told how far the work is.

    Raises:
        UsageError: no such file or folder, or several files of one split.
        FormatError: files that do not keep the form, or images that are missing; all faults
            together.
        StorageError: a file cannot be read.
    """
    root, files = _files(Path(source), images, {"validation": validation, "test": test})
    found = _Found(ImageList(root), skip_broken, skip_missing)
    for split, path in files.items():
        _read_file(root, split, path, found, holes=holes, track=track)
    found.oddities[MISSING] = len(found.images.missing) if skip_missing else 0
    faults = [*found.faults, *found.images.refused(skip_missing=skip_missing)]
    if not found.annotations and not faults:
        faults = [Fault(file=str(next(iter(files.values()))), found="no image", expected="some")]
    if not found.categories and not faults:
        faults = [Fault(file=str(next(iter(files.values()))), found="no category", expected="some")]
    refuse(faults, remedy=_remedy(found))
    labels = tuple(found.categories)
    points = {name: one.points for name, one in found.categories.items() if one.points}
    tasks = [TaskSpec(name=task, kind="garments", labels=labels, points=points)]
    masks: dict[str, Mapping[str, ClassMap]] = {}
    if parsing:
        tasks.append(parsing_task(labels))
        masks[tasks[-1].name] = painted_masks(root, found.marked, found.make, tasks[-1])
    return Reading(
        name=root.resolve().name,
        schema=Schema(tuple(tasks)),
        annotations=tuple(found.annotations),
        images=root,
        origin="COCO JSON: " + ", ".join(path.name for path in files.values()),
        notes=tuple(_notes(found)),
        garments=OnDemand(found.marked, found.make),
        masks=masks,
        sizes=found.sizes,
        keep_outside=True,
    )


def _files(
    source: Path, images: str | Path | None, more: Mapping[str, str | Path | None]
) -> tuple[Path, dict[str | None, Path]]:
    """The root of the images, and the file of each split.

    Raises:
        UsageError: no such file or folder, or files named beside a folder.
    """
    further = {split: existing_file(path) for split, path in more.items() if path is not None}
    folder = None if images is None else Path(images)
    if folder is not None and not folder.is_dir():
        raise UsageError(f"--images: found no folder {str(folder)!r}")
    if source.is_dir():
        if further:
            raise UsageError("--validation and --test go with a FILE.json, not with a folder")
        return folder or source, coco_files(source)
    path = existing_file(source)
    return image_root(path, folder), one_each(path, further)


def _read_file(
    root: Path, split: str | None, path: Path, found: _Found, *, holes: bool, track: Track
) -> None:
    try:
        value = loaded_object(read_bytes(path), hook=compact)
    except RecordError as error:
        found.faults.append(error.fault(path))
        return
    content = checked_content(value, holes=holes)
    found.faults += _as_faults(path, content.faults)
    if found.skip_broken:
        found.oddities[BROKEN] += content.refused
    else:
        found.faults += _as_faults(path, content.broken)
    found.oddities += content.oddities
    found.roots += content.roots
    _take_categories(path, content, found)
    folder = image_folder(root, path, [one.file for one in content.pictures.values()], split)
    rows = content.pictures.items()
    for identifier, picture in track(rows, len(rows), f"Reading {split or path.name}"):
        image = f"{folder}{picture.file}"
        if not found.images.add(image, file=str(path), line=None):
            continue
        found.annotations.append(Annotation(image=image, labels={}, split=split))
        if picture.width and picture.height:
            found.sizes[image] = picture.width, picture.height
        if "annotations" in value:
            found.marked[image] = (content, identifier)
            found.garments += len(content.marked.get(identifier, ()))


def _as_faults(path: Path, wrong: Sequence[Wrong]) -> list[Fault]:
    return [Fault(file=str(path), found=what, expected=expected) for what, expected in wrong]


def _take_categories(path: Path, content: Content, found: _Found) -> None:
    """The categories of all files together; one name has the same landmarks in all of them."""
    for one in content.categories.values():
        known = found.categories.setdefault(one.name, one)
        if known.points != one.points:
            what = f"other keypoints of {one.name!r} than another file"
            found.faults.append(Fault(file=str(path), found=what, expected="the same in all"))


def _remedy(found: _Found) -> str:
    lines = []
    if found.faults and not found.skip_broken:
        lines.append("--skip-broken leaves out single annotations that are wrong.")
    if found.images.missing and not found.annotations:
        lines.append("--images FOLDER names the folder that holds the photos.")
    elif found.images.missing and not found.skip_missing:
        lines.append("--skip-unreadable leaves out images that are not there.")
    return " ".join(lines)


def _notes(found: _Found) -> Iterator[str]:
    images = counted(len(found.marked), "image")
    yield f"kept in garments.jsonl: {counted(found.garments, 'garment')} of {images}"
    roots = [name for name in dict.fromkeys(found.roots) if name not in found.categories]
    if roots:
        yield f"categories that only group others, left out: {', '.join(roots)}"
    yield from oddity_notes(found.oddities)
