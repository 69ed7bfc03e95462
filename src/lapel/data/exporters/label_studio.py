"""Datasets as Label Studio takes them: a labelling configuration, tasks, pictures."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lapel.data.dataset import Dataset
from lapel.data.exporting import Exported, copy_images, flat_places
from lapel.data.images import packed_row
from lapel.data.progress import Track, silent
from lapel.review.label_studio.binding import Binding, bind
from lapel.review.label_studio.config import parse_config
from lapel.review.label_studio.from_labels import results_of_labels
from lapel.review.label_studio.writing import KEY, config_xml
from lapel.schema.annotation import Label, Tags
from lapel.schema.counting import counted
from lapel.schema.errors import UsageError
from lapel.schema.garments import Garment, Garments
from lapel.schema.geometry import Landmarks
from lapel.storage.folders import atomic_folder

CONFIG_FILE, TASKS_FILE, IMAGES = "config.xml", "tasks.json", "images"

#: What Label Studio has no place for, in photos with labels: it comes home as nothing in the photo.
UNKNOWN_PARTS = "tags and landmarks that nobody knows or that the edge cuts off"
UNKNOWN_TASKS = "tasks of which nobody knows anything, in photos with answers to others"

#: What the labels that stand may become.
AS = ("annotations", "predictions", "nothing")


def export_label_studio(
    dataset: Dataset,
    out: Path,
    *,
    task: Sequence[str] | None = None,
    split: str | None = None,
    labels: str = "annotations",
    address: str | None = None,
    track: Track = silent,
) -> Exported:
    """``config.xml``, ``tasks.json`` and ``images``.

    Args:
        dataset: what to write.
        out: the folder to make, new or empty.
        task: which tasks are asked; by default all.
        split: of which images; none: of all, with the split in the data of each task.
        labels: whether labels that are known become ``annotations``, ``predictions`` that people
            confirm, or ``nothing``.
        address: what stands before a picture's name in the tasks; by default that of Label
            Studio's local files, below the folder's own name.
        track: is told how far the work is.

    Raises:
        UsageError: no such way with labels.
        DatasetError: no such split.
        SchemaError: no such task.
        StorageError: ``out`` is not empty or cannot be written, or an image cannot be read.
    """
    if labels not in AS:
        raise UsageError(f"labels become {', '.join(AS[:-1])} or {AS[-1]}; found {labels!r}")
    part = dataset if split is None else dataset.split(split)
    schema = part.schema if task is None else part.schema.select(task)
    xml = config_xml(schema)
    binding = bind(parse_config(xml), schema)
    places = flat_places(part, part.names(), IMAGES)
    before = f"/data/local-files/?d={out.resolve().name}/" if address is None else address
    notes: dict[str, int] = {}
    with atomic_folder(out) as building:
        copy_images(part, building, places, track)
        (building / CONFIG_FILE).write_text(xml, encoding="utf-8")
        with (building / TASKS_FILE).open("w", encoding="utf-8", newline="\n") as file:
            file.write("[\n")
            for number, value in enumerate(_tasks(part, binding, labels, places, before, notes)):
                file.write(",\n" if number else "")
                json.dump(value, file, ensure_ascii=False, allow_nan=False)
            file.write("\n]\n")
    return Exported(
        path=out,
        images=len(places),
        notes=(
            *(f"{what}, left out: {count:,}" for what, count in notes.items()),
            f"labels that are known became {labels}",
            _known(part, schema.tasks[0].name),
        ),
    )


def _known(dataset: Dataset, first: str) -> str:
    known = dataset.table[first].is_not_null().sum()
    return f"'{first}' is known of {counted(int(known), 'image')}"


def _tasks(
    dataset: Dataset,
    binding: Binding,
    labels: str,
    places: dict[str, str],
    before: str,
    notes: dict[str, int],
) -> Iterator[dict[str, Any]]:
    names = list(dict.fromkeys(one.task.name for one in binding.bound))
    columns = {name: dataset.labels(name) for name in names}
    choices = {one.task.name for one in binding.bound if one.task.kind == "single_label"}
    rows = dataset.table.select("image", "split", "width", "height").rows()
    for row, (image, split, width, height) in enumerate(rows):
        data = {KEY: before + places[image], "split": split}
        if packed_row(image) is None:
            data["name"] = image
        value: dict[str, Any] = {"data": data}
        known: dict[str, Label] = {
            name: _tellable(column[row], notes) for name, column in columns.items()
        }
        if labels == "annotations":
            _count_unknown(known, choices, notes)
        if labels != "nothing" and any(label is not None for label in known.values()):
            results = results_of_labels(known, binding, width=width, height=height)
            made: dict[str, Any] = {"result": results}
            if labels == "predictions":
                made["model_version"] = "labels"
            value[labels] = [made]
        yield value


def _count_unknown(
    known: Mapping[str, Label], choices: Collection[str], notes: dict[str, int]
) -> None:
    """Count what nobody knows of a photo that has labels, and Label Studio has no place for; of
    one label of several it has: none is chosen.
    """
    there = [label for label in known.values() if label is not None]
    if not there:
        return
    parts = [
        *(label for one in there if isinstance(one, Tags | Landmarks) for label in one.unknown),
        *(label for one in there if isinstance(one, Landmarks) for label in one.cut),
    ]
    tasks = [name for name, label in known.items() if label is None and name not in choices]
    for what, found in ((UNKNOWN_PARTS, parts), (UNKNOWN_TASKS, tasks)):
        if found:
            notes[what] = notes.get(what, 0) + len(found)


def _tellable(label: Label, notes: dict[str, int]) -> Label:
    """A label without what Label Studio has no place for; what is left out is counted."""
    if not isinstance(label, Garments):
        return label
    kept: list[Garment] = []
    for one in label.each:
        if one.is_crowd:
            what = "groups in which nobody told one from another"
            notes[what] = notes.get(what, 0) + 1
            continue
        if one.attributes:
            what = "garments' own attributes"
            notes[what] = notes.get(what, 0) + 1
        kept.append(one)
    return Garments(tuple(kept))
