"""From what a user typed to the pictures that are meant."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator
from pathlib import Path

from lapel.imaging.decode import DEFAULT_LIMITS
from lapel.imaging.file_names import named_like_picture
from lapel.imaging.signatures import format_by_signature
from lapel.schema.errors import UsageError
from lapel.storage.folders import walk
from lapel.storage.places import in_addresses, is_remote, joined, names_below


def find_pictures(paths: Iterable[str]) -> list[str]:
    """Files named, files in folders named (at any depth), and files that patterns match.

    Objects in S3 are found likewise: one that is named, or all below an address whose names are
    those of pictures; each is called by its address.

    A file that is named is always meant. In a folder, files count whose name or first bytes say
    that they are pictures, also those of formats that are then refused by name; hidden ones do
    not. Folders and patterns are read in sorted order,
    and no file is named twice.

    Raises:
        UsageError: none of the paths leads to any picture.
        StorageError: a folder cannot be read.
    """
    asked = list(paths)
    found = list(dict.fromkeys(picture for path in asked for picture in _expand(path)))
    if not found:
        raise UsageError(
            f"no pictures in {', '.join(asked)}; expected JPEG, PNG or WebP files, "
            "folders of them, or a pattern such as 'photos/**/*.jpg'"
        )
    return found


def _expand(path: str) -> Iterator[str]:
    if is_remote(path):
        yield from _below(path)
    elif Path(path).is_dir():
        yield from _inside(path)
    elif glob.has_magic(path) and not Path(path).exists():
        matches = glob.glob(path, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute one
        for match in sorted(matches):
            if not Path(match).is_dir():
                yield match
    else:
        yield path


def _below(address: str) -> Iterator[str]:
    """The object of an address, or the pictures below it, each by its address."""
    names = names_below(address)
    if not names:
        yield in_addresses(address)
    for name in names:
        hidden = any(part.startswith(".") for part in name.split("/"))
        if named_like_picture(name) and not hidden:
            yield str(joined(address, name))


def _inside(folder: str) -> Iterator[str]:
    for parent, folders, files in walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(parent) / name
            if not name.startswith(".") and _looks_like_a_picture(path):
                yield str(path)


def _looks_like_a_picture(path: Path) -> bool:
    if named_like_picture(path):
        return True
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return format_by_signature(file.read(16)) in DEFAULT_LIMITS.formats
    except OSError:
        return False
