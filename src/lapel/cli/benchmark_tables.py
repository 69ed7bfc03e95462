"""How the tables of a public benchmark are printed: as papers do, as wide as the terminal is."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lapel.evaluation.benchmarks.table import BenchmarkTable

#: Characters of a column of numbers; names of numbers are wrapped to it.
NUMBER_WIDTH = 9

#: Characters of the methods' names at most; longer ones are wrapped.
METHOD_WIDTH = 34


def print_tables(tables: Sequence[BenchmarkTable]) -> None:
    """Print each table with its notes: as tables on a terminal, tabs between cells elsewhere."""
    from lapel.cli.console import shown

    for table in tables:
        print(f"\n{shown(table.title)}")
        if sys.stdout.isatty():
            _print_folded(table)
        else:
            print("\t".join(["method", *(measure.called for measure in table.measures)]))
            for row in table.rows:
                print("\t".join(shown(cell) for cell in table.cells(row)))
        for note in table.all_notes():
            print(shown(note))


def _print_folded(table: BenchmarkTable) -> None:
    """A table cut into parts that fit side by side, each with the methods' names."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    cells = [table.cells(row) for row in table.rows]
    width = min(METHOD_WIDTH, max(len(row[0]) for row in cells))
    for columns in column_parts(len(table.measures), width):
        drawn = Table(box=None, pad_edge=False)
        drawn.add_column("", width=width)
        for column in columns:
            drawn.add_column(table.measures[column].called, justify="right", max_width=NUMBER_WIDTH)
        for row, texts in zip(table.rows, cells, strict=True):
            style = "bold" if row.ours else ""
            chosen = [texts[0], *(texts[column + 1] for column in columns)]
            drawn.add_row(*(Text(text, style=style) for text in chosen))
        console.print(drawn)


def column_parts(columns: int, method_width: int) -> Iterator[range]:
    """Columns as runs that fit on the terminal beside the methods' names."""
    room = shutil.get_terminal_size().columns - method_width
    size = max(room // (NUMBER_WIDTH + 2), 1)
    for start in range(0, columns, size):
        yield range(start, min(start + size, columns))
