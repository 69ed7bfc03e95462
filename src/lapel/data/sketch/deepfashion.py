"""Drawn garments as a sheet of DeepFashion's benchmark: its categories, attributes and landmarks.

DeepFashion may not be passed on; what is made for it can be tried on these. Attributes stand under
DeepFashion's own names, a tenth of the thousand, and on demand under all the names that DeepFashion
has for one thing, a name a picture.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lapel.data.dataset import Dataset
from lapel.data.deepfashion.names import (
    ATTRIBUTE_TASKS,
    Named,
    official_attributes,
    official_categories,
)
from lapel.data.deepfashion.schema import FINE_TASKS
from lapel.data.deepfashion.sheet import Sheet, SheetRow
from lapel.data.deepfashion.text import clothes_landmarks
from lapel.data.sketch.deepfashion_words import (
    ATTRIBUTES,
    SYNONYMS,
    drawn_category,
    holds,
    seen_words,
)
from lapel.data.sketch.dice import Dice
from lapel.data.sketch.labelling import OUTSIDE, VISIBLE
from lapel.data.sketch.landmarks import LANDMARKS
from lapel.data.sketch.places import drawn_name
from lapel.data.sketch.records import RECORDS_FILE, read_records
from lapel.data.sketch.vocabulary import FINE_GROUPS, KIND, PLAIN_GROUPS
from lapel.schema.annotation import Label, Tags
from lapel.schema.errors import UsageError
from lapel.schema.geometry import Box, Landmark, Landmarks

#: Which attributes were planted under several names, beside the lists.
PLANTED_FILE = "planted_duplicates.json"

#: The first throw of a picture's names, so that they are not those that drew it.
_NAMES_SEED = 294


def is_drawn(dataset: Dataset) -> bool:
    """Whether these are drawn garments, with the records of what is drawn."""
    return (dataset.folder / RECORDS_FILE).is_file()


def planted() -> dict[str, dict[str, list[str]]]:
    """Task to the attributes that are planted under several names, and the others of these."""
    types = dict(official_attributes())
    found: dict[str, dict[str, list[str]]] = {task: {} for task in ATTRIBUTE_TASKS}
    for name, others in SYNONYMS.items():
        found[ATTRIBUTE_TASKS[types[name] - 1]][name] = list(others)
    return found


def drawn_coarse_sheet(dataset: Dataset, *, duplicates: bool = False, seed: int = 0) -> Sheet:
    """Drawn garments with DeepFashion's attributes.

    Args:
        dataset: drawn with ``plain`` attributes.
        duplicates: whether an attribute that DeepFashion has under several names stands under one
            of them, drawn for each picture; else under the first.
        seed: another seed, other names.

    Raises:
        UsageError: other attributes were drawn.
    """
    _refuse_groups(dataset, PLAIN_GROUPS, "plain")
    names = {*ATTRIBUTES, *(other for its in SYNONYMS.values() for other in its if duplicates)}
    attributes = tuple(named for named in official_attributes() if named.name in names)
    types = dict(attributes)

    def labels(place: int, record: Mapping[str, Any]) -> dict[str, Label]:
        dice = Dice(seed, place, _NAMES_SEED) if duplicates else None
        yes, unknown = _answers(record, dice)
        return {
            task: Tags(
                tuple(name for name in yes if types[name] == number),
                tuple(name for name in unknown if types[name] == number),
            )
            for number, task in enumerate(ATTRIBUTE_TASKS, start=1)
        }

    return _sheet(dataset, attributes, labels)


def drawn_fine_sheet(dataset: Dataset) -> Sheet:
    """Drawn garments with the six groups of the fine annotations.

    Raises:
        UsageError: other attributes were drawn.
    """
    _refuse_groups(dataset, FINE_GROUPS, "fine")
    attributes = tuple(
        Named(label, number)
        for number, task in enumerate(FINE_TASKS, start=1)
        for label in dataset.schema[task].labels
    )
    return _sheet(
        dataset, attributes, lambda _, record: {task: record[task] for task in FINE_TASKS}
    )


def _refuse_groups(dataset: Dataset, groups: Mapping[str, Sequence[str]], name: str) -> None:
    there = {spec.name: spec.labels for spec in dataset.schema}
    if any(there.get(group) != labels for group, labels in groups.items()):
        raise UsageError(
            f"{dataset.folder} was drawn with other attributes; draw garments with `lapel data "
            f"import sketch --attributes {name}`"
        )


def _answers(record: Mapping[str, Any], dice: Dice | None) -> tuple[list[str], list[str]]:
    """The attributes that hold and those that may, in DeepFashion's order."""
    words, unsure = seen_words(record)
    yes: list[str] = []
    unknown: list[str] = []
    for name, rule in ATTRIBUTES.items():
        names = (name, *SYNONYMS.get(name, ())) if dice else (name,)
        if holds(rule, words):
            yes.append(dice.pick(names) if dice else name)
        elif holds(rule, words | unsure):
            unknown += names
    return sorted(yes), sorted(unknown)


def _sheet(
    dataset: Dataset,
    attributes: tuple[Named, ...],
    labels: Callable[[int, Mapping[str, Any]], Mapping[str, Label]],
) -> Sheet:
    records = {record["image"]: record["garments"][0] for record in read_records(dataset.folder)}
    splits = dict(zip(dataset.names(), dataset.table["split"], strict=True))
    places = {name: place for place, name in enumerate(dataset.names())}
    counts: Counter[str] = Counter()
    rows = []
    for name in dataset.names():
        record = records[name]
        folder = _folder(record)
        counts[folder] += 1
        category = drawn_category(record)
        clothes = dict(official_categories())[category]
        left, top, right, bottom = record["box"]
        rows.append(
            SheetRow(
                image=name,
                place=f"img/{folder}/img_{counts[folder]:08d}.jpg",
                split=splits[name],
                category=category,
                box=Box(left, top, right - left, bottom - top),
                clothes=clothes,
                landmarks=_landmarks(record, clothes),
                labels=labels(places[name], record),
            )
        )
    return Sheet(categories=official_categories(), attributes=attributes, rows=tuple(rows))


def _folder(record: Mapping[str, Any]) -> str:
    """A garment's folder, as DeepFashion calls them: what it is sold as."""
    shade = str(record["shades"][0]).replace(" ", "_")
    return f"{shade}_{record['texture'].capitalize()}_{drawn_category(record)}"


def _landmarks(record: Mapping[str, Any], clothes: int) -> Landmarks:
    """The landmarks of a type of clothes, in whole pixels as the lists have them."""
    kind = KIND[record["category"]]
    drawn = dict(zip(LANDMARKS[kind.name], record["landmarks"], strict=True))
    points: dict[str, Landmark] = {}
    cut = []
    for name in clothes_landmarks(clothes):
        x, y, seen = drawn[drawn_name(kind, name)]
        if seen == OUTSIDE:
            cut.append(name)
        else:
            # A point at 0, 0 would be none.
            points[name] = Landmark(max(round(x), 1), max(round(y), 1), seen == VISIBLE)
    return Landmarks(points, tuple(cut))
