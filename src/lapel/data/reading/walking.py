"""Going through folders of pictures, for readers of layouts whose folders are labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lapel.data.reading.base import is_hidden
from lapel.imaging.file_names import named_like_picture
from lapel.schema.annotation import SPLIT_NAMES
from lapel.schema.counting import counted
from lapel.schema.errors import Fault
from lapel.storage.folders import entries_of, walk

#: Endings of passed-over files that are told apart.
ENDINGS_SHOWN = 8


@dataclass(slots=True)
class Walk:
    """What is gathered on the way through the folders.

    Attributes:
        root: where it begins; names are relative to it.
        faults: what was found wrong.
        others: endings of the files that are no pictures, and how many.
        empty: folders of labels without a picture.
    """

    root: Path
    faults: list[Fault] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    empty: list[str] = field(default_factory=list)

    def images(self, folder: Path) -> Iterator[str]:
        """Names of the pictures in a folder and below it, relative to the root, sorted.

        Links to folders are faults: they are not gone into.

        Raises:
            StorageError: a folder cannot be read.
        """
        linked = [one for one in (folder, *folder.parents) if one.is_symlink()]
        below = [one for one in linked if one != self.root and one.is_relative_to(self.root)]
        if below:
            faults = link_faults(str(below[0].parent), [below[0].name])
            self.faults += [fault for fault in faults if fault not in self.faults]
            return
        inside = self.root.resolve()
        for place, folders, files in walk(folder):
            folders[:] = sorted(name for name in folders if not is_hidden(name))
            self.faults += link_faults(place, folders)
            for path in (Path(place) / name for name in sorted(files) if not is_hidden(name)):
                if not named_like_picture(path):
                    self.others[path.suffix.lower()] += 1
                    continue
                fault = _name_fault(path, inside)
                if fault:
                    self.faults.append(fault)
                else:
                    yield path.relative_to(self.root).as_posix()

    def report_loose_images(self, folder: Path, *, expected: str) -> None:
        """Pictures that lie beside the folders of labels are a fault."""
        loose = [
            entry.name
            for entry in entries_of(folder)
            if entry.is_file() and named_like_picture(entry.name)
        ]
        if loose:
            found = (
                f"{counted(len(loose), 'picture')} outside any class folder, the first {loose[0]!r}"
            )
            self.faults.append(Fault(file=str(folder), found=found, expected=expected))

    def split_folders(self, folder: Path) -> dict[str, str]:
        """Folder name to split; empty if the folders are none of splits."""
        folders = subfolders(folder)
        splits = {
            name: SPLIT_NAMES[name.lower()] for name in folders if name.lower() in SPLIT_NAMES
        }
        others = [name for name in folders if name not in splits]
        if splits and others:
            self.faults.append(
                Fault(
                    file=str(folder),
                    found=f"folders named like splits ({', '.join(splits)}) beside others "
                    f"({', '.join(others[:5])})",
                    expected="only splits or only classes at the top",
                )
            )
        return splits

    def notes(self) -> Iterator[str]:
        """What the user should know about files and folders that were passed over."""
        if self.empty:
            yield f"class folders without pictures, left out: {', '.join(self.empty[:10])}"
        if self.others:
            files = counted(
                self.others.total(), "file that is no picture", "files that are no pictures"
            )
            yield f"passed over {files}: {_endings(self.others)}"


def subfolders(folder: Path) -> list[str]:
    """Names of the folders in a folder, sorted, an operating system's own left out.

    Raises:
        StorageError: it cannot be read.
    """
    return [one.name for one in entries_of(folder) if one.is_dir() and not is_hidden(one.name)]


def link_faults(place: str, folders: Iterable[str]) -> Iterator[Fault]:
    """A fault for each link to a folder, since a walk passes over what it leads to.

    Args:
        place: the folder that they lie in.
        folders: names of what the walk found there that is a folder, or a link to one.
    """
    for path in (Path(place) / name for name in folders):
        if path.is_symlink():
            found, expected = "a link to a folder", "the folder itself; copy it in"
            yield Fault(file=str(path), found=found, expected=expected)


def _name_fault(path: Path, inside: Path) -> Fault | None:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return Fault(
            file=ascii(str(path)), found="a name that is not UTF-8", expected="a readable name"
        )
    if path.is_symlink() and not path.resolve().is_relative_to(inside):
        return Fault(
            file=str(path), found="a link that leads out of the folder", expected="a file in it"
        )
    return None


def _endings(others: Counter[str]) -> str:
    """How many files of which endings, the commonest first, as ``2 .txt, 1 .db``."""
    shown = [
        f"{count:,} {suffix or 'without an ending'}"
        for suffix, count in others.most_common(ENDINGS_SHOWN)
    ]
    rest = len(others) - len(shown)
    return ", ".join([*shown, f"... and {counted(rest, 'other ending')}"] if rest else shown)
