"""Class folders: ``CLASS/photo.jpg``, perhaps below ``train/``, ``valid/`` and ``test/``.

A file ``classes.csv`` at the top, as ``lapel data export folder`` writes it, gives the order
of the labels and those that cannot be a folder's name (``T-shirt/top``):

    folder,label
    T-shirt_top,T-shirt/top
"""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lapel.data.reading import (
    Reading,
    existing_folder,
    is_hidden,
    read_bytes,
    refuse,
    sorted_labels,
)
from lapel.imaging.file_names import named_like_picture
from lapel.schema.annotation import SPLIT_NAMES, SPLITS, Annotation
from lapel.schema.counting import counted
from lapel.schema.errors import Fault, UsageError
from lapel.schema.labels import Schema, TaskSpec

CLASSES_FILE = "classes.csv"
CLASSES_HEADER = ["folder", "label"]

#: Endings of passed-over files that are told apart.
ENDINGS_SHOWN = 8


@dataclass(slots=True)
class _Walk:
    """What is gathered on the way through the folders."""

    root: Path
    annotations: list[Annotation] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    empty: list[str] = field(default_factory=list)


def read_folder(source: str | Path, *, task: str = "category", split: str | None = None) -> Reading:
    """Class folders, with or without folders of splits above them.

    Args:
        source: the folder. If its subfolders are all named like splits (train, training,
            valid, val, validation, dev, test, testing), classes are looked for in each.
        task: what to call the question that the folders answer.
        split: the split that a source without split folders makes up; None is ``train``.

    Raises:
        UsageError: no such folder, or no such split.
        FormatError: pictures outside any class, names that are no text, links that lead out
            of the folder, split names beside others; all faults together.
    """
    root = existing_folder(source)
    if split is not None and split not in SPLITS:
        raise UsageError(f"found split {split!r}, expected one of: {', '.join(SPLITS)}")
    walk = _Walk(root)
    names = _named_classes(root, walk)
    split_folders = _split_folders(root, walk)
    if split_folders:
        for folder, its_split in split_folders.items():
            _read_classes(root / folder, its_split, names, task, walk)
    else:
        _read_classes(root, split, names, task, walk)
    if not walk.annotations and not walk.faults:
        walk.faults.append(
            Fault(file=str(root), found="no pictures in class folders", expected="CLASS/photo.jpg")
        )
    found = sorted_labels(row.labels[task] for row in walk.annotations)
    if not split_folders:
        _report_wrapper(found, walk)
    refuse(walk.faults)
    labels = tuple(names.values()) or found
    return Reading(
        name=root.resolve().name,
        schema=Schema((TaskSpec(name=task, kind="single_label", labels=labels),)),
        annotations=tuple(walk.annotations),
        images=root,
        origin=f"class folders of '{root.resolve().name}'",
        notes=tuple(_notes(walk)),
    )


def _subfolders(folder: Path) -> list[str]:
    return sorted(e.name for e in os.scandir(folder) if e.is_dir() and not is_hidden(e.name))


def _split_folders(root: Path, walk: _Walk) -> dict[str, str]:
    """Folder name to split; empty if the folders are classes."""
    folders = _subfolders(root)
    splits = {name: SPLIT_NAMES[name.lower()] for name in folders if name.lower() in SPLIT_NAMES}
    classes = [name for name in folders if name not in splits]
    if splits and classes:
        walk.faults.append(
            Fault(
                file=str(root),
                found=f"folders named like splits ({', '.join(splits)}) beside others "
                f"({', '.join(classes[:5])})",
                expected="only splits or only classes at the top",
            )
        )
    if splits:
        _report_loose_images(root, walk)
    return splits


def _report_loose_images(folder: Path, walk: _Walk) -> None:
    loose = sorted(e.name for e in os.scandir(folder) if e.is_file() and named_like_picture(e.name))
    if loose:
        walk.faults.append(
            Fault(
                file=str(folder),
                found=f"{counted(len(loose), 'picture')} outside any class folder, "
                f"the first {loose[0]!r}",
                expected="each picture in the folder of its class",
            )
        )


def _report_wrapper(labels: tuple[str, ...], walk: _Walk) -> None:
    """A single class with folders in it is a folder too many: archives unpack like that."""
    if len(labels) == 1 and all(row.image.count("/") > 1 for row in walk.annotations):
        walk.faults.append(
            Fault(
                file=str(walk.root),
                found=f"one class, {labels[0]!r}, with folders in it",
                expected=f"classes at the top; if they are below it, name {walk.root / labels[0]}",
            )
        )


def _read_classes(
    folder: Path, split: str | None, names: dict[str, str], task: str, walk: _Walk
) -> None:
    _report_loose_images(folder, walk)
    for name in _subfolders(folder):
        if names and name not in names:
            walk.faults.append(
                Fault(file=str(folder / name), found="a folder", expected=f"one of {CLASSES_FILE}")
            )
            continue
        before = len(walk.annotations)
        for image in _images(folder / name, walk):
            walk.annotations.append(
                Annotation(image=image, labels={task: names.get(name, name)}, split=split)
            )
        if len(walk.annotations) == before:
            walk.empty.append((folder / name).relative_to(walk.root).as_posix())


def _images(folder: Path, walk: _Walk) -> Iterator[str]:
    """Names of the pictures in a class folder and below it, relative to the root, sorted."""
    inside = walk.root.resolve()
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        for path in (Path(place) / name for name in sorted(files) if not is_hidden(name)):
            if not named_like_picture(path):
                walk.others[path.suffix.lower()] += 1
                continue
            fault = _name_fault(path, inside)
            if fault:
                walk.faults.append(fault)
            else:
                yield path.relative_to(walk.root).as_posix()


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


def _named_classes(root: Path, walk: _Walk) -> dict[str, str]:
    """Folder name to label as ``classes.csv`` has it, in its order; empty without one."""
    path = root / CLASSES_FILE
    if not path.is_file():
        return {}
    names: dict[str, str] = {}
    try:
        rows = list(csv.reader(io.StringIO(read_bytes(path).decode("utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        walk.faults.append(
            Fault(file=str(path), found=f"text that is none ({error})", expected="CSV in UTF-8")
        )
        return {}
    for line, row in enumerate(rows, start=1):
        if line == 1 and row == CLASSES_HEADER:
            continue
        if line == 1 or len(row) != 2 or not all(row) or row[0] in names:
            expected = "the header folder,label" if line == 1 else "a new folder and its label"
            walk.faults.append(Fault(file=str(path), line=line, found=str(row), expected=expected))
            continue
        names[row[0]] = row[1]
    return names


def _notes(walk: _Walk) -> Iterator[str]:
    if walk.empty:
        yield f"class folders without pictures, left out: {', '.join(walk.empty[:10])}"
    if walk.others:
        files = counted(
            walk.others.total(), "file that is no picture", "files that are no pictures"
        )
        yield f"passed over {files}: {_endings(walk.others)}"


def _endings(others: Counter[str]) -> str:
    """How many files of which endings, the commonest first, as ``2 .txt, 1 .db``."""
    shown = [
        f"{count:,} {suffix or 'without an ending'}"
        for suffix, count in others.most_common(ENDINGS_SHOWN)
    ]
    rest = len(others) - len(shown)
    return ", ".join([*shown, f"... and {counted(rest, 'other ending')}"] if rest else shown)
