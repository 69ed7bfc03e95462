"""Rows kept on disk by the SHA-256 of the picture that each was made from.

A cache is a folder for one way of making rows: a preprocessing, or a backbone with its weights.
What is made goes into files of their own, which are never changed; a file's name carries its
SHA-256, so a torn one is known from the file alone: it is removed, and its rows are made again.
Two runs that write at the same time do not disturb each other.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from safetensors.numpy import save

from lapel.schema.errors import StorageError
from lapel.storage.cache import cache_root
from lapel.storage.local import sha256_of, write_atomically

Rows = NDArray[Any]

#: Bytes of rows that a file holds at most.
FILE_BYTES = 256 * 2**20

_NAME = re.compile(r"rows-([0-9a-f]{64})\.safetensors")


class RowCache:
    """Rows of one shape and type.

    Args:
        folder: of this way of making rows.
        shape: of a row.
        dtype: of its numbers.
    """

    def __init__(self, folder: Path, shape: Sequence[int], dtype: DTypeLike) -> None:
        self.folder = folder
        self.shape = tuple(shape)
        self.dtype = np.dtype(dtype)
        self._files: list[Rows] = []
        self._places: dict[bytes, tuple[int, int]] = {}
        for path in sorted(folder.glob("rows-*.safetensors")):
            self._open(path)

    @classmethod
    def of(cls, kind: str, facts: Any, shape: Sequence[int], dtype: DTypeLike) -> RowCache:  # noqa: ANN401 - whatever JSON holds
        """The cache of a way of making rows, below :func:`lapel.storage.cache.cache_root`.

        Args:
            kind: of rows, the name of a folder.
            facts: all that a row depends on beside its picture, as plain values.
            shape: of a row.
            dtype: of its numbers.
        """
        text = json.dumps([facts, list(shape), np.dtype(dtype).name], sort_keys=True)
        key = hashlib.sha256(text.encode()).hexdigest()[:24]
        return cls(cache_root() / kind / key, shape, dtype)

    @property
    def row_bytes(self) -> int:
        """Bytes of a row."""
        return math.prod(self.shape) * self.dtype.itemsize

    def known(self, digests: Sequence[str]) -> NDArray[np.bool_]:
        """Of which pictures there are rows."""
        return np.array([bytes.fromhex(digest) in self._places for digest in digests], bool)

    def row(self, digest: str) -> Rows:
        """The row of a picture, read-only; it stays on the disk until it is looked at.

        Raises:
            KeyError: there is none.
        """
        file, place = self._places[bytes.fromhex(digest)]
        row: Rows = self._files[file][place]
        return row

    def add(self, digests: Sequence[str], rows: Rows) -> None:
        """Keep rows.

        Raises:
            StorageError: the disk did not take them; what is kept already is untouched.
        """
        keys = np.frombuffer(b"".join(map(bytes.fromhex, digests)), np.uint8).reshape(-1, 32)
        rows = np.ascontiguousarray(rows, self.dtype)
        data = save({"digests": np.ascontiguousarray(keys), "rows": rows})
        path = self.folder / f"rows-{hashlib.sha256(data).hexdigest()}.safetensors"
        write_atomically(path, data)
        self._open(path)

    def _open(self, path: Path) -> None:
        """Take a file in; remove it if it is not what its name says."""
        match = _NAME.fullmatch(path.name)
        try:
            if match is None or sha256_of(path) != match[1]:
                path.unlink(missing_ok=True)
                return
            parts = _mapped(path)
        except (OSError, ValueError, KeyError):  # with StorageError: another run removed it
            return
        if parts["rows"].shape[1:] != self.shape or parts["rows"].dtype != self.dtype:
            return
        self._files.append(parts["rows"])
        for place, key in enumerate(parts["digests"]):
            self._places.setdefault(key.tobytes(), (len(self._files) - 1, place))


def _mapped(path: Path) -> dict[str, Rows]:
    """The arrays of a file, as maps of it: no byte is read before it is needed."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
    types = {"U8": "u1", "F16": "<f2", "F32": "<f4"}
    return {
        name: np.memmap(
            path,
            types[entry["dtype"]],
            mode="r",
            offset=8 + size + entry["data_offsets"][0],
            shape=tuple(entry["shape"]),
        )
        for name, entry in header.items()
        if name != "__metadata__"
    }


Make = Callable[[Sequence[int]], Iterable[Rows]]


def make_missing(
    cache: RowCache | None,
    digests: Sequence[str],
    make: Make,
    *,
    say: Callable[[str], None],
) -> Iterator[tuple[int, Rows]]:
    """The row of every picture, those that are kept first, the others as they are made.

    Args:
        cache: where rows are kept and looked for; none: everything is made.
        digests: SHA-256 of the pictures.
        make: from numbers of pictures to their rows, one by one, in that order.
        say: told when the disk takes no more; the work then goes on without.

    Yields:
        The number of a picture, and its row.
    """
    known = np.zeros(len(digests), bool) if cache is None else cache.known(digests)
    kept = [int(number) for number in np.flatnonzero(known)]
    for number in kept:
        if cache is not None:
            yield number, cache.row(digests[number])
    missing = [int(number) for number in np.flatnonzero(~known)]
    waiting: list[tuple[int, Rows]] = []
    if not missing:
        return
    for number, row in zip(missing, make(missing), strict=True):
        yield number, row
        if cache is None:
            continue
        waiting.append((number, row))
        if len(waiting) * cache.row_bytes >= FILE_BYTES or number == missing[-1]:
            cache = _kept(cache, digests, waiting, say)
            waiting = []


def _kept(
    cache: RowCache,
    digests: Sequence[str],
    rows: Sequence[tuple[int, Rows]],
    say: Callable[[str], None],
) -> RowCache | None:
    """The cache with these rows in it; None where the disk did not take them."""
    try:
        cache.add([digests[number] for number, _ in rows], np.stack([row for _, row in rows]))
    except StorageError as error:
        say(f"Nothing more is kept for the next run: {error}")
        return None
    return cache
