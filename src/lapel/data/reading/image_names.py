"""Which image names are files under a root, for hundreds of thousands of names."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from lapel.imaging.file_names import named_like_picture
from lapel.schema.errors import StorageError
from lapel.storage.local import LocalStore
from lapel.storage.names import checked_stored_name

#: Endings that a table may leave out of its image names.
ENDINGS = (".jpg", ".jpeg", ".png", ".webp")

#: Names that are tried to find out how names are meant: some of them may be gone.
NAMES_TRIED = 100


class Listing:
    """The files under a root. A folder is listed once, instead of asking for each name."""

    def __init__(self, root: Path) -> None:
        self._store = LocalStore(root)
        self._inside = root.resolve()
        self._plain: dict[str, frozenset[str]] = {}

    def exists(self, name: str) -> bool:
        """Whether a name is that of a file.

        Raises:
            StorageError: the name, or a link on its way, leaves the root.
        """
        folder, _, base = checked_stored_name(name).rpartition("/")
        if folder not in self._plain:
            self._plain[folder] = self._files_of(folder)
        # Links, odd spellings and what is not there are looked at one by one, with care.
        return base in self._plain[folder] or self._store.exists(name)

    def _files_of(self, folder: str) -> frozenset[str]:
        path = self._store.root / folder
        try:
            if not path.resolve().is_relative_to(self._inside):
                return frozenset()
            with os.scandir(path) as entries:
                return frozenset(e.name for e in entries if e.is_file(follow_symlinks=False))
        except OSError:
            return frozenset()

    def faults(self, names: Sequence[str]) -> Iterator[tuple[int, str, str]]:
        """Row, what was found and what was expected, of each name that is no file."""
        for row, name in enumerate(names):
            try:
                if not self.exists(name):
                    yield row, repr(name), f"a file in {self._store.root}"
            except StorageError as error:
                yield row, str(error), ""

    def missing_ending(self, names: Sequence[str]) -> str | None:
        """The ending that these names lack, if they are those of pictures without it."""
        if any(named_like_picture(name) for name in names):
            return None
        tried = list(islice((name for name in names if name), NAMES_TRIED))
        for ending in ENDINGS:
            for name in tried:
                try:
                    if self.exists(name + ending):
                        return ending
                except StorageError:
                    continue
        return None


def holds_file(folder: Path, name: str) -> bool:
    """Whether a folder has a file of a name, whatever that name may be."""
    # One may be too long for the file system, or go somewhere else: that is told later.
    with suppress(OSError, ValueError):
        return (folder / name).is_file()
    return False
