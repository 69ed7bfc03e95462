"""K-Fashion of AI Hub: a JSON file an image, with keys and labels in Korean.

    Training/.../100026.json     Training/.../100026.jpg
    Validation/.../...

Labels stay Korean; the glossary has English for each. The styles are asked of the whole picture,
all else of each part: 상의 (top), 하의 (bottom), 아우터 (outerwear), 원피스 (one-piece). Tasks are
named by both, such as ``상의_카테고리``. The files are described in
:mod:`lapel.data.kfashion.record`, the words in :mod:`lapel.data.kfashion.words`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from lapel.data.kfashion.record import Record, parse_record
from lapel.data.kfashion.words import (
    FIELD_SPELLINGS,
    MANY,
    SECOND_STYLE,
    STYLE,
    WORD_SPELLINGS,
    Question,
    question_of,
    questions,
)
from lapel.data.progress import Track, silent
from lapel.data.reading.base import Reading, existing_folder, is_hidden, read_bytes, refuse
from lapel.data.reading.json_records import RecordError
from lapel.data.reading.listing import ImageList
from lapel.data.reading.on_demand import OnDemand
from lapel.data.reading.walking import link_faults
from lapel.imaging.file_names import named_like_picture
from lapel.schema.annotation import SPLIT_NAMES, Annotation, Label, Tags
from lapel.schema.counting import counted
from lapel.schema.errors import Fault
from lapel.schema.garments import Garment
from lapel.schema.labels import Schema
from lapel.storage.folders import walk


@dataclass(slots=True)
class _Found:
    """What is gathered file by file."""

    annotations: list[Annotation] = field(default_factory=list)
    records: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    oddities: Counter[str] = field(default_factory=Counter)
    asked: set[str] = field(default_factory=set)
    new: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


def read_kfashion(
    source: str | Path,
    *,
    new_labels: bool = False,
    skip_missing: bool = False,
    boxes: bool = True,
    track: Track = silent,
) -> Reading:
    """The folder that holds the JSON files and the images, at any depth.

    Args:
        source: the folder. Folders named like splits (Training, Validation) give the split.
        new_labels: take words beyond the vocabulary, after it; else they are faults.
        skip_missing: leave out records whose image is not there; else they are faults.
        boxes: read boxes and outlines, too.
        track: is told how far the work is.

    Raises:
        UsageError: no such folder.
        FormatError: files that are no records, words beyond the vocabulary, images that are
            missing or described twice, links to folders; all faults together.
        StorageError: a file or folder cannot be read.
    """
    root = existing_folder(source)
    images = ImageList(root)
    found = _Found()
    records, pictures = _list_files(root, found)
    for name in track(records, len(records), "Reading records"):
        record = _record(root / name, found, boxes=boxes)
        image = record and _image_of(record, name, pictures, root, found, skip_missing)
        if record and image and images.add(image, file=str(root / name), line=None):
            labels = _labels(record, str(root / name), found, new_labels)
            found.annotations.append(Annotation(image=image, labels=labels, split=_split(name)))
            if record.garments:
                found.records[image] = name
    faults = [*found.faults, *images.faults]
    if not found.annotations and not faults:
        files = counted(len(records), "JSON file")
        what = f"{files} and no image of any" if records else "no JSON files"
        faults = [Fault(file=str(root), found=what, expected="one an image")]
    refuse(faults, remedy=_remedy(faults))
    asked = [question for question in questions() if question.task in found.asked]
    if not asked:
        refuse([Fault(file=str(root), found="no label in any file", expected="some")])
    return Reading(
        name=root.resolve().name,
        schema=Schema(tuple(q.spec(tuple(sorted(found.new[q.task]))) for q in asked)),
        annotations=tuple(found.annotations),
        images=root,
        origin="K-Fashion of AI Hub",
        notes=tuple(_notes(found)),
        garments=OnDemand(found.records, lambda image: _garments(root / found.records[image])),
        glossary=_glossary(asked),
    )


def _list_files(root: Path, found: _Found) -> tuple[list[str], dict[str, list[str]]]:
    """Records, sorted, and pictures by their names without ending; relative to the root."""
    records: list[str] = []
    pictures: dict[str, list[str]] = defaultdict(list)
    for place, folders, files in walk(root):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        found.faults += link_faults(place, folders)
        for name in sorted(name for name in files if not is_hidden(name)):
            relative = (Path(place) / name).relative_to(root).as_posix()
            if name.lower().endswith(".json"):
                records.append(relative)
            elif named_like_picture(name):
                pictures[PurePosixPath(name).stem].append(relative)
    return sorted(records), pictures


def _record(path: Path, found: _Found, *, boxes: bool) -> Record | None:
    """A file's record if it has no fault."""
    try:
        record = parse_record(read_bytes(path), places=boxes)
    except RecordError as error:
        found.faults.append(error.fault(path))
        return None
    found.faults += [Fault(file=str(path), found=f, expected=e) for f, e in record.faults]
    found.oddities += record.oddities
    return None if record.faults else record


