"""Masks of a prediction: drawn over its picture, and as files that other programs read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lapel.imaging.draw import Line
from lapel.imaging.draw_classes import class_colours, draw_classes, mask_png
from lapel.inference.spelling import Spelling
from lapel.schema.prediction import Prediction, SegmentationAnswer
from lapel.storage.names import task_file_names


def mask_panels(
    pixels: NDArray[np.uint8], prediction: Prediction, spelling: Spelling
) -> list[tuple[str, Image.Image]]:
    """Title and drawing of each task that answers pixel by pixel.

    Args:
        pixels: of the upright picture, uint8 (H, W, 3).
        prediction: about it.
        spelling: how names are written.
    """
    return [
        (spelling.task(task), draw_classes(pixels, answer.mask, answer.labels))
        for task, answer in prediction.answers.items()
        if isinstance(answer, SegmentationAnswer)
    ]


def mask_lines(task: str, answer: SegmentationAnswer, spelling: Spelling) -> Iterator[Line]:
    """A line a class that some pixel has, the largest first, in its colour."""
    found = dict(zip(answer.labels, class_colours(answer.labels), strict=True))
    for label, share in answer.lines():
        text = f"{spelling.label(task, label)} {100 * share:.0f} %"
        yield Line(text=text, colour=found[label])


def mask_paths(drawing: Path, tasks: Iterable[str]) -> dict[str, Path]:
    """Where the mask of each task goes, beside the drawing: ``NAME.TASK.png``.

    :func:`lapel.storage.names.task_file_names` says how a task is called there.
    """
    return {
        task: drawing.with_name(f"{drawing.stem}.{name}.png")
        for task, name in task_file_names(tasks).items()
    }


def mask_files(drawing: Path, prediction: Prediction) -> Iterator[tuple[Path, bytes]]:
    """Each mask as a PNG of indexed colours, whose values are places of classes."""
    answers = {
        task: answer
        for task, answer in prediction.answers.items()
        if isinstance(answer, SegmentationAnswer)
    }
    for task, path in mask_paths(drawing, answers).items():
        yield path, mask_png(answers[task].mask, answers[task].labels)
