"""Where each picture of a dataset lies in tar shards: ``shards.json`` and ``shards.parquet``.

A shard is a tar file as WebDataset reads it (https://github.com/webdataset/webdataset): files whose
names are alike up to the first dot belong together, and follow one another. Here these are a
picture, ``000000123.jpg``, what is known of it, ``000000123.json``, and its label maps,
``000000123.TASK.png``; the number is the row of the dataset's table. The index says where in which
shard a picture's bytes begin, so that any of them is read without going through the tar.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lapel.schema.errors import DatasetError
from lapel.storage.limited_cache import Kept
from lapel.storage.local import atomic_path, write_atomically

#: The shards, each with its size, hash and count.
INDEX_FILE = "shards.json"

#: A row a picture: which shard, and where in it.
POSITIONS_FILE = "shards.parquet"

#: Of ``shards.json``.
VERSION = 1

_POSITIONS = {
    "image": pl.String(),
    "shard": pl.Int32(),
    "start": pl.Int64(),
    "bytes": pl.Int64(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One tar file.

    Attributes:
        name: such as ``train-000000.tar``.
        split: whose pictures it holds.
        pictures: how many.
        bytes: of the file.
        sha256: of the file, in hexadecimal.
    """

    name: str
    split: str
    pictures: int
    bytes: int
    sha256: str

    @property
    def kept(self) -> Kept:
        """The file, as caches know it."""
        return Kept(name=self.name, bytes=self.bytes, sha256=self.sha256)


class Position(NamedTuple):
    """Where a picture's bytes are.

    Attributes:
        shard: number of the shard, from 0.
        start: of the first byte.
        bytes: how many.
    """

    shard: int
    start: int
    bytes: int


class ShardIndex:
    """The shards of a dataset, and where each picture lies in them.

    Attributes:
        shards: in the order of their numbers.
    """

    def __init__(self, shards: Sequence[Shard], positions: pl.DataFrame) -> None:
        """Take an index as it is.

        Args:
            shards: in the order of their numbers.
            positions: a row a picture: ``image``, ``shard``, ``start``, ``bytes``.
        """
        self.shards = tuple(shards)
        self.positions = positions
        self._numbers: NDArray[np.int32] = positions["shard"].to_numpy()
        self._starts: NDArray[np.int64] = positions["start"].to_numpy()
        self._sizes: NDArray[np.int64] = positions["bytes"].to_numpy()

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(self.positions["image"])}

    @property
    def names(self) -> list[str]:
        """The pictures, in the order in which they lie."""
        return self.positions["image"].to_list()

    def __contains__(self, name: str) -> bool:
        return name in self._rows

    def position(self, name: str) -> Position:
        """Where a picture lies.

        Raises:
            KeyError: there is none of that name.
        """
        row = self._rows[name]
        return Position(int(self._numbers[row]), int(self._starts[row]), int(self._sizes[row]))

    def shards_of(self, names: Sequence[str]) -> NDArray[np.int64]:
        """The number of the shard of each picture, int64 (N,).

        Raises:
            KeyError: there is none of a name.
        """
        rows = [self._rows[name] for name in names]
        return self._numbers[rows].astype(np.int64)

    def write(self, folder: Path) -> None:
        """Write both files.

        Raises:
            StorageError: the disk does not take them.
        """
        with atomic_path(folder / POSITIONS_FILE) as partial:
            self.positions.write_parquet(partial)
        value = {"lapel_shards": VERSION, "shards": [asdict(one) for one in self.shards]}
        write_atomically(folder / INDEX_FILE, (json.dumps(value, indent=2) + "\n").encode())

    @classmethod
    def read(cls, folder: Path) -> ShardIndex:
        """The index in a folder.

        Raises:
            DatasetError: it is not there, torn, or of another version.
        """
        path = folder / INDEX_FILE
        try:
            value = json.loads(path.read_bytes())
            if value["lapel_shards"] != VERSION:
                raise DatasetError(
                    f"{path}: found version {value['lapel_shards']!r} of the shards' format, "
                    f"expected {VERSION}; use the Lapel that wrote it, or write the shards again"
                )
            shards = [Shard(**one) for one in value["shards"]]
            positions = pl.read_parquet(folder / POSITIONS_FILE)
        except (OSError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError) as error:
            if isinstance(error, DatasetError):
                raise
            raise DatasetError(
                f"the index of shards in {folder} could not be read ({error}); write the shards "
                "again: lapel data shards DATASET OUT"
            ) from error
        _check(shards, positions, path)
        return cls(shards, positions)


def table_of_positions(names: Sequence[str], positions: Sequence[Position]) -> pl.DataFrame:
    """Positions as the table that an index keeps."""
    columns = {
        "image": names,
        "shard": [one.shard for one in positions],
        "start": [one.start for one in positions],
        "bytes": [one.bytes for one in positions],
    }
    return pl.DataFrame(columns, schema=_POSITIONS)


def _check(shards: Sequence[Shard], positions: pl.DataFrame, path: Path) -> None:
    """See that an index is one.

    Raises:
        DatasetError: it is not.
    """
    found = dict(positions.schema)
    numbers = positions.get_column("shard", default=pl.Series([0])).drop_nulls()
    outside = len(numbers) > 0 and not 0 <= int(numbers.min()) <= int(numbers.max()) < len(shards)  # type: ignore[arg-type] # of a column of integers
    leaving = [one.name for one in shards if Path(one.name).name != one.name]
    if found != _POSITIONS or outside or leaving:
        raise DatasetError(
            f"{path} and {POSITIONS_FILE} do not fit each other, or were changed; write the shards "
            "again: lapel data shards DATASET OUT"
        )
