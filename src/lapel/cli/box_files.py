"""The boxes of pictures that a user names in a file, and what is said of those that lack."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lapel.cli.console import complain

if TYPE_CHECKING:
    from lapel.schema.geometry import Box


def boxes_of(pictures: Sequence[str], path: Path) -> list[Box | None]:
    """The box of each picture; says of how many there is none, and which rows led to none."""
    from lapel.inference.boxes import BoxFile

    file = BoxFile(path)
    boxes = [file.box(picture) for picture in pictures]
    without = boxes.count(None)
    if without:
        complain(f"{path} has no box for {without} of {len(boxes)} pictures: seen as a whole")
    if file.unused:
        first = file.unused[0]
        complain(
            f"{path}: {len(file.unused)} of its pictures were not asked for; the first: {first}"
        )
    return boxes
