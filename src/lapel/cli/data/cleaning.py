"""What ``lapel data clean`` says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lapel.cli.console import shown
from lapel.schema.counting import counted

if TYPE_CHECKING:
    from lapel.data.cleaning.applying import TaskCleaning
    from lapel.data.cleaning.clean import Cleaning

#: Lines of a task that are printed; all of them stand in the file.
LINES_SHOWN = 20


def print_cleaning(done: Cleaning) -> None:
    """What became of the labels, in numbers."""
    for one in done.tasks:
        print(shown(_summary(one)))
        lines = list(_lines(one))
        for line in lines[:LINES_SHOWN]:
            print(f"  {shown(line)}")
        if len(lines) > LINES_SHOWN:
            print(f"  ... and {counted(len(lines) - LINES_SHOWN, 'label')} more")
    if done.skipped:
        print(f"{counted(done.skipped, 'shipped rule')} about labels that are not there: skipped")
    if done.left_out:
        pictures = counted(done.left_out, "training picture")
        print(f"left out {pictures} with too few tags; none of the other splits")
    if not done.tasks and not done.left_out:
        print("The rules do nothing here; nothing was changed.")
    print(f"Dataset: {done.dataset.folder}; what the labels were: {done.former}")
    if done.tasks:
        print(f"For `lapel evaluate --mapping`, what became of each label: {done.mapping}")


def _summary(one: TaskCleaning) -> str:
    labels = counted(len(one.before.labels), "label")
    images = counted(one.changed, "image")
    has = "has" if one.changed == 1 else "have"
    parts = [f"{one.before.name}: {labels}, now {len(one.after.labels):,}"]
    if one.rare:
        rare = counted(len(one.rare), "label")
        parts.append(
            f"{rare} with too few training pictures ({sum(one.rare.values()):,} in all) forgotten"
        )
    answer = f"{images} {has} another answer"
    parts.append(answer + (f", {one.emptied:,} of them none" if one.emptied else ""))
    return "; ".join(parts)


def _lines(one: TaskCleaning) -> Iterator[str]:
    for label, now in one.mapping.items():
        images = counted(one.images.get(label, 0), "image")
        if now is None:
            yield f"{label}: dropped ({images})"
        elif now != label:
            yield f"{label}: now {now} ({images})"
    implying = sum(bool(places) for places in one.imply.values())
    if implying:
        yield f"{counted(implying, 'label')} with others that hold too"
