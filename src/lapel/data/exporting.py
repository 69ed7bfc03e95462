"""What exporters share: the value that they return, places of pictures, CSV as others write it."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lapel.data.dataset import Dataset
from lapel.data.images import packed_row
from lapel.data.progress import Track
from lapel.imaging.file_names import named_like_picture
from lapel.imaging.signatures import format_by_signature
from lapel.schema.annotation import SPLITS, Label, held
from lapel.schema.counting import counted
from lapel.schema.errors import DatasetError, UsageError
from lapel.schema.labels import TaskSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written.

    Attributes:
        path: the folder or file.
        images: how many images it holds or names.
        left_out: images without a label, which have no place in the layout.
        image_root: what a table's image names are relative to; None where they are inside.
        notes: what the user should know about how the dataset was put into the layout.
    """

    path: Path
    images: int
    left_out: int = 0
    image_root: str | None = None
    notes: tuple[str, ...] = ()


def chosen_tasks(
    dataset: Dataset,
    names: Iterable[str] | None,
    *,
    kind: str,
    count: int,
    layout: str,
    option: str = "--task",
) -> list[str]:
    """The tasks of a dataset that go into a layout that holds exactly so many of one kind.

    Args:
        dataset: whose.
        names: the user's choice; None takes all of the kind.
        kind: the kind that the layout holds.
        count: how many it holds.
        layout: its name, for the message.
        option: what names tasks on the command line, for the message.

    Raises:
        UsageError: another number of tasks, or one of another kind.
        SchemaError: no task of a name.
    """
    there = {spec.name: spec.kind for spec in dataset.schema}
    chosen = [name for name, its in there.items() if its == kind] if names is None else list(names)
    wrong = [name for name in chosen if dataset.schema[name].kind != kind]
    if wrong or len(chosen) != count:
        found = f"'{wrong[0]}', which is {there[wrong[0]]}" if wrong else f"{len(chosen)} tasks"
        raise UsageError(
            f"layout '{layout}' holds {count} {kind} {'task' if count == 1 else 'tasks'}; found "
            f"{found}; name {'it' if count == 1 else 'them'} with {option}. The dataset has: "
            + ", ".join(f"{name} ({its})" for name, its in there.items())
        )
    return chosen


def write_plain_csv(path: Path, rows: Iterable[Iterable[str]]) -> None:
    """Cells as they are, LF at line ends: the bytes of a layout that others read.

    Unlike ``lapel data export table`` nothing is escaped: the layout has no place for it.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def label_numbers(spec: TaskSpec) -> dict[str, str]:
    """Label to the number that stands for it in layouts without names.

    Labels that are numbers all of them stand for themselves, in whatever order the schema has
    them; else a label's number is its place in the schema, from 0.
    """
    if all(label.isascii() and label.isdecimal() for label in spec.labels):
        return {label: str(int(label)) for label in spec.labels}
    return {label: str(place) for place, label in enumerate(spec.labels)}


def classes(spec: TaskSpec) -> int:
    """How many numbers, from 0, a layout without names must have for the labels of a task."""
    return max(int(number) for number in label_numbers(spec).values()) + 1


def word(label: Label) -> str:
    """A single label as a cell; empty where it is unknown."""
    return (*held(label), "")[0]


def in_order(dataset: Dataset) -> list[str]:
    """Image names by split, train first; within one in the dataset's order."""
    splits = dict(zip(dataset.names(), dataset.table["split"], strict=True))
    order = list(dataset.splits())
    return sorted(splits, key=lambda name: order.index(splits[name]))


def places_in(dataset: Dataset, names: Sequence[str], folder: str) -> dict[str, str]:
    """Image name to its place below a folder.

    Names that lie in the folder already are kept, all or none; else pictures are numbered from 0
    in the order given.
    """
    if all(name.startswith(f"{folder}/") and packed_row(name) is None for name in names):
        return {name: name for name in names}
    return {
        name: f"{folder}/{number:05d}{file_ending(dataset, name)}"
        for number, name in enumerate(names)
    }


def file_ending(dataset: Dataset, name: str) -> str:
    """The ending of a picture's file; found in its bytes where its name has none."""
    if packed_row(name) is not None:
        return ".png"
    if named_like_picture(name):
        return PurePosixPath(name).suffix
    return f".{(format_by_signature(dataset.read(name)) or 'png').lower()}"


def flat_places(dataset: Dataset, names: Iterable[str], folder: str) -> dict[str, str]:
    """Image name to its file's name in one folder, each its own where two would share it."""
    places = FreeNames()
    found = {}
    for name in names:
        base = PurePosixPath(name).name if named_like_picture(name) else ""
        found[name] = places.take(folder, base or file_name(name, dataset.read(name)))
    return found


def copy_images(dataset: Dataset, building: Path, places: Mapping[str, str], track: Track) -> None:
    """Write pictures, byte for byte, to their places below a folder.

    Raises:
        StorageError: one cannot be read or written.
    """
    for name, place in track(places.items(), len(places), "Writing images"):
        (building / place).parent.mkdir(parents=True, exist_ok=True)
        (building / place).write_bytes(dataset.read(name))


def file_name(name: str, data: bytes) -> str:
    """What a picture's file is called in a folder: by its own name, or by its packed row."""
    row = packed_row(name)
    if row is not None:
        return f"{row:06d}.png"
    base = PurePosixPath(name).name.lstrip(".") or "image"
    # A file that is a picture by content alone gets the ending that says so.
    return (
        base
        if named_like_picture(base)
        else f"{base}.{(format_by_signature(data) or 'png').lower()}"
    )


class FreeNames:
    """Places in folders, each given once, in any case of letters."""

    def __init__(self) -> None:
        self._given: set[str] = set()
        # What is taken stays taken: of a place that is asked for again, the search goes on there.
        self._last: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._given)

    def take(self, folder: str, base: str) -> str:
        """The place of a name in a folder; with a number behind it where another has it."""
        path = PurePosixPath(base)
        wanted = f"{folder}/{base}"
        number = self._last.get(wanted, 1)
        place = wanted if number == 1 else f"{folder}/{path.stem}-{number}{path.suffix}"
        while place.lower() in self._given:
            number += 1
            place = f"{folder}/{path.stem}-{number}{path.suffix}"
        self._given.add(place.lower())
        self._last[wanted] = number
        return place


def refuse_unknown_splits(dataset: Dataset) -> None:
    """Refuse rows that whoever writes split by split would leave out.

    Raises:
        DatasetError: there are some.
    """
    strange = Counter(split for split in dataset.table["split"] if split not in SPLITS)
    if strange:
        found = ", ".join(
            f"{counted(rows, 'row')} of the split {split!r}" for split, rows in strange.items()
        )
        raise DatasetError(
            f"{dataset.place}: found {found}, expected {', '.join(SPLITS)}; see them with `lapel "
            "data check`, and mend the column split, or draw it anew with `lapel data split`"
        )
