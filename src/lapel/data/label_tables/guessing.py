"""Which columns of a table hold labels, where nobody has said so.

A label recurs: there are fewer different ones than cells. Numbers, names and free texts are
passed over, and every column that is gets its reason, so that a wrong guess is seen at once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from lapel.data.label_tables.cells import Cells
from lapel.data.label_tables.tag_cells import SEPARATORS, UNKNOWN_SUFFIX, split_words
from lapel.data.table import COLUMNS
from lapel.schema.annotation import SPLIT_NAMES

#: Up to so many cells, one that occurs twice is enough to call all of them labels.
FEW = 40
#: A word of more parts than this is a text.
LONG_WORD = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """What the columns of a table are taken for.

    Attributes:
        single: columns of one label each.
        multi: columns of tags, to the mark between them.
        passed: columns that are neither, to the reason.
    """

    single: tuple[str, ...]
    multi: dict[str, str] = field(default_factory=dict)
    passed: dict[str, str] = field(default_factory=dict)


def guess_labels(table: Cells, *, taken: Collection[str]) -> Guess:
    """Look at every column but those taken for something else, in the file's order."""
    single: list[str] = []
    multi: dict[str, str] = {}
    passed: dict[str, str] = {}
    for column, cells in zip(table.columns, table.values, strict=True):
        if column in taken or column.removesuffix(UNKNOWN_SUFFIX) in multi:
            continue
        filled = [cell for cell in cells if cell]
        separator = separator_of(filled)
        reason = _no_label(column, filled)
        if reason:
            passed[column] = reason
        elif separator:
            multi[column] = separator
        elif not recurs(len(set(filled)), len(filled)):
            passed[column] = "texts that hardly recur"
        elif len(set(filled)) == 1:
            passed[column] = "the same in every row"
        else:
            single.append(column)
    return Guess(single=tuple(single), multi=multi, passed=passed)


def recurs(different: int, total: int) -> bool:
    """Whether so many different words among so many can be labels."""
    return different < total if total <= FEW else 2 * different <= total


def separator_of(cells: Sequence[str]) -> str | None:
    """The mark that stands between words of these cells; None if they are no lists.

    The first of the usual marks that at least a tenth of the filled cells hold, where the
    words between them are short and recur: a mark in free texts parts words that do not.
    """
    filled = [cell for cell in cells if cell]
    for separator in SEPARATORS[:3]:
        holding = sum(separator in cell for cell in filled)
        if holding and holding * 10 >= len(filled) and _are_lists(filled, separator):
            return separator
    return None


def _are_lists(cells: Sequence[str], separator: str) -> bool:
    words = [word for cell in cells for word in split_words(cell, separator)]
    different = set(words)
    long = sum(len(word.split()) > LONG_WORD for word in different)
    return recurs(len(different), len(words)) and 10 * long <= len(different)


def _no_label(column: str, filled: Sequence[str]) -> str | None:
    if not filled:
        return "empty"
    if column in COLUMNS:
        return "a name that the dataset's own table needs"
    if all(_is_number(cell) for cell in dict.fromkeys(filled)):
        return "numbers"
    return None


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def holds_splits(cells: Sequence[str]) -> bool:
    """Whether a column says train, validation or test in every filled cell."""
    different = {cell.lower() for cell in cells if cell}
    return bool(different) and different <= SPLIT_NAMES.keys()