def _garments(path: Path) -> tuple[Garment, ...]:
    """The garments of a record that was read before.

    Raises:
        FormatError: it was changed in the meantime.
        StorageError: it cannot be read any more.
    """
    found = _Found()
    record = _record(path, found, boxes=True)
    refuse(found.faults)
    return tuple(record.garments) if record else ()


def _image_of(
    record: Record,
    name: str,
    pictures: dict[str, list[str]],
    root: Path,
    found: _Found,
    skip_missing: bool,
) -> str | None:
    """The picture of a record: beside it, else the only one of its name."""
    there = pictures.get(str(record.identifier), [])
    beside = [one for one in there if PurePosixPath(one).parent == PurePosixPath(name).parent]
    chosen = beside or there
    if len(chosen) == 1:
        return chosen[0]
    if not chosen and skip_missing:
        found.oddities["records without their image, left out"] += 1
        return None
    number = f"{len(chosen)} images" if chosen else "no image"
    fault = Fault(
        file=str(root / name),
        found=f"{number} of the name {record.identifier}.jpg",
        expected=f"one in {root}",
    )
    found.faults.append(fault)
    return None


def _labels(record: Record, file: str, found: _Found, new_labels: bool) -> dict[str, Label]:
    labels: dict[str, Label] = {}
    for part, fields in record.labels.items():
        for key, value in fields.items():
            name = FIELD_SPELLINGS.get(key, key)
            question = question_of(name if part == STYLE else f"{part}_{name}")
            if question is None or (part == STYLE) is not (name in {STYLE, SECOND_STYLE}):
                found.oddities[f"the field {key!r} of {part!r}, passed over"] += 1
                continue
            label = _label(question, value, file, found, new_labels)
            if label is not None:
                labels[question.task] = label
                found.asked.add(question.task)
    return labels


def _label(question: Question, value: Any, file: str, found: _Found, new_labels: bool) -> Label:  # noqa: ANN401 - what JSON holds
    many = question.field in MANY
    words: Any = value if many else [value]
    if not isinstance(words, list) or not all(isinstance(word, str) and word for word in words):
        expected = "a list of texts" if many else "a text"
        found.faults.append(Fault(file=file, found=f"{question.task} {value!r}", expected=expected))
        return None
    spelt = [_spelt(question, word) for word in words]
    beyond = [word for word in spelt if word not in question.words]
    if beyond and not new_labels:
        expected = f"a word of the vocabulary: {', '.join(list(question.words)[:8])}, ..."
        found.faults += [
            Fault(file=file, found=f"{question.task} {word!r}", expected=expected)
            for word in beyond
        ]
        return None
    found.new[question.task].update(beyond)
    return Tags(tuple(dict.fromkeys(spelt))) if many else spelt[0]


def _spelt(question: Question, word: str) -> str:
    """A word as our vocabulary spells it."""
    return word if word in question.words else WORD_SPELLINGS.get(word, word)


def _split(name: str) -> str | None:
    """The split that a folder in the path names."""
    folders = (part.lower() for part in PurePosixPath(name).parent.parts)
    return next((SPLIT_NAMES[part] for part in folders if part in SPLIT_NAMES), None)


def _remedy(faults: list[Fault]) -> str:
    if any("vocabulary" in fault.expected for fault in faults):
        return "Words that are right but new are taken with --new-labels."
    if any(fault.found.startswith("no image") for fault in faults):
        return "Records without an image are left out with --skip-missing."
    if any("box" in fault.found or "corner" in fault.found for fault in faults):
        return "Boxes and outlines are left out with --no-boxes."
    return ""


def _glossary(asked: list[Question]) -> dict[str, str]:
    """Tasks, and labels as ``TASK=LABEL``, to English."""
    glossary = {}
    for question in asked:
        glossary[question.task] = question.english
        glossary |= {f"{question.task}={word}": text for word, text in question.words.items()}
    return glossary


def _notes(found: _Found) -> Iterator[str]:
    for what, count in found.oddities.most_common():
        yield f"{what}: {count:,}"
    new = sum(map(len, found.new.values()))
    if new:
        yield f"labels beyond the vocabulary: {new:,}"
    if found.records:
        yield f"boxes and outlines of {counted(len(found.records), 'image')} go to garments.jsonl"
    yield "labels stay Korean; glossary.json has them in English"
