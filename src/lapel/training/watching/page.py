"""A page of a run: what rules found, how gradients went, where the time goes."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

from lapel.evaluation.pages.charts import Axes, svg
from lapel.evaluation.pages.page import card, escaped, figure, page, table
from lapel.storage.local import write_atomically
from lapel.training.loop.clock import PHASES
from lapel.training.watching.findings import Finding, read_findings
from lapel.training.watching.profile import COLUMNS, FOLDER, OPERATIONS, TRACE
from lapel.training.watching.records import Records
from lapel.training.watching.rules import RULES

#: The page, in the run's folder.
PAGE = "watching.html"

#: Operations that the page shows; the file has them all.
SHOWN = 15

#: What the phases are, in words.
WORDS = {
    "input": "waiting for pictures",
    "change": "augmentation",
    "forward": "forward, with the loss",
    "backward": "backward",
    "step": "the optimiser's step",
}


def write_page(run: Path, *, rules: bool) -> Path:
    """Write the page of a watched run.

    Args:
        run: its folder.
        rules: whether rules looked at it.

    Raises:
        StorageError: the disk did not take it.
    """
    records = Records(run, until=2**62)
    findings = read_findings(run)
    sections = [("findings", "What rules found", _findings(findings))] if rules else []
    if records.looks:
        sections.append(("gradients", "Gradients", _gradients(records)))
    if records.times:
        sections.append(("time", "Where the time goes", _times(records)))
    if (run / FOLDER / OPERATIONS).is_file():
        sections.append(("operations", "Operations", _operations(run)))
    lead = f'<div class="cards">{_cards(findings, records, rules=rules)}</div>'
    foot = "docs/watching.md says what each rule means."
    written = page(title=f"Watching {run.name}", lead=lead, sections=sections, foot=foot)
    write_atomically(run / PAGE, written.encode())
    return run / PAGE


def _cards(findings: Sequence[Finding], records: Records, *, rules: bool) -> str:
    cards = []
    if rules:
        cards.append(card("Rules that spoke up", str(len(findings)), f"of {len(RULES)}"))
    totals = {phase: sum(float(row[phase]) for row in records.times) for phase in PHASES}
    whole = sum(totals.values())
    if whole:
        phase = max(totals, key=totals.__getitem__)
        share = f"{100 * totals[phase] / whole:.0f} %"
        cards.append(card("Most of a step is", share, WORDS[phase]))
    return "".join(cards)


def _findings(findings: Sequence[Finding]) -> str:
    if not findings:
        return (
            f"<p>None of {len(RULES)} rules had anything to say: {escaped(', '.join(RULES))}.</p>"
        )
    return table(
        ("Rule", "Step", "Epoch", "What was found, and what to try"),
        [
            (
                escaped(one.rule),
                f"{one.step:,}",
                str(one.epoch),
                _sentence(one),
            )
            for one in findings
        ],
    )


def _sentence(finding: Finding) -> str:
    end = ". It ended the run." if finding.stopped else ""
    style = "white-space: normal; display: block; text-align: left; min-width: 24em"
    return f'<span style="{style}">{escaped(finding.what)}{end}</span>'


def _gradients(records: Records) -> str:
    gradients = [(float(row["step"]), float(row["gradient"])) for row in records.looks]
    least = [(float(row["step"]), float(row["least_relative"])) for row in records.looks]
    drawn = _logarithmic(gradients, "Norm of the gradient", "--first")
    below = _logarithmic(least, "Least gradient of a layer, as a share of its weights", "--second")
    return (
        f'<div class="pair"><div class="panel">{drawn}</div><div class="panel">{below}</div></div>'
    )


def _logarithmic(points: Sequence[tuple[float, float]], title: str, colour: str) -> str:
    """A line on a scale of powers of ten."""
    logs = [(x, math.log10(y)) for x, y in points if math.isfinite(y) and y > 0]
    if not logs:
        return "<p>There is nothing to draw.</p>"
    low, high = min(y for _, y in logs), max(y for _, y in logs)
    last = max(x for x, _ in logs)
    axes = Axes(
        width=480,
        height=260,
        x_range=(0.0, max(last, 1.0)),
        y_range=(low - 0.5, high + 0.5),
    )
    drawn = axes.frame(
        title=title,
        x_name="step",
        x_format=lambda value: f"{value:,.0f}",
        y_format=lambda value: f"{10**value:.2g}",
    ) + axes.line(logs, f"var({colour})")
    return figure(svg(axes.width, axes.height, drawn, description=title), "One point a look.")


def _times(records: Records) -> str:
    totals = {phase: sum(float(row[phase]) for row in records.times) for phase in PHASES}
    whole = sum(totals.values()) or 1.0
    return table(
        ("What", "Seconds", "Share"),
        [
            (escaped(WORDS[phase]), f"{seconds:.2f}", f"{100 * seconds / whole:.1f} %")
            for phase, seconds in totals.items()
        ],
    )


def _operations(run: Path) -> str:
    text = (run / FOLDER / OPERATIONS).read_text("utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))[:SHOWN]
    shown = table(
        ("Operation", "Calls", "Itself, CPU ms", "With what it calls, ms", "Itself, device ms"),
        [[escaped(row[column]) for column in COLUMNS] for row in rows],
    )
    return (
        f"<p>The whole is in <code>{FOLDER}/{TRACE}</code>: open it in chrome://tracing or "
        f"Perfetto.</p>{shown}"
    )
