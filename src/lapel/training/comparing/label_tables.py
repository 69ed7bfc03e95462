"""What cleaning labels is worth, as tables: for people (Markdown, the terminal), and CSV."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lapel.evaluation.paired import MEAN, means
from lapel.evaluation.tables import csv_bytes, encoded
from lapel.metrics.bootstrap import Interval
from lapel.storage.local import write_atomically
from lapel.training.comparing.tables import markdown_cell

LABELS_CSV, LABELS_TABLE = "labels.csv", "labels.md"

#: The three rows, in reading order, with what each is.
ROWS: Mapping[str, str] = {
    "original": "original labels",
    "merged": "learned unmerged, scored merged",
    "after": "merged labels",
}

#: What a reader must know before comparing the rows.
NOTE = (
    "Only the last two rows compare: the same images and the same labels. The first row answers "
    "other questions."
)

#: Numbers as the table calls them.
CALLED: Mapping[str, str] = {
    "recall_at_3": "top-3 recall",
    "recall_at_5": "top-5 recall",
    "map": "mAP",
    "mean_f1": "mean F1",
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelComparison:
    """What cleaning labels is worth.

    Attributes:
        out: the folder.
        rules: what labels were cleaned by, in words.
        tasks: the tasks that are compared.
        numbers: key of ``ROWS`` to ``TASK.NUMBER`` to value, for each seed.
        gains: ``TASK.NUMBER``, and the mean over tasks, to how far merged labels are above a model
            of unmerged ones scored merged, for each seed.
        seeds: of the runs.
        split: that was judged.
        remarks: what else a reader must know before believing a gain, in sentences.
    """

    out: Path
    rules: str
    tasks: tuple[str, ...]
    numbers: Mapping[str, tuple[Mapping[str, float], ...]]
    gains: tuple[Mapping[str, Interval], ...]
    seeds: tuple[int, ...]
    split: str
    remarks: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """What was written, in the order in which one looks at it."""
        return (LABELS_TABLE, LABELS_CSV)

    def columns(self) -> list[str]:
        """Names of the numbers whose means are told: those that every row has."""
        return [
            name for name in CALLED if all(f"{MEAN}.{name}" in self.value_of(row) for row in ROWS)
        ]

    def value_of(self, row: str) -> dict[str, float]:
        """``TASK.NUMBER`` and means over tasks to their median over seeds."""
        each = [{**found, **means(found, tuple(CALLED))} for found in self.numbers[row]]
        names = dict.fromkeys(name for found in each for name in found)
        return {
            name: statistics.median(found[name] for found in each if name in found)
            for name in names
        }

    def gain(self, name: str) -> str:
        """A gain in words: with its interval, or over several seeds from the least to the most."""
        found = [each[name] for each in self.gains if name in each]
        if not found:
            return ""
        if len(found) == 1:
            low, high, value = found[0].low, found[0].high, found[0].value
            return f"{_signed(value)} ({_signed(low)} to {_signed(high)})"
        values = [one.value for one in found]
        return (
            f"{_signed(statistics.median(values))} "
            f"({_signed(min(values))} to {_signed(max(values))} over seeds)"
        )


def means_header(comparison: LabelComparison) -> list[str]:
    """Names of the columns of :func:`means_rows`."""
    return ["", *(CALLED[name] for name in comparison.columns())]


def means_rows(comparison: LabelComparison) -> Iterator[list[str]]:
    """The three rows with the means over tasks, and the gain of the last over the one before."""
    names = [f"{MEAN}.{name}" for name in comparison.columns()]
    for row, called in ROWS.items():
        values = comparison.value_of(row)
        yield [called, *(_percent(values.get(name)) for name in names)]
    yield ["gain of merging (95 %)", *(comparison.gain(name) for name in names)]


def write_label_tables(comparison: LabelComparison) -> None:
    """Write ``labels.md`` and ``labels.csv``.

    Raises:
        StorageError: the folder cannot be written; each file is whole or as before.
    """
    write_atomically(comparison.out / LABELS_TABLE, encoded(_markdown(comparison)))
    header = ["labels", "seed", "task", "number", "value", "gain", "gain_low", "gain_high"]
    write_atomically(comparison.out / LABELS_CSV, csv_bytes(header, _csv_rows(comparison)))


def _markdown(comparison: LabelComparison) -> str:
    tasks = ", ".join(comparison.tasks)
    seeds = len(comparison.seeds)
    over = f"; medians of {seeds} seeds" if seeds > 1 else ""
    lines = [
        f"Labels of {tasks}, cleaned by {comparison.rules}; {comparison.split} split{over}.",
        "Plain means over tasks:",
        "",
        *_table([means_header(comparison), *means_rows(comparison)]),
        "",
        " ".join([NOTE, *comparison.remarks]),
        "",
        *_table(_each_task(comparison)),
    ]
    return "\n".join(lines) + "\n"


def _each_task(comparison: LabelComparison) -> list[list[str]]:
    """A row a task and number, the three ways side by side."""
    values = {row: comparison.value_of(row) for row in ROWS}
    rows = [["", *ROWS.values(), "gain of merging (95 %)"]]
    for task in comparison.tasks:
        for name, called in CALLED.items():
            key = f"{task}.{name}"
            if any(key in found for found in values.values()):
                cells = [_percent(found.get(key)) for found in values.values()]
                rows.append([f"{task}, {called}", *cells, comparison.gain(key)])
    return rows


def _table(rows: list[list[str]]) -> list[str]:
    header, *others = rows
    marked = [header, ["---"] * len(header), *others]
    return [f"| {' | '.join(map(markdown_cell, line))} |" for line in marked]


def _csv_rows(comparison: LabelComparison) -> Iterator[list[object]]:
    for row, each in comparison.numbers.items():
        for seed, found, gained in zip(comparison.seeds, each, comparison.gains, strict=True):
            for key, value in {**found, **means(found, tuple(CALLED))}.items():
                task, _, name = key.rpartition(".")
                gain = gained.get(key) if row == "after" else None
                told = ("", "", "") if gain is None else (gain.value, gain.low, gain.high)
                yield [ROWS[row], seed, task, name, value, *told]


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.2f} %"


def _signed(value: float) -> str:
    return f"{100 * value:+.2f}"
