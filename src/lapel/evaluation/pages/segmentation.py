"""The part of a report that tells of one task of kind ``segmentation``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lapel.evaluation.judged import Scene, Section
from lapel.evaluation.kinds.segmentation import SegmentationEvaluation
from lapel.evaluation.pages.figures import shown_labels
from lapel.evaluation.pages.matrix import Cell, matrix_figure
from lapel.evaluation.pages.mosaic import Drawing, drawn_mosaic
from lapel.evaluation.pages.numbers import percent
from lapel.evaluation.pages.page import bar, escaped, table
from lapel.evaluation.pages.shown_pictures import worst_and_middle
from lapel.evaluation.pages.task_page import numbers_section, where
from lapel.imaging.draw import sheet
from lapel.imaging.draw_classes import class_colours, draw_classes, draw_difference
from lapel.schema.errors import ImageError, StorageError
from lapel.schema.masks import ClassMap
from lapel.tasks.segmentation import SegmentationTask, mask_of

#: Pictures shown: the worst, and those of median mean IoU.
WORST, MIDDLE = 12, 8

#: Longest side of each of the three drawings of a picture, in pixels.
SIDE = 260

#: Smaller shares of a row of the confusion are drawn without a number.
LEAST = 0.005


def segmentation_sections(judged: SegmentationEvaluation, scene: Scene) -> list[Section]:
    """(anchor, heading, HTML) of each section.

    Args:
        judged: the task.
        scene: what was looked at, for the pictures.
    """
    order = np.argsort(judged.images.mean_iou, kind="stable").tolist()
    worst, middle = worst_and_middle(order, worst=WORST, middle=MIDDLE)
    sections = [
        ("numbers", "All numbers", _numbers(judged)),
        ("classes", "Each class", _each(judged)),
        ("confusion", "Taken for one another", _confusion(judged)),
        ("worst", "Worst pictures", _pictures(judged, scene, worst, "of least mean IoU")),
    ]
    if middle:
        usual = _pictures(judged, scene, middle, "of median mean IoU")
        sections.append(("middle", "Pictures in the middle", usual))
    return sections


def _numbers(judged: SegmentationEvaluation) -> str:
    most = judged.most_frequent
    about = (
        f"{len(judged.rows):,} images with {int(judged.each.true.sum()):,} pixels of known class, "
        "measured on the network's canvas. IoU of a class: pixels that are of it and are called "
        "so, by pixels of which either holds, all images in one pot; the mean is over the classes "
        "that occur. Boundary F1: how much of the outlines lies within 0.75 % of the picture's "
        "diagonal of the true ones, and the other way round (Csurka et al. 2013). Beside it stands "
        f"the answer that never looks: each place's most frequent class, counted on "
        f"{where(judged.majority.counted_on)}. Saying {most.answer} reaches a mean IoU of "
        f"{percent(most.numbers['miou'], 1)} and a pixel accuracy of "
        f"{percent(most.numbers['pixel_accuracy'], 1)}."
    )
    return numbers_section(judged, about) + _unseen(judged)


def _unseen(judged: SegmentationEvaluation) -> str:
    if not judged.unseen:
        return ""
    text = (
        "No pixel of these images is of these classes, so that nothing is known of them and they "
        f"are in no mean: {', '.join(judged.unseen)}."
    )
    return f'<p class="note">{escaped(text)}</p>'


def _each(judged: SegmentationEvaluation) -> str:
    total = int(judged.each.true.sum())
    pairs = zip(judged.per_label(), class_colours(judged.spec.labels), strict=True)
    rows = [
        [
            f"{_swatch(colour)} {escaped(row['label'])}",
            f"{row['images']:,}",
            percent(row["support"] / total, 1),
            f"{percent(row['iou'], 1)}{bar(row['iou']) if row['support'] else ''}",
            percent(row["usual_iou"], 1),
            *(percent(row[name], 1) for name in ("precision", "recall", "boundary_f1")),
        ]
        for row, colour in sorted(pairs, key=lambda pair: _weakest_first(pair[0]["iou"]))
    ]
    header = ["class", "images", "pixels", "IoU", "never looking", "precision", "recall"]
    about = (
        "The weakest first. Images: those in which it occurs; pixels: its share of all of known "
        "class."
    )
    return f"<p>{about}</p>{table([*header, 'boundary F1'], rows)}"


def _weakest_first(iou: float) -> float:
    return 2.0 if np.isnan(iou) else iou


def _confusion(judged: SegmentationEvaluation) -> str:
    confusion = judged.counts.confusion
    shown = shown_labels(confusion)
    part = confusion[np.ix_(shown, shown)]
    totals = np.maximum(confusion[shown].sum(axis=1), 1)
    names = [judged.spec.labels[place] for place in shown]
    cells = []
    for row, column in np.argwhere(part).tolist():
        share, right = float(part[row, column] / totals[row]), row == column
        cells.append(
            Cell(
                row=row,
                column=column,
                strength=share if right else share**0.5,
                colour="var(--right)" if right else "var(--wrong)",
                about=f"{names[row]} → {names[column]}: {percent(share, 1)}",
                text=f"{100 * share:.0f}" if share >= LEAST else "",
            )
        )
    figure = matrix_figure(names, cells, description="Confusion matrix: rows are true classes")
    about = "Rows are true classes, columns answers: per cent of the pixels of the row."
    return f'<p>{about}</p><div class="panel">{figure}</div>'


def _pictures(
    judged: SegmentationEvaluation, scene: Scene, places: Sequence[int], about: str
) -> str:
    text = (
        f"Those {about}: the truth, the answer, and in colour the pixels that are answered "
        "wrongly; pale ones are of unknown class. Below each its mean IoU, and the weakest class."
    )
    drawn = [_drawing(judged, scene, place) for place in places]
    return f"<p>{escaped(text)}</p>{_legend(judged)}{drawn_mosaic(drawn, wide=True)}"


def _drawing(judged: SegmentationEvaluation, scene: Scene, place: int) -> Drawing:
    image = scene.images[judged.rows[place]]
    ious = judged.images.iou[place]
    worst = int(np.nanargmin(ious))
    caption = (
        f"<b>{percent(float(judged.images.mean_iou[place]), 1)}</b> <span class='soft'>"
        f"{escaped(judged.spec.labels[worst])} {percent(float(ious[worst]), 1)}</span>"
    )
    masks = _masks(judged, scene, place, image)
    picture = None
    if masks is not None:
        pixels, truth, answer = masks
        labels = judged.spec.labels
        panels = [
            ("truth", draw_classes(pixels, truth, labels, side=SIDE)),
            ("answer", draw_classes(pixels, answer, labels, side=SIDE)),
            ("difference", draw_difference(pixels, truth, answer, side=SIDE)),
        ]
        picture = sheet(panels)
    return Drawing(image=image, picture=picture, caption=caption)


def _masks(
    judged: SegmentationEvaluation, scene: Scene, place: int, image: str
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]] | None:
    """A picture, its truth and a second look at it, of one size; None if not to be had."""
    label = scene.part.labels(judged.spec.name)[int(judged.places[place])]
    if scene.looker is None or not isinstance(label, ClassMap):
        return None
    try:
        pixels = scene.part.pixels(image)
        frame, views = scene.looker.answer(image, judged.spec.name)
    except (ImageError, StorageError):
        return None
    task = SegmentationTask(judged.spec)
    return pixels, task.in_order(label), mask_of(task.mean_view(views)[0], frame)


def _legend(judged: SegmentationEvaluation) -> str:
    pairs = zip(judged.spec.labels, class_colours(judged.spec.labels), strict=True)
    names = (
        f'<span class="whole">{_swatch(colour)} {escaped(label)}</span>' for label, colour in pairs
    )
    return f'<p class="soft">{" &nbsp; ".join(names)}</p>'


def _swatch(colour: tuple[int, int, int]) -> str:
    return f'<span style="color:rgb{colour}">&#9632;</span>'.replace(", ", ",")
