"""What the name of a file says about it, before its bytes are asked."""

from __future__ import annotations

from pathlib import Path

#: Endings that say "picture". Those of formats that are not accepted are among them on purpose:
#: their owners mean them as pictures, so they are reported rather than passed over in silence.
PICTURE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp"}
    | {".heic", ".heif", ".gif", ".tif", ".tiff", ".bmp", ".avif", ".jxl"}
)


def named_like_picture(path: str | Path) -> bool:
    """Whether a file's name ends like a picture's, in any case; it is then always meant."""
    return Path(path).suffix.lower() in PICTURE_SUFFIXES
