"""Found garments drawn over their picture, with what was read of each below it."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lapel.imaging.decode import DEFAULT_LIMITS, Limits
from lapel.imaging.draw import QUALITY, Line, colours, sheet
from lapel.imaging.draw_garments import Shape, draw_garments
from lapel.imaging.pixels import as_rgb
from lapel.inference.pictures import Picture, upright
from lapel.inference.spelling import Spelling
from lapel.schema.prediction import (
    SEEN,
    Answer,
    FoundGarment,
    FoundLandmark,
    GarmentsAnswer,
    LandmarksAnswer,
    Prediction,
)
from lapel.schema.read_garments import ReadGarment, ReadScene

#: Labels of a task that are named below a drawing.
NAMED = 3


def garment_panels(
    pixels: NDArray[np.uint8], prediction: Prediction, spelling: Spelling
) -> list[tuple[str, Image.Image]]:
    """Title and drawing of each task that finds garments, every garment in a colour of its own.

    Args:
        pixels: of the upright picture, uint8 (H, W, 3).
        prediction: about it.
        spelling: how names are written.
    """
    return [
        (spelling.task(task), draw_garments(pixels, _shapes(task, answer.each, spelling)))
        for task, answer in prediction.answers.items()
        if isinstance(answer, GarmentsAnswer)
    ]


def garment_lines(task: str, answer: GarmentsAnswer, spelling: Spelling) -> Iterator[Line]:
    """A line a garment, in its colour."""
    for number, (one, colour) in enumerate(
        zip(answer.each, colours(len(answer.each)), strict=True), start=1
    ):
        text = f"{number} {spelling.label(task, one.label)} {100 * one.score:.0f} %"
        yield Line(text=text, colour=colour)


def draw_scene(
    picture: Picture,
    scene: ReadScene,
    *,
    task: str,
    spelling: tuple[Spelling, Spelling],
    limits: Limits = DEFAULT_LIMITS,
) -> bytes:
    """A JPEG of a picture with its garments, and below it what each of them is like.

    Args:
        picture: as it was given to ``TwoStagePredictor.predict``.
        scene: what that gave.
        task: the finder's task.
        spelling: how names of the finder and of the tagger are written.
        limits: ceilings on what is decoded.

    Raises:
        ImageError: a file that cannot be read any more.
    """
    pixels = as_rgb(upright(picture, name=scene.image, limits=limits))
    finder, tagger = spelling
    shapes = _shapes(task, [one.found for one in scene.garments], finder, scene.garments)
    lines = [
        line
        for number, one in enumerate(scene.garments, start=1)
        for line in _read_lines(number, one, task, finder, tagger, shapes[number - 1].colour)
    ]
    buffer = io.BytesIO()
    panels = [("", draw_garments(pixels, shapes))]
    sheet(panels, lines or [Line(text="no garment")]).save(buffer, format="JPEG", quality=QUALITY)
    return buffer.getvalue()


def _read_lines(
    number: int,
    one: ReadGarment,
    task: str,
    finder: Spelling,
    tagger: Spelling,
    colour: tuple[int, int, int],
) -> Iterator[Line]:
    """A garment's own line, then one for each task that was read of it."""
    name = finder.label(task, one.found.label)
    yield Line(text=f"{number} {name} {100 * one.found.score:.0f} %", colour=colour)
    for other, answer in one.answers.items():
        if not isinstance(answer, LandmarksAnswer):
            yield Line(text=f"    {tagger.task(other)}: {_said(other, answer, tagger)}")


def _said(task: str, answer: Answer, spelling: Spelling) -> str:
    named = (
        f"{spelling.label(task, label)} {100 * share:.0f} %"
        for label, share in answer.lines()[:NAMED]
    )
    return ", ".join(named) or "(none)"


def _shapes(
    task: str,
    found: Sequence[FoundGarment],
    spelling: Spelling,
    read: Sequence[ReadGarment] = (),
) -> list[Shape]:
    """Garments as they are drawn; with the points that the tagger says, where it says any."""
    shapes = []
    for place, (one, colour) in enumerate(zip(found, colours(len(found)), strict=True)):
        points = _points_of(read[place]) if read else ()
        shapes.append(
            Shape(
                colour=colour,
                box=one.box,
                mask=one.mask,
                text=f"{place + 1} {spelling.label(task, one.label)}",
                points=tuple(
                    (point.x, point.y, point.visible >= SEEN) for point in points or one.points
                ),
            )
        )
    return shapes


def _points_of(one: ReadGarment) -> tuple[FoundLandmark, ...]:
    places = (answer for answer in one.answers.values() if isinstance(answer, LandmarksAnswer))
    return tuple(point for answer in places for point in answer.points)
