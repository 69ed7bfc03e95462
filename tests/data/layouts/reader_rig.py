"""How a reader is tested: a small good source, and the ways to spoil it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from layout_writers import write_photo

Spoil = Callable[[Path], object]


@dataclass(frozen=True, kw_only=True)
class Damage:
    """How a good source is spoilt, and what the refusal must say: file (and line), and what."""

    spoil: Spoil
    says: str


@dataclass(frozen=True, kw_only=True)
class Rig:
    """A reader's small good source, written by ``write`` below a folder, and its damages."""

    write: Callable[[Path], None]
    source: str
    options: Callable[[Path], dict[str, Any]] = lambda _: {}
    damages: dict[str, Damage] = field(default_factory=dict)


def patch(name: str, change: Callable[[bytes], bytes]) -> Spoil:
    """Change the bytes of a file."""
    return lambda root: (root / name).write_bytes(change((root / name).read_bytes()))


def swap(name: str, old: str, new: str) -> Spoil:
    """Put another text in the place of one that stands in a file."""

    def spoil(root: Path) -> None:
        text = (root / name).read_bytes().decode()
        assert old in text
        (root / name).write_bytes(text.replace(old, new, 1).encode())

    return spoil


def append(name: str, text: str) -> Spoil:
    """A line more at the end of a file."""
    return patch(name, lambda data: data + f"{text}\n".encode())


def remove(name: str) -> Spoil:
    """A file less."""
    return lambda root: (root / name).unlink()


def link_out(name: str) -> Spoil:
    """A link that leads to a picture outside the source."""

    def spoil(root: Path) -> None:
        write_photo(root.parent / f"outside of {root.name}.png", 9)
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(root.parent / f"outside of {root.name}.png")

    return spoil


def link_folder(name: str) -> Spoil:
    """A link that leads to a folder of pictures outside the source."""

    def spoil(root: Path) -> None:
        write_photo(root.parent / f"folder outside of {root.name}" / "1.png", 9)
        (root / name).symlink_to(root.parent / f"folder outside of {root.name}")

    return spoil


def both(*spoils: Spoil) -> Spoil:
    """One after another."""

    def spoil(root: Path) -> None:
        for one in spoils:
            one(root)

    return spoil


def csv_damages(file: str, *, line: int, folder: str, row: str) -> dict[str, Damage]:
    """What can be wrong with any CSV file that names images.

    Args:
        file: the CSV, below the rig's folder.
        line: number of the line after its last.
        folder: the folder that image names are relative to, below the rig's folder.
        row: a good row with ``{}`` in the place of the image's name.
    """
    short = file.rpartition("/")[2]
    cells = row.count(",") + 1

    def named(name: str) -> Spoil:
        return append(file, row.format(name))

    return {
        "row too short": Damage(
            spoil=append(file, "no cell but one"),
            says=f"{short}, line {line}: found 1 cells (no cell but one), expected {cells}, as in",
        ),
        "row too long": Damage(
            spoil=append(file, row.format("x") + ",more"),
            says=f"{short}, line {line}: found {cells + 1} cells",
        ),
        "open quote": Damage(
            spoil=append(file, '"open'),
            says=f"{short}, line {line}: found text that is no CSV",
        ),
        "no text": Damage(
            spoil=patch(file, lambda _: b""), says="found no text, expected a line of column names"
        ),
        "encoding that is none": Damage(
            spoil=patch(file, lambda data: data + b"\x81\x8d\n"),
            says="found bytes that are no text, expected text in utf-8 or cp1252",
        ),
        "bytes of zero": Damage(
            spoil=patch(file, lambda data: data + b"\0\0\0\n"),
            says="found bytes that are no text, expected text in utf-8 or cp1252",
        ),
        "spreadsheet": Damage(
            spoil=patch(file, lambda _: b"PK\x03\x04 xl/workbook.xml"),
            says=f"{short}: this is an Excel file; save it as CSV",
        ),
        "torn Parquet": Damage(
            spoil=patch(file, lambda _: b"PAR1 torn"), says="expected a Parquet table"
        ),
        "missing image": Damage(spoil=named("none.jpg"), says=f"{short}, line {line}: found '"),
        "path that leaves": Damage(
            spoil=named("../../secret.jpg"),
            says="is not a name under its root; use a relative path",
        ),
        "backslash": Damage(
            spoil=named("a\\b.jpg"), says="is not a name under its root; use a relative path"
        ),
        "name too long": Damage(spoil=named("x" * 5000), says=f"{short}, line {line}: '"),
        "link that leaves": Damage(
            spoil=both(link_out(f"{folder}/link.jpg"), named("link.jpg")),
            says="link.jpg' leads out of",
        ),
    }
