"""The public benchmarks that have a table, by the name that ``dataset.json`` gives them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from lapel.data.deepfashion.schema import COARSE, FINE
from lapel.evaluation.benchmarks.attributes import attributes_table
from lapel.evaluation.benchmarks.garments import garments_table, subsets_table
from lapel.evaluation.benchmarks.grouped import grouped_table
from lapel.evaluation.benchmarks.landmarks import landmarks_table
from lapel.evaluation.benchmarks.setting import Setting
from lapel.evaluation.benchmarks.table import BenchmarkTable
from lapel.evaluation.judged import JudgedTask


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """A public benchmark.

    Attributes:
        title: what people call it.
        split: the split that published rows are of.
        images: how many pictures that has; None where nobody says.
        boxed: whether published rows saw the garment's box alone.
        tables: from judged tasks, the setting and ``resamples`` to a table, or None where the
            tasks of it were not judged.
    """

    title: str
    split: str
    images: int | None
    boxed: bool
    tables: tuple[Callable[..., BenchmarkTable | None], ...]


#: The sizes of the test splits are those that the data set's README and the contest state.
BENCHMARKS = {
    COARSE: Benchmark(
        title="DeepFashion, category and attribute prediction",
        split="test",
        images=40_000,
        boxed=True,
        tables=(attributes_table, landmarks_table),
    ),
    FINE: Benchmark(
        title="DeepFashion, fine attributes",
        split="test",
        images=4_000,
        boxed=True,
        tables=(grouped_table,),
    ),
    "deepfashion-landmarks": Benchmark(
        title="DeepFashion, fashion landmark detection",
        split="test",
        images=None,
        boxed=True,
        tables=(landmarks_table,),
    ),
    "deepfashion2": Benchmark(
        title="DeepFashion2, garments in photos",
        split="validation",
        # Papers and the README of the set give three numbers for it.
        images=None,
        boxed=False,
        tables=(garments_table, subsets_table),
    ),
    "ce7454": Benchmark(
        title="CE7454 and AI6126, attributes in six groups",
        split="validation",
        images=1_000,
        boxed=False,
        tables=(grouped_table,),
    ),
}


def benchmark_tables(
    tasks: Mapping[str, JudgedTask], setting: Setting, *, resamples: int
) -> tuple[BenchmarkTable, ...]:
    """The tables of the benchmark that was judged; none where it is none that has a table.

    Args:
        tasks: task name to what was found.
        setting: what was judged, and how.
        resamples: of the bootstrap behind intervals of numbers of several tasks.
    """
    benchmark = BENCHMARKS.get(setting.name)
    if benchmark is None:
        return ()
    made = [make(tasks, setting, resamples=resamples) for make in benchmark.tables]
    tables = [table for table in made if table is not None]
    said = setting.notes(split=benchmark.split, images=benchmark.images, boxed=benchmark.boxed)
    return tuple(
        replace(
            table,
            title=f"{benchmark.title}. {table.title}",
            # What holds for all of them is said once, below the first.
            notes=(*(said if place == 0 else ()), *table.notes),
        )
        for place, table in enumerate(tables)
    )
