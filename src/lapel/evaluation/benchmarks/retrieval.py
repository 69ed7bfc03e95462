"""The tables of retrieval: how often the right item is among the first found."""

from __future__ import annotations

from collections.abc import Mapping

from lapel.evaluation.benchmarks.published import published
from lapel.evaluation.benchmarks.setting import Setting
from lapel.evaluation.benchmarks.table import BenchmarkTable, Measure, Row
from lapel.metrics.bootstrap import Interval

#: What a reader calls the numbers of :mod:`lapel.metrics.retrieval`, in reading order.
_CALLED = {
    "hit_rate_at_1": "Hit rate at 1",
    "hit_rate_at_5": "Hit rate at 5",
    "hit_rate_at_10": "Hit rate at 10",
    "hit_rate_at_20": "Hit rate at 20",
    "hit_rate_at_50": "Hit rate at 50",
    "map_at_r": "mAP@R",
    "mrr": "MRR",
}

#: The benchmarks that have such a table.
RETRIEVAL = ("deepfashion-in-shop", "deepfashion-consumer-to-shop")


def retrieval_table(setting: Setting, numbers: Mapping[str, Interval]) -> BenchmarkTable:
    """The table of a benchmark of retrieval, one of ``RETRIEVAL``.

    Args:
        setting: what was judged, and how.
        numbers: ours, by the names of :mod:`lapel.metrics.retrieval`, 0 to 1.
    """
    ours = Row(
        method="this model",
        numbers={name: found.value for name, found in numbers.items()},
        intervals=dict(numbers),
        ours=True,
        source="measured here",
    )
    known = published(f"{setting.name} retrieval")
    there = {name for row in known.rows for name in row.numbers} | set(numbers)
    return BenchmarkTable(
        name=f"{setting.name} retrieval",
        title="Retrieval, %",
        measures=tuple(
            Measure(name=name, called=called) for name, called in _CALLED.items() if name in there
        ),
        rows=(*known.rows, ours),
        notes=(*setting.notes(split="test", images=None, boxed=False), *known.notes),
    )
