"""DeepFashion's text files of an image a row: a count, a header, rows of padded words.

    2
    image_name  x_1  y_1  x_2  y_2
    img/Sheer_Pleated-Front_Blouse/img_00000001.jpg                        072 079 232 273
    img/Sheer_Pleated-Front_Blouse/img_00000002.jpg                        067 059 155 161

Columns are padded with blanks, numbers with zeros, and lines may end in blanks. A name of an
attribute may hold blanks; there the last word is its type. Lists are long: of each row only what
it means is kept, not its words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import starmap
from pathlib import Path
from typing import Generic, TypeVar

from lapel.data.deepfashion.names import Named
from lapel.data.deepfashion.places import CLOTHES_TYPES, CUT, HIDDEN, LANDMARKS_OF, VISIBLE
from lapel.data.reading.listing import text_lines, whole_numbers
from lapel.schema.errors import Fault
from lapel.schema.geometry import Box, Landmark, Landmarks

Value = TypeVar("Value")

#: The line of the first row, after the count and the header.
FIRST_ROW = 3

BOX_ROW = "x1 y1 x2 y2, whole numbers, x2 and y2 not before x1 and y1"
LANDMARKS_ROW = (
    "a type of clothes (1 upper, 2 lower, 3 full), then 6, 4 or 8 times a visibility "
    "(0, 1 or 2), x and y"
)

_NUMBER = re.compile(r"-?[0-9]{1,6}")
_ITEM = re.compile(r"id_[0-9]+")
_SHOWN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows(Generic[Value]):
    """The rows of a list, understood.

    Attributes:
        file: the list, as the user named it.
        names: the first word of each row.
        values: what the others mean; None where they are at fault.
    """

    file: str
    names: list[str]
    values: list[Value | None]


def read_rows(
    path: Path,
    parse: Callable[[Sequence[str]], Value | None],
    expected: str,
    faults: list[Fault],
    *,
    header: str = "image_name",
) -> Rows[Value]:
    """The rows of a list whose names are images, without blanks.

    Args:
        path: the list.
        parse: from the words after the name to what they mean; None where they do not fit.
        expected: what they should be, in words.
        faults: takes up what is wrong, with its line.
        header: the first word of the header.

    Raises:
        FormatError: bytes that are no text.
        StorageError: the file cannot be read.
    """
    names: list[str] = []
    values: list[Value | None] = []
    for line, row in enumerate(list_rows(path, header, faults), start=FIRST_ROW):
        words = row.split()
        value = parse(words[1:])
        if value is None:
            what = shown(" ".join(words[1:]))
            faults.append(Fault(file=str(path), line=line, found=what, expected=expected))
        names.append(words[0] if words else "")
        values.append(value)
    return Rows(file=str(path), names=names, values=values)


def read_named(
    path: Path, types: int, faults: list[Fault], *, header: str = "attribute_name"
) -> tuple[Named, ...]:
    """The names of a list with the number of their type, 1 to ``types``; names may hold blanks.

    Raises:
        FormatError: bytes that are no text.
        StorageError: the file cannot be read.
    """
    found: dict[str, int] = {}
    for line, row in enumerate(list_rows(path, header, faults), start=FIRST_ROW):
        # Not a cut at two blanks or more: lines end in blanks, and names fill their column.
        name, _, last = row.strip().rpartition(" ")
        name, number = name.strip(), (whole_numbers([last]) or [0])[0]
        if not name or not 1 <= number <= types:
            expected = f"a name and a type from 1 to {types}"
            faults.append(Fault(file=str(path), line=line, found=shown(row), expected=expected))
        elif name in found:
            again = f"{name!r} again"
            faults.append(Fault(file=str(path), line=line, found=again, expected="each name once"))
        else:
            found[name] = number
    return tuple(starmap(Named, found.items()))


def list_rows(path: Path, header: str | None, faults: list[Fault]) -> list[str]:
    """The lines after the first two; what is wrong with those becomes a fault.

    Args:
        path: the list.
        header: the first word of the header; None where no description tells it.
        faults: takes up a count that lies, and a header that is missing.

    Raises:
        FormatError: bytes that are no text.
        StorageError: the file cannot be read.
    """
    lines = text_lines(path)
    faults += frame_faults(str(path), lines[:2], len(lines) - 2, header)
    return lines[2:]


def frame_faults(file: str, first: Sequence[str], rows: int, header: str | None) -> list[Fault]:
    """What is wrong with the count and the header of a list.

    Args:
        file: the list, as the user named it.
        first: its first two lines.
        rows: how many follow.
        header: the first word of the header; None where no description tells it.
    """
    faults = count_faults(file, first, rows)
    words = first[1].split() if len(first) > 1 else []
    fits = _names_columns(words) if header is None else words[:1] == [header]
    if not fits:
        found = shown(first[1]) if len(first) > 1 else "nothing"
        expected = "names of columns" if header is None else f"a header that begins with {header}"
        faults.append(Fault(file=file, line=2, found=found, expected=expected))
    return faults


def count_faults(file: str, first: Sequence[str], rows: int) -> list[Fault]:
    """What is wrong with the count that a list begins with.

    Args:
        file: the list, as the user named it.
        first: its first lines.
        rows: how many there are.
    """
    count = max(rows, 0)
    if first and whole_numbers([first[0].strip()]) == [count]:
        return []
    found = shown(first[0]) if first else "nothing"
    return [Fault(file=file, line=1, found=found, expected=f"the number of rows below, {count}")]


def _names_columns(words: Sequence[str]) -> bool:
    """Whether words are names of columns, and no row: it has an item, or ends in a number."""
    return bool(words) and not _ITEM.fullmatch(words[0]) and whole_numbers(words[-1:]) is None


def shown(text: str) -> str:
    """A line of a file as it is shown in a fault: quoted, and not too long."""
    return repr(text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}...")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageOrder:
    """The images of a benchmark in the order of one of its lists, which all others must have too.

    Attributes:
        file: the list that sets the order.
        names: the images.
    """

    file: str
    names: list[str]

    def column(self, rows: Rows[Value], faults: list[Fault]) -> list[Value | None]:
        """What a list says of each image; None where it is at fault."""
        return self.arranged(rows.file, rows.names, rows.values, faults)

    def arranged(
        self, file: str, names: list[str], values: Sequence[Value], faults: list[Fault]
    ) -> list[Value | None]:
        """The values of another list's rows, in this order; None where it has none.

        Args:
            file: the other list.
            names: of its rows.
            values: of its rows.
            faults: takes up images that it lacks, has twice or has alone.
        """
        if names == self.names:
            return list(values)
        places: dict[str, int] = {}
        known = frozenset(self.names)
        for row, name in enumerate(names):
            if name in known and name not in places:
                places[name] = row
                continue
            found = f"{name!r} again" if name in known else shown(name)
            expected = "each image once" if name in known else f"an image of {self.file}"
            faults.append(Fault(file=file, line=row + FIRST_ROW, found=found, expected=expected))
        expected = f"a row for each image of {self.file}"
        missing = (name for name in self.names if name not in places)
        faults += [
            Fault(file=file, found=f"no row of {name!r}", expected=expected) for name in missing
        ]
        return [values[places[name]] if name in places else None for name in self.names]


@lru_cache(maxsize=4096)
def number(word: str) -> float | None:
    """A whole number, padded with zeros or not; None for anything else.

    Coordinates repeat: equal ones are one object, which spares memory by the million.
    """
    return float(int(word)) if _NUMBER.fullmatch(word) else None


def numbers(words: Iterable[str]) -> list[float] | None:
    """Words as whole numbers; None where one is something else."""
    found = []
    for word in words:
        value = number(word)
        if value is None:
            return None
        found.append(value)
    return found


def choice(words: Sequence[str], choices: Sequence[Value]) -> Value | None:
    """What a number that counts from 1 stands for; None where the words are no such number."""
    place = (whole_numbers(words) or [0])[0] if len(words) == 1 else 0
    return choices[place - 1] if 1 <= place <= len(choices) else None


def box_of(words: Sequence[str]) -> Box | None:
    """A box of its upper left and lower right corner, perhaps without an area; None where the
    words are no such box.
    """
    sides = numbers(words)
    if sides is None or len(sides) != 4:
        return None
    left, top, right, bottom = sides
    if min(left, top) < 0 or right < left or bottom < top:
        return None
    return Box(left, top, right - left, bottom - top)


def typed_landmarks(words: Sequence[str]) -> Landmarks | None:
    """A type of clothes and its triples; None where the words are no such row."""
    clothes = number(words[0]) if words else None
    return None if clothes is None else landmarks_of(int(clothes), words[1:])


def landmarks_of(clothes: int, words: Sequence[str]) -> Landmarks | None:
    """Triples of visibility, x and y; None where the words are no such triples.

    A landmark that is cut off has no place, whatever is written. One at 0, 0 has none either:
    files put that where nobody knows it.

    Args:
        clothes: number of the type of clothes, which says which landmarks there are.
        words: the triples, one after another.
    """
    values = numbers(words)
    if values is None or not 1 <= clothes <= len(CLOTHES_TYPES):
        return None
    names = clothes_landmarks(clothes)
    if len(values) != 3 * len(names):
        return None
    points: dict[str, Landmark] = {}
    cut, unknown = [], []
    for name, code, x, y in zip(names, values[::3], values[1::3], values[2::3], strict=True):
        if code not in {VISIBLE, HIDDEN, CUT}:
            return None
        if code == CUT:
            cut.append(name)
        elif x == 0 and y == 0:
            unknown.append(name)
        else:
            points[name] = Landmark(x, y, code == VISIBLE)
    return Landmarks(points, tuple(cut), tuple(unknown))


def clothes_landmarks(clothes: int) -> tuple[str, ...]:
    """The landmarks of a type of clothes, 1 to 3, in the order of their triples."""
    return LANDMARKS_OF[CLOTHES_TYPES[clothes - 1]]


def clothes_of(landmarks: Landmarks) -> int | None:
    """The number of the type of clothes whose landmarks these are; None if of no type."""
    names = frozenset(landmarks.names)
    types = range(1, len(CLOTHES_TYPES) + 1)
    return next((n for n in types if names == frozenset(clothes_landmarks(n))), None)
