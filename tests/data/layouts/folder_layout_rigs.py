"""Class folders, and class folders inside attribute folders."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from layout_writers import write_attribute_folders, write_photo
from reader_rig import Damage, Rig, Spoil, both, link_folder, link_out

from lapel.schema.labels import Schema, TaskSpec

#: What is said of a link to a folder.
_LINKED = "more: found a link to a folder, expected the folder itself; copy it in"


def _loose(place: str) -> Damage:
    folder, _, name = place.rpartition("/")
    return Damage(
        spoil=lambda root: write_photo(root / place, 3),
        says=f"{folder}: found 1 picture outside any class folder, the first '{name}', expected",
    )


def _twice(place: str, says: str) -> Damage:
    return Damage(spoil=lambda root: write_photo(root / place, 10), says=says)


DAMAGES = {
    "picture beside the splits": _loose("src/loose.png"),
    "picture beside the attributes": _loose("src/val/loose.jpg"),
    "picture beside the classes": _loose("src/train/color/loose.webp"),
    "splits beside attributes": Damage(
        spoil=lambda root: write_photo(root / "src/color/blue/1.png", 3),
        says="src: found folders named like splits (train, val) beside others (color)",
    ),
    "photo in two classes": _twice(
        "src/train/color/red/1.png",
        "train/color/red/1.png: found the photo of 'train/color/blue/1.png' again, with another "
        "'color', expected one class ('blue' or 'red'), or tags: --multi",
    ),
    "photo in two classes of an attribute of its own": _twice(
        "src/train/season/summer/1.png",
        "found the photo of 'train/color/blue/1.png' again, with another 'season'",
    ),
    "link that leaves": Damage(
        spoil=link_out("src/train/color/red/link.png"),
        says="link.png: found a link that leads out of the folder, expected a file in it",
    ),
    "link to a folder": Damage(spoil=link_folder("src/train/color/red/more"), says=_LINKED),
    "name that is no text": Damage(
        spoil=lambda root: Path(
            os.fsdecode(os.fsencode(root) + b"/src/train/color/red/\xff.png")
        ).write_bytes(b""),
        says="found a name that is not UTF-8",
    ),
    "picture beside the classes of another split": _loose("src/val/season/loose.jpg"),
    "attribute that is no text": Damage(
        spoil=lambda root: write_photo(
            Path(os.fsdecode(os.fsencode(root) + b"/src/val/color/\xff/1.png")), 3
        ),
        says="found a name that is not UTF-8, expected a readable name",
    ),
    "no pictures": Damage(
        spoil=both(
            lambda root: shutil.rmtree(root / "src/train"),
            lambda root: shutil.rmtree(root / "src/val"),
        ),
        says="src: found no pictures, expected each picture in ATTRIBUTE/CLASS",
    ),
}

ATTRIBUTE_FOLDERS = Rig(write=write_attribute_folders, source="src", damages=DAMAGES)


def write_folders(root: Path) -> None:
    for number, place in enumerate(("train/b/1", "train/a/2", "val/a/3", "test/b/4")):
        write_photo(root / "src" / f"{place}.png", number)


def _without(folder: str) -> Spoil:
    return lambda root: shutil.rmtree(root / folder)


def _wrap(root: Path) -> None:
    """Put all that is in the source into a folder in it."""
    (root / "src").rename(root / "deeper")
    (root / "src").mkdir()
    (root / "deeper").rename(root / "src" / "archive")


FOLDER = Rig(
    write=write_folders,
    source="src",
    damages={
        "loose picture": Damage(
            spoil=lambda root: write_photo(root / "src/train/loose.png", 3),
            says="src/train: found 1 picture outside any class folder, the first 'loose.png'",
        ),
        "splits beside classes": Damage(
            spoil=lambda root: write_photo(root / "src/hat/1.png", 3),
            says=r"folders named like splits (test, train, val) beside others (hat)",
        ),
        "linked class": Damage(
            spoil=link_folder("src/train/more"),
            says=_LINKED,
        ),
        "link that leaves": Damage(
            spoil=link_out("src/train/a/link.png"),
            says="link.png: found a link that leads out of the folder",
        ),
        "link to a folder": Damage(spoil=link_folder("src/train/a/more"), says=_LINKED),
        "class not listed": Damage(
            spoil=lambda root: (root / "src/classes.csv").write_text("folder,label\na,A\n"),
            says="train/b: found a folder, expected one of classes.csv",
        ),
        "classes without header": Damage(
            spoil=lambda root: (root / "src/classes.csv").write_text("a,A\nb,B\n"),
            says="classes.csv, line 1: found ['a', 'A'], expected the header folder,label",
        ),
        "class listed twice": Damage(
            spoil=lambda root: (root / "src/classes.csv").write_text(
                "folder,label\na,A\nb,B\na,C\n"
            ),
            says="classes.csv, line 4: found ['a', 'C'], expected a new folder",
        ),
        "name that is no text": Damage(
            spoil=lambda root: Path(
                os.fsdecode(os.fsencode(root) + b"/src/train/a/\xff.png")
            ).write_bytes(b""),
            says="found a name that is not UTF-8",
        ),
        "picture beside the splits": Damage(
            spoil=lambda root: write_photo(root / "src/loose.png", 3),
            says="src: found 1 picture outside any class folder, the first 'loose.png'",
        ),
        "no pictures": Damage(
            spoil=both(*(_without(f"src/{part}") for part in ("train", "val", "test"))),
            says="src: found no pictures in class folders, expected CLASS/photo.jpg",
        ),
        "a folder too many": Damage(
            spoil=_wrap,
            says="src: found one class, 'archive', with folders in it, expected classes at the",
        ),
        "class without a name": Damage(
            spoil=lambda root: (root / "src/classes.csv").write_text("folder,label\na,A\nb,\n"),
            says="classes.csv, line 3: found ['b', ''], expected a new folder and its label",
        ),
        "class of three cells": Damage(
            spoil=lambda root: (root / "src/classes.csv").write_text("folder,label\na,A,x\nb,B\n"),
            says="classes.csv, line 2: found ['a', 'A', 'x'], expected a new folder",
        ),
        "classes that are no text": Damage(
            spoil=lambda root: (root / "src/classes.csv").write_bytes(b"folder,label\n\xff,A\n"),
            says="classes.csv: found text that is no CSV",
        ),
        "one class too few": Damage(
            spoil=lambda root: (root / "src/classes.csv").write_text("folder,label\nb,B\n"),
            says="train/a: found a folder, expected one of classes.csv",
        ),
    },
)


UNLABELLED = Rig(
    write=write_folders,
    source="src",
    options=lambda _: {
        "schema": Schema((TaskSpec(name="category", kind="single_label", labels=("a", "b")),))
    },
    damages={
        "link that leaves": Damage(
            spoil=link_out("src/train/a/link.png"),
            says="link.png: found a link that leads out of the folder",
        ),
        "link to a folder": Damage(spoil=link_folder("src/train/a/more"), says=_LINKED),
        "name that is no text": Damage(
            spoil=lambda root: Path(
                os.fsdecode(os.fsencode(root) + b"/src/train/a/\xff.png")
            ).write_bytes(b""),
            says="found a name that is not UTF-8",
        ),
        "no pictures": Damage(
            spoil=both(*(_without(f"src/{part}") for part in ("train", "val", "test"))),
            says="src: found no pictures, expected photos, in this folder or in folders below it",
        ),
    },
)
