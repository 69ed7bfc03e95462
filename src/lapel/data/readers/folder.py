"""Class folders: ``CLASS/photo.jpg``, perhaps below ``train/``, ``valid/`` and ``test/``.

A file ``classes.csv`` at the top, as ``lapel data export folder`` writes it, gives the order
of the labels and those that cannot be a folder's name (``T-shirt/top``):

    folder,label
    T-shirt_top,T-shirt/top
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from pathlib import Path

from lapel.data.reading.base import Reading, existing_folder, read_bytes, refuse, sorted_labels
from lapel.data.reading.walking import Walk, subfolders
from lapel.schema.annotation import SPLITS, Annotation, held
from lapel.schema.errors import Fault, UsageError
from lapel.schema.labels import Schema, TaskSpec

CLASSES_FILE = "classes.csv"
CLASSES_HEADER = ["folder", "label"]

#: Where a picture belongs.
PLACE = "each picture in the folder of its class"


@dataclass(slots=True)
class _Folders(Walk):
    """A walk that gathers rows, too."""

    annotations: list[Annotation] = field(default_factory=list)


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
            of the folder or to a folder, split names beside others; all faults together.
    """
    root = existing_folder(source)
    if split is not None and split not in SPLITS:
        raise UsageError(f"found split {split!r}, expected one of: {', '.join(SPLITS)}")
    walk = _Folders(root)
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
    found = sorted_labels(word for row in walk.annotations for word in held(row.labels[task]))
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
        notes=tuple(walk.notes()),
    )


def _split_folders(root: Path, walk: _Folders) -> dict[str, str]:
    """Folder name to split; empty if the folders are classes."""
    splits = walk.split_folders(root)
    if splits:
        walk.report_loose_images(root, expected=PLACE)
    return splits


def _report_wrapper(labels: tuple[str, ...], walk: _Folders) -> None:
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
    folder: Path, split: str | None, names: dict[str, str], task: str, walk: _Folders
) -> None:
    walk.report_loose_images(folder, expected=PLACE)
    for name in subfolders(folder):
        if names and name not in names:
            walk.faults.append(
                Fault(file=str(folder / name), found="a folder", expected=f"one of {CLASSES_FILE}")
            )
            continue
        before = len(walk.annotations)
        for image in walk.images(folder / name):
            walk.annotations.append(
                Annotation(image=image, labels={task: names.get(name, name)}, split=split)
            )
        if len(walk.annotations) == before:
            walk.empty.append((folder / name).relative_to(walk.root).as_posix())


def _named_classes(root: Path, walk: _Folders) -> dict[str, str]:
    """Folder name to label as ``classes.csv`` has it, in its order; empty without one."""
    path = root / CLASSES_FILE
    if not path.is_file():
        return {}
    names: dict[str, str] = {}
    try:
        rows = list(csv.reader(io.StringIO(read_bytes(path).decode("utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        walk.faults.append(
            Fault(file=str(path), found=f"text that is no CSV ({error})", expected="CSV in UTF-8")
        )
        return {}
    for line, row in enumerate(rows, start=1):
        if line == 1 and row == CLASSES_HEADER:
            continue
        if line == 1 or len(row) != 2 or not all(row) or row[0] in names:
            header = "the header folder,label, or no such file"
            expected = header if line == 1 else "a new folder and its label"
            walk.faults.append(Fault(file=str(path), line=line, found=str(row), expected=expected))
            continue
        names[row[0]] = row[1]
    return names
