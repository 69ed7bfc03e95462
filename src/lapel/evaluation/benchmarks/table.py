"""A benchmark's table: rows of methods, columns of numbers, with what to know before comparing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lapel.metrics.bootstrap import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A column.

    Attributes:
        name: of the number: ``TASK.NUMBER`` as in ``metrics.json``, ``NUMBER`` where it is of
            several tasks, the name of a landmark where it is that one's error.
        called: what a reader calls it.
        percent: whether it is a share, 0 to 1, that papers print as per cent; errors are not.
    """

    name: str
    called: str
    percent: bool = True

    def shown(self, value: float | None) -> str:
        """A value as the papers print it; a dash where there is none."""
        if value is None or math.isnan(value):
            return "\N{EN DASH}"
        return f"{100 * value:.2f}" if self.percent else f"{value:.4f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A method and its numbers.

    Attributes:
        method: its name.
        numbers: name of a measure to its value; shares and errors as 0 to 1.
        intervals: where ours may lie, by the same names; empty for published rows.
        ours: whether it was measured here.
        source: where it was published.
        beside: why it does not compare with the others; empty where it does.
    """

    method: str
    numbers: Mapping[str, float]
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    ours: bool = False
    source: str = ""
    beside: str = ""

    @property
    def called(self) -> str:
        """The method, with a dagger where it does not compare."""
        return f"{self.method} \N{DAGGER}" if self.beside else self.method

    def to_json(self) -> dict[str, Any]:
        """Everything about it as plain values."""
        return {
            "method": self.method,
            "ours": self.ours,
            "numbers": dict(self.numbers),
            "intervals": {name: found.to_json() for name, found in self.intervals.items()},
            "source": self.source,
            "does_not_compare": self.beside,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkTable:
    """What a paper's table shows, with our rows below the published ones.

    Attributes:
        name: of the table.
        title: what it is called above it.
        measures: its columns.
        rows: published rows first, ours last.
        notes: what to know before comparing, in sentences.
    """

    name: str
    title: str
    measures: tuple[Measure, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    def cells(self, row: Row) -> list[str]:
        """A row as texts: the method, then each number."""
        found = [measure.shown(row.numbers.get(measure.name)) for measure in self.measures]
        return [row.called, *found]

    def all_notes(self) -> list[str]:
        """The notes, and why rows with a dagger do not compare."""
        daggers = [f"{row.called}: {row.beside}." for row in self.rows if row.beside]
        return [*self.notes, *daggers]

    def to_json(self) -> dict[str, Any]:
        """Everything about it as plain values."""
        return {
            "name": self.name,
            "title": self.title,
            "measures": {measure.name: measure.called for measure in self.measures},
            "rows": [row.to_json() for row in self.rows],
            "notes": list(self.notes),
        }
