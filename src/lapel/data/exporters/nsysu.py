"""Datasets written as the CSV files of NSYSU's contest; see its reader."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lapel.data.dataset import Dataset
from lapel.data.exporting import (
    Exported,
    chosen_tasks,
    classes,
    copy_images,
    in_order,
    label_numbers,
    places_in,
    write_plain_csv,
)
from lapel.data.progress import Track, silent
from lapel.data.readers.nsysu import (
    ATTRIBUTE_COLUMN,
    ATTRIBUTES,
    CATEGORIES,
    CATEGORY_COLUMN,
    PATH_COLUMN,
)
from lapel.schema.annotation import Label, Tags
from lapel.schema.counting import counted
from lapel.schema.errors import UsageError
from lapel.schema.labels import TaskSpec
from lapel.storage.folders import atomic_folder

#: The contest's folders of the splits.
FOLDERS = {"train": "train", "validation": "val", "test": "test"}

#: Headers as the hand-out has them, the blank included.
CATEGORY_HEADER = (PATH_COLUMN, f" {CATEGORY_COLUMN}")
ATTRIBUTE_HEADER = (PATH_COLUMN, ATTRIBUTE_COLUMN)


def export_nsysu(
    dataset: Dataset,
    out: Path,
    *,
    category: str | None = None,
    attributes: str | None = None,
    track: Track = silent,
) -> Exported:
    """``category.csv``, ``attributes.csv``, ``test.csv`` (what has no label) and the images.

    Args:
        dataset: what to write.
        out: the folder to make, new or empty.
        category: the task of kind ``single_label``; may be left out where there is only one.
        attributes: the task of kind ``multi_label``; likewise. Images of which an attribute is
            unknown have no row: the layout cannot say so.
        track: is told how far the work is.

    Raises:
        UsageError: no or several tasks of a kind, and none named; more labels than the contest has.
        StorageError: ``out`` is not empty or cannot be written, or an image cannot be read.
    """
    single = _task(dataset, category, "single_label", "--category", len(CATEGORIES))
    tags = _task(dataset, attributes, "multi_label", "--attributes", len(ATTRIBUTES))
    places = _places(dataset)
    cells = {
        spec.name: dict(zip(dataset.names(), dataset.labels(spec.name), strict=True))
        for spec in (single, tags)
    }
    first = [(places[n], _cell(single, cells[single.name][n])) for n in places]
    second = [(places[n], _cell(tags, cells[tags.name][n])) for n in places]
    known = _known(first, second)
    test = [place for place in places.values() if place not in known]
    with atomic_folder(out) as building:
        copy_images(dataset, building, places, track)
        labelled = ((place, cell) for place, cell in first if cell is not None)
        write_plain_csv(building / "category.csv", [CATEGORY_HEADER, *labelled])
        labelled = ((place, cell) for place, cell in second if cell is not None)
        write_plain_csv(building / "attributes.csv", [ATTRIBUTE_HEADER, *labelled])
        if test:
            write_plain_csv(building / "test.csv", [(PATH_COLUMN,), *((place,) for place in test)])
    return Exported(path=out, images=len(places), notes=_notes(tags, cells[tags.name]))


def _task(dataset: Dataset, name: str | None, kind: str, option: str, most: int) -> TaskSpec:
    names = name and [name]
    chosen = chosen_tasks(dataset, names, kind=kind, count=1, layout="nsysu", option=option)
    spec = dataset.schema[chosen[0]]
    if classes(spec) > most:
        raise UsageError(
            f"layout 'nsysu' has the numbers 0 to {most - 1} for a {kind} task; those of "
            f"'{spec.name}' go to {classes(spec) - 1}; name another one with {option}"
        )
    return spec


def _notes(tags: TaskSpec, labels: Mapping[str, Label]) -> tuple[str, ...]:
    """What the layout has no words for."""
    lost = sum(isinstance(label, Tags) and bool(label.unknown) for label in labels.values())
    if not lost:
        return ()
    return (f"without a row, since a label of '{tags.name}' is unknown: {counted(lost, 'image')}",)


def _places(dataset: Dataset) -> dict[str, str]:
    """Image name to its path, by split; names that are the contest's already are kept."""
    splits = dict(zip(dataset.names(), dataset.table["split"], strict=True))
    names = in_order(dataset)
    if all(n.startswith(f"deep_fashion/{FOLDERS[splits[n]]}/") for n in names):
        return {name: name for name in names}
    places: dict[str, str] = {}
    for split, folder in FOLDERS.items():
        there = [name for name in names if splits[name] == split]
        places |= places_in(dataset, there, f"deep_fashion/{folder}")
    return places


def _cell(spec: TaskSpec, label: Label) -> str | None:
    """Numbers with blanks between; None where the layout cannot say what is known."""
    numbers = label_numbers(spec)
    if isinstance(label, Tags):
        if label.unknown:
            return None
        return " ".join(sorted((numbers[one] for one in label.yes), key=int))
    return numbers[label] if isinstance(label, str) else None


def _known(*answers: list[tuple[str, str | None]]) -> set[str]:
    return {place for rows in answers for place, cell in rows if cell is not None}
