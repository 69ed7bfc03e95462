"""Rows of a thousand answers each: a name, then -1, 0 or 1 for every attribute.

A list of 289,222 such rows is some 900 MB of text. It is looked at as bytes, some megabytes at a
time, and what is kept are the places of the few answers that are not a no: never a Python object
a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lapel.data.deepfashion.text import FIRST_ROW, frame_faults, shown
from lapel.schema.annotation import Tags
from lapel.schema.errors import Fault, StorageError

#: Bytes of text that are looked at together: a few times this much memory is used.
BLOCK_BYTES = 1 << 22

#: What a byte can be; digits are the last two.
_BLANK, _NEWLINE, _MINUS, _OTHER, _ZERO, _ONE = range(6)

#: The head of a row that ends at its first blank.
FIRST_WORD = re.compile(rb"[^ \t\r\n]*")


def first_cells(count: int) -> re.Pattern[bytes]:
    """The head of a row of CSV: its first cells, with the commas after them."""
    return re.compile(rb'(?:(?:"[^"\n]*"|[^,"\n]*),){0,%d}' % count)


class Ragged(NamedTuple):
    """Numbers of columns, row after row, rows of different lengths.

    Attributes:
        starts: int64 (rows + 1,): where each row begins in ``columns``.
        columns: int32: of each row, ascending.
    """

    starts: NDArray[np.int64]
    columns: NDArray[np.int32]

    def only(self, chosen: NDArray[np.bool_]) -> Ragged:
        """The same with those columns alone for which ``chosen`` (columns,) holds."""
        kept = chosen[self.columns]
        before = np.concatenate(([0], np.cumsum(kept)))
        return Ragged(before[self.starts], self.columns[kept])


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """All rows of a list.

    Attributes:
        heads: what stands before the answers of each row.
        yes: the columns whose answer is 1.
        zero: the columns whose answer is 0.
    """

    heads: list[str]
    yes: Ragged
    zero: Ragged


@dataclass(slots=True)
class _Gathered:
    """What is gathered block by block."""

    file: str
    width: int
    first: int
    allowed: frozenset[bytes]
    faults: list[Fault]
    heads: list[str] = field(default_factory=list)
    counts: dict[str, list[NDArray[np.int64]]] = field(
        default_factory=lambda: {"yes": [], "zero": []}
    )
    columns: dict[str, list[NDArray[np.int32]]] = field(
        default_factory=lambda: {"yes": [], "zero": []}
    )

    def ragged(self, which: str) -> Ragged:
        counts = np.concatenate([np.zeros(1, np.int64), *self.counts[which]])
        columns = np.concatenate([np.zeros(0, np.int32), *self.columns[which]])
        return Ragged(np.cumsum(counts), columns)


def read_answer_list(
    path: Path, width: int, faults: list[Fault], *, header: str = "image_name"
) -> Answers:
    """A list of DeepFashion: a count, a header, then a name and its answers a row.

    Args:
        path: the list.
        width: how many answers a row has.
        faults: takes up what is wrong with it.
        header: the first word of the header.

    Raises:
        StorageError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            first = [file.readline(), file.readline()]
            answers = read_answers(file, str(path), width, faults, first=FIRST_ROW)
    except OSError as error:
        raise StorageError(f"{path} could not be read: {error.strerror or error}") from error
    frame = [line.decode("utf-8", "replace").rstrip("\r\n") for line in first if line]
    faults += frame_faults(str(path), frame, len(answers.heads), header)
    return answers


def read_answers(
    file: BinaryIO,
    name: str,
    width: int,
    faults: list[Fault],
    *,
    first: int,
    head: re.Pattern[bytes] = FIRST_WORD,
    mark: str = " ",
    signed: bool = True,
) -> Answers:
    """The rows of a list of answers, from where the file stands to its end.

    Args:
        file: the list, opened as bytes.
        name: the list, as the user named it.
        width: how many answers a row has.
        faults: takes up rows with another number of answers, or other words than answers.
        first: number of the line that comes next.
        head: what stands before the answers; it must match at the beginning of any line.
        mark: what stands between answers, beside blanks.
        signed: whether -1 is an answer.
    """
    kinds = _kinds(mark, signed=signed)
    words = (b"0", b"1", b"-1") if signed else (b"0", b"1")
    gathered = _Gathered(name, width, first, frozenset(words), faults)
    # A line can be no longer than this and hold answers; a broken one is not looked into.
    longest = 16 * width + 65536
    for lines in _blocks(file):
        parted = [_parted(line, head, longest) for line in lines]
        _take_block(gathered, [one for one, _ in parted], [tail for _, tail in parted], kinds, mark)
    return Answers(heads=gathered.heads, yes=gathered.ragged("yes"), zero=gathered.ragged("zero"))


