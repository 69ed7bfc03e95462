"""ZIP archives, unpacked inside a folder and within limits."""

from __future__ import annotations

import stat
import zipfile
import zlib
from pathlib import Path

from lapel.data.reading.base import existing_file, existing_folder, is_hidden
from lapel.schema.errors import Fault, FormatError, StorageError, UsageError
from lapel.storage.folders import atomic_folder
from lapel.storage.names import checked_stored_name

#: What an archive may hold; a bomb of a few kilobytes can hold petabytes.
MOST_FILES = 2_000_000
MOST_BYTES = 200 * 2**30

#: What to do with an archive that is whole but cannot be opened here.
UNPACK_BY_HAND = "Unpack it with a program that can, and give the folder."

#: In an entry's flags: it cannot be read without a password (PKWARE's APPNOTE.TXT, 4.4.4).
_ENCRYPTED = 0x1

_PIECE = 2**20


def unpacked_source(source: str | Path, unpack: str | Path | None) -> Path:
    """A folder as it is; an archive unpacked to ``unpack``.

    A single folder at the top of an archive, as most have, is gone into.

    Raises:
        UsageError: neither a folder nor a file, or an archive and no folder to unpack it to.
        FormatError: no archive, a torn one, or one whose names lead out or that is too large.
        StorageError: it cannot be read or unpacked; nothing half is left.
    """
    if not Path(source).is_file():
        return existing_folder(source)
    if unpack is None:
        raise UsageError(
            f"{source}: found a file; an archive is unpacked first, name a new folder for it with "
            "--unpack FOLDER"
        )
    unpack_archive(existing_file(source), Path(unpack))
    entries = [path for path in Path(unpack).iterdir() if not is_hidden(path.name)]
    only = entries[0] if len(entries) == 1 and entries[0].is_dir() else None
    return only or Path(unpack)


def unpack_archive(archive: Path, folder: Path) -> None:
    """Unpack a ZIP archive into a new folder, whole or not at all.

    Raises:
        FormatError: no archive, a torn one, names that lead out of it, links, or more than
            ``MOST_FILES`` files or ``MOST_BYTES`` bytes; all faults of names together.
            So are archives with a password, or packed in ways that Python does not know.
        StorageError: the folder is taken or cannot be written.
    """
    try:
        with zipfile.ZipFile(archive) as opened, atomic_folder(folder) as building:
            files = [entry for entry in opened.infolist() if not entry.is_dir()]
            _refuse_entries(archive, files)
            left = MOST_BYTES
            for entry in files:
                left = _unpack_file(opened, entry, building / entry.filename, archive, left)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        fault = Fault(file=str(archive), found=f"no whole archive ({error})", expected="a ZIP file")
        raise FormatError([fault], remedy="Fetch it again.") from error
    except NotImplementedError as error:
        # Python's word for ways of packing that it does not know.
        fault = Fault(file=str(archive), found=str(error), expected="an ordinary ZIP file")
        raise FormatError([fault], remedy=UNPACK_BY_HAND) from error


def _refuse_entries(archive: Path, files: list[zipfile.ZipInfo]) -> None:
    faults = []
    if len(files) > MOST_FILES:
        found = f"{len(files):,} files"
        faults.append(Fault(file=str(archive), found=found, expected=f"at most {MOST_FILES:,}"))
    size = sum(entry.file_size for entry in files)
    if size > MOST_BYTES:
        found, expected = f"{size:,} bytes unpacked", f"at most {MOST_BYTES:,}"
        faults.append(Fault(file=str(archive), found=found, expected=expected))
    for entry in files:
        try:
            checked_stored_name(entry.filename)
        except StorageError as error:
            faults.append(Fault(file=str(archive), found=str(error)))
        if stat.S_ISLNK(entry.external_attr >> 16):
            found = f"a link, {entry.filename!r}"
            faults.append(Fault(file=str(archive), found=found, expected="files alone"))
    if faults:
        raise FormatError(faults)
    if any(entry.flag_bits & _ENCRYPTED for entry in files):
        fault = Fault(file=str(archive), found="a password", expected="files that are open to read")
        raise FormatError([fault], remedy=UNPACK_BY_HAND)


def _unpack_file(
    opened: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, archive: Path, left: int
) -> int:
    """Write one file; what is left of the bytes allowed. Sizes in the archive may lie."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with opened.open(entry) as packed, path.open("wb") as file:
        while piece := packed.read(_PIECE):
            left -= len(piece)
            if left < 0:
                expected = f"at most {MOST_BYTES:,} bytes"
                fault = Fault(file=str(archive), found="more than it says", expected=expected)
                raise FormatError([fault])
            file.write(piece)
    return left
