"""Tables as users keep them: CSV and TSV in any usual encoding, and Parquet, as texts.

Cells of a column lie together and equal texts are one object, so that 300,000 rows of a dozen
columns take a fraction of a gigabyte.
"""

from __future__ import annotations

import csv
import difflib
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lapel.data.label_tables.encodings import decoded
from lapel.data.label_tables.parquet_cells import PARQUET_MAGIC, read_parquet_columns
from lapel.data.reading.base import read_bytes
from lapel.schema.errors import Fault, FormatError, UsageError
from lapel.schema.formulas import unescape_formula

DELIMITERS = (",", ";", "\t", "|")

#: How .xls (a compound file, MS-CFB 2.2) and .xlsx (a ZIP archive) begin.
COMPOUND_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ZIP_MAGIC = b"PK\x03\x04"

#: A column is free text if at least this share of its cells hold a blank, and of them differ.
FREE_TEXT = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """A table of texts.

    Attributes:
        file: where it came from.
        columns: their names, without outer blanks.
        values: the cells of each column, (rows,) each; empty cells are empty texts.
        lines: the 1-based line of the file that each row ends on.
        encoding: how the text was encoded.
        joined_into: the column that took up the cells that some rows have too many; None where
            no row has.
        joined_lines: the lines of these rows.
    """

    file: Path
    columns: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]
    encoding: str
    joined_into: str | None = None
    joined_lines: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def rows(self) -> tuple[tuple[str, ...], ...]:
        """The cells row by row."""
        return tuple(zip(*self.values, strict=True))

    def column(self, name: str) -> tuple[str, ...]:
        """The cells of one column.

        Raises:
            UsageError: no such column; the message lists those there are, and names the nearest.
        """
        if name not in self.columns:
            raise UsageError(f"{self.file} {no_column(name, self.columns)}")
        return self.values[self.columns.index(name)]


def no_column(name: str, columns: Sequence[str]) -> str:
    """The words about a column that is not there: those there are, and which may be meant."""
    near = _nearest(name, columns)
    guess = f"; did you mean {near!r}?" if near else "."
    return f"has no column {name!r}{guess} It has: {', '.join(columns)}"


def _nearest(name: str, columns: Sequence[str]) -> str | None:
    """The column that somebody meant who typed a name: in another case first, then misspelled."""
    folded = {column.casefold(): column for column in columns}
    close = difflib.get_close_matches(name.casefold(), folded, n=1)
    return folded[close[0]] if close else None


def read_cells(
    path: Path,
    *,
    encoding: str | None = None,
    join_extra: str | None = None,
    guess_join: bool = False,
) -> Cells:
    """All cells of a table file, outer blanks taken off.

    Args:
        path: Parquet (told by content), else text with one of ``DELIMITERS``.
        encoding: of the text; by default what
            :func:`lapel.data.label_tables.encodings.decoded` finds out.
        join_extra: the column that takes up the cells that a row has too many, where a free
            text was written with commas and without quotes.
        guess_join: take the last column for that where it is free text in all other rows.

    Raises:
        UsageError: no such encoding or column.
        FormatError: a spreadsheet, no header, columns of one name, rows of other lengths, an
            unreadable encoding or Parquet file; all faults together, each with its line.
        StorageError: the file cannot be read.
    """
    data = read_bytes(path)
    if data.startswith(PARQUET_MAGIC):
        columns, values = read_parquet_columns(path, data)
        lines = tuple(range(1, len(values[0]) + 1)) if values else ()
        return Cells(file=path, columns=columns, values=values, lines=lines, encoding="parquet")
    _refuse_spreadsheet(path, data)
    text, used = decoded(path, data, encoding)
    read = _read_text(path, text, _delimiter(path, text))
    return _joined(read, used, join_extra, guess_join=guess_join)


def _refuse_spreadsheet(path: Path, data: bytes) -> None:
    # A ZIP archive spells out the names of its files, and .xlsx has all of its own below xl/.
    if data.startswith(COMPOUND_MAGIC) or (data.startswith(ZIP_MAGIC) and b"xl/" in data):
        raise FormatError([Fault(file=str(path), found="this is an Excel file; save it as CSV")])


def _delimiter(path: Path, text: str) -> str:
    if path.suffix.lower() in {".tsv", ".tab"}:
        return "\t"
    header = text.split("\n", 1)[0]
    # The commonest in the header; a comma where there is none, which is a table of one column.
    return max(DELIMITERS, key=lambda mark: (header.count(mark), mark == ","))


