"""Class folders inside attribute folders: ``ATTRIBUTE/CLASS/photo.jpg``.

    color/blue/0001.jpg
    color/red/0002.jpg
    season/winter/0001.jpg

Each attribute is a task. A photo that answers several questions lies in several folders: files of
one name with the same bytes are one photo. Files of one name that differ are different photos.
Folders of splits (``train``, ``valid``, ``test``) may stand above.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lapel.data.reading.base import Reading, existing_folder, read_bytes, refuse, sorted_labels
from lapel.data.reading.walking import Walk, subfolders
from lapel.schema.annotation import Annotation, Label, Tags
from lapel.schema.errors import Fault, UsageError
from lapel.schema.labels import Schema, TaskSpec

_PLACE = "each picture in ATTRIBUTE/CLASS"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A file, and what its folders say of it."""

    image: str
    file: str
    split: str | None
    attribute: str
    label: str


@dataclass(slots=True)
class _Photo:
    """One photo, wherever it lies."""

    image: str
    split: str | None
    labels: dict[str, list[str]] = field(default_factory=dict)


def read_attribute_folders(source: str | Path, *, multi: Sequence[str] = ()) -> Reading:
    """Attribute folders with class folders in them.

    Args:
        source: the folder that holds them, or folders of splits above them.
        multi: attributes of which a photo may have several classes: they become tags, and every
            class that a photo of the attribute does not lie in is a no.

    Raises:
        UsageError: no such folder or attribute.
        FormatError: pictures outside class folders, a photo in two classes of one attribute,
            names that are no text, links that lead out or to folders; all faults together.
        StorageError: a picture that lies in several folders cannot be read.
    """
    root = existing_folder(source)
    walk = Walk(root)
    found = list(_find(root, walk))
    attributes = tuple(dict.fromkeys(sorted(one.attribute for one in found)))
    strange = [name for name in multi if name not in attributes]
    if strange and found:
        raise UsageError(f"no attribute {strange[0]!r}; the folders are: {', '.join(attributes)}")
    if not found and not walk.faults:
        walk.faults.append(Fault(file=str(root), found="no pictures", expected=_PLACE))
    photos = _merge(root, found, set(multi), walk)
    refuse(walk.faults)
    merged = len(found) - len(photos)
    notes = (
        [f"{merged:,} files are copies of photos in other attributes' folders"] if merged else []
    )
    return Reading(
        name=root.resolve().name,
        schema=Schema(tuple(_task(name, found, name in multi) for name in attributes)),
        annotations=tuple(_annotation(photo, set(multi)) for photo in photos),
        images=root,
        origin=f"attribute folders of '{root.resolve().name}'",
        notes=(*notes, *walk.notes()),
    )


def _find(root: Path, walk: Walk) -> Iterator[_Found]:
    splits = walk.split_folders(root)
    if not splits:
        yield from _find_below(root, None, walk)
        return
    walk.report_loose_images(root, expected=_PLACE)
    for folder, split in splits.items():
        yield from _find_below(root / folder, split, walk)


def _find_below(folder: Path, split: str | None, walk: Walk) -> Iterator[_Found]:
    walk.report_loose_images(folder, expected=_PLACE)
    for attribute in subfolders(folder):
        walk.report_loose_images(folder / attribute, expected=_PLACE)
        for label in subfolders(folder / attribute):
            place = folder / attribute / label
            images = list(walk.images(place))
            if not images:
                walk.empty.append(place.relative_to(walk.root).as_posix())
            for image in images:
                file = (walk.root / image).relative_to(place).as_posix()
                yield _Found(image=image, file=file, split=split, attribute=attribute, label=label)


def _merge(root: Path, found: Sequence[_Found], multi: set[str], walk: Walk) -> list[_Photo]:
    """Photos in the order of their first files; only files of a common name are compared."""
    by_name: dict[tuple[str | None, str], int] = defaultdict(int)
    for one in found:
        by_name[one.split, one.file] += 1
    photos: dict[tuple[str | None, str], _Photo] = {}
    for one in found:
        key = (one.split, one.image)
        if by_name[one.split, one.file] > 1:
            digest = hashlib.sha256(read_bytes(root / one.image)).hexdigest()
            key = (one.split, f"{one.file}\0{digest}")
        photo = photos.setdefault(key, _Photo(one.image, one.split))
        labels = photo.labels.setdefault(one.attribute, [])
        if labels and one.attribute not in multi:
            shown = f"the photo of {photo.image!r} again, with another '{one.attribute}'"
            expected = f"one class ({labels[0]!r} or {one.label!r}), or tags: --multi"
            walk.faults.append(Fault(file=one.image, found=shown, expected=expected))
        labels.append(one.label)
    return list(photos.values())


def _task(name: str, found: Sequence[_Found], multi: bool) -> TaskSpec:
    labels = sorted_labels(one.label for one in found if one.attribute == name)
    return TaskSpec(name=name, kind="multi_label" if multi else "single_label", labels=labels)


def _annotation(photo: _Photo, multi: set[str]) -> Annotation:
    labels: dict[str, Label] = {
        name: Tags(tuple(sorted(found))) if name in multi else found[0]
        for name, found in photo.labels.items()
    }
    return Annotation(image=photo.image, labels=labels, split=photo.split)
