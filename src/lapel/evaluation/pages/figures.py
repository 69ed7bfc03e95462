"""The figures of a report: confusion, reliability, learning curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from lapel.evaluation.pages.charts import Axes, svg
from lapel.evaluation.pages.matrix import MATRIX_LABELS, Cell, matrix_figure
from lapel.evaluation.pages.numbers import percent
from lapel.evaluation.pages.page import escaped
from lapel.metrics.calibration import CalibrationBins


def shown_labels(confusion: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions of the labels to show: all, or the ones with the most mistakes, in order."""
    if len(confusion) <= MATRIX_LABELS:
        return np.arange(len(confusion))
    mistakes = confusion.sum(axis=0) + confusion.sum(axis=1) - 2 * np.diagonal(confusion)
    return np.sort(np.argsort(-mistakes, kind="stable")[:MATRIX_LABELS])


def confusion_figure(confusion: NDArray[np.int64], labels: Sequence[str]) -> str:
    """Images of each true label (row) by answer (column), as shares of the row.

    Right answers and mistakes have a colour each; mistakes are drawn stronger than in
    proportion (square root), since rare ones are what one looks for.
    """
    shown = shown_labels(confusion)
    part = confusion[np.ix_(shown, shown)]
    totals = np.maximum(confusion[shown].sum(axis=1), 1)
    names = [labels[index] for index in shown]
    cells = []
    for row, column in np.argwhere(part | np.eye(len(part), dtype=np.int64)):
        count, right = int(part[row, column]), row == column
        share = count / totals[row]
        cells.append(
            Cell(
                row=int(row),
                column=int(column),
                strength=share if right else share**0.5,
                colour="var(--right)" if right else "var(--wrong)",
                about=f"{names[row]} → {names[column]}: {count} ({percent(share, 1)})",
                text=str(count) if count else "",
            )
        )
    return matrix_figure(names, cells, description="Confusion matrix: rows are true labels")


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
