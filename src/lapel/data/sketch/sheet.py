"""A contact sheet: the first pictures side by side, plain, or with their labels drawn on them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from lapel.data.sketch.labelling import OCCLUDED, VISIBLE
from lapel.data.sketch.picture import Options, SketchPicture, draw_picture
from lapel.schema.errors import UsageError
from lapel.storage.local import write_atomically

COLUMNS = 8

#: Marked pictures are this wide at least: words would cover half of smaller ones.
READABLE = 224

#: Colours of garments 1, 2, ... on a marked sheet.
_MARKS = ((255, 64, 64), (64, 160, 255), (80, 220, 90), (255, 190, 40))

KINDS_OF_FILE = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}


def kind_of_sheet(path: Path) -> str:
    """The format of a sheet, by its name.

    Raises:
        UsageError: a name that is neither a PNG's nor a JPEG's.
    """
    kind = KINDS_OF_FILE.get(path.suffix.lower())
    if kind is None:
        raise UsageError(f"found sheet {path}, expected a name that ends in .png or .jpg")
    return kind


def write_sheet(path: Path, count: int, options: Options, *, marked: bool = False) -> None:
    """Write a contact sheet of pictures 0 to ``count`` - 1.

    Args:
        path: a PNG or JPEG file.
        count: how many pictures.
        options: what is drawn.
        marked: draw masks, boxes and landmarks over them, and the category and tags.

    Raises:
        UsageError: a name that is neither a PNG's nor a JPEG's.
        StorageError: the file cannot be written.
    """
    kind = kind_of_sheet(path)
    side, columns = max(options.size, READABLE if marked else 0), min(count, COLUMNS)
    sheet = Image.new("RGB", (columns * side, -(-count // columns) * side))
    for number in range(count):
        picture = draw_picture(number, options)
        image = marked_picture(picture) if marked else Image.fromarray(picture.pixels)
        sheet.paste(image, (number % columns * side, number // columns * side))
    buffer = io.BytesIO()
    sheet.save(buffer, kind, quality=88)
    write_atomically(path, buffer.getvalue())


def marked_picture(picture: SketchPicture) -> Image.Image:
    """A picture with its labels drawn on it: masks tinted, boxes, points (hidden ones hollow)."""
    marks = np.array([(0, 0, 0), *_MARKS * 2], np.float32)
    tinted = picture.pixels * np.float32(0.6) + marks[picture.mask] * np.float32(0.4)
    pixels = np.where(picture.mask[..., None] > 0, tinted, picture.pixels).astype(np.uint8)
    image = Image.fromarray(pixels)
    draw = ImageDraw.Draw(image)
    for number, one in enumerate(picture.garments):
        colour = _MARKS[number % len(_MARKS)]
        left, top, right, bottom = one.box
        draw.rectangle((left, top, right - 1, bottom - 1), outline=colour)
        for x, y, seen in one.landmarks.values():
            dot = (x - 2, y - 2, x + 1, y + 1)
            if seen == VISIBLE:
                draw.ellipse(dot, fill=(255, 255, 255), outline=(0, 0, 0))
            elif seen == OCCLUDED:
                draw.ellipse(dot, outline=(0, 0, 0))
    if image.width < READABLE:
        image = image.resize((READABLE, READABLE))
        draw = ImageDraw.Draw(image)
    main = picture.garments[0]
    words = (main.garment.kind.name, *main.attributes.values(), *main.tags.yes)
    draw.text((3, 2), "\n".join(words), fill=(255, 255, 255), stroke_fill=(0, 0, 0), stroke_width=1)
    return image
