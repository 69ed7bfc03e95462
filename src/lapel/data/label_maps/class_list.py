"""Lists of the classes of label maps: which value, or which colour, stands for which.

labels.csv      id,name            or  name,r,g,b      or  id,name,colour  (#rrggbb)
labels.json     ["background", "dress"]  {"0": "background"}  {"background": 0}
[{"id": 0, "name": "background", "color": [0, 0, 0]}]
labels.txt      a name a line, numbered from 0
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lapel.data.label_tables.cells import Cells, read_cells
from lapel.data.reading.base import existing_file, read_bytes, refuse
from lapel.data.reading.json_records import RecordError, is_whole, loaded_value, shown_value
from lapel.data.reading.listing import text_lines
from lapel.schema.errors import Fault, UsageError

#: What a list is called where nobody names it, in this order.
LIST_FILES = tuple(
    f"{stem}.{ending}"
    for stem in ("labels", "classes", "class_dict", "label_list")
    for ending in ("csv", "tsv", "json", "txt")
)

#: Names of columns, and of keys of JSON objects, in any case.
_NUMBER = ("id", "number", "index", "value", "class_id", "label_id")
_NAME = ("name", "class", "label", "category")
_COLOUR = ("colour", "color", "rgb", "hex")
_CHANNELS = (("r", "g", "b"), ("red", "green", "blue"))

#: The largest value of a pixel, in maps of two bytes a pixel.
MOST_VALUE = 65_535


class ListedClass(NamedTuple):
    """A class of the list.

    Attributes:
        name: what it is called.
        number: the value of its pixels.
        colour: red * 65536 + green * 256 + blue of its pixels, in maps of colours; None where the
            list names none.
    """

    name: str
    number: int
    colour: int | None = None


def find_class_list(folder: Path) -> Path:
    """The list of classes in a folder.

    Raises:
        UsageError: none.
    """
    for name in LIST_FILES:
        if (folder / name).is_file():
            return folder / name
    raise UsageError(
        f"{folder}: found no list of the classes, expected labels.csv with the columns id,name; "
        "name it with --labels"
    )


def read_class_list(path: str | Path) -> tuple[ListedClass, ...]:
    """The classes of a list, in its order.

    Args:
        path: CSV or TSV with a header, JSON, or a text of names; told by its ending.

    Raises:
        UsageError: no such file.
        FormatError: it is no such list; all faults together.
        StorageError: it cannot be read.
    """
    path = existing_file(path)
    faults: list[Fault] = []
    ending = path.suffix.lower()
    if ending == ".json":
        found = list(_of_json(path, faults))
    elif ending == ".txt":
        lines = enumerate(text_lines(path), start=1)
        words = [(line, name.strip()) for line, name in lines if name.strip()]
        found = [(line, ListedClass(name, place)) for place, (line, name) in enumerate(words)]
    else:
        found = list(_of_table(read_cells(path), faults))
    faults += _faults(path, found)
    if not found and not faults:
        faults.append(Fault(file=str(path), found="no class", expected="some"))
    refuse(faults)
    return tuple(one for _, one in found)


def _of_table(table: Cells, faults: list[Fault]) -> Iterator[tuple[int | None, ListedClass]]:
    """Line and class of each row."""
    columns = {column.lower(): column for column in table.columns}
    number, name, colour = (_first(columns, names) for names in (_NUMBER, _NAME, _COLOUR))
    channels = next((c for c in _CHANNELS if set(c) <= columns.keys()), ())
    if name is None:
        found = f"the columns {', '.join(table.columns)}"
        faults.append(Fault(file=str(table.file), line=1, found=found, expected="id and name"))
        return
    cells = dict(zip(table.columns, table.values, strict=True))
    for row, line in enumerate(table.lines):
        value = cells[number][row] if number is not None else str(row)
        shade: Any = cells[colour][row] if colour is not None else None
        if channels:
            shade = [cells[columns[channel]][row] for channel in channels]
        yield from _one(str(table.file), line, cells[name][row], value, shade, faults)


def _of_json(path: Path, faults: list[Fault]) -> Iterator[tuple[int | None, ListedClass]]:
    """The classes of a JSON file, which have no lines."""
    try:
        value = loaded_value(read_bytes(path))
    except RecordError as error:
        faults.append(error.fault(path))
        return
    if isinstance(value, dict) and isinstance(value.get("categories"), list):
        value = value["categories"]  # as COCO's files have them
    if isinstance(value, dict):
        for key, word in value.items():
            name, number = (word, key) if isinstance(word, str) else (key, word)
            yield from _one(str(path), None, name, number, None, faults)
    elif isinstance(value, list):
        for place, entry in enumerate(value):
            one: Mapping[str, Any] = entry if isinstance(entry, dict) else {"name": entry}
            keys = {str(key).lower(): key for key in one}
            name, number, colour = (
                None if (key := _first(keys, names)) is None else one[key]
                for names in (_NAME, _NUMBER, _COLOUR)
            )
            at = place if number is None else number
            yield from _one(str(path), None, name, at, colour, faults)
    else:
        expected = "names, or objects of id and name"
        faults.append(Fault(file=str(path), found=shown_value(value), expected=expected))


def _first(columns: Mapping[str, str], names: Sequence[str]) -> str | None:
    return next((columns[name] for name in names if name in columns), None)


def _one(
    file: str,
    line: int | None,
    name: object,
    number: object,
    colour: object,
    faults: list[Fault],
) -> Iterator[tuple[int | None, ListedClass]]:
    """A class, if its three parts are what they should be."""
    wrong = len(faults)
    if not isinstance(name, str) or not name.strip():
        found = f"{shown_value(name)} as a class"
        faults.append(Fault(file=file, line=line, found=found, expected="a name"))
    value = _whole(number)
    if value is None or value > MOST_VALUE:
        found, expected = f"{shown_value(number)} as the value of a class", f"0 to {MOST_VALUE}"
        faults.append(Fault(file=file, line=line, found=found, expected=expected))
    shade = None if colour in (None, "") else _colour(colour)
    if shade is None and colour not in (None, ""):
        found, expected = f"{shown_value(colour)} as a colour", "#rrggbb, or red, green and blue"
        faults.append(Fault(file=file, line=line, found=found, expected=expected))
    if len(faults) == wrong and isinstance(name, str) and value is not None:
        yield line, ListedClass(name.strip(), value, shade)


def _whole(value: object) -> int | None:
    if is_whole(value) and isinstance(value, int) and value >= 0:
        return value
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        return int(value)
    return None


def _colour(value: object) -> int | None:
    """A colour as one number; None for what is none."""
    if isinstance(value, str):
        if re.fullmatch(r"#?[0-9a-fA-F]{6}", value.strip()):
            return int(value.strip().removeprefix("#"), 16)
        value = re.split(r"[\s,;]+", value.strip().strip("()[]"))
    if not isinstance(value, list | tuple) or len(value) != 3:
        return None
    channels = [_whole(one) for one in value]
    if any(channel is None or channel > 255 for channel in channels):
        return None
    red, green, blue = (channel or 0 for channel in channels)
    return red << 16 | green << 8 | blue


def _faults(path: Path, found: Sequence[tuple[int | None, ListedClass]]) -> Iterator[Fault]:
    """Names, values and colours that stand twice."""
    for what in ListedClass._fields:
        seen: dict[object, None] = {}
        for line, one in found:
            value = getattr(one, what)
            if value is not None and value in seen:
                shown = f"#{value:06x}" if what == "colour" else repr(value)
                expected = f"each {what} once"
                yield Fault(file=str(path), line=line, found=f"{shown} again", expected=expected)
            seen[value] = None
