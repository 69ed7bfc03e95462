"""Where files in COCO's form and their photos lie: tools put them in different places."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

from lapel.data.reading.base import is_hidden
from lapel.data.reading.image_names import NAMES_TRIED, holds_file
from lapel.data.reading.walking import subfolders
from lapel.schema.annotation import SPLIT_NAMES
from lapel.schema.errors import UsageError

#: Folders that photos may be in, beside the usual names of splits.
_IMAGE_FOLDERS = ("", "images", "photos", "data")

#: Of several files of one split, the one whose name says that it marks objects.
_MARKING = "instances"

#: Other lists of COCO's that lie beside.
_OTHER = ("captions", "stuff", "panoptic", "person_keypoints")


def coco_files(root: Path) -> dict[str | None, Path]:
    """Split to its file, in a folder: below folders of splits, or named after them.

    Raises:
        UsageError: none, or several of one split.
    """
    found: dict[str | None, list[Path]] = {}
    for name in subfolders(root):
        if name.lower() in SPLIT_NAMES:
            found.setdefault(SPLIT_NAMES[name.lower()], []).extend(_json_files(root / name))
    if not any(found.values()):
        paths = [*_json_files(root / "annotations"), *_json_files(root)]
        found = {}
        for path in paths:
            found.setdefault(_split_of(path), []).append(path)
    chosen = {split: _only(split, paths) for split, paths in found.items() if paths}
    if None in chosen and len(chosen) > 1:
        # One that names no split beside others that do: it may be anything.
        del chosen[None]
    if not chosen:
        raise UsageError(f"{root}: found no JSON file, expected one in it, or in its annotations")
    return chosen


def _json_files(folder: Path) -> list[Path]:
    paths = folder.glob("*.json") if folder.is_dir() else ()
    return sorted(path for path in paths if not is_hidden(path.name))


def _words(path: Path) -> list[str]:
    return re.findall("[a-z]+", path.stem.lower())


def _split_of(path: Path) -> str | None:
    return next((SPLIT_NAMES[word] for word in _words(path) if word in SPLIT_NAMES), None)


def _only(split: str | None, paths: list[Path]) -> Path:
    marking = [path for path in paths if _MARKING in _words(path)]
    others = [path for path in paths if not path.name.startswith(_OTHER)]
    chosen = marking or others or paths
    if len(chosen) > 1:
        names = ", ".join(path.name for path in chosen)
        raise UsageError(
            f"{chosen[0].parent}: found {names} of {split or 'no split'}; name one FILE.json as "
            "the source, and others with --validation and --test"
        )
    return chosen[0]


def image_root(path: Path, images: Path | None) -> Path:
    """What image names are relative to, of files that were named one by one."""
    if images is not None:
        return images
    # Where a folder of annotations stands beside those of photos, the one above holds both.
    return path.parent.parent if path.parent.name in {"annotations", "labels"} else path.parent


def image_folder(root: Path, path: Path, names: Iterable[str], split: str | None) -> str:
    """The folder below the root in which the photos of a file are.

    It is found by the first photo that lies in some folder: the first of the list may be gone.

    Returns:
        The folder with ``/`` after it, or an empty text.
    """
    tried = list(islice(names, NAMES_TRIED))
    places = list(_candidates(root, path, split))
    for name in tried:
        for place in places:
            if holds_file(root / place, name):
                return f"{place}/" if place else ""
    folders = subfolders(root)
    for name in tried:
        # Folders may be called otherwise; of several that hold it nobody knows which is meant.
        others = [folder for folder in folders if holds_file(root / folder, name)]
        if others:
            return f"{others[0]}/" if len(others) == 1 else ""
    return ""


def _candidates(root: Path, path: Path, split: str | None) -> Iterator[str]:
    """Folders to look in: the file's own, the usual ones, those named after the split or file."""
    inside = path.parent.resolve()
    if inside.is_relative_to(root.resolve()):
        yield inside.relative_to(root.resolve()).as_posix().removeprefix(".")
    spellings = [name for name, its in SPLIT_NAMES.items() if its == split]
    named = re.split("[_ .-]", path.stem)
    for top in _IMAGE_FOLDERS:
        yield top
        for name in (*spellings, *named):
            yield f"{top}/{name}".removeprefix("/")
            yield f"{name}/{top}".removesuffix("/")


def one_each(path: Path, more: Mapping[str, Path | None]) -> dict[str | None, Path]:
    """Split to file, of files that were named one by one."""
    others = {split: other for split, other in more.items() if other is not None}
    first: dict[str | None, Path] = {("train" if others else None): path}
    return first | others
