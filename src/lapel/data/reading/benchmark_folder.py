"""The folder of a benchmark: where another one was named, the right one nearby is told."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from lapel.data.reading.base import existing_folder, is_hidden
from lapel.schema.errors import UsageError

#: How far the right folder is looked for, upwards and downwards; archives nest it once or twice.
LEVELS = 2

#: Folders looked into on each level downwards: pictures may lie in thousands.
FOLDERS_SEEN = 50


def benchmark_folder(path: str | Path, files: Sequence[str]) -> Path:
    """The folder that the user named, which has some of a layout's files.

    Args:
        path: the folder.
        files: names of the layout's files and folders, relative to the benchmark's folder.

    Raises:
        UsageError: there is no such folder; or one above or below has such files, and it has none.
    """
    folder = existing_folder(path)
    if _known(folder, files):
        return folder
    nearby = {one: _known(one, files) for one in (*_above(folder), *_below(folder, LEVELS))}
    most = max(nearby.values(), default=0)
    # None at all: the reader says which files it misses.
    if most:
        named = " or ".join(str(one) for one, count in nearby.items() if count == most)
        raise UsageError(
            f"{folder} holds none of the layout's files, such as {files[0]}; name the folder that "
            f"does: {named}"
        )
    return folder


def _known(folder: Path, files: Sequence[str]) -> int:
    return sum((folder / name).exists() for name in files)


def _above(folder: Path) -> Iterator[Path]:
    for level in range(1, LEVELS + 1):
        yield Path(os.path.normpath(folder.joinpath(*[os.pardir] * level)))


def _below(folder: Path, levels: int) -> Iterator[Path]:
    try:
        with os.scandir(folder) as entries:
            inner = (one.name for one in entries if one.is_dir() and not is_hidden(one.name))
            names = sorted(islice(inner, FOLDERS_SEEN))
    except OSError:
        return  # a folder that nobody may look into is not the one that was meant
    for name in names:
        yield folder / name
        if levels > 1:
            yield from _below(folder / name, levels - 1)
