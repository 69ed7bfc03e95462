"""What two models say of one picture: which garments are in it, and what each of them is like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lapel.schema.geometry import Box
from lapel.schema.prediction import Answer, FoundGarment

#: Before the columns of what the finder says, in tables.
GARMENT = "garment"

#: What follows it, after a full stop.
GARMENT_WORDS = ("label", "probability", *Box._fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadGarment:
    """A garment that one model found and another one read.

    Attributes:
        found: what the finder says: category, box, pixels, points.
        answers: what the tagger says of it, task name to answer, places in pixels of the picture;
            empty where the box was too small to be read.
    """

    found: FoundGarment
    answers: Mapping[str, Answer] = field(default_factory=dict)

    def cells(self) -> dict[str, str | float | None]:
        """``garment.label``, ``garment.probability`` and the edges of its box, then each task's
        columns.
        """
        row: dict[str, str | float | None] = {
            f"{GARMENT}.label": self.found.label,
            f"{GARMENT}.probability": self.found.score,
            **{
                f"{GARMENT}.{edge}": round(value, 2)
                for edge, value in self.found.box._asdict().items()
            },
        }
        for task, answer in self.answers.items():
            row.update(answer.cells(task))
        return row

    def to_json(self) -> dict[str, Any]:
        """What the finder says, with what the tagger says under ``answers``."""
        answers = {task: answer.to_json() for task, answer in self.answers.items()}
        return {**self.found.to_json(), "answers": answers}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadScene:
    """All garments of one picture, each read.

    Attributes:
        image: its name as the caller gave it.
        width: of the upright original, in pixels.
        height: of the upright original, in pixels.
        garments: the surest first; there may be none.
    """

    image: str
    width: int
    height: int
    garments: tuple[ReadGarment, ...]

    def rows(self) -> list[dict[str, str | float | None]]:
        """Rows of a table, one a garment: ``image``, ``garment`` (its number, from 1), then what is
        said of it. A picture without garments has one row, of garment 0.
        """
        if not self.garments:
            return [{"image": self.image, GARMENT: 0}]
        return [
            {"image": self.image, GARMENT: number, **one.cells()}
            for number, one in enumerate(self.garments, start=1)
        ]

    def to_json(self) -> dict[str, Any]:
        """The scene as plain values."""
        return {
            "image": self.image,
            "width": self.width,
            "height": self.height,
            "garments": [one.to_json() for one in self.garments],
        }
