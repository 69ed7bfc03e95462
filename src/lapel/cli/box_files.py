"""The boxes of pictures that a user names in a file, and what is said of those that lack."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lapel.cli.console import complain
from lapel.schema.counting import counted

if TYPE_CHECKING:
    from lapel.imaging.preprocess import Preprocess
    from lapel.schema.geometry import Box


def say_seen_whole(preprocess: Preprocess, pictures: int, *, indexed_whole: bool = True) -> None:
    """Say that a model of boxes gets none, so that nobody takes its answers for its best.

    Args:
        preprocess: the model's.
        pictures: how many it is shown without a box.
        indexed_whole: False where an index that is searched was built with boxes.
    """
    if not preprocess.crop_to_box or not pictures:
        return
    index = (
        ""
        if indexed_whole
        else "; the index was built with its dataset's boxes (`lapel search build --whole` "
        "builds one without)"
    )
    complain(
        f"this model looks at garments' boxes; {counted(pictures, 'picture')} without one seen "
        f"whole: --boxes FILE.csv says where they are{index}"
    )


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
