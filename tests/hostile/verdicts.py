"""What a hostile picture is, and what should become of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: ``refused``: an ImageError, over HTTP a 4xx. ``answered``: it is whole, odd as it may be.
#: ``either``: nobody can tell damage from art; but one of the two, and nothing else.
Verdict = Literal["refused", "answered", "either"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostilePicture:
    """Bytes that somebody may send as a picture.

    Attributes:
        name: as its file may be called; no two are alike. What stands before the first full stop
            tells what was done.
        data: the bytes.
        verdict: what should become of it.
        size: width and height, upright, of one that is answered, where they are known.
        too_large: refused for more pixels, bytes or metadata than are read, rather than as damaged
            or as no picture.
    """

    name: str
    data: bytes
    verdict: Verdict
    size: tuple[int, int] | None = None
    too_large: bool = False
