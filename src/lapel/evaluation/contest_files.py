"""The files that contests take, byte for byte, and read again.

- ``nsysu-category`` and ``nsysu-attributes``: CSV as the course's hand-out shows them. It has a
  blank in the first header, after the comma; the one public solver's file has none.
- ``ce7454``: a ZIP archive with ``prediction.txt``: six class indices a line, blanks between, in
  the order of ``test.txt``.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from lapel.data.exporters.nsysu import ATTRIBUTE_HEADER, CATEGORY_HEADER
from lapel.data.readers.ce7454 import GROUP_SIZES
from lapel.data.readers.nsysu import ATTRIBUTES, CATEGORIES
from lapel.schema.errors import FormatError

#: Image name (empty where the file names none), and its numbers.
Row: TypeAlias = tuple[str, tuple[str, ...]]

PREDICTION_FILE = "prediction.txt"

#: The earliest time that a ZIP archive can name: the same bytes whenever it is written.
_NO_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContestFile:
    """How one contest takes answers.

    Attributes:
        kind: kind of the tasks that it asks.
        classes: of each of them, how many numbers there are, from 0.
        ending: of the file's name.
        named: whether lines name their images.
        write: rows to bytes.
        read: bytes to rows; raises ValueError where they are none of ours.
        header: the first line as cells; empty where there is none.
    """

    kind: str
    classes: tuple[int, ...]
    ending: str
    named: bool
    write: Callable[[Sequence[Row], Sequence[str]], bytes]
    read: Callable[[bytes, Sequence[str]], list[Row]]
    header: tuple[str, ...] = ()


def _write_csv(rows: Sequence[Row], header: Sequence[str]) -> bytes:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows((image, " ".join(numbers)) for image, numbers in rows)
    return buffer.getvalue().encode()


def _read_csv(data: bytes, header: Sequence[str]) -> list[Row]:
    lines = list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))
    if lines[0] != list(header):
        raise ValueError(f"the header {lines[0]}")
    return [(image, tuple(numbers.split())) for image, numbers in lines[1:]]


def _write_archive(rows: Sequence[Row], header: Sequence[str]) -> bytes:
    del header
    text = "".join(f"{' '.join(numbers)}\n" for _, numbers in rows)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo(PREDICTION_FILE, date_time=_NO_TIME)
        entry.create_system = 3  # Unix, wherever it is written
        entry.external_attr = 0o644 << 16
        archive.writestr(entry, text)
    return buffer.getvalue()


def _read_archive(data: bytes, header: Sequence[str]) -> list[Row]:
    del header
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if archive.namelist() != [PREDICTION_FILE]:
            raise ValueError(f"an archive of {', '.join(archive.namelist())}")
        lines = archive.read(PREDICTION_FILE).decode().splitlines()
    return [("", tuple(line.split(" "))) for line in lines]


#: Name of a format to how it is written.
FORMATS: dict[str, ContestFile] = {
    "nsysu-category": ContestFile(
        kind="single_label",
        classes=(len(CATEGORIES),),
        ending=".csv",
        named=True,
        write=_write_csv,
        read=_read_csv,
        header=CATEGORY_HEADER,
    ),
    "nsysu-attributes": ContestFile(
        kind="multi_label",
        classes=(len(ATTRIBUTES),),
        ending=".csv",
        named=True,
        write=_write_csv,
        read=_read_csv,
        header=ATTRIBUTE_HEADER,
    ),
    "ce7454": ContestFile(
        kind="single_label",
        classes=GROUP_SIZES,
        ending=".zip",
        named=False,
        write=_write_archive,
        read=_read_archive,
    ),
}


def first_difference(found: Sequence[Row], expected: Sequence[Row], *, named: bool) -> str:
    """Where rows read back differ from those written, in words; empty if nowhere."""
    if len(found) != len(expected):
        return f"{len(found)} rows in the place of {len(expected)}"
    for number, (mine, theirs) in enumerate(zip(found, expected, strict=True), start=1):
        if mine[1] != theirs[1] or (named and mine[0] != theirs[0]):
            return f"row {number} is {mine} in the place of {theirs}"
    return ""


#: What reading a file back may raise where its bytes are not what was written.
UNREADABLE = (ValueError, IndexError, csv.Error, zipfile.BadZipFile, FormatError)
