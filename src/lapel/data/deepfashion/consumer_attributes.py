"""Names of attributes in Consumer-to-shop: Chinese, English, and the number of their type.

    303                                            18
    (names of columns)                             (names of columns)
    圆领  round neck  1                             领型  collar

English names may hold blanks; a Chinese one may go on in parentheses. Two attributes of a type
may have the same English name; they are told apart by the Chinese ones.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from lapel.data.deepfashion.lists import rows_below
from lapel.data.reading.listing import whole_numbers
from lapel.schema.errors import Fault

NAMES_FILE, TYPES_FILE = "list_attr_cloth.txt", "list_attr_type.txt"

_TYPE_ROW = "a Chinese and an English name"
_NAME_ROW = "a Chinese name, an English name and the number of a type"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeTask:
    """The attributes of one type.

    Attributes:
        name: of the type, in English.
        labels: English names, in the order of the file.
        places: where each stands in a row of values.
    """

    name: str
    labels: tuple[str, ...]
    places: tuple[int, ...]


def attribute_tasks(
    folder: Path, taken: frozenset[str], faults: list[Fault]
) -> tuple[AttributeTask, ...]:
    """The tasks that two files of names make.

    Args:
        folder: where the two files are.
        taken: names of other tasks; a type of such a name is called ``... attributes``.
        faults: takes up what is wrong.
    """
    types = _names(folder / TYPES_FILE, faults, typed=None)
    names = _names(folder / NAMES_FILE, faults, typed=len(types))
    # Types are counted from 1, as everywhere in DeepFashion; or from 0, should the file do so.
    first = 0 if any(number == 0 for _, _, number in names) else 1
    tasks = []
    for number, (_, english, _) in enumerate(types, start=first):
        places = tuple(place for place, name in enumerate(names) if name[2] == number)
        name = f"{english} attributes" if english in taken else english
        if places:
            labels = _told_apart([names[place][:2] for place in places])
            tasks.append(AttributeTask(name=name, labels=labels, places=places))
    faults += _twice(str(folder / TYPES_FILE), [task.name for task in tasks])
    for task in tasks:
        faults += _twice(str(folder / NAMES_FILE), list(task.labels))
    return tuple(tasks)


def _names(path: Path, faults: list[Fault], *, typed: int | None) -> list[tuple[str, str, int]]:
    """Chinese name, English name and type of each row.

    ``typed`` is how many types there are; None where rows have no type.
    """
    found = []
    for line, row in rows_below(path, faults):
        words, number = row, 0
        if typed is not None:
            words, number = row[:-1], (whole_numbers(row[-1:]) or [-1])[0]
        chinese, english = _parted(words)
        if not english or not 0 <= number <= (typed or 0):
            expected = _TYPE_ROW if typed is None else _NAME_ROW
            what = repr(" ".join(row))
            faults.append(Fault(file=str(path), line=line, found=what, expected=expected))
        found.append((chinese, english, number))
    return found


def _parted(words: list[str]) -> tuple[str, str]:
    """Words as a Chinese and an English name."""
    count = 1
    while count < len(words) and (words[count].startswith("(") or not words[count].isascii()):
        count += 1
    return " ".join(words[:count]), " ".join(words[count:])


def _told_apart(names: list[tuple[str, str]]) -> tuple[str, ...]:
    counts = Counter(english for _, english in names)
    return tuple(
        english if counts[english] == 1 else f"{english} ({chinese})" for chinese, english in names
    )


def _twice(file: str, names: list[str]) -> list[Fault]:
    return [
        Fault(file=file, found=f"{name!r} {count} times", expected="each name once")
        for name, count in Counter(names).items()
        if count > 1
    ]
