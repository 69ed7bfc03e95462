"""Pictures in tar shards, here or elsewhere, as a store of named bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lapel.data.shard_index import INDEX_FILE, POSITIONS_FILE, ShardIndex
from lapel.data.shards_ahead import ShardsAhead
from lapel.schema.errors import StorageError
from lapel.storage.limited_cache import Kept, LimitedCache, shard_cache_root
from lapel.storage.names import checked_stored_name
from lapel.storage.places import bring_file, fetched, holds, is_remote, joined, mirror_key


class Shards(Protocol):
    """Where tar files are read."""

    def read(self, file: Kept, start: int, length: int) -> bytes:
        """Some bytes of one."""
        ...


class LocalShards:
    """Tar files in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, file: Kept, start: int, length: int) -> bytes:
        """Some bytes of one.

        Raises:
            StorageError: it cannot be read.
        """
        path = self._folder / file.name
        try:
            with path.open("rb") as opened:
                opened.seek(start)
                return opened.read(length)
        except OSError as error:
            raise StorageError(f"{path} could not be read: {error.strerror or error}") from error


class ShardStore:
    """The pictures of a dataset in shards, as a :class:`lapel.storage.base.Store` to read from.

    Attributes:
        index: where each picture lies.
    """

    def __init__(self, index: ShardIndex, shards: Shards, place: str) -> None:
        """Read pictures out of shards.

        Args:
            index: where each picture lies.
            shards: the tar files.
            place: of the shards, as messages call it.
        """
        self.index = index
        self._shards = shards
        self._place = place

    @classmethod
    def open(cls, place: str | Path) -> ShardStore:
        """The shards in a folder or at an address.

        Shards that lie elsewhere are fetched whole when they are needed, into a cache of limited
        size.

        Raises:
            DatasetError: no index there, or one that is not whole.
            StorageError: it cannot be fetched.
        """
        if not is_remote(place):
            return cls(ShardIndex.read(Path(place)), LocalShards(Path(place)), str(place))
        folder = fetched(place, only={INDEX_FILE, POSITIONS_FILE}.__contains__)
        cache = LimitedCache(shard_cache_root() / mirror_key(place), _Bringer(place))
        return cls(ShardIndex.read(folder), cache, str(joined(place, "")))

    def read(self, name: str) -> bytes:
        """The bytes of a picture."""
        if checked_stored_name(name) not in self.index:
            raise StorageError(
                f"{name} could not be read: no picture of that name in {self._place}"
            )
        position = self.index.position(name)
        shard = self.index.shards[position.shard]
        data = self._shards.read(shard.kept, position.start, position.bytes)
        if len(data) != position.bytes:
            raise StorageError(
                f"{name} could not be read: {shard.name} in {self._place} ends before it; copy "
                "the shard again"
            )
        return data

    def exists(self, name: str) -> bool:
        """Whether there is a picture of a name."""
        return checked_stored_name(name) in self.index

    def names(self, prefix: str = "") -> Iterator[str]:
        """The names of all pictures that begin with a prefix, sorted."""
        yield from sorted(name for name in self.index.names if name.startswith(prefix))

    def write(self, name: str, data: bytes) -> None:
        """Refuse: shards are written as wholes."""
        del data
        raise self._fixed(name)

    def delete(self, name: str) -> None:
        """Refuse: shards are written as wholes."""
        raise self._fixed(name)

    def _fixed(self, name: str) -> StorageError:
        return StorageError(
            f"{checked_stored_name(name)} cannot be changed in the shards {self._place}; change "
            "the dataset that they were made of, and write them again: lapel data shards"
        )

    @property
    def fetches(self) -> bool:
        """Whether shards come from elsewhere, through a cache."""
        return isinstance(self._shards, LimitedCache)

    def at_once(self, names: Sequence[str]) -> int:
        """Of how many shards pictures may be mixed, while those that follow are fetched ahead.

        Args:
            names: of the pictures that are gone through.

        Returns:
            0 where there is no bound: shards that lie here, or all fit the cache.
        """
        if not isinstance(self._shards, LimitedCache):
            return 0
        needed: list[int] = [
            self.index.shards[number].bytes for number in set(self.shards_of(names).tolist())
        ]
        if not needed or sum(needed) <= self._shards.limit:
            return 0
        return max(1, self._shards.limit // (2 * max(needed)))

    def shards_of(self, names: Sequence[str]) -> NDArray[np.int64]:
        """The number of the shard of each picture, int64 (N,)."""
        return self.index.shards_of(names)

    def ahead(self, batches: Sequence[set[int]]) -> AbstractContextManager[ShardsAhead | None]:
        """Fetch shards before they are needed, inside the block.

        Args:
            batches: the numbers of the shards that each batch needs, in order.
        """
        if not isinstance(self._shards, LimitedCache):
            return nullcontext()
        return ShardsAhead(self._shards, [one.kept for one in self.index.shards], batches)


class _Bringer:
    """Brings a shard from its place; a value, so that it can travel to a worker."""

    def __init__(self, place: str | Path) -> None:
        self._place = place

    def __call__(self, file: Kept, target: Path) -> None:
        bring_file(joined(self._place, file.name), target, size=file.bytes)


def sharded(place: str | Path) -> bool:
    """Whether a folder, or an address, holds shards.

    Raises:
        StorageError: it cannot be asked.
    """
    return holds(place, INDEX_FILE)
