"""DeepFashion2: photos by shops and customers, each with a JSON file of its garments.

    train/image/000001.jpg        train/annos/000001.json
    validation/image/...          validation/annos/...
    test/image/...                (the test's annotations are not public)

A row is a photo, asked which of the 13 categories are in it, and where each garment is
(``garments``: boxes, outlines, landmarks and levels). The files are described in
:mod:`lapel.data.deepfashion2.record`. Source: Ge et al., DeepFashion2, CVPR 2019, and
github.com/switchablenorms/DeepFashion2.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from lapel.data.deepfashion2.record import Record, parse_record
from lapel.data.deepfashion2.words import categories, point_names
from lapel.data.label_maps.painting import painted_masks, parsing_task
from lapel.data.progress import Track, silent
from lapel.data.reading.base import (
    Reading,
    is_hidden,
    oddity_notes,
    read_bytes,
    refuse,
)
from lapel.data.reading.benchmark_folder import benchmark_folder
from lapel.data.reading.json_records import RecordError
from lapel.data.reading.listing import ImageList, whole_numbers
from lapel.data.reading.on_demand import OnDemand
from lapel.imaging.file_names import named_like_picture
from lapel.schema.annotation import SPLITS, Annotation, Tags
from lapel.schema.counting import counted
from lapel.schema.errors import Fault
from lapel.schema.garments import Garment
from lapel.schema.labels import Schema, TaskSpec
from lapel.schema.masks import ClassMap
from lapel.storage.folders import entries_of

TASK, GARMENTS = "categories", "garments"

IMAGES, RECORDS = "image", "annos"

#: All folders that the layout is known by.
FOLDERS = tuple(f"{part}/{inner}" for part in SPLITS for inner in (RECORDS, IMAGES))

#: The only part without annotations.
UNLABELLED = "test"


@dataclass(slots=True)
class _Found:
    """What is gathered file by file."""

    images: ImageList
    annotations: list[Annotation] = field(default_factory=list)
    records: dict[str, Path] = field(default_factory=dict)
    garments: int = 0
    filled: int = 0
    faults: list[Fault] = field(default_factory=list)
    oddities: Counter[str] = field(default_factory=Counter)

    def make(self, image: str) -> tuple[Garment, ...]:
        """The garments of an image that has a record."""
        return _garments(self.records[image])


def read_deepfashion2(
    source: str | Path, *, parsing: bool = False, points: bool = True, track: Track = silent
) -> Reading:
    """The folder that holds ``train``, ``validation`` and ``test``, or some of them.

    Args:
        source: the folder.
        parsing: paint a label map of each photo from its garments, too: larger behind smaller.
        points: whether the task ``garments`` asks for landmarks; they are kept in any case.
        track: is told how far the work is.

    Raises:
        UsageError: no such folder, or one above or below the right one.
        FormatError: files that do not keep the layout, or images that are missing; all faults
            together.
        StorageError: a file cannot be read.
    """
    root = benchmark_folder(source, FOLDERS)
    found = _Found(ImageList(root))
    parts = [part for part in SPLITS if (root / part).is_dir()]
    if not parts:
        expected = f"some of {', '.join(SPLITS)}"
        refuse([Fault(file=str(root), found="no folder of a split", expected=expected)])
    for part in parts:
        _read_part(root, part, found, track)
    faults = [*found.faults, *found.images.faults]
    if not found.annotations and not faults:
        faults = [Fault(file=str(root), found="no image", expected=f"some in {parts[0]}/{IMAGES}")]
    refuse(faults)
    names = tuple(category.name for category in categories())
    own = point_names() if points else {}
    tasks = [
        TaskSpec(name=TASK, kind="multi_label", labels=names),
        TaskSpec(name=GARMENTS, kind="garments", labels=names, points=own),
    ]
    masks: dict[str, Mapping[str, ClassMap]] = {}
    if parsing:
        tasks.append(parsing_task(names))
        masks[tasks[-1].name] = painted_masks(root, found.records, found.make, tasks[-1])
    return Reading(
        name=root.resolve().name,
        schema=Schema(tuple(tasks)),
        annotations=tuple(found.annotations),
        images=root,
        origin="DeepFashion2 (Ge et al., CVPR 2019)",
        licence="non-commercial research and education only; no copyright in the images",
        notes=tuple(_notes(found)),
        garments=OnDemand(found.records, found.make),
        masks=masks,
        keep_outside=True,
        benchmark="deepfashion2",
    )


def _read_part(root: Path, part: str, found: _Found, track: Track) -> None:
    """One split: its pictures and their records; a record more or less is a fault."""
    pictures = _names(root / part / IMAGES, picture=True)
    records = dict.fromkeys(_names(root / part / RECORDS, picture=False))
    stems = {PurePosixPath(name).stem for name in pictures}
    for name in records:
        if PurePosixPath(name).stem not in stems:
            path, expected = root / part / RECORDS / name, f"one in {root / part / IMAGES}"
            found.faults.append(Fault(file=str(path), found="no image", expected=expected))
    for name in track(pictures, len(pictures), f"Reading {part}"):
        image, stem = f"{part}/{IMAGES}/{name}", PurePosixPath(name).stem
        if whole_numbers([stem]) is None:
            expected = "a number, as 000001.jpg"
            found.faults.append(Fault(file=str(root / image), found=repr(name), expected=expected))
        if not found.images.add(image, file=str(root / part / IMAGES), line=None):
            continue
        if f"{stem}.json" in records:
            _add(part, image, root / part / RECORDS / f"{stem}.json", found)
        elif part == UNLABELLED:
            found.annotations.append(Annotation(image=image, labels={}, split=part))
        else:
            expected = f"{stem}.json in {root / part / RECORDS}"
            found.faults.append(Fault(file=str(root / image), found="no record", expected=expected))


def _add(part: str, image: str, path: Path, found: _Found) -> None:
    record = _record(path, found.faults)
    if record is None:
        return
    found.oddities += record.oddities
    found.garments += len(record.garments)
    there = {garment.part for garment in record.garments}
    tags = Tags(tuple(one.name for one in categories() if one.name in there))
    # Pairs are numbered in each part anew.
    group = f"{part}/{record.pair}"
    found.annotations.append(Annotation(image=image, labels={TASK: tags}, split=part, group=group))
    found.records[image] = path
    found.filled += bool(record.garments)


def _record(path: Path, faults: list[Fault]) -> Record | None:
    """A file's record if it has no fault."""
    try:
        record = parse_record(read_bytes(path))
    except RecordError as error:
        faults.append(error.fault(path))
        return None
    faults += [Fault(file=str(path), found=what, expected=e) for what, e in record.faults]
    return None if record.faults else record


def _garments(path: Path) -> tuple[Garment, ...]:
    """The garments of a record that was read before.

    Raises:
        FormatError: it was changed in the meantime.
    """
    faults: list[Fault] = []
    record = _record(path, faults)
    refuse(faults)
    return tuple(record.garments) if record else ()


def _names(folder: Path, *, picture: bool) -> list[str]:
    """Files of a folder that are pictures, or records; sorted."""
    if not folder.is_dir():
        return []
    names = (entry.name for entry in entries_of(folder) if not is_hidden(entry.name))
    wanted = named_like_picture if picture else _is_record
    return [name for name in names if wanted(name)]


def _is_record(name: str) -> bool:
    return name.endswith(".json")


def _notes(found: _Found) -> Iterator[str]:
    images = counted(found.filled, "image")
    yield f"kept in garments.jsonl: {counted(found.garments, 'garment')} of {images}"
    yield from oddity_notes(found.oddities)
