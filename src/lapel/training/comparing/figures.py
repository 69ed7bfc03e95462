"""The two figures of a panel: scores over epochs, and the scores of all runs side by side."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from lapel.evaluation.pages.charts import Axes, round_ticks, svg
from lapel.evaluation.pages.numbers import percent
from lapel.evaluation.pages.page import escaped
from lapel.training.comparing.results import Outcome
from lapel.training.comparing.tables import parameters_text

Points = Sequence[tuple[float, float]]
_Scale = Callable[[float], float]

#: Colours that can be told apart on light and dark paper; when they are used up, lines are dashed.
COLOURS = ("var(--second)", "var(--first)", "#4f9d69", "#a06cc8", "#c29a2b", "#7d8590")

#: Pixels: a figure, and the least height of a value's row in the side-by-side figure.
WIDTH, HEIGHT, ROW = 450, 330, 46

#: Characters of a value that have room above its row.
VALUE_CHARACTERS = 60


def colour_of(place: int) -> tuple[str, bool]:
    """Colour of the line at a place, and whether it is dashed."""
    return COLOURS[place % len(COLOURS)], place >= len(COLOURS)


def curves_figure(curves: Mapping[str, Outcome]) -> str:
    """Score on validation over epochs, a line a value, as HTML; empty without any points.

    Of several seeds, each is drawn faintly and their median strongly.
    """
    lines = {
        value: [
            curve
            for result in outcome.results
            if result.state != "failed" and (curve := result.curve())
        ]
        for value, outcome in curves.items()
    }
    points = [point for seeds in lines.values() for curve in seeds for point in curve]
    if not points:
        return ""
    axes = _axes(points)
    parts = [
        axes.frame(
            title="Score on validation",
            x_name="epoch",
            x_format=_whole,
            y_format=partial(percent, digits=1),
        )
    ]
    for place, (value, seeds) in enumerate(lines.items()):
        colour, dashed = colour_of(place)
        best = max((y for curve in seeds for _, y in curve), default=0.0)
        parts.append(f"<g><title>{escaped(value)}: best {percent(best, 2)}</title>")
        if len(seeds) > 1:
            faint = "".join(axes.line(curve, colour, dashed=dashed) for curve in seeds)
            parts.append(f'<g opacity="0.3">{faint}</g>')
        if seeds:
            parts.append(axes.line(median_curve(seeds), colour, dashed=dashed))
        parts.append("</g>")
    drawing = svg(axes.width, axes.height, "".join(parts), description="Score over epochs")
    return f"{drawing}{_legend(curves)}"


def median_curve(curves: Sequence[Points]) -> list[tuple[float, float]]:
    """The median at each epoch that all of the curves have."""
    by_epoch = [dict(curve) for curve in curves]
    shared = sorted(set(by_epoch[0]).intersection(*by_epoch))
    return [(epoch, statistics.median(curve[epoch] for curve in by_epoch)) for epoch in shared]


def _axes(points: Points) -> Axes:
    epochs, values = [x for x, _ in points], [y for _, y in points]
    room = (max(values) - min(values)) * 0.08 or 0.02
    first = min(1.0, *epochs)
    return Axes(
        width=WIDTH,
        height=HEIGHT,
        x_range=(first, max(*epochs, first + 1)),
        y_range=(min(values) - room, max(values) + room),
    )


def _legend(curves: Mapping[str, Outcome]) -> str:
    """What each line is, under the figure, where long names have room."""
    entries = []
    sizes = {outcome.done[0].parameters for outcome in curves.values() if outcome.done}
    for place, (value, outcome) in enumerate(curves.items()):
        colour, dashed = colour_of(place)
        style = f"border-top:3px {'dashed' if dashed else 'solid'} {colour}"
        size = ""
        if outcome.done and len(sizes) > 1:
            size = f" ({parameters_text(outcome.done[0].parameters)})"
        entries.append(
            f'<span class="whole"><span style="display:inline-block;width:18px;{style};'
            f'vertical-align:middle;margin-right:6px"></span>{escaped(value)}'
            f'<span class="soft">{size}</span></span>'
        )
    return f'<p class="soft" style="margin:8px 0 0">{" &ensp; ".join(entries)}</p>'


def side_by_side_figure(values: Mapping[str, Sequence[Outcome]], order: Sequence[str]) -> str:
    """Every run as a dot in the row of its value, with the row's median; empty without runs.

    Args:
        values: value to all choices that have it.
        order: the values as the curves show them, for the same colours; others follow.
    """
    rows = {value: values[value] for value in [*order, *(v for v in values if v not in order)]}
    scores = {value: [s for one in having for s in one.scores] for value, having in rows.items()}
    everything = [score for row in scores.values() for score in row]
    if not everything:
        return ""
    low, high = _range(everything)
    row_height = max(ROW, min(2 * ROW, (HEIGHT - 46) // len(rows)))
    height = row_height * len(rows) + 46

    def x(score: float) -> float:
        return 16 + (score - low) / (high - low) * (WIDTH - 40)

    parts = [_scale(x, (low, high), height)]
    for place, (value, having) in enumerate(rows.items()):
        parts.append(
            _row(
                value,
                having,
                x,
                24 + row_height * place + (row_height - ROW) // 2,
                colour_of(place)[0],
            )
        )
    return svg(WIDTH, height, "".join(parts), description="Scores of all runs, a row a value")


def _range(scores: Sequence[float]) -> tuple[float, float]:
    room = (max(scores) - min(scores)) * 0.06 or 0.01
    return min(scores) - room, max(scores) + room


def _scale(x: _Scale, span: tuple[float, float], height: int) -> str:
    parts = ['<text x="16" y="14" font-weight="600">All runs, best epoch of each</text>']
    parts += [
        f'<line class="grid" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="24" '
        f'y2="{height - 22}"/><text class="soft" x="{x(tick):.1f}" y="{height - 6}" '
        f'text-anchor="middle">{percent(tick, 1)}</text>'
        for tick in round_ticks(*span)
    ]
    return "".join(parts)


def _row(value: str, having: Sequence[Outcome], x: _Scale, top: int, colour: str) -> str:
    results = [result for outcome in having for result in outcome.done]
    scores = [result.score for result in results if result.score is not None]
    short = value if len(value) <= VALUE_CHARACTERS else f"{value[: VALUE_CHARACTERS - 1]}…"
    parts = [f'<text x="16" y="{top + 14}">{escaped(short)}</text>']
    middle = top + 28
    for result in results:
        about = f"{result.run.name}: {percent(result.score or 0.0, 2)}"
        parts.append(
            f"<g><title>{escaped(about)}</title>"
            f'<circle cx="{x(result.score or 0.0):.1f}" cy="{middle}" r="5" fill="{colour}" '
            'fill-opacity="0.55"/></g>'
        )
    if scores:
        centre = x(statistics.median(scores))
        parts.append(
            f"<g><title>median: {percent(statistics.median(scores), 2)}</title>"
            f'<rect x="{centre - 1.5:.1f}" y="{middle - 11}" width="3" height="22" '
            f'fill="{colour}"/></g>'
        )
    else:
        parts.append(f'<text class="soft" x="16" y="{middle + 4}">no run is done</text>')
    return "".join(parts)


def _whole(epoch: float) -> str:
    """An epoch; between two there is nothing to name."""
    return f"{epoch:.0f}" if epoch.is_integer() else ""
