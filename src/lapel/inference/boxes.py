"""Where the garments are, as a caller knows it: a box a picture, in a call or in a file."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import zip_longest
from pathlib import Path
from typing import Any

from lapel.inference.bundle import Bundle
from lapel.inference.pictures import Picture
from lapel.schema.errors import Fault, FormatError, StorageError, UsageError
from lapel.schema.formulas import unescape_formula
from lapel.schema.geometry import Box

#: Columns of a file of boxes; others are passed over.
COLUMNS = ("image", *Box._fields)

#: What a caller may give: the box of a single picture, or one for each; None: nobody knows.
Boxes = Box | Iterable[Box | Sequence[float] | None]


def with_boxes(
    pictures: Iterable[Picture], boxes: Boxes | None
) -> Iterator[tuple[Picture, Box | None]]:
    """Each picture with its box.

    Raises:
        UsageError: not as many boxes as pictures, or what is no box.
    """
    if boxes is None:
        yield from ((picture, None) for picture in pictures)
        return
    given = [boxes] if isinstance(boxes, Box) else boxes
    nothing: Any = object()
    pairs = zip_longest(pictures, given, fillvalue=nothing)
    for index, (picture, box) in enumerate(pairs):
        if picture is nothing or box is nothing:
            few = "boxes" if box is nothing else "pictures"
            raise UsageError(
                f"found {index} {few}, and more of the other; give a box for each picture, None "
                "where nobody knows it"
            )
        yield picture, as_box(box, f"the box of picture {index}")


def as_box(value: object, name: str) -> Box | None:
    """A box from four numbers.

    Raises:
        UsageError: not four finite numbers, or no area.
    """
    if value is None:
        return None
    try:
        box = Box(*map(float, value))  # type: ignore[call-overload] # whatever else it is, is told
    except (TypeError, ValueError):
        box = Box(0, 0, 0, 0)
    if not box.is_real:
        raise UsageError(
            f"{name}: expected left, top, width and height in pixels, the last two above 0; found "
            f"{value!r}"
        )
    return box


def refuse_boxes(model: Bundle) -> None:
    """Refuse boxes for a model that looks at whole pictures.

    Raises:
        UsageError: it does.
    """
    if not model.preprocess.crop_to_box:
        raise UsageError(
            f"the model {model.name} looks at whole pictures, so boxes change nothing; "
            "leave them out, or take a model that learned with preprocess.crop_to_box"
        )


def outside(box: Box, width: int, height: int) -> str:
    """What is wrong with a box that shows nothing of a picture; empty if it shows something."""
    across = min(box.right, width) - max(box.left, 0.0)
    down = min(box.bottom, height) - max(box.top, 0.0)
    if across >= 1 and down >= 1:
        return ""
    return (
        f"its box from {box.left:g}, {box.top:g} to {box.right:g}, {box.bottom:g} lies outside "
        f"the picture of {width} x {height}; correct the box, or leave it out"
    )


class BoxFile:
    """``image,left,top,width,height``: a row a picture, in pixels of the upright picture.

    Names of pictures lead to them from where the command is run, or from the folder of the file.
    """

    def __init__(self, path: str | Path) -> None:
        """Read the whole file.

        Raises:
            StorageError: it cannot be read.
            FormatError: columns that are missing, cells that are no numbers, boxes without an
                area, pictures twice; all faults together, each with its line.
        """
        self._path = Path(path)
        self._used: set[str] = set()
        faults: list[Fault] = []
        self._boxes = dict(self._rows(faults))
        if faults:
            raise FormatError(faults, remedy="Mend these lines; nothing was predicted.")

    def __len__(self) -> int:
        return len(self._boxes)

    @property
    def unused(self) -> list[str]:
        """The names of which no picture was asked for."""
        return [name for name in self._boxes if name not in self._used]

    def box(self, picture: str) -> Box | None:
        """The box of a picture, by its path; None where the file has no row of it."""
        name = self._places.get(os.path.realpath(picture))
        if name is None:
            return None
        self._used.add(name)
        return self._boxes[name]

    @cached_property
    def _places(self) -> dict[str, str]:
        """Where each row's picture may lie, to its name."""
        places: dict[str, str] = {}
        for root in (Path(), self._path.parent):
            for name in self._boxes:
                places.setdefault(os.path.realpath(root / name), name)
        return places

    def _rows(self, faults: list[Fault]) -> Iterator[tuple[str, Box]]:
        seen: dict[str, int] = {}
        for line, row in self._lines(faults):
            name = unescape_formula((row.get("image") or "").strip())
            box = _box_of(row)
            if not name or box is None:
                found = ",".join(str(row.get(column) or "") for column in COLUMNS)
                expected = "a picture, then left, top, width and height, the last two above 0"
                faults.append(self._fault(line, found, expected))
            elif name in seen:
                expected = f"one row a picture; line {seen[name]} has it too"
                faults.append(self._fault(line, name, expected))
            else:
                seen[name] = line
                yield name, box

    def _lines(self, faults: list[Fault]) -> Iterator[tuple[int, dict[str, str]]]:
        try:
            with self._path.open(newline="", encoding="utf-8-sig") as file:
                reader = csv.DictReader(file)
                there = [name.strip() for name in reader.fieldnames or ()]
                reader.fieldnames = there
                if set(COLUMNS) - set(there):
                    expected = f"the columns {','.join(COLUMNS)}"
                    faults.append(self._fault(1, ",".join(there) or "no text", expected))
                    return
                for row in reader:
                    yield reader.line_num, row
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise StorageError(f"{self._path} could not be read: {error}") from error

    def _fault(self, line: int, found: str, expected: str) -> Fault:
        return Fault(file=str(self._path), line=line, found=found, expected=expected)


def _box_of(row: dict[str, str]) -> Box | None:
    try:
        return as_box([row[name] for name in Box._fields], "")
    except UsageError:
        return None
