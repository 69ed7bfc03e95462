"""DeepFashion's table of category and attributes (Liu et al. 2016; Liu and Lu 2018)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from lapel.data.deepfashion.names import official_attributes
from lapel.data.deepfashion.schema import CATEGORY
from lapel.evaluation.benchmarks.published import ALL_GLOBAL, ALL_MEAN, TYPES, published
from lapel.evaluation.benchmarks.setting import Setting
from lapel.evaluation.benchmarks.table import BenchmarkTable, Measure, Row
from lapel.evaluation.judged import JudgedTask
from lapel.evaluation.kinds.multi_label import MultiLabelEvaluation
from lapel.metrics.bootstrap import Interval, bootstrap
from lapel.metrics.top_recall import BLOCK, TOP_K, TopHits, mean_of_types

ATTRIBUTES = "deepfashion-coarse attributes"

#: Of the category: the number and what a reader calls it.
_CATEGORY = {"accuracy": "top-1", "top3": "top-3", "top5": "top-5"}

_CALLED = {ALL_MEAN: "All (mean of five types)", ALL_GLOBAL: "All (global)"}

MEASURES = (
    *(
        Measure(name=f"{CATEGORY}.{number}", called=f"Category {called}")
        for number, called in _CATEGORY.items()
    ),
    *(
        Measure(name=f"{name}.recall_at_{k}", called=f"{_CALLED.get(name, name.title())} top-{k}")
        for name in (*TYPES, ALL_MEAN, ALL_GLOBAL)
        for k in TOP_K
    ),
)

#: Said of rows whose labels of unknown answer count as no, as the published ones count them.
UNKNOWN_IS_NO = "unknown is no"


def attributes_table(
    tasks: Mapping[str, JudgedTask], setting: Setting, *, resamples: int
) -> BenchmarkTable | None:
    """The table; None where neither the category nor a type of attributes was judged.

    Args:
        tasks: task name to what was found.
        setting: how.
        resamples: of the bootstrap behind the intervals of both All.
    """
    judged = {name: tasks[name] for name in (CATEGORY, *TYPES) if name in tasks}
    if not judged:
        return None
    known = published(ATTRIBUTES)
    rows, notes = _our_rows(judged, setting, resamples)
    return BenchmarkTable(
        name=ATTRIBUTES,
        title="Category accuracy and attribute recall, %",
        measures=MEASURES,
        rows=(*known.rows, *rows),
        notes=(*notes, *known.notes),
    )


def _our_rows(
    judged: Mapping[str, JudgedTask], setting: Setting, resamples: int
) -> tuple[list[Row], list[str]]:
    types = {name: task for name, task in judged.items() if isinstance(task, MultiLabelEvaluation)}
    intervals = {
        measure.name: judged[task].numbers[number]
        for measure in MEASURES
        for task, _, number in [measure.name.partition(".")]
        if task in judged and number in judged[task].numbers
    }
    hits = type_hits(types, setting.images)
    notes = [] if setting.cleaned else _fewer_attributes(types)
    if len(types) == len(TYPES):
        intervals |= all_intervals(hits, resamples)
    elif types:
        missing = ", ".join(name for name in TYPES if name not in types)
        notes.append(
            f"No All, since not every type was judged (missing: {missing}): a mean of fewer than "
            "five is another number."
        )
    rows = [*_reference_rows(judged, hits), _our_row(intervals, hits, setting)]
    if types and not setting.unknown_is_no:
        legacy = _as_published(types, setting.images, rows[-1])
        rows += [] if legacy is None else [legacy]
    return rows, notes


def _fewer_attributes(types: Mapping[str, MultiLabelEvaluation]) -> list[str]:
    """A note where there are not as many attributes to choose among as in the benchmark."""
    there = sum(len(task.spec.labels) for task in types.values())
    if len(types) < len(TYPES) or there == len(official_attributes()):
        return []
    note = (
        f"Ours has {there:,} attributes, the benchmark {len(official_attributes()):,}: among "
        "fewer, more is found."
    )
    return [note]


def _our_row(
    intervals: Mapping[str, Interval], hits: Mapping[str, TopHits], setting: Setting
) -> Row:
    return Row(
        method=f"this model, {UNKNOWN_IS_NO}" if setting.unknown_is_no else "this model",
        numbers=_numbers(hits) | {name: found.value for name, found in intervals.items()},
        intervals=dict(intervals),
        ours=True,
        source="measured here",
    )


def _reference_rows(judged: Mapping[str, JudgedTask], hits: Mapping[str, TopHits]) -> list[Row]:
    """What needs no model: the most frequent answers, and the best that a ranking can reach."""
    majority = {
        f"{task}.{number}": value
        for task, found in judged.items()
        for number, value in found.majority.numbers.items()
        if f"{task}.{number}" in {measure.name for measure in MEASURES}
    }
    if ALL_GLOBAL in hits:
        # A type with no more labels than places has no such number: all are among them.
        each = [
            {f"recall_at_{k}": majority.get(f"{name}.recall_at_{k}", 1.0) for k in TOP_K}
            for name in TYPES
        ]
        mean = mean_of_types(each)
        majority |= {f"{ALL_MEAN}.{name}": value for name, value in mean.items()}
    best = _numbers({name: found.perfect() for name, found in hits.items()})
    rows = [Row(method="always the most frequent", numbers=majority, source="measured here")]
    if best:
        rows.append(Row(method="a perfect ranking", numbers=best, source="measured here"))
    return rows


def _as_published(types: Mapping[str, MultiLabelEvaluation], images: int, ours: Row) -> Row | None:
    """Our row with unknown counted as no; None where nothing is unknown."""
    if all(task.tagged.known.all() for task in types.values()):
        return None
    hits = type_hits(types, images, unknown_is_no=True)
    numbers = {name: value for name, value in ours.numbers.items() if name.startswith(CATEGORY)}
    return Row(
        method=f"this model, {UNKNOWN_IS_NO}",
        numbers=numbers | _numbers(hits),
        ours=True,
        source="measured here",
    )


def type_hits(
    types: Mapping[str, MultiLabelEvaluation], images: int, *, unknown_is_no: bool = False
) -> dict[str, TopHits]:
    """The hits of each type and, where all five are there, of all labels together.

    Probabilities of different types are compared as they are, each calibrated by its own
    temperature. An image that says nothing of a type has no labels of it there.

    Args:
        types: the judged types.
        images: how many could be read; hits are of all of them, in their order.
        unknown_is_no: whether labels of unknown answer count as no.
    """
    places = {name: _places(task.rows, images) for name, task in types.items()}
    blocks: dict[str, list[TopHits]] = {}
    for start in range(0, images, BLOCK):
        cells = {
            name: _cells(task, places[name][start : start + BLOCK], unknown_is_no=unknown_is_no)
            for name, task in types.items()
        }
        if len(types) == len(TYPES):
            ordered = [cells[name] for name in TYPES]
            probabilities, target, known = zip(*ordered, strict=True)
            cells[ALL_GLOBAL] = (
                np.concatenate(probabilities, axis=1),
                np.concatenate(target, axis=1),
                np.concatenate(known, axis=1),
            )
        for name, cell in cells.items():
            blocks.setdefault(name, []).append(TopHits.of(*cell))
    return {name: TopHits.joined(parts) for name, parts in blocks.items()}


def _places(rows: NDArray[np.int64], images: int) -> NDArray[np.int64]:
    """For each image read its row among those judged, or -1."""
    places = np.full(images, -1)
    places[rows] = np.arange(len(rows))
    return places


#: Probabilities, what holds, and what is known, all (images, labels).
_Cells = tuple[NDArray[np.float64], NDArray[np.uint8], NDArray[np.bool_]]


def _cells(task: MultiLabelEvaluation, places: NDArray[np.int64], *, unknown_is_no: bool) -> _Cells:
    there = places >= 0
    rows = places[there]
    shape = (len(places), len(task.spec.labels))
    probabilities = np.zeros(shape)
    target, known = np.zeros(shape, np.uint8), np.zeros(shape, np.bool_)
    probabilities[there] = task.tagged.probabilities[rows]
    held = task.tagged.known[rows]
    target[there] = task.tagged.target[rows] * held
    known[there] = True if unknown_is_no else held
    return probabilities, target, known


def all_intervals(hits: Mapping[str, TopHits], resamples: int) -> dict[str, Interval]:
    """Both All, each with its interval: the same resampled images for every type."""

    def numbers(rows: NDArray[np.int64]) -> dict[str, float]:
        found = _numbers(hits, rows)
        return {
            name: value for name, value in found.items() if name.startswith((ALL_MEAN, ALL_GLOBAL))
        }

    return bootstrap(numbers, len(hits[ALL_GLOBAL]), resamples=resamples)


def _numbers(
    hits: Mapping[str, TopHits], rows: NDArray[np.int64] | None = None
) -> dict[str, float]:
    """``TYPE.recall_at_K`` of every type, and both All where all five are there."""
    recalls = {name: found.recall(rows) for name, found in hits.items()}
    if ALL_GLOBAL in recalls:
        recalls[ALL_MEAN] = mean_of_types([recalls[name] for name in TYPES])
    return {
        f"{name}.{number}": value
        for name, found in recalls.items()
        for number, value in found.items()
    }
