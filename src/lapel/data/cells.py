"""Tables as users keep them: CSV and TSV in any usual encoding, and Parquet, as texts."""

from __future__ import annotations

import codecs
import csv
import difflib
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from lapel.data.reading import read_bytes
from lapel.schema.errors import Fault, FormatError, UsageError
from lapel.schema.formulas import unescape_formula

DELIMITERS = (",", ";", "\t", "|")
PARQUET_MAGIC = b"PAR1"

#: How .xls (a compound file, MS-CFB 2.2) and .xlsx (a ZIP archive) begin.
COMPOUND_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ZIP_MAGIC = b"PK\x03\x04"

#: Byte order marks and the encodings that they announce, the longest first.
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """A table of texts.

    Attributes:
        file: where it came from.
        columns: their names, without outer blanks.
        rows: of one text a column; empty cells are empty texts.
        lines: the 1-based line of the file that each row ends on.
        encoding: how the text was encoded.
    """

    file: Path
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]
    encoding: str

    def column(self, name: str) -> list[str]:
        """The cells of one column.

        Raises:
            UsageError: no such column; the message lists those there are, and names the nearest.
        """
        if name not in self.columns:
            near = _nearest(name, self.columns)
            guess = f"; did you mean {near!r}?" if near else "."
            raise UsageError(
                f"{self.file} has no column {name!r}{guess} It has: {', '.join(self.columns)}"
            )
        position = self.columns.index(name)
        return [row[position] for row in self.rows]


def _nearest(name: str, columns: Sequence[str]) -> str | None:
    """The column that somebody meant who typed a name: in another case first, then misspelled."""
    folded = {column.casefold(): column for column in columns}
    close = difflib.get_close_matches(name.casefold(), folded, n=1)
    return folded[close[0]] if close else None


def read_cells(path: Path, *, encoding: str | None = None) -> Cells:
    """All cells of a table file, outer blanks taken off.

    Args:
        path: Parquet (told by content), else text with one of ``DELIMITERS``.
        encoding: of the text; by default what its byte order mark says, else UTF-8, else
            CP1252, Windows' Latin letters.

    Raises:
        FormatError: a spreadsheet, no header, columns of one name, rows of other lengths, an
            unreadable encoding or Parquet file; all faults together, each with its line.
        StorageError: the file cannot be read.
    """
    data = read_bytes(path)
    if data.startswith(PARQUET_MAGIC):
        return _read_parquet(path, data)
    _refuse_spreadsheet(path, data)
    text, used = _decoded(path, data, encoding)
    delimiter = _delimiter(path, text)
    return _read_text(path, text, used, delimiter)


def _refuse_spreadsheet(path: Path, data: bytes) -> None:
    # A ZIP archive spells out the names of its files, and .xlsx has all of its own below xl/.
    if data.startswith(COMPOUND_MAGIC) or (data.startswith(ZIP_MAGIC) and b"xl/" in data):
        raise FormatError([Fault(file=str(path), found="this is an Excel file; save it as CSV")])


def _decoded(path: Path, data: bytes, encoding: str | None) -> tuple[str, str]:
    announced = next((name for mark, name in MARKS if data.startswith(mark)), None)
    candidates = [encoding] if encoding else [announced] if announced else ["utf-8", "cp1252"]
    for candidate in candidates:
        try:
            text = data.decode(candidate)
        except LookupError:
            raise UsageError(
                f"no encoding is called {candidate!r}; try utf-8, utf-16, cp1252 or cp949"
            ) from None
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text, candidate
    expected = f"text in {' or '.join(candidates)}; name its encoding with --encoding"
    raise FormatError([Fault(file=str(path), found="bytes that are none", expected=expected)])


def _delimiter(path: Path, text: str) -> str:
    if path.suffix.lower() in {".tsv", ".tab"}:
        return "\t"
    header = text.split("\n", 1)[0]
    # The commonest in the header; a comma where there is none, which is a table of one column.
    return max(DELIMITERS, key=lambda mark: (header.count(mark), mark == ","))


def _read_text(path: Path, text: str, encoding: str, delimiter: str) -> Cells:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns: tuple[str, ...] = ()
    rows: list[tuple[str, ...]] = []
    lines: list[int] = []
    faults: list[Fault] = []
    try:
        for row in reader:
            cells = tuple(unescape_formula(cell.strip(" ")) for cell in row)
            if not any(cells):
                continue
            if not columns:
                columns = cells
                faults += _header_faults(path, columns)
            elif len(cells) != len(columns):
                faults.append(_ragged(path, reader.line_num, cells, columns))
            else:
                rows.append(cells)
                lines.append(reader.line_num)
    except csv.Error as error:
        faults.append(
            Fault(
                file=str(path),
                line=reader.line_num,
                found=f"text that is no CSV ({error})",
                expected="quotes that close",
            )
        )
    if not columns:
        faults.append(Fault(file=str(path), found="no text", expected="a line of column names"))
    if faults:
        raise FormatError(faults, remedy="Mend these lines; nothing was imported.")
    return Cells(
        file=path, columns=columns, rows=tuple(rows), lines=tuple(lines), encoding=encoding
    )


def _header_faults(path: Path, columns: tuple[str, ...]) -> list[Fault]:
    twice = [name for name, count in Counter(columns).items() if count > 1]
    return [
        Fault(
            file=str(path),
            line=1,
            found=f"column {name!r} twice" if name else "columns without a name",
            expected="names that differ",
        )
        for name in twice
    ]


def _ragged(path: Path, line: int, cells: tuple[str, ...], columns: tuple[str, ...]) -> Fault:
    shown = ", ".join(cells)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    return Fault(
        file=str(path),
        line=line,
        found=f"{len(cells)} cells ({shown})",
        expected=f"{len(columns)}, as in the header",
    )


def _read_parquet(path: Path, data: bytes) -> Cells:
    try:
        table = pl.read_parquet(io.BytesIO(data))
        texts = table.select(pl.all().cast(pl.String).fill_null("").str.strip_chars(" "))
    except (OSError, pl.exceptions.PolarsError) as error:
        fault = Fault(
            file=str(path),
            found=f"bytes that are none ({error})",
            expected="a Parquet table of plain values",
        )
        raise FormatError([fault]) from error
    rows: tuple[tuple[str, ...], ...] = tuple(texts.iter_rows())
    return Cells(
        file=path,
        columns=tuple(texts.columns),
        rows=rows,
        lines=tuple(range(1, len(rows) + 1)),
        encoding="parquet",
    )
