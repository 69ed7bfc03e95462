"""A comparison as tables: for people (Markdown, the terminal) and for programs (CSV)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from lapel.evaluation.tables import csv_bytes, encoded
from lapel.schema.counting import counted, duration
from lapel.storage.local import write_atomically
from lapel.training.comparing.results import Outcome, Result, own_numbers, ranked

RUNS, EPOCHS, TABLE = "runs.csv", "epochs.csv", "table.md"


def write_tables(out: Path, keys: Sequence[str], results: Sequence[Result]) -> None:
    """Write ``runs.csv``, ``epochs.csv`` and ``table.md``.

    Raises:
        StorageError: the folder cannot be written; each file is whole or as before.
    """
    write_atomically(out / RUNS, _runs_csv(keys, results))
    write_atomically(out / EPOCHS, _epochs_csv(keys, results))


def write_markdown(out: Path, keys: Sequence[str], outcomes: Sequence[Outcome]) -> None:
    """Write ``table.md``: the table that people read, to be put into notes.

    Raises:
        StorageError: the folder cannot be written; the file is whole or as before.
    """
    header = summary_header(keys, outcomes)
    lines = [header, ["---"] * len(header), *summary_rows(outcomes)]
    text = "\n".join(f"| {' | '.join(map(markdown_cell, line))} |" for line in lines)
    write_atomically(out / TABLE, encoded(f"{text}\n"))


def summary_header(keys: Sequence[str], outcomes: Sequence[Outcome]) -> list[str]:
    """Names of the columns of :func:`summary_rows`."""
    numbers = _several(outcomes)
    score = "score" if _seeds(outcomes) == 1 else "score: median (least to most)"
    return [*keys, score, *numbers, "best epoch", "parameters", "learned in", "runs"]


def summary_rows(outcomes: Sequence[Outcome]) -> Iterator[list[str]]:
    """A row a choice, the best first; every cell is text for people."""
    numbers = _several(outcomes)
    for outcome in ranked(outcomes):
        done = outcome.done
        yield [
            *outcome.choice.values,
            score_text(outcome),
            *(_share(outcome.median(number)) for number in numbers),
            _least_to_most([result.best_epoch for result in done]),
            parameters_text(done[0].parameters) if done else "",
            duration(sum(result.seconds for result in done)) if done else "",
            state_text(outcome),
        ]


def score_text(outcome: Outcome) -> str:
    """The score of a choice; of several seeds their median and spread."""
    scores = outcome.scores
    if len(scores) < 2:
        return _share(outcome.score)
    return f"{_share(outcome.score)} ({100 * min(scores):.2f} to {100 * max(scores):.2f})"


def state_text(outcome: Outcome) -> str:
    """How many runs of a choice are done, and what became of the others."""
    parts = [f"{len(outcome.done)} done"] if outcome.done else []
    for state in ("failed", "unfinished", "waiting"):
        count = sum(result.state == state for result in outcome.results)
        parts += [f"{count} {state}"] if count else []
    return ", ".join(parts)


def parameters_text(count: int) -> str:
    """``11.2 M``, ``85 k``."""
    return f"{count / 1e6:.1f} M" if count >= 1e6 else f"{count / 1e3:.0f} k"


def _several(outcomes: Sequence[Outcome]) -> list[str]:
    """Each task's own number where there are several tasks; a single one's is the score."""
    numbers = own_numbers([result for outcome in outcomes for result in outcome.results])
    return numbers if len(numbers) > 1 else []


def _seeds(outcomes: Sequence[Outcome]) -> int:
    return max(len(outcome.results) for outcome in outcomes)


def _share(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.2f} %"


def _least_to_most(values: Sequence[int]) -> str:
    if not values:
        return ""
    least, most = min(values), max(values)
    return str(least) if least == most else f"{least} to {most}"


def markdown_cell(text: str) -> str:
    """A cell that stays one, and says just that."""
    return re.sub(r"([|<>`*\[\]\\])", r"\\\1", " ".join(text.split()))


def _runs_csv(keys: Sequence[str], results: Sequence[Result]) -> bytes:
    """A row a run, with every number of the network that ships."""
    numbers = {name: None for result in results for name in result.numbers}
    facts = ("state", "epochs", "best_epoch", "score", "seconds", "parameters")
    header = ["run", *keys, "seed", *facts, *(f"validation.{name}" for name in numbers), "fault"]
    rows = []
    for result in results:
        done = result.state == "done"
        rows.append(
            [
                *_beginning(result),
                result.state,
                len(result.history),
                result.best_epoch if done else "",
                "" if result.score is None else repr(result.score),
                f"{result.seconds:.1f}" if done else "",
                result.parameters if done else "",
                *(repr(result.numbers[name]) if name in result.numbers else "" for name in numbers),
                " ".join(result.fault.split()),
            ]
        )
    return csv_bytes(header, rows)


def _epochs_csv(keys: Sequence[str], results: Sequence[Result]) -> bytes:
    """A row an epoch of each run, with every value of its log."""
    columns = {name: None for result in results for row in result.history for name in row}
    rows = [
        [*_beginning(result), *(row.get(name, "") for name in columns)]
        for result in results
        for row in result.history
    ]
    return csv_bytes(["run", *keys, "seed", *columns], rows)


def _beginning(result: Result) -> list[object]:
    return [result.run.name, *result.run.choice.values, result.run.seed]


def sentence(results: Sequence[Result]) -> str:
    """How many runs are done, and how many not."""
    done = sum(result.state == "done" for result in results)
    failed = sum(result.state == "failed" for result in results)
    rest = len(results) - done - failed
    parts = [f"{done:,} of {counted(len(results), 'run')} done"]
    parts += [f"{failed:,} failed"] if failed else []
    parts += [f"{rest:,} to go on with"] if rest else []
    return ", ".join(parts)
