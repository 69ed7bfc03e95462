"""``report.html`` of a search: one page that needs no other file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lapel.evaluation.pages.page import card, escaped, table
from lapel.schema.counting import counted, duration
from lapel.training.many_runs.report import (
    Basis,
    Section,
    failed_section,
    how_section,
    lead_of,
    write_page,
)
from lapel.training.tuning.figures import (
    history_figure,
    importance_figure,
    parallel_figure,
    slice_figure,
)
from lapel.training.tuning.ranges import Range
from lapel.training.tuning.records import Record, best_of

#: Trials in the table; all are in the CSV file.
ROWS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class About(Basis):
    """What was searched, in words for the page.

    Attributes:
        ranges: what was varied.
        pruner: what ended trials early.
        seed: of the search.
        home: of the folder that the page lies in.
    """

    ranges: Sequence[Range]
    pruner: str
    seed: int
    home: str


def write_report(
    out: Path, about: About, records: Sequence[Record], importance: Mapping[str, float]
) -> None:
    """Write ``report.html``.

    Raises:
        StorageError: it cannot be written; a former page is as before.
    """
    sections = [("history", "History", _panel(history_figure(records), _HISTORY))]
    mattered = importance_figure(importance)
    if mattered:
        sections.append(("importance", "What mattered", _panel(mattered, _IMPORTANCE)))
    parallel = parallel_figure(records, about.ranges)
    if parallel:
        sections.append(("together", "Values together", _panel(parallel, _TOGETHER)))
    sections.append(("keys", "Key by key", _slices(about.ranges, records)))
    sections.append(("trials", "The best trials", _trials(about, records)))
    faults = [(str(one.number), one.fault) for one in records if one.state == "failed"]
    sections += failed_section("trial", faults, "The search keeps away from such values.")
    sections.append(_how(about))
    write_page(
        out,
        about,
        "tuned",
        lead=_lead(records),
        sections=sections,
        foot="Every trial is in <b>tuned.csv</b>; the best values are in <b>best.yaml</b>, which "
        "lapel train takes as a recipe.",
    )


_HISTORY = (
    "Full dots are trials that learned to their end, rings those that were ended early since they "
    "were worse than others at the same epoch."
)
_IMPORTANCE = (
    "How much of the differences between scores each key explains by itself (fANOVA), over the "
    "values that were searched. It is an estimate, and rough where trials are few."
)
_TOGETHER = (
    "A line a trial, through the value of each key to its score; better ones are stronger, the "
    "best one has a colour of its own."
)


def _panel(drawing: str, about: str) -> str:
    if not drawing:
        return "<p>No trial has a score yet.</p>"
    return f'<p>{escaped(about)}</p><div class="panel">{drawing}</div>'


def _lead(records: Sequence[Record]) -> str:
    note = (
        "Every number is of the validation split, on which values were chosen: the best of many "
        "trials looks better than it is, and the more so the more there are. The test split was "
        "not looked at; judge the best one once, on it, with lapel evaluate."
    )
    cards, best = [], best_of(records)
    if best is not None and best.score is not None:
        cards.append(card("best score", f"{100 * best.score:.2f} %", f"trial {best.number}"))
        first = next((record for record in records if record.score is not None), best)
        if first.score is not None and first.number != best.number:
            gain = 100 * (best.score - first.score)
            cards.append(
                card("against the first", f"{gain:+.2f}", f"points, on trial {first.number}")
            )
    done = sum(record.state == "done" for record in records)
    early = sum(record.state == "pruned" for record in records)
    cards.append(card("trials", f"{done:,}", f"done, and {early:,} ended early"))
    spent = duration(sum(record.seconds for record in records))
    cards.append(card("learned for", spent, "all trials together"))
    return lead_of(note, cards)


def _slices(ranges: Sequence[Range], records: Sequence[Record]) -> str:
    figures = [slice_figure(one, records) for one in ranges]
    shown = "".join(f'<div class="panel">{figure}</div>' for figure in figures if figure)
    about = "Scores over the values of each key, whatever the others were in the same trial."
    return f'<p>{escaped(about)}</p><div class="trio">{shown}</div>'


def _trials(about: About, records: Sequence[Record]) -> str:
    keys = [one.key for one in about.ranges]
    done = sorted(
        (record for record in records if record.score is not None),
        key=lambda record: (-(record.score or 0.0), record.number),
    )
    rows = [
        [
            str(record.number),
            f"{100 * (record.score or 0.0):.2f} %",
            str(record.best_epoch),
            escaped(duration(record.seconds)),
            escaped("here" if record.home == about.home else record.host),
            *(escaped(_short(record.values.get(key, ""))) for key in keys),
        ]
        for record in done[:ROWS]
    ]
    rest = f"<p>The best {ROWS} of {counted(len(done), 'trial')}.</p>" if len(done) > ROWS else ""
    header = ["trial", "score", "best epoch", "learned for", "machine", *keys]
    return f"{rest}{table(header, rows)}" if rows else "<p>None is done yet.</p>"


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _how(about: About) -> Section:
    return how_section(
        "How it was searched",
        about,
        *((one.key, one.words()) for one in about.ranges),
        ("drawn by", "TPE (Bergstra et al. 2011), as Optuna has it"),
        ("ended early by", about.pruner),
        ("seed", str(about.seed)),
    )