class _Cleaned(dict[str, str]):
    """Raw cell to cell, remembered, so that equal cells are cleaned once and are one object."""

    def __missing__(self, raw: str) -> str:
        cell = self[raw] = unescape_formula(raw.strip(" "))
        return cell


@dataclass(slots=True, kw_only=True)
class _Read:
    """What is gathered on the way through a text.

    Attributes:
        rows: with as many cells as columns.
        lines: of each row the line that it ends on.
        long: position in ``rows`` of a row with more cells, to its cells as they stand there.
        faults: what is wrong.
    """

    path: Path
    delimiter: str
    columns: tuple[str, ...] = ()
    rows: list[tuple[str, ...]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    long: dict[int, list[str]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def place(self, name: str) -> int:
        if name not in self.columns:
            raise UsageError(f"--join-extra: {self.path} {no_column(name, self.columns)}")
        return self.columns.index(name)


def _read_text(path: Path, text: str, delimiter: str) -> _Read:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    read = _Read(path=path, delimiter=delimiter)
    clean = _Cleaned()
    try:
        for row in reader:
            _take_row(read, row, clean, reader.line_num)
    except csv.Error as error:
        found = f"text that is no CSV ({error})"
        read.faults.append(
            Fault(file=str(path), line=reader.line_num, found=found, expected="quotes that close")
        )
    if not read.columns:
        expected = "a line of column names"
        read.faults.append(Fault(file=str(path), found="no text", expected=expected))
    return read


def _take_row(read: _Read, row: list[str], clean: _Cleaned, line: int) -> None:
    cells = tuple([clean[cell] for cell in row])
    if not any(cells):
        return
    if not read.columns:
        read.columns = cells
        read.faults += _header_faults(read.path, cells)
        return
    if len(cells) < len(read.columns):
        read.faults.append(_ragged(read, line, cells))
        return
    if len(cells) > len(read.columns):
        read.long[len(read.rows)] = row
    read.rows.append(cells)
    read.lines.append(line)


def _joined(read: _Read, encoding: str, column: str | None, *, guess_join: bool) -> Cells:
    """The table, once rows with too many cells have been joined or refused."""
    if column is not None and read.columns:
        read.place(column)
    elif read.long and guess_join and _free_text(read):
        column = read.columns[-1]
    for position, raw in read.long.items():
        if column is None:
            read.faults.append(_ragged(read, read.lines[position], read.rows[position]))
        else:
            read.rows[position] = _one_row(raw, read, read.place(column))
    if read.faults:
        hint = (
            " If the cells too many are parts of one text with commas in it, name its column "
            "with --join-extra."
        )
        remedy = f"Mend these lines; nothing was imported.{hint if read.long else ''}"
        raise FormatError(sorted(read.faults, key=lambda fault: fault.line or 0), remedy=remedy)
    values = tuple(zip(*read.rows, strict=True)) or ((),) * len(read.columns)
    return Cells(
        file=read.path,
        columns=read.columns,
        values=values,
        lines=tuple(read.lines),
        encoding=encoding,
        joined_into=column if read.long else None,
        joined_lines=tuple(read.lines[position] for position in read.long),
    )


def _free_text(read: _Read) -> bool:
    """Whether the last column is free text in the rows that are as long as the header."""
    last = [row[-1] for position, row in enumerate(read.rows) if position not in read.long]
    blanks = sum(" " in cell for cell in last)
    return bool(last) and min(blanks, len(set(last))) >= FREE_TEXT * len(last)


def _one_row(raw: list[str], read: _Read, place: int) -> tuple[str, ...]:
    """Cells joined as they stand in the file, blanks after the marks included."""
    beyond = place + len(raw) - len(read.columns) + 1
    whole = [*raw[:place], read.delimiter.join(raw[place:beyond]), *raw[beyond:]]
    return tuple(unescape_formula(cell.strip(" ")) for cell in whole)


def _header_faults(path: Path, columns: tuple[str, ...]) -> Iterator[Fault]:
    for name, count in Counter(columns).items():
        if count > 1:
            found = f"column {name!r} twice" if name else "columns without a name"
            yield Fault(file=str(path), line=1, found=found, expected="names that differ")


def _ragged(read: _Read, line: int, cells: tuple[str, ...]) -> Fault:
    shown = ", ".join(cells)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    return Fault(
        file=str(read.path),
        line=line,
        found=f"{len(cells)} cells ({shown})",
        expected=f"{len(read.columns)}, as in the header",
    )
