"""A contact sheet of what was found: a line a query, the query first, the nearest beside it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from lapel.data.sketch.sheet import kind_of_sheet
from lapel.imaging.lettering import Font, nearest_font
from lapel.schema.geometry import Box
from lapel.storage.local import write_atomically

#: Side of a picture on the sheet, the space around it, and the height of a line of its caption, in
#: pixels.
SIDE, MARGIN, CAPTION = 128, 6, 16
#: Height of the letters of a caption.
CAPTION_TEXT = 11

BACKGROUND, INK = (255, 255, 255), (40, 40, 40)
#: Frames of the query, of what shows the same item, and of what does not.
QUERY, RIGHT, WRONG = (60, 60, 60), (30, 150, 70), (215, 60, 50)
#: Of the box that was looked at.
BOX = (235, 160, 0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SheetPicture:
    """A picture of a sheet.

    Attributes:
        pixels: uint8 (H, W, 3); None where it could not be read.
        caption: what stands below it, in one line or several.
        right: whether it shows the query's item; None where nobody knows.
        box: the part that was searched by, in its pixels; None for the whole.
    """

    pixels: NDArray[np.uint8] | None
    caption: str
    right: bool | None = None
    box: Box | None = None

    @property
    def lines(self) -> list[str]:
        """Those of its caption."""
        return self.caption.split("\n")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SheetLine:
    """A query, and what was found for it."""

    query: SheetPicture
    found: Sequence[SheetPicture]


def short_name(image: str) -> str:
    """What tells a picture from others: the folder that it lies in and its name, without ending.

    Names of a data set often begin with the same folder and end alike, as in
    ``img/Sheer_Blouse/img_00000001.jpg``.
    """
    *folders, name = PurePath(image).parts or ("",)
    return "/".join([*folders[-1:], PurePath(name).stem]).replace("//", "/")


def write_sheet(path: Path, lines: Sequence[SheetLine]) -> None:
    """Write a contact sheet: right pictures framed in green, wrong ones in red.

    Raises:
        UsageError: a name that is neither a PNG's nor a JPEG's.
        StorageError: the file cannot be written.
    """
    kind = kind_of_sheet(path)
    columns = 1 + max((len(line.found) for line in lines), default=0)
    pictures = [picture for line in lines for picture in (line.query, *line.found)]
    below = CAPTION * max((len(picture.lines) for picture in pictures), default=1)
    wide, high = SIDE + 2 * MARGIN, SIDE + 2 * MARGIN + below
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
        place = left + (SIDE - image.width) // 2, top + (SIDE - image.height) // 2
        sheet.paste(image, place)
        if picture.box is not None:
            draw.rectangle(_edges(picture.box, picture.pixels, image, place), outline=BOX, width=2)
    if frame is not None:
        edges = (left - 4, top - 4, left + SIDE + 3, top + SIDE + 3)
        draw.rectangle(edges, outline=frame, width=3)
    for number, line in enumerate(picture.lines):
        font = nearest_font(line, CAPTION_TEXT)
        place = left, top + SIDE + 3 + number * CAPTION
        draw.text(place, _fitting(line, font), fill=INK, font=font)


def _edges(
    box: Box, pixels: NDArray[np.uint8], image: Image.Image, place: tuple[int, int]
) -> tuple[float, float, float, float]:
    """A box on the sheet, as far as it lies in the picture: left, top, right, bottom."""
    across, down = image.width / pixels.shape[1], image.height / pixels.shape[0]
    left, top = max(box.left, 0) * across, max(box.top, 0) * down
    right = max(left, min(box.right * across, image.width) - 1)
    bottom = max(top, min(box.bottom * down, image.height) - 1)
    return place[0] + left, place[1] + top, place[0] + right, place[1] + bottom


def _fitting(text: str, font: Font) -> str:
    """A text, without as much of its middle as does not fit below a picture."""
    if font.getlength(text) <= SIDE:
        return text
    kept = len(text) - 1
    while kept > 1 and font.getlength(_shortened(text, kept)) > SIDE:
        kept -= 1
    return _shortened(text, kept)


def _shortened(text: str, kept: int) -> str:
    """A text of which only so many letters are kept: one of three at its end."""
    end = max(kept // 3, 1)
    return f"{text[: kept - end]}…{text[-end:]}"
