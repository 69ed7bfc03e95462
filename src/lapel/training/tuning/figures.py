"""The figures of a search: its history, what mattered, and how values went together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial

from lapel.evaluation.pages.charts import Axes, shortened, svg
from lapel.evaluation.pages.numbers import percent
from lapel.evaluation.pages.page import escaped
from lapel.training.tuning.ranges import Range, Value
from lapel.training.tuning.records import Record, best_of

#: Pixels.
WIDE, HEIGHT = 960, 320
SMALL, SMALL_HEIGHT = 300, 240

#: Pixels between two bars, and of the names beside them.
BAR, NAMES = 30, 260


def history_figure(records: Sequence[Record]) -> str:
    """Score of each trial in the order in which they were begun, and the best so far."""
    told = [(record, score) for record in records if (score := _told(record)) is not None]
    if not told:
        return ""
    axes = _axes([record.number for record, _ in told], [score for _, score in told], WIDE, HEIGHT)
    frame = axes.frame(
        title="Score on validation",
        x_name="trial",
        x_format=_whole,
        y_format=partial(percent, digits=1),
    )
    dots = [_dot(axes, record.number, score, record) for record, score in told]
    line = axes.line(best_so_far(records), "var(--first)")
    legend = axes.legend([("best so far", "var(--first)"), ("a trial", "var(--second)")])
    content = "".join([frame, legend, *dots, line])
    return svg(WIDE, HEIGHT, content, description="Score of each trial, and the best so far")


def best_so_far(records: Sequence[Record]) -> list[tuple[float, float]]:
    """Trial number and the best score until then, as the corners of a staircase."""
    corners: list[tuple[float, float]] = []
    for record in records:
        if record.score is None:
            continue
        if corners and record.score <= corners[-1][1]:
            corners.append((record.number, corners[-1][1]))
            continue
        if corners:
            corners.append((record.number, corners[-1][1]))
        corners.append((record.number, record.score))
    return corners


def importance_figure(importance: Mapping[str, float]) -> str:
    """A bar a key: the share of the differences between scores that it explains."""
    if not importance:
        return ""
    height = BAR * len(importance) + 12
    greatest = max(importance.values()) or 1.0
    room = WIDE - NAMES - 90
    parts = []
    for place, (key, share) in enumerate(importance.items()):
        middle = BAR * place + 20
        parts.append(
            f"<g><title>{escaped(key)}: {percent(share, 1)}</title>"
            f'<text x="{NAMES - 10}" y="{middle + 4}" text-anchor="end">'
            f"{escaped(shortened(key, NAMES - 20))}</text>"
            f'<rect x="{NAMES}" y="{middle - 8}" width="{max(1.0, share / greatest * room):.1f}" '
            f'height="16" fill="var(--second)"/><text class="soft" '
            f'x="{NAMES + share / greatest * room + 8:.1f}" y="{middle + 4}">{percent(share, 1)}'
            "</text></g>"
        )
    return svg(WIDE, height, "".join(parts), description="How much each key mattered")


def parallel_figure(records: Sequence[Record], ranges: Sequence[Range]) -> str:
    """Each trial as a line through its values and its score; the best one stands out."""
    told = [(record, score) for record in records if (score := _told(record)) is not None]
    if len(told) < 2:
        return ""
    low, high = min(score for _, score in told), max(score for _, score in told)
    span = (low, high) if high > low else (low - 0.01, high + 0.01)
    columns = len(ranges)
    best = best_of(records)
    left, right, top, floor = 90, WIDE - 90, 44, HEIGHT + 20

    def x(place: int) -> float:
        return left + place / max(columns, 1) * (right - left)

    def y(share: float) -> float:
        return floor - share * (floor - top)

    parts = [_upright(one, x(place), top, floor) for place, one in enumerate(ranges)]
    parts.append(
        _upright_text("score", percent(span[1], 1), percent(span[0], 1), right, top, floor)
    )
    for record, score in sorted(told, key=lambda pair: pair[1]):
        share = (score - span[0]) / (span[1] - span[0])
        points = [
            (x(at), y(place_of(one, record.values.get(one.key)))) for at, one in enumerate(ranges)
        ]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in [*points, (x(columns), y(share))])
        mine = best is not None and record.number == best.number
        colour = "var(--first)" if mine else "var(--second)"
        strength = 1.0 if mine else 0.12 + 0.6 * share**2
        parts.append(
            f"<g><title>{escaped(_about(record))}</title>"
            f'<polyline points="{path}" fill="none" stroke="{colour}" '
            f'stroke-width="{2.5 if mine else 1.5}" stroke-opacity="{strength:.2f}"/></g>'
        )
    return svg(WIDE, floor + 30, "".join(parts), description="Values of all trials, and scores")


def slice_figure(one: Range, records: Sequence[Record]) -> str:
    """Score over the values of one key, whatever the others were."""
    told = [(record, score) for record in records if (score := _told(record)) is not None]
    if not told:
        return ""
    axes = _axes([0.0, 1.0], [score for _, score in told], SMALL, SMALL_HEIGHT, edge=0.04)
    frame = axes.frame(
        title=shortened(one.key, SMALL - 90),
        x_name="",
        x_format=lambda _: "",
        y_format=partial(percent, digits=1),
    )
    ends = _end_texts(one)
    foot = "".join(
        f'<text class="soft" x="{axes.x(place):.1f}" y="{SMALL_HEIGHT - 20}" '
        f'text-anchor="{anchor}">{escaped(shortened(text, 100))}</text>'
        for place, text, anchor in ((0.0, ends[0], "start"), (1.0, ends[1], "end"))
    )
    dots = [_dot(axes, place_of(one, record.values.get(one.key)), s, record) for record, s in told]
    return svg(SMALL, SMALL_HEIGHT, frame + foot + "".join(dots), description=f"By {one.key}")


def place_of(one: Range, value: Value) -> float:
    """Where a value lies between the ends of its range, 0 to 1."""
    if one.kind == "choice":
        places = [place for place, choice in enumerate(one.choices) if choice == value]
        return (places[0] if places else 0) / max(len(one.choices) - 1, 1)
    low, high, number = one.low, one.high, float(value or 0)
    if one.log:
        low, high, number = math.log(low), math.log(high), math.log(max(number, one.low))
    return min(1.0, max(0.0, (number - low) / (high - low)))


def _told(record: Record) -> float | None:
    """The score that a figure shows: of its best epoch, also of a trial that was ended early."""
    if record.state in {"done", "pruned"} and record.scores:
        return max(record.scores.values())
    return None


def _axes(
    xs: Sequence[float], ys: Sequence[float], width: int, height: int, edge: float = 0.0
) -> Axes:
    room = (max(ys) - min(ys)) * 0.08 or 0.02
    return Axes(
        width=width,
        height=height,
        x_range=(min(xs) - edge, max(*xs, min(xs) + 1) + edge),
        y_range=(min(ys) - room, max(ys) + room),
    )


def _dot(axes: Axes, x: float, score: float, record: Record) -> str:
    """A full dot for a trial that is done, a ring for one that was ended early."""
    full = record.state == "done"
    style = 'fill="var(--second)"' if full else 'fill="none" stroke="var(--soft)"'
    return (
        f"<g><title>{escaped(_about(record))}</title>"
        f'<circle cx="{axes.x(x):.1f}" cy="{axes.y(score):.1f}" r="4" {style} '
        'fill-opacity="0.7"/></g>'
    )


def _about(record: Record) -> str:
    values = ", ".join(f"{key}={value}" for key, value in record.values.items())
    score = _told(record)
    early = f", ended after epoch {record.last_epoch}" if record.state == "pruned" else ""
    return f"trial {record.number}: {percent(score or 0.0, 2)}{early}; {values}"


def _end_texts(one: Range) -> tuple[str, str]:
    if one.kind == "choice":
        return str(one.choices[0]), str(one.choices[-1])
    return f"{one.low:g}", f"{one.high:g}{' (log)' if one.log else ''}"


def _upright(one: Range, x: float, top: int, floor: int) -> str:
    low, high = _end_texts(one)
    return _upright_text(one.key.rpartition(".")[2], high, low, x, top, floor)


def _upright_text(name: str, high: str, low: str, x: float, top: int, floor: int) -> str:
    """An axis of the parallel coordinates, with its name and its ends."""
    return (
        f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{floor}"/>'
        f'<text x="{x:.1f}" y="16" text-anchor="middle" font-weight="600">'
        f"{escaped(shortened(name, 140))}</text>"
        f'<text class="soft" x="{x:.1f}" y="34" text-anchor="middle">'
        f"{escaped(shortened(high, 120))}</text>"
        f'<text class="soft" x="{x:.1f}" y="{floor + 18}" text-anchor="middle">'
        f"{escaped(shortened(low, 120))}</text>"
    )


def _whole(number: float) -> str:
    return f"{number:.0f}" if float(number).is_integer() else ""
