"""Classes of pixels, and garments, on the page about a dataset: their shares, and overlays."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from lapel.data.dataset import Dataset
from lapel.data.exploring.charts import image_tag
from lapel.data.exploring.labels import word
from lapel.data.exploring.sampling import Look
from lapel.data.label_maps.painting import painted, parsing_task
from lapel.imaging.draw import Colour, colours
from lapel.imaging.draw_classes import class_colours, draw_classes
from lapel.schema.counting import counted
from lapel.schema.errors import ImageError, StorageError
from lapel.schema.garments import Garments
from lapel.schema.labels import TaskSpec
from lapel.schema.masks import UNKNOWN_CLASS, ClassMap

#: Pictures shown, and the longest side of each in pixels.
PICTURES, SIDE = 18, 224

#: Pictures whose pixels are counted, of each split.
COUNTED = 200

#: Categories in the legend: the commonest.
LEGEND = 40

#: Of a category that the task does not name.
_UNKNOWN: Colour = (128, 128, 128)

_ROW = "<div class='charts' style='align-items:flex-start'>"


def painted_pages(dataset: Dataset, looks: Sequence[Look]) -> Iterator[str]:
    """A section for each task of label maps, and of garments."""
    for task in dataset.schema:
        if task.kind == "segmentation":
            yield _classes(dataset, task, looks)
        elif task.kind == "garments":
            yield _garments(dataset, task, looks)


def _classes(dataset: Dataset, task: TaskSpec, looks: Sequence[Look]) -> str:
    known = dataset.table[task.name].is_not_null().to_list()
    rows = [look.row for look in looks if known[look.row]]
    palette = dict(zip(task.labels, class_colours(task.labels), strict=True))
    labels = dataset.labels(task.name)
    pictures = []
    for row in _some(rows, PICTURES):
        pixels, mask = _pixels(dataset, row), labels[row]
        if pixels is not None and isinstance(mask, ClassMap):
            drawing = draw_classes(pixels, mask.pixels, task.labels, side=SIDE)
            pictures.append(image_tag(np.asarray(drawing), dataset.table["image"][row]))
    return (
        f"<section><h2>Which pixels are {html.escape(task.name)}</h2>"
        "<p>Shares of all pixels of known class, and of the pictures that hold any of it; of at "
        f"most {COUNTED} pictures of each split. Pale pixels are of unknown class.</p>"
        f"{_shares(dataset, task, rows, palette)}{_ROW}{''.join(pictures)}</div></section>"
    )


def _some(rows: Sequence[int], most: int) -> Sequence[int]:
    """So many rows at most, evenly."""
    return rows[:: max(1, -(-len(rows) // most))]


def _pixels(dataset: Dataset, row: int) -> NDArray[np.uint8] | None:
    try:
        return dataset.pixels(dataset.table["image"][row])
    except (ImageError, StorageError):
        return None


def _shares(
    dataset: Dataset, task: TaskSpec, rows: Sequence[int], palette: Mapping[str, Colour]
) -> str:
    """A table: of each class the share of pixels and of pictures, split by split."""
    splits = dataset.table["split"].to_list()
    labels = dataset.labels(task.name)
    cells: dict[str, list[str]] = {label: [] for label in task.labels}
    head = ["class"]
    for split in dataset.splits():
        some = _some([row for row in rows if splits[row] == split], COUNTED)
        pixels, pictures = _counts((labels[row] for row in some), len(task.labels))
        head += [f"{split}, pixels", "pictures"]
        for place, label in enumerate(task.labels):
            cells[label] += [
                _percent(pixels[place], int(pixels.sum())),
                _percent(pictures[place], len(some)),
            ]
    body = "".join(
        f'<tr><th><b style="color:rgb{palette[label]}">&#9632;</b> {word(label)}</th>'
        + "".join(f"<td>{cell}</td>" for cell in cells[label])
        + "</tr>"
        for label in task.labels
    )
    return f"<table><tr>{''.join(f'<th>{name}</th>' for name in head)}</tr>{body}</table>"


def _counts(labels: Iterable[object], classes: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pixels of each class, and pictures that hold any of it: int64 (L,) each."""
    pixels, pictures = np.zeros(classes, np.int64), np.zeros(classes, np.int64)
    for label in labels:
        if isinstance(label, ClassMap):
            count = np.bincount(label.pixels.ravel(), minlength=UNKNOWN_CLASS + 1)[:classes]
            pixels += count
            pictures += count > 0
    return pixels, pictures


def _percent(part: int, whole: int) -> str:
    return "" if not part else f"{100 * part / whole:.1f} %"


def _garments(dataset: Dataset, task: TaskSpec, looks: Sequence[Look]) -> str:
    labels = dataset.labels(task.name)
    read = {row: labels[row] for row in _some([look.row for look in looks], COUNTED)}
    known = {row: one for row, one in read.items() if isinstance(one, Garments)}
    palette = dict(zip(task.labels, colours(len(task.labels)), strict=True))
    pictures = []
    for row in _some([row for row, one in known.items() if one.each], PICTURES):
        pixels = _pixels(dataset, row)
        if pixels is not None:
            drawing = _marked(pixels, known[row], task, palette)
            pictures.append(image_tag(np.asarray(drawing), dataset.table["image"][row]))
    return (
        f"<section><h2>Where {html.escape(task.name)} are</h2><p>{_words(list(known.values()))}</p>"
        f"<p>{_legend(palette, list(known.values()))}</p>{_ROW}{''.join(pictures)}</div></section>"
    )


def _words(known: Sequence[Garments]) -> str:
    """How many garments, and what is known of them."""
    garments = [one for label in known for one in label.each]
    if not garments:
        return f"None in {counted(len(known), 'picture')} looked at."
    shaped = sum(one.mask is not None or bool(one.outlines) for one in garments)
    pointed = sum(any(point is not None for point in one.points) for one in garments)
    return (
        f"In {counted(len(known), 'picture')} looked at: "
        f"{len(garments) / len(known):.1f} on average; "
        f"{_percent(shaped, len(garments)) or 'none'} with outlines or a mask, "
        f"{_percent(pointed, len(garments)) or 'none'} with landmarks."
    )


def _legend(palette: Mapping[str, Colour], known: Sequence[Garments]) -> str:
    """The categories that occur, commonest first, each in its colour."""
    counts = Counter(one.part for label in known for one in label.each)
    return " &nbsp; ".join(
        f'<span style="white-space:nowrap"><b style="color:rgb{palette.get(name, _UNKNOWN)}">'
        f"&#9632;</b> {word(name)}</span>"
        for name, _ in counts.most_common(LEGEND)
    )


def _marked(
    pixels: NDArray[np.uint8], label: Garments, task: TaskSpec, palette: Mapping[str, Colour]
) -> Image.Image:
    """A photo with its garments in the colours of their categories, and their boxes."""
    height, width = pixels.shape[:2]
    # What does not fit its picture is told by `lapel data check`.
    known = [
        one
        for one in label.each
        if one.part in palette
        and (one.mask is None or (one.mask.height, one.mask.width) == (height, width))
    ]
    spec = parsing_task(task.labels)
    drawing = draw_classes(pixels, painted(known, spec, width, height), spec.labels, side=SIDE)
    pen = ImageDraw.Draw(drawing)
    scale = drawing.width / width
    for one in known:
        if one.box is not None:
            left, top, across, down = (scale * side for side in one.box)
            right, bottom = left + max(across, 1.0), top + max(down, 1.0)
            pen.rectangle((left, top, right, bottom), outline=palette[one.part], width=2)
    return drawing