def _kinds(mark: str, *, signed: bool) -> NDArray[np.uint8]:
    """Byte to what it is, (256,)."""
    kinds = np.full(256, _OTHER, np.uint8)
    for byte in b" \t\r" + mark.encode():
        kinds[byte] = _BLANK
    kinds[ord("\n")] = _NEWLINE
    kinds[ord("0")], kinds[ord("1")] = _ZERO, _ONE
    if signed:
        kinds[ord("-")] = _MINUS
    return kinds


def _blocks(file: BinaryIO) -> Iterator[list[bytes]]:
    """Whole lines, some megabytes at a time; each ends in LF."""
    while lines := file.readlines(BLOCK_BYTES):
        if not lines[-1].endswith(b"\n"):
            lines[-1] += b"\n"
        yield lines


def _parted(line: bytes, head: re.Pattern[bytes], longest: int) -> tuple[bytes, bytes]:
    """A line's head and the rest of it."""
    match = head.match(line)
    end = match.end() if match else 0
    return line[:end], line[end:] if len(line) <= longest else b"?\n"


def _take_block(
    gathered: _Gathered,
    heads: list[bytes],
    tails: list[bytes],
    kinds: NDArray[np.uint8],
    mark: str,
) -> None:
    """Find the answers of a block of lines."""
    row_starts = np.cumsum([0, *map(len, tails)])
    found = kinds[np.frombuffer(b"".join(tails), np.uint8)]
    digits = np.flatnonzero(found >= _ZERO)
    bounds = np.searchsorted(digits, row_starts)
    bad = np.diff(bounds) != gathered.width
    bad[np.searchsorted(row_starts, _strange(found), side="right") - 1] = True
    ones = found[digits] == _ONE
    # The byte before the first digit of all is the last newline of all, which is no minus.
    positive = ones & (found[digits - 1] != _MINUS)
    for which, places in (("yes", np.flatnonzero(positive)), ("zero", np.flatnonzero(~ones))):
        rows = np.searchsorted(bounds, places, side="right") - 1
        good = ~bad[rows]
        columns = (places - bounds[rows])[good]
        gathered.columns[which].append(columns.astype(np.int32))
        gathered.counts[which].append(np.bincount(rows[good], minlength=len(tails)))
    line = gathered.first + len(gathered.heads)
    for row in np.flatnonzero(bad).tolist():
        gathered.faults.append(_fault(gathered, line + row, tails[row], mark))
    gathered.heads += [_decoded(one, gathered, line + row) for row, one in enumerate(heads)]


def _strange(found: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Where something stands that belongs to no answer: another sign, 11, -0, 1-1."""
    here, after = found[:-1], found[1:]
    return np.flatnonzero(
        (here == _OTHER)
        | ((here >= _ZERO) & (after > _NEWLINE))
        | ((here == _MINUS) & (after != _ONE))
    )


def _fault(gathered: _Gathered, line: int, tail: bytes, mark: str) -> Fault:
    words = tail.replace(mark.encode(), b" ").split()
    strange = next((word for word in words if word not in gathered.allowed), None)
    if strange is None:
        found, expected = f"{len(words)} answers", f"{gathered.width}, one for each attribute"
    else:
        found = shown(strange.decode("utf-8", "replace"))
        expected = " or ".join(sorted(word.decode() for word in gathered.allowed))
    return Fault(file=gathered.file, line=line, found=found, expected=expected)


def _decoded(head: bytes, gathered: _Gathered, line: int) -> str:
    try:
        return head.decode()
    except UnicodeDecodeError as error:
        found = f"bytes that are no text ({error})"
        fault = Fault(file=gathered.file, line=line, found=found, expected="UTF-8 text")
        gathered.faults.append(fault)
        return head.decode("utf-8", "replace")


def tags_of(
    answers: Answers,
    labels: Sequence[str],
    chosen: NDArray[np.bool_],
    *,
    zero_is_unknown: bool = True,
) -> list[Tags]:
    """The tags of each row, of some columns.

    Args:
        answers: the rows.
        labels: the name of each column.
        chosen: bool (columns,): those that are looked at.
        zero_is_unknown: whether nobody knows of a 0; else it is a no.

    Returns:
        Tags a row, in the order of the columns; equal ones are one object.
    """
    yes = answers.yes.only(chosen)
    zero = answers.zero.only(chosen if zero_is_unknown else np.zeros_like(chosen))
    bounds = zip(*(_bounds(one) for one in (yes, zero)), strict=True)
    made: dict[tuple[bytes, bytes], Tags] = {}
    found = []
    for (start, stop), (first, last) in bounds:
        key = (yes.columns[start:stop].tobytes(), zero.columns[first:last].tobytes())
        tags = made.get(key)
        if tags is None:
            tags = made[key] = Tags(
                tuple(labels[place] for place in yes.columns[start:stop].tolist()),
                tuple(labels[place] for place in zero.columns[first:last].tolist()),
            )
        found.append(tags)
    return found


def _bounds(ragged: Ragged) -> Iterator[tuple[int, int]]:
    """Where each row begins and ends."""
    starts = ragged.starts.tolist()
    return pairwise(starts)
