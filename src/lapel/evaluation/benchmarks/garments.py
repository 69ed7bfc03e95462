"""The tables of DeepFashion2: boxes, masks and landmarks of garments, and their subsets."""

from __future__ import annotations

from collections.abc import Mapping

from lapel.evaluation.benchmarks.published import published
from lapel.evaluation.benchmarks.setting import Setting
from lapel.evaluation.benchmarks.table import BenchmarkTable, Measure, Row
from lapel.evaluation.judged import JudgedTask
from lapel.evaluation.kinds.garments import CALLED, NUMBERS, GarmentsEvaluation
from lapel.evaluation.kinds.garments_seen import LEVELS

#: Names of the tables in ``published.json``, after the benchmark's.
GARMENTS, SUBSETS = "garments", "subsets"

_ORDER = ("box", "mask", "oks_visible", "oks")

_AREA = (
    "OKS takes DeepFashion2's own sigmas and the area of the garment's box, as its "
    "code does; at most 20 garments with landmarks count in a picture and category, 100 otherwise."
)


def garments_table(
    tasks: Mapping[str, JudgedTask],
    setting: Setting,
    *,
    resamples: int,  # noqa: ARG001 - the judged task has its intervals
) -> BenchmarkTable | None:
    """The main numbers; None where no garments were judged."""
    judged = _garments(tasks)
    if judged is None:
        return None
    known = published(f"{setting.name} {GARMENTS}")
    names = [f"{measure}_{number}" for measure in _ORDER for number in NUMBERS]
    found = {name: judged.numbers[name] for name in names if name in judged.numbers}
    ours = Row(
        method="this model",
        numbers={name: interval.value for name, interval in found.items()},
        intervals=found,
        ours=True,
        source="measured here",
    )
    usual = Row(
        method=f"always {judged.majority.answer}",
        numbers={name: judged.majority.numbers[name] for name in names},
        source="measured here",
    )
    return BenchmarkTable(
        name=f"{setting.name} {GARMENTS}",
        title="Boxes, masks and landmarks of garments: average precision",
        measures=tuple(Measure(name=name, called=judged.NAMES[name]) for name in names),
        rows=(*known.rows, usual, ours),
        notes=(_AREA, *known.notes),
    )


def subsets_table(
    tasks: Mapping[str, JudgedTask],
    setting: Setting,
    *,
    resamples: int,  # noqa: ARG001 - subsets have no intervals
) -> BenchmarkTable | None:
    """Average precision by level; None where no garments were judged, or none has a level."""
    judged = _garments(tasks)
    subsets = [] if judged is None else judged.subsets()
    if judged is None or not subsets:
        return None
    known = published(f"{setting.name} {SUBSETS}")
    ours = [
        Row(
            method=f"this model, {CALLED[measure].lower()}",
            numbers={f"{row['fact']} {row['level']}": row[f"{measure}_ap"] for row in subsets}
            | {"overall": judged.numbers[f"{measure}_ap"].value},
            ours=True,
            source="measured here",
        )
        for measure in _ORDER
        if measure in judged.counts.measured
    ]
    columns = [f"{fact} {level}" for fact, levels in LEVELS.items() for level in levels]
    return BenchmarkTable(
        name=f"{setting.name} {SUBSETS}",
        title="Average precision by scale, occlusion, zoom and viewpoint",
        measures=tuple(
            Measure(name=name, called=name.replace("_", " ")) for name in (*columns, "overall")
        ),
        rows=(*known.rows, *ours),
        notes=known.notes,
    )


def _garments(tasks: Mapping[str, JudgedTask]) -> GarmentsEvaluation | None:
    found = (judged for judged in tasks.values() if isinstance(judged, GarmentsEvaluation))
    return next(found, None)
