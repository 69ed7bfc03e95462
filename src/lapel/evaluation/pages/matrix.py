"""A square of labels by labels as SVG, whose cells tell of each pair."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lapel.evaluation.pages.charts import shortened, svg, text_width
from lapel.evaluation.pages.page import escaped

#: Labels that a matrix can show and still be read.
MATRIX_LABELS = 50

#: Up to so many labels there is room for texts in the cells.
MATRIX_TEXTS = 20

#: Pixels of a label beside the matrix; the whole label is in the cell's tooltip.
LABEL_WIDTH = 156

#: Sides of a cell, and of all cells together, in pixels.
SIDES = (15, 46)
ALL_SIDES = 760


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One pair of labels.

    Attributes:
        row: place of the row's label.
        column: place of the column's label.
        strength: how strongly it is drawn, 0 to 1.
        colour: in CSS.
        about: what pointing at it tells.
        text: what stands in it, where there is room.
    """

    row: int
    column: int
    strength: float
    colour: str
    about: str
    text: str = ""


def matrix_figure(names: Sequence[str], cells: Iterable[Cell], *, description: str) -> str:
    """Cells between labels, the same ones for rows and columns; a missing cell stays empty.

    Args:
        names: the labels, whole.
        cells: places count in ``names``.
        description: read aloud to who cannot see the figure.
    """
    least, greatest = SIDES
    side = max(least, min(greatest, ALL_SIDES // len(names)))
    shown = [shortened(name, LABEL_WIDTH) for name in names]
    margin = max(map(text_width, shown)) + 16
    size = margin + side * len(names) + 8
    with_texts = len(names) <= MATRIX_TEXTS
    drawn = [_drawn(cell, margin, side, with_texts=with_texts) for cell in cells]
    content = _names(shown, side, margin) + "".join(drawn)
    return svg(size, size, content, description=description)


def _names(names: Sequence[str], side: int, margin: int) -> str:
    length = side * len(names)
    frame = f'x="{margin}" y="{margin}" width="{length}" height="{length}"'
    parts = [f'<rect {frame} fill="none" class="grid"/>']
    for place, name in enumerate(names):
        middle = margin + side * (place + 0.5)
        parts.append(
            f'<text x="{margin - 8}" y="{middle + 4}" text-anchor="end">{escaped(name)}</text>'
            f'<text transform="translate({middle + 4},{margin - 8}) rotate(-90)">'
            f"{escaped(name)}</text>"
        )
    return "".join(parts)


def _drawn(cell: Cell, margin: int, side: int, *, with_texts: bool) -> str:
    x, y = margin + side * cell.column, margin + side * cell.row
    text = ""
    if cell.text and with_texts:
        over = ' class="over"' if cell.strength > 0.55 else ""
        text = (
            f'<text x="{x + side / 2}" y="{y + side / 2 + 4}" text-anchor="middle"{over}>'
            f"{escaped(cell.text)}</text>"
        )
    return (
        f'<g><title>{escaped(cell.about)}</title><rect x="{x + 0.5}" y="{y + 0.5}" '
        f'width="{side - 1}" height="{side - 1}" rx="2" fill="{cell.colour}" '
        f'fill-opacity="{0.04 + 0.96 * cell.strength:.3f}"/>{text}</g>'
    )
