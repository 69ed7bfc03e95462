"""The two forms in which COCO's files say what was found.

    [{"image_id", "category_id", "bbox", "score"}, ...]
    {"images": [{"id", "file_name"}, ...], "categories": [{"id", "name"}, ...],
     "annotations": [{"image_id", "category_id", "bbox", "score"}, ...]}

In the first one images and categories have the numbers that the dataset gives them; in the second,
which ``lapel predict --coco`` writes, the file itself says what its numbers mean: images are those
of the file's name, categories those of the label's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from lapel.data.dataset import Dataset
from lapel.data.reading.base import read_bytes
from lapel.data.reading.json_records import RecordError, is_whole, loaded_value, shown_value
from lapel.schema.counting import counted
from lapel.schema.errors import Fault, FormatError
from lapel.schema.labels import TaskSpec

#: What either form looks like.
_EXPECTED = (
    "a list of results: [{image_id, category_id, bbox, score}, ...], or an object of images, "
    "categories and annotations"
)

#: What a reader must know of annotations with scores: they are what was told, as a rule.
_TOLD_ALONE = (
    "The file lists what was told, from some score on, and average precision counts whatever was "
    "found: `lapel predict --threshold 0` writes all of it."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What a file says, and what its numbers mean.

    Attributes:
        entries: as they stand there.
        rows: number of an image to its row among those that are judged.
        labels: number of a category to its label.
        elsewhere: number of an image to the split that it is of, where that is not judged.
        aside: numbers of images whose entries are passed over.
        remarks: what a reader must know, in sentences.
    """

    entries: Sequence[Any]
    rows: Mapping[int, int]
    labels: Mapping[int, str]
    elsewhere: Mapping[int, str] = field(default_factory=dict)
    aside: frozenset[int] = frozenset()
    remarks: tuple[str, ...] = ()


def read_form(path: Path, spec: TaskSpec, part: Dataset, whole: Dataset) -> Form:
    """Read a file of either form.

    Args:
        path: the file.
        spec: the task that it answers.
        part: the rows that are judged, of one split.
        whole: the dataset that they are of.

    Raises:
        StorageError: it cannot be read.
        FormatError: a file of neither form, or none of whose pictures is judged.
    """
    try:
        value = loaded_value(read_bytes(path))
    except RecordError as error:
        raise FormatError([error.fault(path)]) from error
    if isinstance(value, list):
        return _listed(value, spec, part, whole)
    parts = [value.get(name) for name in _PARTS] if isinstance(value, dict) else [None]
    if not all(isinstance(one, list) for one in parts):
        raise FormatError([Fault(file=str(path), found=shown_value(value), expected=_EXPECTED)])
    return _full(path, value, spec, part, whole)


_PARTS = ("images", "annotations")


def _listed(entries: Sequence[Any], spec: TaskSpec, part: Dataset, whole: Dataset) -> Form:
    return Form(
        entries=entries,
        rows={number: row for row, number in enumerate(part.image_numbers())},
        labels=dict(enumerate(spec.labels, start=1)),
        elsewhere={
            number: split
            for split in whole.splits()
            for number in whole.split(split).image_numbers()
        },
    )


def _full(
    path: Path, value: Mapping[str, Any], spec: TaskSpec, part: Dataset, whole: Dataset
) -> Form:
    images = dict(_numbered(path, "images", value["images"], "file_name"))
    place = _Places(whole.names())
    rows = {name: row for row, name in enumerate(part.names())}
    names = {number: place(file) for number, file in images.items()}
    judged = {number: rows[name] for number, name in names.items() if name in rows}
    if images and not judged:
        raise FormatError([_none_judged(path, images, set(names.values()), whole)])
    if len(set(judged.values())) != len(judged):
        fault = Fault(file=f"{path}, images", found="a picture twice", expected="each once")
        raise FormatError([fault])
    categories = value.get("categories")
    labels = (
        dict(_numbered(path, "categories", categories, "name"))
        if isinstance(categories, list)
        else dict(enumerate(spec.labels, start=1))
    )
    return Form(
        entries=value["annotations"],
        rows=judged,
        labels={number: label for number, label in labels.items() if label in spec.labels},
        aside=frozenset(images.keys() - judged.keys()),
        remarks=(_TOLD_ALONE, *_remarks(len(images), len(judged), len(part))),
    )


def _remarks(there: int, judged: int, asked: int) -> Iterator[str]:
    if there > judged:
        passed = counted(there - judged, "picture")
        yield f"{passed} of the file passed over: not of the split that is judged."
    if asked > judged:
        yield f"{asked - judged} of {asked} judged pictures are not in the file: nothing found."


def _numbered(path: Path, part: str, values: Sequence[Any], name: str) -> Iterator[tuple[int, str]]:
    """Number and name of each.

    Raises:
        FormatError: one that has none.
    """
    seen: set[int] = set()
    for place, one in enumerate(values):
        number: Any = one.get("id") if isinstance(one, dict) else None
        called = one.get(name) if isinstance(one, dict) else None
        if not is_whole(number) or not isinstance(called, str) or number in seen:
            fault = Fault(
                file=f"{path}, {part} {place}",
                found=shown_value(one),
                expected=f"an object of id, once each, and {name}",
            )
            raise FormatError([fault])
        seen.add(number)
        yield number, called


def _none_judged(
    path: Path, images: Mapping[int, str], names: set[str | None], whole: Dataset
) -> Fault:
    found = f"no picture of the split that is judged, the first: {next(iter(images.values()))!r}"
    for split in whole.splits():
        if names & set(whole.split(split).names()):
            expected = f"one; its pictures are of split {split}: use --split {split}"
            return Fault(file=f"{path}, images", found=found, expected=expected)
    first = next(iter(whole.names()))
    expected = f"file_name as the dataset has it, such as {first!r}"
    return Fault(file=f"{path}, images", found=found, expected=expected)


class _Places:
    """Pictures of a dataset by what others call their files: by more folders or by fewer."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = frozenset(names)
        self._ends: dict[str, list[str]] = defaultdict(list)
        for name in names:
            self._ends[PurePosixPath(name).name].append(name)

    def __call__(self, file: str) -> str | None:
        """The picture's name; None where no one picture can be meant."""
        path = PurePosixPath(file.replace("\\", "/"))
        for start in range(len(path.parts)):
            if (name := "/".join(path.parts[start:])) in self._names:
                return name
        ends = [one for one in self._ends[path.name] if f"/{one}".endswith(f"/{path}")]
        return ends[0] if len(ends) == 1 else None
