"""The figures of a report: confusion, reliability, learning curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from unicodedata import east_asian_width

import numpy as np
from numpy.typing import NDArray

from lapel.evaluation.charts import Axes, svg
from lapel.evaluation.page import escaped
from lapel.metrics.calibration import CalibrationBins

#: Labels that a confusion matrix can show and still be read.
CONFUSION_LABELS = 50

#: Up to so many labels there is room for the counts in the cells.
CONFUSION_COUNTS = 20

#: Characters of a label beside the matrix; the whole label is in the cell's tooltip.
LABEL_CHARACTERS = 22


def percent(share: float, digits: int = 0) -> str:
    """A share as per cent."""
    return f"{100 * share:.{digits}f} %"


def shown_labels(confusion: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions of the labels to show: all, or the ones with the most mistakes, in order."""
    if len(confusion) <= CONFUSION_LABELS:
        return np.arange(len(confusion))
    mistakes = confusion.sum(axis=0) + confusion.sum(axis=1) - 2 * np.diagonal(confusion)
    return np.sort(np.argsort(-mistakes, kind="stable")[:CONFUSION_LABELS])


def confusion_figure(confusion: NDArray[np.int64], labels: Sequence[str]) -> str:
    """Images of each true label (row) by answer (column), as shares of the row.

    Right answers and mistakes have a colour each; mistakes are drawn stronger than in
    proportion (square root), since rare ones are what one looks for.
    """
    shown = shown_labels(confusion)
    part = confusion[np.ix_(shown, shown)]
    totals = np.maximum(confusion[shown].sum(axis=1), 1)
    names = [labels[index] for index in shown]
    side = max(15, min(46, 760 // len(shown)))
    margin = max(_text_width(name[:LABEL_CHARACTERS]) for name in names) + 16
    size = margin + side * len(shown) + 8
    parts = [_confusion_names(names, side, margin)]
    for row, column in np.argwhere(part | np.eye(len(part), dtype=np.int64)):
        count = int(part[row, column])
        share = count / totals[row]
        about = f"{names[row]} → {names[column]}: {count} ({percent(share, 1)})"
        parts.append(
            _cell(
                (margin + side * column, margin + side * row, side),
                count if len(shown) <= CONFUSION_COUNTS else None,
                share,
                right=row == column,
                about=about,
            )
        )
    return svg(size, size, "".join(parts), description="Confusion matrix: rows are true labels")


def _text_width(text: str) -> int:
    """About how wide a text is, in pixels at 12 px: East Asian characters fill a square."""
    return sum(12 if east_asian_width(character) in {"W", "F"} else 7 for character in text)


def _confusion_names(names: Sequence[str], side: int, margin: int) -> str:
    end = margin + side * len(names)
    frame = f'x="{margin}" y="{margin}" width="{end - margin}" height="{end - margin}"'
    parts = [f'<rect {frame} fill="none" class="grid"/>']
    for place, name in enumerate(names):
        short = name if len(name) <= LABEL_CHARACTERS else f"{name[: LABEL_CHARACTERS - 1]}…"
        middle = margin + side * (place + 0.5)
        parts.append(
            f'<text x="{margin - 8}" y="{middle + 4}" text-anchor="end">{escaped(short)}</text>'
            f'<text transform="translate({middle + 4},{margin - 8}) rotate(-90)">'
            f"{escaped(short)}</text>"
        )
    return "".join(parts)


def _cell(
    place: tuple[int, int, int], count: int | None, share: float, *, right: bool, about: str
) -> str:
    x, y, side = place
    strength = share if right else share**0.5
    colour = "var(--right)" if right else "var(--wrong)"
    text = ""
    if count:
        over = ' class="over"' if strength > 0.55 else ""
        text = (
            f'<text x="{x + side / 2}" y="{y + side / 2 + 4}" text-anchor="middle"{over}>'
            f"{count}</text>"
        )
    return (
        f'<g><title>{escaped(about)}</title><rect x="{x + 0.5}" y="{y + 0.5}" width="{side - 1}" '
        f'height="{side - 1}" rx="2" fill="{colour}" fill-opacity="{0.04 + 0.96 * strength:.3f}"/>'
        f"{text}</g>"
    )


def reliability_figure(bins: CalibrationBins, *, title: str) -> str:
    """How often answers of each confidence are right, against how often they claim to be.

    A bar's full height is the accuracy of its images. What confidence claims beyond it stands on
    top in the colour of mistakes; what it claims too little is the bar's pale end.
    """
    axes = Axes(width=420, height=340, x_range=(0, 1), y_range=(0, 1))
    count = len(bins.images)
    share = bins.images / max(bins.images.sum(), 1)
    parts = [
        axes.frame(
            title=title, x_name="confidence of the answer", x_format=percent, y_format=percent
        )
    ]
    for index in np.flatnonzero(bins.images):
        images = int(bins.images[index])
        accuracy = bins.correct[index] / images
        confidence = bins.confidence[index] / images
        span = (index / count, (index + 1) / count)
        about = (
            f"{images:,} answered: claimed {percent(confidence, 1)}, right {percent(accuracy, 1)}"
        )
        # Bins with few images are noise: they are drawn fainter.
        faint = 0.35 + 0.65 * min(1.0, float(share[index]) * count / 2)
        gap_colour = "var(--wrong)" if confidence > accuracy else "var(--right)"
        sure, gap = f"{faint:.2f}", f"{0.4 * faint:.2f}"
        parts.append(
            f"<g><title>{escaped(about)}</title>"
            + axes.box(
                span, (0, min(accuracy, confidence)), f'fill="var(--right)" fill-opacity="{sure}"'
            )
            + axes.box(span, (accuracy, confidence), f'fill="{gap_colour}" fill-opacity="{gap}"')
            + "</g>"
        )
    parts.append(axes.line([(0, 0), (1, 1)], "var(--soft)", dashed=True))
    return svg(axes.width, axes.height, "".join(parts), description=title)


def curves_figure(
    lines: Mapping[str, Sequence[tuple[float, float]]],
    *,
    title: str,
    shares: bool,
) -> str:
    """Numbers over epochs, a line each (at most two); empty if there are no points."""
    points = [point for line in lines.values() for point in line]
    if not points:
        return ""
    epochs = [x for x, _ in points]
    values = [y for _, y in points]
    low, high = min(values), max(values)
    room = (high - low) * 0.08 or abs(high) * 0.1 or 1.0
    axes = Axes(
        width=420,
        height=300,
        x_range=(min(0.0, *epochs), max(epochs) or 1.0),
        y_range=(low - room, high + room),
    )
    colours = ("var(--first)", "var(--second)")
    parts = [
        axes.frame(
            title=title,
            x_name="epoch",
            x_format=lambda value: f"{value:g}",
            y_format=(lambda value: percent(value, 1)) if shares else (lambda value: f"{value:g}"),
        ),
    ]
    if len(lines) > 1:
        parts.append(axes.legend(list(zip(lines, colours, strict=False))))
    for line, colour in zip(lines.values(), colours, strict=False):
        if line:
            parts.append(axes.line(line, colour))
    return svg(axes.width, axes.height, "".join(parts), description=title)
