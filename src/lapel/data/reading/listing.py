"""Careful looks at lists of images, for readers of layouts that keep their labels in text files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lapel.data.reading.base import read_bytes
from lapel.data.reading.image_names import Listing
from lapel.schema.errors import Fault, FormatError, StorageError


def text_lines(path: Path) -> list[str]:
    """The lines of a text file in UTF-8; LF or CRLF parts them, and one may end the last.

    Raises:
        FormatError: bytes that are no UTF-8, or NUL among them.
        StorageError: the file cannot be read.
    """
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        fault = Fault(
            file=str(path), found=f"bytes that are no text ({error})", expected="UTF-8 text"
        )
        raise FormatError([fault]) from error
    if "\0" in text:
        fault = Fault(file=str(path), found="bytes that are no text (NUL)", expected="UTF-8 text")
        raise FormatError([fault])
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    return lines[:-1] if lines[-1] == "" else lines


class ImageList:
    """Images as files name them: each once, and a file under the root.

    Attributes:
        faults: what has been found wrong so far.
        missing: those of them whose file is not there.
    """

    def __init__(self, root: Path) -> None:
        self.faults: list[Fault] = []
        self.missing: list[Fault] = []
        self._root = root
        self._files = Listing(root)
        self._first: dict[str, str] = {}

    def add(self, name: str, *, file: str, line: int | None) -> bool:
        """Take a name down; what is wrong with it becomes a fault.

        Args:
            name: relative to the root.
            file: where it is named.
            line: on which line.

        Returns:
            Whether it is a new file under the root.
        """
        place = file if line is None else f"{file}, line {line}"
        if not name:
            found, expected = "no name", "that of an image"
        elif name in self._first:
            found, expected = f"{name!r} again ({self._first[name]})", "each image once"
        else:
            self._first[name] = place
            try:
                if self._files.exists(name):
                    return True
                self._miss(name, file, line)
                return False
            except StorageError as error:
                found, expected = str(error), ""
        self.faults.append(Fault(file=file, line=line, found=found, expected=expected))
        return False

    def _miss(self, name: str, file: str, line: int | None) -> None:
        expected = f"a file in {self._root}"
        fault = Fault(file=file, line=line, found=repr(name), expected=expected)
        self.faults.append(fault)
        self.missing.append(fault)

    def refused(self, *, skip_missing: bool) -> list[Fault]:
        """The faults; without those of files that are not there, where these may be left out."""
        passed = set(self.missing) if skip_missing else set()
        return [fault for fault in self.faults if fault not in passed]


def whole_numbers(words: Iterable[str]) -> list[int] | None:
    """Words as whole numbers from 0, leading zeros allowed; None where one is something else."""
    numbers = list(words)
    # Not isdigit(): that takes the digits of other scripts, and superscripts.
    if any(not (word.isascii() and word.isdecimal()) for word in numbers):
        return None
    return [int(word) for word in numbers]
