"""Which letters can be drawn, and by which font.

Pillow's own font has Latin letters alone, and draws a box for every other; labels may be Korean.
Where the machine has a font that can write a text, that one writes it.
"""

from __future__ import annotations

from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

#: Fonts with letters that Pillow's own has not, as files that Linux, macOS and Windows have.
FONTS = (
    "DejaVuSans.ttf",
    "NotoSansCJK-Regular.ttc",
    "NotoSansKR-Regular.otf",
    "NotoSansKR-Regular.ttf",
    "NanumGothic.ttf",
    "UnDotum.ttf",
    "DroidSansFallbackFull.ttf",
    "wqy-zenhei.ttc",
    "AppleSDGothicNeo.ttc",
    "Arial Unicode.ttf",
    "malgun.ttf",
    "msyh.ttc",
)

#: No font has a letter for this: what is drawn for it stands for what is missing.
_NO_LETTER = "\uffff"


def font_for(text: str, size: int) -> Font | None:
    """The first font that can write a text: Pillow's own, then ``FONTS``; None if none can.

    Args:
        text: to be written.
        size: of the letters, in pixels.
    """
    letters = {letter for letter in text if not letter.isspace()}
    for name in ("", *FONTS):
        font = _opened(name, size)
        if font is not None and all(_writes(name, letter, size) for letter in letters):
            return font
    return None


def nearest_font(text: str, size: int) -> Font:
    """As :func:`font_for`, but Pillow's own where no font can write all of the text."""
    return font_for(text, size) or ImageFont.load_default(size)


@lru_cache(maxsize=256)
def _opened(name: str, size: int) -> Font | None:
    """A font by its file, looked for where the system keeps fonts; Pillow's own without a name."""
    if not name:
        return ImageFont.load_default(size)
    try:
        return ImageFont.truetype(name, size)
    except OSError:
        return None


@lru_cache(maxsize=4096)
def _writes(name: str, letter: str, size: int) -> bool:
    """Whether a font draws anything else for a letter than for one that no font has."""
    return letter != _NO_LETTER and _drawn(name, letter, size) != _drawn(name, _NO_LETTER, size)


def _drawn(name: str, letter: str, size: int) -> bytes:
    picture = Image.new("L", (3 * size, 3 * size))
    try:
        ImageDraw.Draw(picture).text((size, size), letter, fill=255, font=_opened(name, size))
    except UnicodeEncodeError:  # a font of bitmaps, where Pillow was built without FreeType
        return b""
    return picture.tobytes()
