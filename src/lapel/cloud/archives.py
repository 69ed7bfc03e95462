"""``tar.gz`` of a folder, as SageMaker hands models over: the same content gives the same bytes."""

from __future__ import annotations

import gzip
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

from lapel.schema.errors import StorageError
from lapel.storage.folders import atomic_folder
from lapel.storage.local import atomic_path
from lapel.storage.names import checked_stored_name

#: What an archive may unpack to: more is no model of ours.
MOST_FILES, MOST_BYTES = 10_000, 20 * 2**30


def pack(folder: Path, archive: Path) -> None:
    """Write all files of a folder into an archive, their names relative to the folder.

    Raises:
        StorageError: a file cannot be read, or the archive cannot be written.
    """
    with (
        atomic_path(archive) as partial,
        partial.open("wb") as raw,
        # Neither a date nor a name of its own: the bytes are a function of the content.
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=6) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                entry = tarfile.TarInfo(path.relative_to(folder).as_posix())
                entry.size, entry.mode = path.stat().st_size, 0o644
                with path.open("rb") as file:
                    tar.addfile(entry, file)


def unpack(archive: Path, folder: Path) -> None:
    """Fill a new folder with the files of an archive.

    Raises:
        StorageError: it is no such archive, holds links, names that lead out of the folder, or
            more than a model may; or the folder is not empty or cannot be written. Nothing is
            left behind.
    """
    try:
        with atomic_folder(folder) as building, tarfile.open(archive, mode="r:gz") as tar:
            for entry in _entries(tar, archive):
                path = building / checked_stored_name(entry.name)
                path.parent.mkdir(parents=True, exist_ok=True)
                content = tar.extractfile(entry)
                if content is not None:
                    with content, path.open("wb") as file:
                        shutil.copyfileobj(content, file)
    except (tarfile.TarError, EOFError, gzip.BadGzipFile) as error:
        raise StorageError(f"{archive} is no whole tar.gz: {error}") from error


def _entries(tar: tarfile.TarFile, archive: Path) -> Iterator[tarfile.TarInfo]:
    """The files of an archive, each looked at before a byte of it is written."""
    count = size = 0
    for entry in tar:
        if entry.isdir():
            continue
        if not entry.isfile():
            raise StorageError(f"{archive} holds {entry.name!r}, which is no plain file")
        count, size = count + 1, size + entry.size
        if count > MOST_FILES or size > MOST_BYTES:
            raise StorageError(
                f"{archive} unpacks to more than {MOST_FILES:,} files or "
                f"{MOST_BYTES / 2**30:.0f} GiB; it is no model of ours"
            )
        entry.name = entry.name.removeprefix("./")
        yield entry
