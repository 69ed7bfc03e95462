"""How many pieces a file has, counted before a library keeps something of each.

JPEG consists of segments, PNG and WebP of chunks. Readers take some hundred bytes and microseconds
for each, however empty: 64 MiB of nothing but heads would take gigabytes and minutes. A progressive
JPEG goes over all its pixels again for each scan, so that a small file could keep a core for hours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

#: Markers of a JPEG without a length (ITU-T T.81, table B.1): TEM, the restarts, and the start.
_ALONE = frozenset((0x01, *range(0xD0, 0xD9)))
_SCAN, _END = 0xDA, 0xD9
#: What may follow 0xFF among the pixels: a stuffed zero, a restart, more 0xFF. Others are markers.
_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")


def too_many_pieces(data: bytes, kind: str, limit: int) -> bool:
    """Whether a file has more segments or chunks than a limit.

    Args:
        data: the whole file.
        kind: its format; others than JPEG, PNG and WEBP are not looked at.
        limit: the most that it may have.
    """
    return kind in _WALKS and _WALKS[kind](data, limit)


def too_many_scans(data: bytes, limit: int) -> bool:
    """Whether a JPEG has more scans than a limit; what follows its end is no part of it."""
    # Counting is quick but counts by chance in a film behind the picture, as phones append it.
    if data.count(bytes((0xFF, _SCAN))) <= limit:
        return False
    scans = 0
    for found in _MARKER.finditer(data, _first_scan(data)):
        marker = found[1][0]
        if marker == _END:
            return False
        scans += marker == _SCAN
        if scans > limit:
            return True
    return False


def _first_scan(data: bytes) -> int:
    """Where the head of a JPEG ends; thumbnails in it have scans of their own."""
    place, steps = 2, 0
    while 0 <= place < len(data) - 1 and steps >= 0:
        place, steps = _next_segment(data, place)
    return max(place, 0)


def _next_segment(data: bytes, place: int) -> tuple[int, int]:
    """Where the next segment begins, and how many steps a reader takes to it; -1 at a scan."""
    if data[place] != 0xFF:
        # Readers pass over what is no marker, byte by byte.
        found = data.find(b"\xff", place)
        end = found if found >= 0 else len(data)
        return end, end - place
    marker = data[place + 1]
    if marker in (_SCAN, _END):
        return place, -1
    if marker in (0x00, 0xFF):
        return place + 1, 1
    if marker in _ALONE:
        return place + 2, 1
    return place + 2 + int.from_bytes(data[place + 2 : place + 4], "big"), 1


def _jpeg(data: bytes, limit: int) -> bool:
    place, count = 2, 0
    while place < len(data) - 1:
        place, steps = _next_segment(data, place)
        if steps < 0:
            return False
        count += steps
        if count > limit:
            return True
    return False


def _chunks(data: bytes, limit: int, *, first: int, around: int, big: bool) -> bool:
    """Chunks that begin with four bytes of length, or of a name and then of length."""
    place, count = first, 0
    at = 0 if big else 4
    while place + 8 <= len(data):
        length = int.from_bytes(data[place + at : place + at + 4], "big" if big else "little")
        place += around + length + (0 if big else length % 2)
        count += 1
        if count > limit:
            return True
    return False


def _png(data: bytes, limit: int) -> bool:
    return _chunks(data, limit, first=8, around=12, big=True)


def _webp(data: bytes, limit: int) -> bool:
    return _chunks(data, limit, first=12, around=8, big=False)


_WALKS: Mapping[str, Callable[[bytes, int], bool]] = {"JPEG": _jpeg, "PNG": _png, "WEBP": _webp}
