"""Tags in one cell of a table: ``dress|bag``, with any mark between the words.

An empty cell is unknown as a whole; a mark alone (``|``) says that none of the labels holds.
Single labels of which nobody knows stand in a second column, ``NAME.unknown``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lapel.schema.annotation import Label, Tags
from lapel.schema.errors import UsageError

#: Marks that may stand between the words of a cell, the most usual first.
SEPARATORS = ("|", ";", ",", "/", "~", "^")

#: What the column of unknown labels is called, after the name of the tags' own.
UNKNOWN_SUFFIX = ".unknown"


def separator_for(labels: Iterable[str]) -> str:
    """The first mark that no label holds.

    Raises:
        UsageError: each occurs in some label.
    """
    letters = set("".join(labels))
    free = [mark for mark in SEPARATORS if mark not in letters]
    if not free:
        raise UsageError(
            f"found each of {' '.join(SEPARATORS)} within labels, expected one that can stand "
            "between them; rename labels with `lapel data clean`"
        )
    return free[0]


def write_words(words: Sequence[str], separator: str, *, none: str | None = None) -> str:
    """Words as one cell; ``none`` is what stands there without any, by default the mark alone."""
    return separator.join(words) or (separator if none is None else none)


def write_tags(label: Label, separator: str) -> tuple[str, str]:
    """The cell of those that hold, and the cell of those that are unknown."""
    if not isinstance(label, Tags):
        return "", ""
    return write_words(label.yes, separator), write_words(label.unknown, separator, none="")


def split_words(cell: str, separator: str) -> tuple[str, ...]:
    """The different words of a cell in its order, without outer blanks."""
    parts = (part.strip() for part in cell.split(separator))
    return tuple(dict.fromkeys(part for part in parts if part))


def read_tags(cell: str, unknown: str, separator: str) -> Label:
    """Tags of two cells; None if both are empty.

    Raises:
        ValueError: a label stands in both; the message names it.
    """
    if not cell and not unknown:
        return None
    yes, unsure = split_words(cell, separator), split_words(unknown, separator)
    both = [word for word in yes if word in unsure]
    if both:
        raise ValueError(f"{both[0]!r} both as holding and as unknown")
    return Tags(yes, unsure)
