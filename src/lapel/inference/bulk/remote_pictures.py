"""Pictures that lie elsewhere, ``s3://bucket/key``, read through pyarrow's file systems.

Who asks, and in which region, is told as AWS's own tools are told it: by the environment, the
machine's role, or the address (``s3://bucket/photos?region=eu-central-1``). Nothing here reads or
keeps a key.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import import_module
from typing import Any

from lapel.imaging.decode import DEFAULT_LIMITS, MEBIBYTE
from lapel.imaging.file_names import named_like_picture
from lapel.inference.pictures import Failure
from lapel.schema.errors import MissingExtraError, StorageError, UsageError

#: Objects that are being fetched while others are answered: a store takes tens of milliseconds for
#: each, however small.
AHEAD = 32


def is_remote(path: str) -> bool:
    """Whether a path is an address such as ``s3://bucket/photos``."""
    return "://" in path


class RemotePictures:
    """The pictures below some addresses.

    Attributes:
        roots: the addresses.
    """

    def __init__(self, roots: Sequence[str]) -> None:
        """Connect to what is behind each address.

        Args:
            roots: such as ``s3://bucket/photos``, with what pyarrow takes after a ``?``.

        Raises:
            MissingExtraError: pyarrow is not installed.
            UsageError: an address that it does not understand.
        """
        self.roots = tuple(roots)
        self._places = [(_home_of(root), *_open(root)) for root in self.roots]

    def find(self) -> list[str]:
        """Names of all pictures, each an address without what stood after ``?``, in sorted order.

        Raises:
            StorageError: a store cannot be asked.
            UsageError: there are none.
        """
        found = [name for place in self._places for name in self._below(*place)]
        if not found:
            raise UsageError(f"no pictures in {', '.join(self.roots)}; expected names like a.jpg")
        return list(dict.fromkeys(found))

    def _below(self, home: str, system: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - untyped
        fs = _arrow_fs()
        try:
            info = system.get_file_info(path)
            if info.type == fs.FileType.File:
                yield f"{home}{path}"
                return
            inside = system.get_file_info(fs.FileSelector(path, recursive=True))
        except OSError as error:
            raise StorageError(f"{home}{path} could not be listed: {error}") from error
        for entry in sorted(inside, key=lambda entry: str(entry.path)):
            hidden = entry.base_name.startswith(".")
            if entry.type == fs.FileType.File and named_like_picture(entry.path) and not hidden:
                yield f"{home}{entry.path}"

    def read(self, name: str) -> bytes | Failure:
        """The bytes of a picture; or why there are none."""
        for home, system, path in self._places:
            place = f"{home}{path}"
            if name == place or name.startswith(f"{place.rstrip('/')}/"):
                return _bytes_of(system, name.removeprefix(home), name)
        return Failure(image=name, fault="lies below none of the addresses that were named")

    def read_ahead(self, names: Iterable[str]) -> Iterator[bytes | Failure]:
        """The bytes of pictures, in order; the next ones are fetched while one is worked on."""
        waiting: deque[Future[bytes | Failure]] = deque()
        pool = ThreadPoolExecutor(max_workers=AHEAD)
        try:
            for name in names:
                waiting.append(pool.submit(self.read, name))
                if len(waiting) >= AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _bytes_of(system: Any, path: str, name: str) -> bytes | Failure:  # noqa: ANN401 - untyped
    try:
        with system.open_input_file(path) as file:
            size = file.size()
            if size > DEFAULT_LIMITS.bytes:
                fault = (
                    f"{size / MEBIBYTE:.1f} MiB, the limit is {DEFAULT_LIMITS.bytes / MEBIBYTE:g}"
                )
                return Failure(image=name, fault=f"{fault}; save it smaller", too_large=True)
            return bytes(file.read())
    except OSError as error:
        return Failure(image=name, fault=f"could not be read: {error}")


def _open(root: str) -> tuple[Any, str]:
    try:
        system, path = _arrow_fs().FileSystem.from_uri(root)
    except (ValueError, OSError) as error:
        raise UsageError(f"cannot open {root!r}: {error}") from error
    return system, path


def _home_of(root: str) -> str:
    """What stands before the path that pyarrow makes of an address."""
    return f"{root.split('://', 1)[0]}://"


def _arrow_fs() -> Any:  # noqa: ANN401 - pyarrow ships no types
    try:
        return import_module("pyarrow.fs")
    except ModuleNotFoundError as error:
        raise MissingExtraError(extra="ray", need="reading pictures from a store") from error
