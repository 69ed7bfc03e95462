"""Places on the page about a dataset: where landmarks lie in the box, and pictures with them."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence

import numpy as np

from lapel.data.dataset import Dataset
from lapel.data.exploring.charts import image_tag
from lapel.data.exploring.sampling import Look
from lapel.imaging.draw import Colour, Mark, colours, draw_marks
from lapel.schema.errors import ImageError, StorageError
from lapel.schema.geometry import Box, Landmarks
from lapel.schema.labels import TaskSpec

#: Pictures shown, and the longest side of each in pixels.
PICTURES, SIDE = 18, 192

#: Pictures whose landmarks are dots in the box, and the size of that drawing in pixels.
DOTTED, ACROSS, ROOM = 400, 300, 40

#: Side by side, each in its own shape.
_ROW = "<div class='charts' style='align-items:flex-start'>"


def places(dataset: Dataset, looks: Sequence[Look]) -> Iterator[str]:
    """A section for each task of landmarks; for boxes alone one section; none without either."""
    tasks = [task for task in dataset.schema if task.kind == "landmarks"]
    boxes = dataset.boxes()
    for task in tasks:
        yield _landmarks(dataset, task, looks, boxes)
    if not tasks and any(boxes):
        rows = [look.row for look in looks if boxes[look.row] is not None]
        pictures = "".join(_pictures(dataset, rows, boxes, None))
        yield f"<section><h2>Boxes</h2>{_ROW}{pictures}</div></section>"


def _landmarks(
    dataset: Dataset, task: TaskSpec, looks: Sequence[Look], boxes: Sequence[Box | None]
) -> str:
    labels = dataset.labels(task.name)
    rows = [look.row for look in looks if isinstance(labels[look.row], Landmarks)]
    legend = " &nbsp; ".join(
        f'<span style="white-space:nowrap"><b style="color:{_css(colour)}">&#9679;</b> '
        f"{html.escape(name)}</span>"
        for name, colour in zip(task.labels, colours(len(task.labels)), strict=True)
    )
    pictures = "".join(_pictures(dataset, rows, boxes, task))
    return (
        f"<section><h2>Where {html.escape(task.name)} are</h2><p>{legend}</p>"
        "<p>First all of some hundred pictures in one box (the picture, where nobody knows the "
        "box); large dots are their means. Hollow points are hidden.</p>"
        f"{_ROW}{_in_one_box(dataset, task, rows, boxes)}{pictures}</div></section>"
    )


def _pictures(
    dataset: Dataset, rows: Sequence[int], boxes: Sequence[Box | None], task: TaskSpec | None
) -> Iterator[str]:
    """Some pictures with what is known of their places."""
    names = dataset.table["image"]
    labels = None if task is None else dataset.labels(task.name)
    for row in rows[:: max(1, len(rows) // PICTURES)][:PICTURES]:
        try:
            pixels = dataset.pixels(names[row])
        except (ImageError, StorageError):
            continue
        label = None if labels is None else labels[row]
        marks = (
            list(_marks(label, task)) if task is not None and isinstance(label, Landmarks) else []
        )
        drawing = draw_marks(pixels, marks, box=boxes[row], side=SIDE)
        yield image_tag(np.asarray(drawing), names[row])


def _marks(label: Landmarks, task: TaskSpec) -> Iterator[Mark]:
    for name, colour in zip(task.labels, colours(len(task.labels)), strict=True):
        point = label.points.get(name)
        if point is not None:
            yield Mark(x=point.x, y=point.y, colour=colour, visible=point.visible)


def _in_one_box(
    dataset: Dataset, task: TaskSpec, rows: Sequence[int], boxes: Sequence[Box | None]
) -> str:
    """The points of many pictures in one box, as SVG."""
    labels = dataset.labels(task.name)
    sizes = dataset.table.select("width", "height").rows()
    some = rows[:: max(1, len(rows) // DOTTED)][:DOTTED]
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in task.labels}
    for row in some:
        box = boxes[row] or Box(0.0, 0.0, *map(float, sizes[row]))
        label = labels[row]
        if isinstance(label, Landmarks):
            for name, point in label.points.items():
                place = (point.x - box.left) / box.width, (point.y - box.top) / box.height
                if name in found and all(-0.1 <= share <= 1.1 for share in place):
                    found[name].append(place)
    dots = "".join(
        _dots(points, colour)
        for points, colour in zip(found.values(), colours(len(found)), strict=True)
    )
    whole = ACROSS + 2 * ROOM
    return (
        f'<svg role="img" aria-label="landmarks in one box" width="{whole}" height="{whole}" '
        f'viewBox="{-ROOM} {-ROOM} {whole} {whole}"><rect width="{ACROSS}" height="{ACROSS}" '
        f'fill="none" stroke="currentColor"/>{dots}</svg>'
    )


def _dots(points: Sequence[tuple[float, float]], colour: Colour) -> str:
    if not points:
        return ""
    small = "".join(
        f'<circle cx="{ACROSS * x:.1f}" cy="{ACROSS * y:.1f}" r="1.6"/>' for x, y in points
    )
    x, y = np.mean(points, axis=0) * ACROSS
    return (
        f'<g fill="{_css(colour)}" fill-opacity="0.35">{small}</g>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="{_css(colour)}" stroke="currentColor"/>'
    )


def _css(colour: Colour) -> str:
    return f"rgb{colour}".replace(" ", "")
