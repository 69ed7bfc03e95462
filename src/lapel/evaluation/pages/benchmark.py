"""The tables of a public benchmark, as parts of a report."""

from __future__ import annotations

from collections.abc import Sequence

from lapel.evaluation.benchmarks.table import BenchmarkTable, Row
from lapel.evaluation.judged import Section
from lapel.evaluation.pages.page import escaped, table


def benchmark_sections(tables: Sequence[BenchmarkTable]) -> list[Section]:
    """A section with all tables; none where there are none."""
    if not tables:
        return []
    about = (
        "The public benchmark's table with the published rows; ours stand below, in bold. A row "
        "with a dagger does not compare with the others. All of it, with intervals and sources, is "
        "in benchmark.csv."
    )
    parts = "".join(_part(one) for one in tables)
    return [("benchmark", "Beside published results", f"<p>{escaped(about)}</p>{parts}")]


def _part(one: BenchmarkTable) -> str:
    header = ["", *(measure.called for measure in one.measures)]
    rows = [_cells(one, row) for row in one.rows]
    notes = "".join(f"<li>{escaped(note)}</li>" for note in one.all_notes())
    listed = f'<ul class="soft">{notes}</ul>' if notes else ""
    return f"<h3>{escaped(one.title)}</h3>{table(header, rows)}{listed}"


def _cells(one: BenchmarkTable, row: Row) -> list[str]:
    """A row as HTML: ours in bold, with its intervals to point at; others with their source."""
    method, *numbers = (escaped(cell) for cell in one.cells(row))
    if not row.ours:
        return [f'<span title="{escaped(row.source)}">{method}</span>', *numbers]
    cells = [f"<b>{method}</b>"]
    for measure, number in zip(one.measures, numbers, strict=True):
        found = row.intervals.get(measure.name)
        ends = "" if found is None else f"{measure.shown(found.low)} to {measure.shown(found.high)}"
        about = f' title="95 %: {escaped(ends)}"' if ends else ""
        cells.append(f"<b{about}>{number}</b>")
    return cells
