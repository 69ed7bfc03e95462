"""The tables of landmarks: the error of each of the eight, normalised by the box, and their mean."""

from __future__ import annotations

from collections.abc import Mapping

from lapel.evaluation.benchmarks.published import published
from lapel.evaluation.benchmarks.setting import Setting
from lapel.evaluation.benchmarks.table import BenchmarkTable, Measure, Row
from lapel.evaluation.judged import JudgedTask

LANDMARKS = "landmarks"

#: The task's number, and the key of ``per_label()``, that is the normalised error.
ERROR = "ne"

#: DeepFashion's eight, in the order of its tables.
EIGHT = tuple(
    f"{side} {part}" for part in ("collar", "sleeve", "waist", "hem") for side in ("left", "right")
)

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
    judged = tasks.get(LANDMARKS)
    if judged is None or judged.spec.kind != LANDMARKS:
        return None
    known = published(f"{setting.name} {LANDMARKS}")
    each = {str(row["label"]): row for row in judged.per_label()}
    errors = {name: float(each[name][ERROR]) for name in EIGHT if name in each}
    usual = judged.majority.numbers.get(ERROR)
    rows = [
        Row(
            method="this model",
            numbers=errors | {ERROR: judged.numbers[ERROR].value},
            intervals={ERROR: judged.numbers[ERROR]},
            ours=True,
            source="measured here",
        )
    ]
    if usual is not None:
        rows.insert(
            0, Row(method="always the mean place", numbers={ERROR: usual}, source="measured here")
        )
    return BenchmarkTable(
        name=f"{setting.name} {LANDMARKS}",
        title="Landmarks: error as a share of the garment's box; less is better",
        measures=MEASURES,
        rows=(*known.rows, *rows),
        notes=(
            "Of landmarks that can be seen: the mean for each, then the plain mean of the eight.",
            *known.notes,
        ),
    )
