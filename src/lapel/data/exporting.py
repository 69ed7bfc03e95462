"""What exporters share: the value that they return, names of files, and CSV as others write it."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lapel.data.dataset import Dataset
from lapel.schema.errors import UsageError


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
    dataset: Dataset, names: Iterable[str] | None, *, kind: str, count: int, layout: str
) -> list[str]:
    """The tasks of a dataset that go into a layout that holds exactly so many of one kind.

    Args:
        dataset: whose.
        names: the user's choice; None takes all of the kind.
        kind: the kind that the layout holds.
        count: how many it holds.
        layout: its name, for the message.

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
            f"{found}; name {'it' if count == 1 else 'them'} with --task. The dataset has: "
            + ", ".join(f"{name} ({its})" for name, its in there.items())
        )
    return chosen


def write_plain_csv(path: Path, rows: Iterable[Iterable[str]]) -> None:
    """Cells as they are, LF at line ends: the bytes of a layout that others read.

    Unlike ``lapel data export table`` nothing is escaped: the layout has no place for it.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
