"""``report.html`` of a comparison: one page that needs no other file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lapel.evaluation.pages.page import bar, card, escaped, table
from lapel.training.comparing.figures import curves_figure, side_by_side_figure
from lapel.training.comparing.grid import Grid
from lapel.training.comparing.panels import Panel, panels_of
from lapel.training.comparing.results import Outcome, Result, ranked
from lapel.training.comparing.tables import (
    score_text,
    sentence,
    summary_header,
    summary_rows,
)
from lapel.training.many_runs.report import (
    Basis,
    Section,
    failed_section,
    how_section,
    lead_of,
    write_page,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class About(Basis):
    """What was compared, in words for the page.

    Attributes:
        seeds: of the runs of each choice.
    """

    seeds: Sequence[int]


def write_report(out: Path, about: About, grid: Grid, outcomes: Sequence[Outcome]) -> None:
    """Write ``report.html``.

    Raises:
        StorageError: it cannot be written; a former report is as before.
    """
    results = [result for outcome in outcomes for result in outcome.results]
    sections: list[Section] = [("results", "Results", _results(grid, outcomes))]
    for place, panel in enumerate(panels_of(grid, outcomes)):
        sections.append((f"panel-{place}", panel.title, _panel(panel)))
    faults = [(one.run.name, one.fault) for one in results if one.state == "failed"]
    again = "They take no part in any figure. The same command again tries them once more."
    sections += failed_section("run", faults, again)
    seeds = ", ".join(map(str, about.seeds))
    sections.append(how_section("How it was compared", about, ("seeds", seeds)))
    write_page(
        out,
        about,
        "compared",
        lead=_lead(results, outcomes),
        sections=sections,
        foot="Every value of every epoch is in <b>epochs.csv</b>, the final numbers of each run in "
        "<b>runs.csv</b>, the first table in <b>table.md</b>. Each run is a folder below "
        "<b>runs</b>, with its bundle.",
    )


def _lead(results: Sequence[Result], outcomes: Sequence[Outcome]) -> str:
    note = (
        "Every number is of the validation split, where also each run's best epoch was chosen: "
        "the best of many runs looks better than it is. Judge the one that you choose once, on "
        "the test split, with lapel evaluate."
    )
    cards = []
    best = ranked(outcomes)[0]
    if best.score is not None:
        words = ", ".join(best.choice.values) or "as the recipe is"
        median, _, spread = score_text(best).partition(" (")
        below = (f"median; {spread.rstrip(')')}", words) if spread else (words,)
        cards.append(card("best score", median, *below))
    seconds = sum(result.seconds for result in results)
    cards.append(card("runs", sentence(results).partition(" done")[0], "done"))
    cards.append(card("learned for", f"{seconds / 60:,.1f} min", "all runs together"))
    return lead_of(note, cards, sentence(results))


def _results(grid: Grid, outcomes: Sequence[Outcome]) -> str:
    header = summary_header(grid.keys, outcomes)
    place = len(grid.keys)
    scores = [one.score for one in outcomes if one.score is not None]
    low, high = min(scores, default=0.0), max(scores, default=1.0)
    rows = []
    for outcome, cells in zip(ranked(outcomes), summary_rows(outcomes), strict=True):
        shown = [escaped(cell) for cell in cells]
        if outcome.score is not None and high > low:
            # From 15 % for the least on: every row's bar is to be seen.
            shown[place] += bar(0.15 + 0.85 * (outcome.score - low) / (high - low))
        rows.append(shown)
    about = (
        "The best first. Bars reach from the least score to the greatest, so they show differences "
        "and not sizes."
    )
    return f"<p>{escaped(about)}</p>{table(header, rows, style='words')}"


def _panel(panel: Panel) -> str:
    figures = (
        curves_figure(panel.curves),
        side_by_side_figure(panel.all, list(panel.curves)),
    )
    shown = "".join(f'<div class="panel">{figure}</div>' for figure in figures if figure)
    others = ", ".join(f"{key}={value}" for key, value in panel.others.items())
    words = "The curves differ in nothing else"
    if others:
        words += f"; all else is as in the best run here: {others}"
    dots = "Each dot is one run, with whatever else it has; the upright line is their median."
    return f'<p>{escaped(f"{words}. {dots}")}</p><div class="pair">{shown}</div>'
