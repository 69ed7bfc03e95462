"""``report.html`` of a comparison: one page that needs no other file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lapel.evaluation.page import bar, card, escaped, page, table
from lapel.evaluation.tables import encoded
from lapel.storage.local import write_atomically
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

REPORT = "report.html"

Section = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What was compared, in words for the page.

    Attributes:
        recipe: name of the recipe.
        dataset: name of the dataset.
        fingerprint: of the dataset.
        settings: changes that all runs share.
        seeds: of the runs of each choice.
        score: what the score is, in words.
    """

    recipe: str
    dataset: str
    fingerprint: str
    settings: Mapping[str, str]
    seeds: Sequence[int]
    score: str


def write_report(out: Path, about: About, grid: Grid, outcomes: Sequence[Outcome]) -> None:
    """Write ``report.html``.

    Raises:
        StorageError: it cannot be written; a former report is as before.
    """
    results = [result for outcome in outcomes for result in outcome.results]
    sections: list[Section] = [("results", "Results", _results(grid, outcomes))]
    for place, panel in enumerate(panels_of(grid, outcomes)):
        sections.append((f"panel-{place}", panel.title, _panel(panel)))
    failed = [result for result in results if result.state == "failed"]
    if failed:
        sections.append(("failed", "Runs that failed", _failed(failed)))
    sections.append(("how", "How it was compared", _how(about)))
    text = page(
        title=f"{about.recipe} on {about.dataset}, compared",
        lead=_lead(results, outcomes),
        sections=sections,
        foot="<p>Every value of every epoch is in <b>epochs.csv</b>, the final numbers of each run "
        "in <b>runs.csv</b>, the first table in <b>table.md</b>. Each run is a folder below "
        "<b>runs</b>, with its bundle.</p>",
    )
    write_atomically(out / REPORT, encoded(text))


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
    return (
        f'<p class="soft">{escaped(sentence(results))}.</p><p class="note">{escaped(note)}</p>'
        f'<div class="cards">{"".join(cards)}</div>'
    )


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


def _failed(results: Sequence[Result]) -> str:
    rows = [[escaped(result.run.name), escaped(result.fault)] for result in results]
    about = "They take no part in any figure. The same command again tries them once more."
    return f"<p>{about}</p>{table(['run', 'fault'], rows, style='words')}"


def _how(about: About) -> str:
    settings = ", ".join(f"{key}={value}" for key, value in about.settings.items())
    rows = [
        ("recipe", about.recipe + (f", with {settings}" if settings else "")),
        ("dataset", f"{about.dataset} (fingerprint {about.fingerprint})"),
        ("score", about.score),
        ("seeds", ", ".join(map(str, about.seeds))),
    ]
    shown = [[escaped(name), escaped(value)] for name, value in rows]
    return table(["", ""], shown, style="words")
