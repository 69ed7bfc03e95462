"""Pictures on their way to a server, and what came back of them."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image

from lapel.imaging.decode import DEFAULT_LIMITS, MEBIBYTE
from lapel.inference.pictures import Failure, Picture, as_pictures, file_or_pixels, name_of
from lapel.schema.errors import ImageError

#: Of one request: enough that the way there and back is little beside the work, and few enough that
#: a server which takes several callers in turn is not held by one.
PICTURES, BYTES = 16, 8 * MEBIBYTE


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A picture on its way: its name here, and the bytes of its file."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What came back of a picture.

    Attributes:
        name: of the picture here.
        said: its entry of the answer, or why it has none.
        fingerprint: of the schema of the answer.
    """

    name: str
    said: Any
    fingerprint: str = ""


def batches(images: Picture | Iterable[Picture]) -> Iterator[list[Sent | Failure]]:
    """So many pictures, or so many bytes, at a time."""
    batch: list[Sent | Failure] = []
    weight = 0
    for index, picture in enumerate(as_pictures(images)):
        entry = _readied(picture, name_of(picture, index))
        size = len(entry.data) if isinstance(entry, Sent) else 0
        if batch and (len(batch) == PICTURES or weight + size > BYTES):
            yield batch
            batch, weight = [], 0
        batch.append(entry)
        weight += size
    if batch:
        yield batch


def _readied(picture: Picture, name: str) -> Sent | Failure:
    try:
        found = file_or_pixels(picture, name=name, limits=DEFAULT_LIMITS)
    except ImageError as error:
        return Failure.of(error)
    if isinstance(found, bytes):
        return Sent(name=name, data=found)
    file = io.BytesIO()
    # Loses nothing; little compression, as time is worth more than bytes here.
    Image.fromarray(found).save(file, "PNG", compress_level=1)
    return Sent(name=name, data=file.getvalue())


def failed(entry: object, name: str) -> Failure | None:
    """The failure of one picture among several; None where it has an answer."""
    if not (isinstance(entry, Mapping) and isinstance(entry.get("error"), Mapping)):
        return None
    error = entry["error"]
    return failure(name, str(error.get("code")), str(error.get("message")))


def as_values(told: Told) -> dict[str, Any]:
    """What was said of one picture, under the name that it has here."""
    if isinstance(told.said, Failure):
        code = "picture_too_large" if told.said.too_large else "not_a_picture"
        return {"image": told.name, "error": {"code": code, "message": told.said.fault}}
    return {**dict(told.said), "image": told.name}


def failure(name: str, code: str, message: str) -> Failure:
    """A picture that the server refuses, by its word and its text."""
    return Failure(image=name, fault=message, too_large=code.endswith("too_large"))
