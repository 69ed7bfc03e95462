"""Pictures to look at: thumbnails inside the page, each with what is to be said of it."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from PIL import Image

from lapel.data.dataset import Dataset
from lapel.evaluation.pages.numbers import percent
from lapel.evaluation.pages.page import escaped
from lapel.schema.errors import ImageError, StorageError

#: Pictures in a mosaic: full rows at most widths.
TILES = 42

#: Longest side of a thumbnail, in pixels.
THUMBNAIL = 160

#: Pictures up to this side are kept to the pixel and shown enlarged without blur.
TINY = 64


class Captioned(Protocol):
    """One picture of a mosaic, with what is to be said of it."""

    @property
    def image(self) -> str:
        """Its name in the dataset."""
        ...

    def caption(self) -> str:
        """What is to be said, as HTML."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A picture whose label and answer differ.

    Attributes:
        image: its name in the dataset.
        label: the label that it bears.
        answer: what the model says instead.
        answer_probability: 0 to 1.
        label_probability: probability of the label that it bears; None leaves it out.
        task: which question it is about, where there are several; else empty.
    """

    image: str
    label: str
    answer: str
    answer_probability: float
    label_probability: float | None = None
    task: str = ""

    def caption(self) -> str:
        """The label, then the answer."""
        task = f'<span class="soft">{escaped(self.task)}:</span> ' if self.task else ""
        own = ""
        if self.label_probability is not None:
            own = f' <span class="soft">{percent(self.label_probability, 1)}</span>'
        return (
            f"{task}{escaped(self.label)}{own}<br>→ <span class='wrong'>{escaped(self.answer)}"
            f"</span> <span class='whole'>{percent(self.answer_probability, 1)}</span>"
        )


def mosaic(dataset: Dataset, tiles: Sequence[Captioned]) -> str:
    """Tiles as HTML; a picture that cannot be read is named all the same."""
    return f'<div class="tiles">{"".join(_tile(dataset, tile) for tile in tiles)}</div>'


def _tile(dataset: Dataset, tile: Captioned) -> str:
    return (
        f'<figure class="tile">{_thumbnail(dataset, tile.image)}<figcaption>{tile.caption()}'
        f'<span class="name" title="{escaped(tile.image)}">{escaped(tile.image)}</span>'
        "</figcaption></figure>"
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawing:
    """A picture that was drawn on.

    Attributes:
        image: its name in the dataset.
        picture: the drawing; None where the picture could not be read.
        caption: what is to be said of it, as HTML.
    """

    image: str
    picture: Image.Image | None
    caption: str


def drawn_mosaic(drawings: Sequence[Drawing], *, wide: bool = False) -> str:
    """Drawings as HTML, larger than thumbnails; wide ones two a row, in their own shape."""
    size = "wide" if wide else "large"
    return f'<div class="tiles {size}">{"".join(map(_drawn_tile, drawings))}</div>'


def _drawn_tile(drawing: Drawing) -> str:
    name = escaped(drawing.image)
    shown = '<span class="none">not to be had</span>'
    if drawing.picture is not None:
        address = _data_address(drawing.picture, tiny=False)
        shown = f'<img alt="{name}" loading="lazy" src="{address}">'
    return (
        f'<figure class="tile">{shown}<figcaption>{drawing.caption}'
        f'<span class="name" title="{name}">{name}</span></figcaption></figure>'
    )


def _thumbnail(dataset: Dataset, name: str) -> str:
    try:
        picture = Image.fromarray(dataset.pixels(name))
    except (ImageError, StorageError):
        return '<span class="none">not to be had</span>'
    tiny = max(picture.size) <= TINY
    if not tiny:
        picture.thumbnail((THUMBNAIL, THUMBNAIL))
    style = ' class="small"' if tiny else ""
    return f'<img{style} alt="{escaped(name)}" loading="lazy" src="{_data_address(picture, tiny)}">'


def _data_address(picture: Image.Image, tiny: bool) -> str:
    """The picture itself as an address, so that the page needs no other file."""
    buffer = io.BytesIO()
    if tiny:
        picture.save(buffer, format="PNG", optimize=True)
    else:
        picture.save(buffer, format="JPEG", quality=82)
    kind = "png" if tiny else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
