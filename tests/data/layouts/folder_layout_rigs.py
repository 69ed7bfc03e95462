"""Class folders inside attribute folders."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from layout_writers import write_attribute_folders, write_photo
from reader_rig import Damage, Rig, both, link_out


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
    "name that is no text": Damage(
        spoil=lambda root: Path(
            os.fsdecode(os.fsencode(root) + b"/src/train/color/red/\xff.png")
        ).write_bytes(b""),
        says="found a name that is not UTF-8",
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
