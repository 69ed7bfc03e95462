"""Answers as lines of text: between tabs for programs, below one another for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from lapel.cli.console import shown

if TYPE_CHECKING:
    from rich.text import Text

    from lapel.schema.geometry import Box
    from lapel.schema.prediction import Answer


#: Rows of the table on a terminal, to the end of a picture; files and pipes get all.
ROWS_SHOWN = 40


def answer_lines(task: str, answer: Answer) -> Iterator[Iterable[str | float | None]]:
    """Cells of each line of an answer: label and probability; of landmarks a line each, with its
    place; of classes of pixels a line each that occurs, with its share; of garments a line each,
    with left, top, width and height of its box.
    """
    from lapel.schema.prediction import GarmentsAnswer, LandmarksAnswer, SegmentationAnswer

    if isinstance(answer, LandmarksAnswer):
        for point in answer.points:
            yield point.name, f"{point.x:.2f}", f"{point.y:.2f}", point.visible
    elif isinstance(answer, SegmentationAnswer):
        yield from answer.lines()
    elif isinstance(answer, GarmentsAnswer):
        for one in answer.each:
            yield one.label, *(f"{edge:.2f}" for edge in one.box), one.score
    else:
        yield answer.cells(task).values()


def readable(answer: Answer) -> tuple[tuple[str, float], ...]:
    """Labels and probabilities; landmarks that can be seen, and garments, with their places."""
    from lapel.schema.prediction import SEEN, GarmentsAnswer, LandmarksAnswer

    if isinstance(answer, GarmentsAnswer):
        return tuple((f"{one.label} at {box_text(one.box)}", one.score) for one in answer.each)
    if not isinstance(answer, LandmarksAnswer):
        return answer.lines()
    seen = (point for point in answer.points if point.visible >= SEEN)
    return tuple((f"{one.name} at {one.x:.0f}, {one.y:.0f}", one.visible) for one in seen)


def answer_row(names: Iterable[str], lines: tuple[tuple[str, float], ...]) -> tuple[Text, ...]:
    """A row of a table on a terminal, as many lines high as there are labels."""
    from rich.text import Text

    labels = [shown(label) for label, _ in lines] or ["(none)"]
    probabilities = [as_text(probability) for _, probability in lines]
    cells = (*map(shown, names), "\n".join(labels), "\n".join(probabilities))
    return tuple(map(Text, cells))


def print_table(header: Sequence[str], pictures: Iterable[Sequence[tuple[Text, ...]]]) -> None:
    """Rows on a terminal, those of each picture together; of more than fit it says how many."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*header)
    left_out = 0
    for rows in pictures:
        if table.row_count >= ROWS_SHOWN:
            left_out += 1
            continue
        for row in rows:
            table.add_row(*row)
        table.add_section()
    if table.row_count:
        Console().print(table)
    if left_out:
        print(f"... and {left_out} more; --out FILE.csv keeps all")


def as_text(value: str | float | None) -> str:
    """A cell; numbers with four digits."""
    if value is None:
        return ""
    return value if isinstance(value, str) else f"{value:.4f}"


def box_text(box: Box) -> str:
    """A box, in whole pixels: left and top, then its size."""
    return f"{box.left:.0f}, {box.top:.0f}, {box.width:.0f} x {box.height:.0f}"
