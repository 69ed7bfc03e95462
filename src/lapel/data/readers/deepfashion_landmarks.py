"""DeepFashion, Fashion Landmark Detection (FLD): 123,016 pictures with up to eight landmarks.

    Anno/list_bbox.txt             image, box
    Anno/list_landmarks.txt        image, type of clothes, variation, triples
    Anno/list_joints.txt           image, type of clothes, variation, 14 triples of the wearer
    Eval/list_eval_partition.txt   image, train or val or test
    Img/img/00000001.jpg           long side 512

Joints (0 visible, 1 hidden) came with version 1.1; they are kept in ``garments.jsonl``, since the
layout does not say which is which. Source: Liu et al., Fashion Landmark Detection in the Wild,
ECCV 2016, and the benchmark's ``README.txt``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lapel.data.deepfashion.lists import (
    LICENCE,
    PARTITION_FILE,
    VARIED_LANDMARKS_ROW,
    VariedLandmarks,
    box_with_area,
    found_file,
    image_root,
    needed_files,
    varied_landmarks,
)
from lapel.data.deepfashion.places import CLOTHES_TYPES, HIDDEN, LANDMARKS, VARIATIONS, VISIBLE
from lapel.data.deepfashion.text import (
    BOX_ROW,
    FIRST_ROW,
    ImageOrder,
    box_of,
    numbers,
    read_rows,
)
from lapel.data.progress import Track, silent
from lapel.data.reading.base import Reading, oddity_notes, refuse
from lapel.data.reading.benchmark_folder import benchmark_folder
from lapel.data.reading.listing import ImageList
from lapel.schema.annotation import Annotation
from lapel.schema.counting import counted
from lapel.schema.errors import Fault
from lapel.schema.garments import Garment
from lapel.schema.geometry import Box
from lapel.schema.labels import Schema, TaskSpec

SPLITS = {"train": "train", "val": "validation", "test": "test"}
STATUS_ROW = "an image and train, val or test"

BOXES_FILE, LANDMARKS_FILE = "Anno/list_bbox.txt", "Anno/list_landmarks.txt"
JOINTS_FILE = "Anno/list_joints.txt"

#: All files that the benchmark is known by.
FILES = (PARTITION_FILE, BOXES_FILE, LANDMARKS_FILE, JOINTS_FILE)

#: Points of a person in a row of joints, and what they are called in ``garments.jsonl``.
JOINTS, JOINTS_PART = 14, "joints of the wearer"
JOINTS_ROW = f"type of clothes, variation, then {JOINTS} times 0 or 1, x and y"

SCHEMA = Schema(
    (
        TaskSpec(name="clothes_type", kind="single_label", labels=CLOTHES_TYPES),
        TaskSpec(name="variation", kind="single_label", labels=VARIATIONS),
        TaskSpec(name="landmarks", kind="landmarks", labels=LANDMARKS),
    )
)


@dataclass(slots=True)
class _Found:
    """What is gathered file by file; lists have a value an image, None where there is a fault."""

    splits: dict[str, str] = field(default_factory=dict)
    boxes: list[Box | None] = field(default_factory=list)
    landmarks: list[VariedLandmarks | None] = field(default_factory=list)
    joints: dict[str, tuple[Garment, ...]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    oddities: Counter[str] = field(default_factory=Counter)


def read_deepfashion_landmarks(source: str | Path, *, track: Track = silent) -> Reading:
    """The benchmark's folder.

    Args:
        source: the folder that holds ``Anno``, ``Eval`` and ``Img``.
        track: is told how far the work is.

    Raises:
        UsageError: no such folder, or one above or below the benchmark's.
        FormatError: files that do not keep the layout, or images that are missing; all faults
            together.
        StorageError: a file cannot be read.
    """
    root = benchmark_folder(source, FILES)
    partition, boxes, landmarks = needed_files(root, PARTITION_FILE, BOXES_FILE, LANDMARKS_FILE)
    found = _Found()
    _read_partition(found, partition)
    order = ImageOrder(file=str(partition), names=list(found.splits))
    rows = read_rows(boxes, box_of, BOX_ROW, found.faults)
    found.boxes = order.column(rows, found.faults)
    varied = read_rows(landmarks, varied_landmarks, VARIED_LANDMARKS_ROW, found.faults)
    found.landmarks = order.column(varied, found.faults)
    joints = found_file(root, JOINTS_FILE)
    if joints is not None:
        _read_joints(found, joints, order)
    listed = ImageList(image_root(root))
    for name in track(found.splits, len(found.splits), "Looking for images"):
        listed.add(name, file=str(partition), line=None)
    refuse([*found.faults, *listed.faults])
    annotations = tuple(_annotations(found))
    return Reading(
        name=root.resolve().name,
        schema=SCHEMA,
        annotations=annotations,
        images=image_root(root),
        origin="DeepFashion, Fashion Landmark Detection Benchmark (Liu et al., ECCV 2016)",
        licence=LICENCE,
        notes=tuple(_notes(found)),
        garments=found.joints,
        keep_outside=True,
        benchmark="deepfashion-landmarks",
    )


def _read_partition(found: _Found, path: Path) -> None:
    rows = read_rows(path, list, STATUS_ROW, found.faults)
    for line, (name, words) in enumerate(zip(rows.names, rows.values, strict=True), FIRST_ROW):
        if words is None or len(words) != 1 or words[0] not in SPLITS:
            what, expected = repr(" ".join([name, *(words or ())])), STATUS_ROW
        elif name in found.splits:
            what, expected = f"{name!r} again", "each image once"
        else:
            found.splits[name] = SPLITS[words[0]]
            continue
        found.faults.append(Fault(file=rows.file, line=line, found=what, expected=expected))
    if not found.splits:
        found.faults.append(Fault(file=rows.file, found="no image", expected="one a row"))


def _read_joints(found: _Found, path: Path, order: ImageOrder) -> None:
    rows = read_rows(path, _joints, JOINTS_ROW, found.faults)
    values = order.column(rows, found.faults)
    for name, garment in zip(found.splits, values, strict=True):
        if garment is not None:
            found.joints[name] = (garment,)


def _joints(words: Sequence[str]) -> Garment | None:
    """A row of joints; None where the words are no such row."""
    values = numbers(words[2:])
    if values is None or len(values) != 3 * JOINTS or not {VISIBLE, HIDDEN} >= set(values[::3]):
        return None
    triples = list(zip(values[::3], values[1::3], values[2::3], strict=True))
    # Whoever did not see a joint wrote no place; 0, 0 is none.
    points = tuple(None if (x, y) == (0, 0) else (x, y) for _, x, y in triples)
    hidden = tuple(
        place for place, (state, x, y) in enumerate(triples) if state == HIDDEN and (x, y) != (0, 0)
    )
    return Garment(part=JOINTS_PART, points=points, hidden=hidden)


def _annotations(found: _Found) -> list[Annotation]:
    columns = zip(found.splits.items(), found.boxes, found.landmarks, strict=True)
    return [
        Annotation(
            image=name,
            labels=row._asdict() if row is not None else {},
            split=split,
            box=None if box is None else box_with_area(box, found.oddities),
        )
        for (name, split), box, row in columns
    ]


def _notes(found: _Found) -> list[str]:
    notes = list(oddity_notes(found.oddities, [] if found.joints else ["joints"]))
    if found.joints:
        joints = counted(len(found.joints), "wearer")
        notes.append(f"kept in garments.jsonl: joints of {joints}")
    return notes
