"""A prediction drawn over its picture, for people to look at."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lapel.imaging.decode import DEFAULT_LIMITS, Limits
from lapel.imaging.draw import QUALITY, Line, Mark, colours, draw_heat, draw_marks, sheet, strongest
from lapel.imaging.pixels import as_rgb
from lapel.inference.drawn_garments import garment_lines, garment_panels
from lapel.inference.drawn_masks import mask_lines, mask_panels, mask_paths
from lapel.inference.examined import Examined
from lapel.inference.pictures import Picture, upright
from lapel.schema.errors import UsageError
from lapel.schema.outputs import ATTENTION
from lapel.schema.prediction import SEEN, GarmentsAnswer, LandmarksAnswer, SegmentationAnswer

#: Attention that varies by less over a picture shows nothing to look at.
FLAT = 0.05


def draw_prediction(picture: Picture, found: Examined, *, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """A JPEG of a picture with its answers: landmarks as points, hidden ones hollow; beside it
    classes of pixels, garments, heatmaps and attention over it, where there are such; below it
    what all is called (in English, or by its number, where no font here can write the name).

    Args:
        picture: as it was given to :meth:`lapel.inference.predictor.Predictor.examine`.
        found: what that gave.
        limits: ceilings on what is decoded.

    Raises:
        ImageError: a file that cannot be read any more.
    """
    pixels = as_rgb(upright(picture, name=found.prediction.image, limits=limits))
    marks, lines = _marks(found)
    panels = [("", draw_marks(pixels, marks, box=found.box))]
    panels += mask_panels(pixels, found.prediction, found.spelling)
    panels += garment_panels(pixels, found.prediction, found.spelling)
    panels += [_map(pixels, name, found) for name in found.maps]
    buffer = io.BytesIO()
    sheet(panels, lines).save(buffer, format="JPEG", quality=QUALITY)
    return buffer.getvalue()


def _marks(found: Examined) -> tuple[list[Mark], list[Line]]:
    """The points of all tasks that answer with points, and what stands below the picture."""
    marks, lines = [], []
    for task, answer in found.prediction.answers.items():
        if isinstance(answer, LandmarksAnswer):
            for point, colour in zip(answer.points, colours(len(answer.points)), strict=True):
                visible = point.visible >= SEEN
                marks.append(Mark(x=point.x, y=point.y, colour=colour, visible=visible))
                name = found.spelling.label(task, point.name)
                text = f"{name} {100 * point.visible:.0f} %"
                lines.append(Line(text=text, colour=colour, visible=visible))
        elif isinstance(answer, SegmentationAnswer):
            lines += mask_lines(task, answer, found.spelling)
        elif isinstance(answer, GarmentsAnswer):
            lines += garment_lines(task, answer, found.spelling)
        else:
            spelling = found.spelling
            named = (
                f"{spelling.label(task, label)} {100 * share:.0f} %"
                for label, share in answer.lines()[:5]
            )
            lines.append(Line(text=f"{spelling.task(task)}: {', '.join(named) or '(none)'}"))
    return marks, lines


def _map(pixels: NDArray[np.uint8], name: str, found: Examined) -> tuple[str, Image.Image]:
    """The title and the drawing of a map."""
    maps = found.maps[name]
    if name == ATTENTION:
        return attention_words(maps), draw_heat(pixels, attention_heat(maps), found.frame)
    return name, draw_heat(pixels, strongest(maps), found.frame)


def attention_heat(attention: NDArray[np.float32]) -> NDArray[np.float32]:
    """Attention (1, h, w) as heat (h, w): 0 where it is least in this picture, 1 where it is most.

    Attention that is nearly the same everywhere stays cold, instead of showing its noise.
    """
    low, high = float(attention.min()), float(attention.max())
    return np.asarray((attention[0] - low) / max(high - low, FLAT), np.float32)


def attention_words(attention: NDArray[np.float32]) -> str:
    """By how much attention (1, h, w) multiplies what the network sees, in words."""
    return f"attention {attention.min():.2f} to {attention.max():.2f}"


def drawing_paths(
    pictures: Sequence[str], folder: Path, *, masks: Sequence[str] = ()
) -> list[Path]:
    """Where the drawing of each picture goes: as the pictures lie below their common folder.

    Two that would have one name, such as ``x.png`` and ``x.jpg``, are numbered.

    Args:
        pictures: their paths.
        folder: where the drawings go.
        masks: tasks of which masks are written beside the drawings.

    Raises:
        UsageError: a drawing or a mask would take the place of one of the pictures.
    """
    own = {os.path.realpath(picture) for picture in pictures}
    home = _common_folder(pictures)
    taken: set[str] = set()
    paths = []
    for picture in pictures:
        place = Path(os.path.relpath(picture, home)).with_suffix("")
        name, number = place, 2
        while str(name).casefold() in taken:
            name, number = place.with_name(f"{place.name}-{number}"), number + 1
        taken.add(str(name).casefold())
        path = folder / name.with_name(f"{name.name}.jpg")
        for file in (path, *mask_paths(path, masks).values()):
            if os.path.realpath(file) in own:
                raise UsageError(
                    f"the drawing of {picture} would take the place of {file}; choose another "
                    "folder for --draw"
                )
        paths.append(path)
    return paths


def _common_folder(pictures: Sequence[str]) -> str:
    """The innermost folder that all pictures lie in, at any depth."""
    # Not resolved: a link keeps its own name and place.
    places = [Path(os.path.abspath(picture)) for picture in pictures]  # noqa: PTH100 - as said
    return os.path.commonpath([place.parent for place in places])
