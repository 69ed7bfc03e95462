"""The figures of tags: precision against recall, and which labels go together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lapel.evaluation.kinds.tag_pairs import share_of
from lapel.evaluation.pages.charts import Axes, shortened, svg
from lapel.evaluation.pages.matrix import Cell, matrix_figure
from lapel.evaluation.pages.numbers import percent
from lapel.evaluation.pages.page import escaped
from lapel.metrics.ranking import Cuts

#: Points of a curve that can be told apart at its size.
CURVE_POINTS = 120

#: Pixels of a label above its curve.
LABEL_WIDTH = 96


def precision_recall_figure(
    cuts: Cuts, *, label: str, average: float, threshold: float, images: int
) -> str:
    """Precision against recall of one label, for every threshold there is.

    The dot is where the model's own threshold stands; the dashed line is the label's share of
    the images, which is the precision of naming it blindly.

    Args:
        cuts: the label answered yes from every probability on.
        label: its name.
        average: its average precision, 0 to 1.
        threshold: the model's.
        images: of known answer.
    """

    def hundredths(share: float) -> str:
        return f"{100 * share:.0f}"

    axes = Axes(width=250, height=230, x_range=(0, 1), y_range=(0, 1))
    about = f"{label}: AP {percent(average, 1)}"
    title = f"{shortened(label, LABEL_WIDTH)}: AP {percent(average, 1)}"
    share = cuts.positives / max(images, 1)
    parts = [
        f"<title>{escaped(about)}</title>",
        axes.frame(title=title, x_name="recall, %", x_format=hundredths, y_format=percent),
        axes.line([(0, share), (1, share)], "var(--soft)", dashed=True),
    ]
    precision, recall = cuts.precision, cuts.recall
    shown = _thinned(recall)
    if len(shown):
        line = list(zip(recall[shown].tolist(), precision[shown].tolist(), strict=True))
        parts.append(axes.line(line, "var(--right)"))
    parts.append(_threshold_dot(axes, cuts, threshold))
    return svg(axes.width, axes.height, "".join(parts), description=f"{about}: precision by recall")


def _threshold_dot(axes: Axes, cuts: Cuts, threshold: float) -> str:
    """Where a threshold stands on the curve; nothing where no answer reaches it."""
    said = np.flatnonzero(cuts.probability >= threshold)
    if not len(said):
        return ""
    precision, recall = float(cuts.precision[said[-1]]), float(cuts.recall[said[-1]])
    about = (
        f"at its threshold {threshold:.3f}: precision {percent(precision, 1)}, "
        f"recall {percent(recall, 1)}"
    )
    return (
        f'<g><title>{escaped(about)}</title><circle cx="{axes.x(recall):.1f}" '
        f'cy="{axes.y(precision):.1f}" r="5" fill="var(--wrong)"/></g>'
    )


def _thinned(recall: NDArray[np.float64]) -> NDArray[np.int64]:
    """Places of points that can be told apart: the ends of each small step of recall."""
    if len(recall) <= CURVE_POINTS:
        return np.arange(len(recall))
    step = np.floor(recall * CURVE_POINTS).astype(np.int64)
    turns = step[1:] != step[:-1]
    return np.flatnonzero(np.append(True, turns) | np.append(turns, True))


def together_figure(
    both: NDArray[np.int64],
    rows: NDArray[np.int64],
    names: Sequence[str],
    *,
    description: str,
) -> str:
    """Of the images that have the row's label, the share that has the column's too.

    Args:
        both: images that have both, (labels, labels).
        rows: images that have the row's, and of which the column's is known, (labels, labels).
        names: of the labels.
        description: read aloud to who cannot see the figure.
    """
    shares = share_of(both, rows)
    cells = [
        Cell(
            row=int(row),
            column=int(column),
            strength=float(shares[row, column]),
            colour="var(--right)",
            about=(
                f"of {rows[row, column]:,} {names[row]}, {both[row, column]:,} "
                f"({percent(shares[row, column], 1)}) are {names[column]} too"
            ),
            text=f"{100 * shares[row, column]:.0f}",
        )
        for row, column in np.argwhere(both)
        if row != column
    ]
    return matrix_figure(names, cells, description=description)


def mistaken_figure(
    mistaken: NDArray[np.int64], missed: NDArray[np.int64], names: Sequence[str]
) -> str:
    """Images on which the row's label was missed and the column's invented.

    Args:
        mistaken: images, (labels, labels).
        missed: images on which the row's was missed, and of which the column's is known, likewise.
        names: of the labels.
    """
    cells = []
    for row, column in np.argwhere(mistaken):
        count = int(mistaken[row, column])
        share = count / int(missed[row, column])
        cells.append(
            Cell(
                row=int(row),
                column=int(column),
                strength=share**0.5,
                colour="var(--wrong)",
                about=(
                    f"{names[row]} missed and {names[column]} invented: {count} "
                    f"({percent(share, 1)} of the images where {names[row]} was missed)"
                ),
                text=str(count),
            )
        )
    return matrix_figure(names, cells, description="Rows: tags missed; columns: tags invented")
