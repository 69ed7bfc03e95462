"""A contact sheet of what was found: a line a query, the query first, the nearest beside it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from lapel.data.sketch.sheet import kind_of_sheet
from lapel.imaging.lettering import Font, nearest_font
from lapel.storage.local import write_atomically

#: Side of a picture on the sheet, the space around it, and the height of its caption, in pixels.
SIDE, MARGIN, CAPTION = 128, 6, 16
#: Height of the letters of a caption.
CAPTION_TEXT = 11

BACKGROUND, INK = (255, 255, 255), (40, 40, 40)
#: Frames of the query, of what shows the same item, and of what does not.
QUERY, RIGHT, WRONG = (60, 60, 60), (30, 150, 70), (215, 60, 50)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SheetPicture:
    """A picture of a sheet.

    Attributes:
        pixels: uint8 (H, W, 3); None where it could not be read.
        caption: what stands below it.
        right: whether it shows the query's item; None where nobody knows.
    """

    pixels: NDArray[np.uint8] | None
    caption: str
    right: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SheetLine:
    """A query, and what was found for it."""

    query: SheetPicture
    found: Sequence[SheetPicture]


def write_sheet(path: Path, lines: Sequence[SheetLine]) -> None:
    """Write a contact sheet: right pictures framed in green, wrong ones in red.

    Raises:
        UsageError: a name that is neither a PNG's nor a JPEG's.
        StorageError: the file cannot be written.
    """
    kind = kind_of_sheet(path)
    columns = 1 + max((len(line.found) for line in lines), default=0)
    wide, high = SIDE + 2 * MARGIN, SIDE + 2 * MARGIN + CAPTION
    # The query stands a margin apart from what was found.
    sheet = Image.new("RGB", (columns * wide + 2 * MARGIN, len(lines) * high), BACKGROUND)
    for row, line in enumerate(lines):
        _paste(sheet, line.query, (0, row * high), QUERY)
        for column, picture in enumerate(line.found, start=1):
            frame = None if picture.right is None else (RIGHT if picture.right else WRONG)
            _paste(sheet, picture, (column * wide + 2 * MARGIN, row * high), frame)
    buffer = io.BytesIO()
    sheet.save(buffer, kind, quality=88)
    write_atomically(path, buffer.getvalue())


def _paste(
    sheet: Image.Image,
    picture: SheetPicture,
    corner: tuple[int, int],
    frame: tuple[int, int, int] | None,
) -> None:
    left, top = corner[0] + MARGIN, corner[1] + MARGIN
    draw = ImageDraw.Draw(sheet)
    if picture.pixels is not None:
        image = ImageOps.contain(Image.fromarray(picture.pixels).convert("RGB"), (SIDE, SIDE))
        sheet.paste(image, (left + (SIDE - image.width) // 2, top + (SIDE - image.height) // 2))
    if frame is not None:
        edges = (left - 4, top - 4, left + SIDE + 3, top + SIDE + 3)
        draw.rectangle(edges, outline=frame, width=3)
    font = nearest_font(picture.caption, CAPTION_TEXT)
    draw.text((left, top + SIDE + 3), _fitting(picture.caption, font), fill=INK, font=font)


def _fitting(text: str, font: Font) -> str:
    """As much of the end of a text as fits below a picture."""
    if font.getlength(text) <= SIDE:
        return text
    while text and font.getlength(f"…{text}") > SIDE:
        text = text[1:]
    return f"…{text}"
