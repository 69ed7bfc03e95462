"""A folder of answers in parts: what was asked for, which parts are there, what is missing.

    part-00000.parquet   rows of the first pictures, whole or not there at all
    part-00001.parquet   ...
    pictures.json        the pictures, in the order of the rows
    progress.json        what was asked, and each finished part with its SHA-256

A process may be killed at any moment: a part counts once ``progress.json`` names it, and whoever
comes back makes those that it does not name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from lapel.schema.errors import StorageError, UsageError
from lapel.storage.local import PARTIAL_SUFFIX, LocalStore

FORMAT = "lapel.answers/1"
PROGRESS, PICTURES, LOCK = "progress.json", "pictures.json", ".lock"

#: Pictures of a part where nobody says: some minutes of work, and a file of a megabyte.
PART_ROWS = 10_000

#: Names of pictures that are shown where two lists differ.
SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A finished part.

    Attributes:
        file: its name in the folder.
        pictures: that it has rows of.
        rows: of the table; of garments there may be more than pictures.
        failed: pictures that got no answer.
        sha256: of the file, in hexadecimal.
    """

    file: str
    pictures: int
    rows: int
    failed: int
    sha256: str


class BulkFolder:
    """The folder, as one process fills it.

    Attributes:
        folder: where it is.
        pictures: names of all pictures, in the order of the rows.
        part_rows: pictures of each part but the last.
        columns: of every part, name to kind of value.
        damaged: files of parts that are no longer what was written, and are made anew.
    """

    def __init__(
        self,
        folder: Path,
        *,
        asked: Mapping[str, Any],
        pictures: Sequence[str],
        columns: Mapping[str, str],
        part_rows: int,
    ) -> None:
        self.folder = folder
        self.pictures = pictures
        self.part_rows = part_rows
        self.columns = columns
        self.damaged: list[str] = []
        self._asked = dict(asked)
        self._store = LocalStore(folder)
        self._parts: dict[int, Part] = {}

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        asked: Mapping[str, Any],
        pictures: Sequence[str],
        columns: Mapping[str, str],
        part_rows: int = PART_ROWS,
    ) -> Self:
        """Begin a folder, or go on with one.

        Args:
            folder: see :func:`refuse_strangers`.
            asked: all that rows depend on beside the pictures: plain values by name.
            pictures: names of all pictures.
            columns: of the table, name to kind of value.
            part_rows: pictures of a part.

        Raises:
            UsageError: the folder was begun with something else, which is named; or parts of no
                picture.
            StorageError: it cannot be read or written.
        """
        if part_rows < 1:
            raise UsageError(f"a part has at least 1 picture, found {part_rows}")
        asked = {**asked, "part_rows": part_rows}
        made = cls(folder, asked=asked, pictures=pictures, columns=columns, part_rows=part_rows)
        if made._store.exists(PROGRESS):
            made._go_on()
        else:
            made._begin()
        return made

    @property
    def count(self) -> int:
        """How many parts there are when all is done."""
        return -(-len(self.pictures) // self.part_rows)

    @property
    def missing(self) -> list[int]:
        """Numbers of the parts that are still to be made."""
        return [number for number in range(self.count) if number not in self._parts]

    @property
    def done(self) -> Sequence[Part]:
        """The finished parts, in order."""
        return [self._parts[number] for number in sorted(self._parts)]

    def slice_of(self, number: int) -> slice:
        """Which pictures a part is about."""
        return slice(number * self.part_rows, (number + 1) * self.part_rows)

    def add(self, number: int, data: bytes, *, rows: int, failed: int) -> None:
        """Keep a part.

        Args:
            number: from 0.
            data: its file.
            rows: of the table.
            failed: pictures that got no answer.

        Raises:
            StorageError: it cannot be written; the parts before it stand.
        """
        part = Part(
            file=file_of(number),
            pictures=len(self.pictures[self.slice_of(number)]),
            rows=rows,
            failed=failed,
            sha256=hashlib.sha256(data).hexdigest(),
        )
        self._store.write(part.file, data)
        self._parts[number] = part
        self._tell()

    def _begin(self) -> None:
        names = json.dumps(list(self.pictures), indent=0) + "\n"
        self._store.write(PICTURES, names.encode())
        self._tell()

    def _go_on(self) -> None:
        told = self._read(PROGRESS)
        if not isinstance(told, dict) or told.get("format") != FORMAT:
            raise StorageError(
                f"{self.folder / PROGRESS} is not of the format {FORMAT}; name a new folder"
            )
        self._refuse_others(told.get("asked"), self._read(PICTURES))
        for leftover in self.folder.glob(f".*{PARTIAL_SUFFIX}"):
            leftover.unlink(missing_ok=True)
        by_file = self._told_parts(told)
        for number in range(self.count):
            part = by_file.get(file_of(number))
            if part is None:
                continue
            if self._is_whole(part):
                self._parts[number] = part
            else:
                self.damaged.append(part.file)

    def _told_parts(self, told: Mapping[str, Any]) -> dict[str, Part]:
        try:
            return {part["file"]: Part(**part) for part in told["parts"]}
        except (KeyError, TypeError) as error:
            raise StorageError(
                f"{self.folder / PROGRESS} does not tell of parts as it should ({error!r}); name a "
                "new folder"
            ) from error

    def _is_whole(self, part: Part) -> bool:
        try:
            data = self._store.read(part.file)
        except StorageError:
            return False
        return hashlib.sha256(data).hexdigest() == part.sha256

    def _read(self, name: str) -> Any:  # noqa: ANN401 - what JSON holds
        try:
            return json.loads(self._store.read(name))
        except ValueError as error:
            raise StorageError(
                f"{self.folder / name} is no JSON ({error}); name a new folder"
            ) from error

    def _refuse_others(self, asked: object, pictures: object) -> None:
        before = asked if isinstance(asked, dict) else {}
        differs = [
            f"{name} was {_worded(before.get(name))}, now {_worded(self._asked.get(name))}"
            for name in {**self._asked, **before}
            if before.get(name) != self._asked.get(name)
        ]
        if pictures != list(self.pictures):
            there = pictures if isinstance(pictures, list) else []
            differs.append(_other_pictures(there, self.pictures))
        if differs:
            raise UsageError(
                f"{self.folder} was begun with something else: {'; '.join(differs)}. Repeat the "
                "command that began it to go on, or name a new folder"
            )

    def _tell(self) -> None:
        parts = self.done
        content = {
            "format": FORMAT,
            "asked": self._asked,
            "columns": dict(self.columns),
            "pictures": len(self.pictures),
            "done": sum(part.pictures for part in parts),
            "failed": sum(part.failed for part in parts),
            "parts": [asdict(part) for part in parts],
        }
        self._store.write(PROGRESS, (json.dumps(content, indent=1) + "\n").encode())


def refuse_strangers(folder: Path) -> None:
    """See that a folder is new, empty, or one of answers.

    Raises:
        UsageError: it holds files of somebody else.
    """
    if (folder / PROGRESS).exists():
        return
    ours = {LOCK, PICTURES}  # a process may have ended between its first two files
    strangers = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    for name in strangers:
        if name not in ours and not name.endswith(PARTIAL_SUFFIX):
            raise UsageError(
                f"{folder} holds files that are no answers in parts ({name}); name a new folder"
            )


def file_of(number: int) -> str:
    """Name of the file of a part."""
    return f"part-{number:05d}.parquet"


def _worded(value: object) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:12]}..."


def _other_pictures(before: Sequence[str], now: Sequence[str]) -> str:
    then, today = set(before), set(now)
    gone = [name for name in before if name not in today]
    new = [name for name in now if name not in then]
    said = [
        f"{len(names)} pictures {what} ({', '.join(names[:SHOWN])}{', ...' * (len(names) > SHOWN)})"
        for what, names in (("are gone", gone), ("are new", new))
        if names
    ]
    return " and ".join(said) or "the same pictures come in another order"
