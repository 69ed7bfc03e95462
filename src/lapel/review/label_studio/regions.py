"""Regions of Label Studio's results in pixels: points, and areas as garments of their own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from lapel.imaging.outlines import mask_box, run_lengths_of
from lapel.review.label_studio.binding import Bound
from lapel.review.label_studio.brush import decode_brush
from lapel.schema.garments import Garment, Point

#: One result, as Label Studio has it.
Item = Mapping[str, Any]

#: Places are kept to a millionth of a pixel: percent and back leaves dust below that.
_DIGITS = 6

#: How far, in percent, a place may reach over the edge: what editors let slip.
_SLACK = 1.0


def word_of(bound: Bound, item: Item) -> str:
    """The task's word of a region."""
    words = item["value"].get(bound.control.type)
    if not isinstance(words, list) or len(words) != 1:
        raise ValueError(f"a region of {bound.control.name} with {len(words or [])} labels")
    return ours_of(bound, words[0])


def ours_of(bound: Bound, word: object) -> str:
    """The task's word for one of the control's.

    Raises:
        ValueError: it has none.
    """
    found = bound.ours(str(word))
    if found is None:
        known = ", ".join(list(bound.labels.values())[:8])
        raise ValueError(f"{word!r} of {bound.control.name}, which has: {known}")
    return found


def _numbers(value: Mapping[str, Any], *names: str) -> list[float]:
    found = [value.get(name) for name in names]
    if not all(
        isinstance(one, int | float) and not isinstance(one, bool) and math.isfinite(one)
        for one in found
    ):
        raise ValueError(f"{', '.join(names)} of {', '.join(map(repr, found))}")
    return [float(one) for one in found if one is not None]


def _scaled(x: float, y: float, item: Item) -> Point:
    """Percent as pixels; what lies outside the picture is refused, what touches it is pulled in."""
    if not all(-_SLACK <= one <= 100 + _SLACK for one in (x, y)):
        raise ValueError(f"a place at {x:g}, {y:g} percent of the picture")
    width, height = item["original_width"], item["original_height"]
    x, y = (min(max(one, 0.0), 100.0) / 100 for one in (x, y))
    return round(x * width, _DIGITS), round(y * height, _DIGITS)


def point_of(item: Item) -> Point:
    """Where a key point is, in pixels.

    Raises:
        ValueError: nowhere in a picture.
    """
    _need_size(item)
    x, y = _numbers(item["value"], "x", "y")
    return _scaled(x, y, item)


def _need_size(item: Item) -> None:
    if not {"original_width", "original_height"} <= item.keys():
        raise ValueError("a place without the size of its picture")


def shape_of(part: str, item: Item) -> Garment:
    """A region as a garment of its own."""
    _need_size(item)
    value = item["value"]
    if "rle" in value:
        return _painted(part, item)
    if "points" in value:
        corners = value["points"]
        if not (isinstance(corners, list) and len(corners) > 2 and all(map(_is_pair, corners))):
            raise ValueError("a polygon of fewer than three corners")
        outline = tuple(_scaled(float(x), float(y), item) for x, y in corners)
        return Garment(part=part, box=around(outline), outlines=(outline,))
    return _rectangle(part, item)


def _is_pair(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(isinstance(one, int | float) and math.isfinite(one) for one in value)
    )


def _painted(part: str, item: Item) -> Garment:
    rle = item["value"]["rle"]
    if not isinstance(rle, list | bytes):
        raise ValueError("a brush of what are no bytes")  # noqa: TRY004 - callers gather
    mask = decode_brush(rle, item["original_height"], item["original_width"])
    return Garment(part=part, box=mask_box(mask), mask=run_lengths_of(mask))


def _rectangle(part: str, item: Item) -> Garment:
    """A rectangle; one that was turned is an outline. It turns about its upper left corner."""
    x, y, across, down = _numbers(item["value"], "x", "y", "width", "height")
    turned = item["value"].get("rotation") or 0
    if not turned:
        (left, top), (right, bottom) = _scaled(x, y, item), _scaled(x + across, y + down, item)
        width, height = round(right - left, _DIGITS), round(bottom - top, _DIGITS)
        return Garment(part=part, box=(left, top, width, height))
    wide, high = item["original_width"] / 100, item["original_height"] / 100
    sine, cosine = math.sin(math.radians(turned)), math.cos(math.radians(turned))
    outline = tuple(
        _inside(
            x * wide + right * cosine - lower * sine, y * high + right * sine + lower * cosine, item
        )
        for right, lower in (
            (0.0, 0.0),
            (across * wide, 0.0),
            (across * wide, down * high),
            (0.0, down * high),
        )
    )
    return Garment(part=part, box=around(outline), outlines=(outline,))


def _inside(x: float, y: float, item: Item) -> Point:
    width, height = item["original_width"], item["original_height"]
    return (
        round(min(max(x, 0.0), width), _DIGITS),
        round(min(max(y, 0.0), height), _DIGITS),
    )


def around(outline: Sequence[Point]) -> tuple[float, float, float, float]:
    """The smallest box around corners: left, top, width, height."""
    left, top = min(x for x, _ in outline), min(y for _, y in outline)
    right, bottom = max(x for x, _ in outline), max(y for _, y in outline)
    return left, top, round(right - left, _DIGITS), round(bottom - top, _DIGITS)
