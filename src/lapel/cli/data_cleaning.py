"""What ``lapel data clean`` says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lapel.cli.console import shown
from lapel.schema.counting import counted

if TYPE_CHECKING:
    from lapel.data.clean import Cleaning
    from lapel.data.cleaning import TaskCleaning

#: Lines of a task that are printed; all of them stand in the file.
LINES_SHOWN = 20


def print_cleaning(done: Cleaning) -> None:
    """What became of the labels, in numbers."""
    for one in done.tasks:
        labels = counted(len(one.before.labels), "label")
        images = counted(one.changed, "image")
        has = "has" if one.changed == 1 else "have"
        answer = "another answer"
        print(
            f"{shown(one.before.name)}: {labels}, now {len(one.after.labels):,}; "
            f"{images} {has} {answer}" + (f", {one.emptied:,} of them none" if one.emptied else "")
        )
        lines = list(_lines(one))
        for line in lines[:LINES_SHOWN]:
            print(f"  {shown(line)}")
        if len(lines) > LINES_SHOWN:
            print(f"  ... and {counted(len(lines) - LINES_SHOWN, 'label')} more")
    if not done.tasks:
        print("The file has no rules; nothing was changed.")
    print(f"Dataset: {done.dataset.folder}; what the labels were: {done.former}")


def _lines(one: TaskCleaning) -> Iterator[str]:
    for label, now in one.mapping.items():
        images = counted(one.images.get(label, 0), "image")
        if now is None:
            yield f"{label}: dropped ({images})"
        elif now != label:
            yield f"{label}: now {now} ({images})"
