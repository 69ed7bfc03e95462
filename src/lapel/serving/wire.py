"""What goes over the wire: answers as JSON, as rows of a table, and what models show of them."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lapel.imaging.draw import heat_over, strongest
from lapel.imaging.outlines import mask_from
from lapel.imaging.simplifying import simplified
from lapel.imaging.tracing import outlines_of
from lapel.inference.answer_rows import Row, csv_cell
from lapel.inference.drawing import attention_heat
from lapel.inference.examined import Examined
from lapel.inference.pictures import Failure
from lapel.schema.outputs import ATTENTION
from lapel.schema.prediction import Answer, FoundGarment, GarmentsAnswer, SegmentationAnswer
from lapel.schema.read_garments import ReadScene
from lapel.serving.answerers import Found

#: Longest side of a map, in pixels: they are smooth, so more would show nothing more.
MAP_SIDE = 512

#: Share of a photo's longer side by which outlines may differ from their mask: less than can be
#: seen on a screen, and a tenth of the corners.
OUTLINE_TOLERANCE = 0.001

#: Outlines are traced on so many pixels of the longer side, or up to twice as many.
OUTLINE_PIXELS = 2000

Polygons = list[list[list[int]]]


def as_json(found: Found, *, outlines: bool = False) -> dict[str, Any]:
    """What is said of one picture, as plain values.

    Args:
        found: an answer, or the failure of a picture that cannot be read.
        outlines: whether each ``mask`` has its ``outlines`` beside it: polygons of corners
            ``[x, y]`` in pixels of the upright photo; all that any of them holds is the mask, to
            within a thousandth of the photo's longer side.

    Returns:
        :meth:`lapel.schema.prediction.Prediction.to_json`, with ``maps`` where there are any; or
        :meth:`lapel.schema.read_garments.ReadScene.to_json`; or ``image`` and ``error``.
    """
    if isinstance(found, Failure):
        return {
            "image": found.image,
            "error": {"code": code_of(found), "message": found.fault},
        }
    if isinstance(found, ReadScene):
        scene = found.to_json()
        if outlines:
            _outline(scene["garments"], [one.found for one in found.garments])
        return scene
    value = found.prediction.to_json()
    if outlines:
        for task, answer in found.prediction.answers.items():
            _add_outlines(value["answers"][task], answer)
    if found.maps:
        value["maps"] = {name: map_of(found, name) for name in found.maps}
    return value


def code_of(failure: Failure) -> str:
    """A word for programs for what is wrong with a picture."""
    return "picture_too_large" if failure.too_large else "not_a_picture"


def map_of(found: Examined, name: str) -> dict[str, Any]:
    """A map as a gray PNG that spans the upright photo exactly, brighter where it is stronger."""
    width, height = found.prediction.width, found.prediction.height
    shrunk = min(1.0, MAP_SIDE / max(width, height))
    size = max(1, round(width * shrunk)), max(1, round(height * shrunk))
    maps = found.maps[name]
    heat = attention_heat(maps) if name == ATTENTION else strongest(maps)
    value = heat_over(heat, found.frame, photo=(width, height), size=size)
    buffer = io.BytesIO()
    gray = Image.fromarray((value * 255).round().astype(np.uint8))
    gray.save(buffer, format="PNG", compress_level=1)
    png = base64.b64encode(buffer.getvalue()).decode()
    return {"width": size[0], "height": size[1], "png": png}


def json_bytes(value: object) -> bytes:
    """JSON as it is sent: UTF-8; lone surrogates of file names, which it has not, are escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")


def json_lines(values: Iterable[object]) -> bytes:
    """A line of JSON each."""
    return b"".join(json_bytes(value) + b"\n" for value in values)


def csv_bytes(rows: Sequence[Row]) -> bytes:
    """A table with a header; texts that a spreadsheet would run get an apostrophe in front."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    buffer = io.StringIO()
    table = csv.writer(buffer, lineterminator="\n")
    table.writerow([csv_cell(name) for name in columns])
    table.writerows([csv_cell(row.get(name)) for name in columns] for row in rows)
    return buffer.getvalue().encode()


def _add_outlines(value: dict[str, Any], answer: Answer) -> None:
    if isinstance(answer, GarmentsAnswer):
        _outline(value["garments"], answer.each)
    elif isinstance(answer, SegmentationAnswer):
        places = {name: place for place, name in enumerate(answer.labels)}
        for entry in value["classes"]:
            entry["outlines"] = polygons(answer.mask == places[entry["label"]])


def _outline(values: Sequence[dict[str, Any]], garments: Iterable[FoundGarment]) -> None:
    for value, one in zip(values, garments, strict=True):
        value["outlines"] = None if one.mask is None else polygons(mask_from(one.mask))


def polygons(mask: NDArray[np.bool_]) -> Polygons:
    """The outlines of a mask, bool (H, W), as lists of corners ``[x, y]`` in its pixels."""
    height, width = mask.shape
    longest = max(mask.shape)
    # Of a huge photo every second or third pixel is as much as anybody sees.
    step = max(1, longest // OUTLINE_PIXELS)
    rings = outlines_of(mask[::step, ::step])
    tolerance = longest * OUTLINE_TOLERANCE / step
    return [
        [
            [min(round(x) * step, width), min(round(y) * step, height)]
            for x, y in simplified(ring, tolerance)
        ]
        for ring in rings
    ]
