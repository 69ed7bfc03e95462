"""The tables of landmarks: the error of each of eight as a share of the box, and their mean."""

from __future__ import annotations

from collections.abc import Mapping

from lapel.data.deepfashion.places import LANDMARKS as EIGHT
from lapel.data.deepfashion.schema import LANDMARKS_TASK
from lapel.evaluation.benchmarks.published import published
from lapel.evaluation.benchmarks.setting import Setting
from lapel.evaluation.benchmarks.table import BenchmarkTable, Measure, Row
from lapel.evaluation.judged import JudgedTask

#: The task's number, and the key of ``per_label()``, that is the normalised error.
ERROR = "ne"

#: The key of the same for the mean place of each landmark.
USUAL = "usual_ne"

MEASURES = (
    *(Measure(name=name, called=name.capitalize(), percent=False) for name in EIGHT),
    Measure(name=ERROR, called="Mean of the eight", percent=False),
)


def landmarks_table(
    tasks: Mapping[str, JudgedTask],
    setting: Setting,
    *,
    resamples: int,  # noqa: ARG001 - the judged task has its interval
) -> BenchmarkTable | None:
    """The table; None where no landmarks were judged."""
    judged = tasks.get(LANDMARKS_TASK)
    if judged is None or judged.spec.kind != "landmarks":
        return None
    name = f"{setting.name} {LANDMARKS_TASK}"
    known = published(name)
    return BenchmarkTable(
        name=name,
        title="Landmarks: error as a share of the garment's box; less is better",
        measures=MEASURES,
        rows=(*known.rows, *_our_rows(judged)),
        notes=(
            "Of landmarks that can be seen: the mean of each, then the plain mean of the eight.",
            *known.notes,
        ),
    )


def _our_rows(judged: JudgedTask) -> list[Row]:
    """The mean place of each landmark, and the model."""
    error = judged.numbers[ERROR]
    each = {str(row["label"]): row for row in judged.per_label()}
    known = [name for name in EIGHT if name in each]
    usual = judged.majority.numbers
    return [
        Row(
            method="always the mean place",
            numbers={name: float(each[name][USUAL]) for name in known} | {ERROR: usual[ERROR]},
            source="measured here",
        ),
        Row(
            method="this model",
            numbers={name: float(each[name][ERROR]) for name in known} | {ERROR: error.value},
            intervals={ERROR: error},
            ours=True,
            source="measured here",
        ),
    ]
