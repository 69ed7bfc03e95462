"""Attributes in groups of one label each: DeepFashion's fine set, CE7454 and AI6126."""

from __future__ import annotations

from collections.abc import Mapping

from lapel.data.deepfashion.schema import FINE_TASKS
from lapel.evaluation.benchmarks.published import published
from lapel.evaluation.benchmarks.setting import Setting
from lapel.evaluation.benchmarks.table import BenchmarkTable, Measure, Row
from lapel.evaluation.judged import JudgedTask
from lapel.evaluation.kinds.single_label import SingleLabelEvaluation
from lapel.evaluation.together import grouped_images
from lapel.metrics.bootstrap import Interval, bootstrap
from lapel.metrics.grouped import LEANING

#: The groups of the 26 fine attributes.
GROUPS = FINE_TASKS

#: Judged of all six together; the names and what a reader calls them.
_TOGETHER = {
    "grouped_accuracy": "All six groups",
    "exact_match": "Exact match",
    "grouped_macro_recall": "Mean of the macro recalls",
}

MEASURES = (
    *(Measure(name=f"{group}.accuracy", called=group.title()) for group in GROUPS),
    *(Measure(name=name, called=called) for name, called in _TOGETHER.items()),
)


def grouped_table(
    tasks: Mapping[str, JudgedTask], setting: Setting, *, resamples: int
) -> BenchmarkTable | None:
    """The table; None where none of the six groups was judged.

    The numbers of all six stand only where all six were judged. They are of the groups alone: the
    category, which the fine set has as well, takes no part.
    """
    groups = {
        name: task
        for name in GROUPS
        for task in [tasks.get(name)]
        if isinstance(task, SingleLabelEvaluation)
    }
    if not groups:
        return None
    intervals = {f"{name}.accuracy": task.numbers["accuracy"] for name, task in groups.items()}
    majority = {
        f"{name}.accuracy": task.majority.numbers["accuracy"] for name, task in groups.items()
    }
    if len(groups) == len(GROUPS):
        intervals |= _together(groups, setting.images, resamples)
        majority |= grouped_images(groups, setting.images, majority=True).numbers()
    name = f"{setting.name} groups"
    known = published(name)
    ours = Row(
        method="this model",
        numbers={name: found.value for name, found in intervals.items()},
        intervals=intervals,
        ours=True,
        source="measured here",
    )
    usual = Row(method="always the most frequent", numbers=majority, source="measured here")
    return BenchmarkTable(
        name=name,
        title="Accuracy by groups, %",
        measures=MEASURES,
        rows=(*known.rows, usual, ours),
        notes=known.notes,
    )


def _together(
    groups: Mapping[str, SingleLabelEvaluation], images: int, resamples: int
) -> dict[str, Interval]:
    answered = grouped_images(groups, images)
    return bootstrap(
        lambda rows: answered.take(rows).numbers(), images, resamples=resamples, leaning=LEANING
    )
