"""What the store of a review holds, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lapel.review.values import Size, Value
from lapel.schema.errors import LapelError, UsageError
from lapel.schema.labels import Schema

#: What became of a picture: somebody answered it, passed it over, or took that back.
ANSWERED, SKIPPED, UNDONE = "answered", "skipped", "undone"

#: What became of a proposal: taken as it was, mended, left open; GIVEN where there was none.
CONFIRMED, MENDED, LEFT, GIVEN = "confirmed", "mended", "skipped", "given"

#: The longest name of an annotator.
NAME_LETTERS = 64


class ConflictError(LapelError, RuntimeError):
    """Somebody answered a picture between its being shown and its being answered.

    Attributes:
        revision: what an answer that knows of the others must name.
        standing: what stands there now.
    """

    def __init__(self, revision: int, standing: tuple[Opinion, ...]) -> None:
        self.revision = revision
        self.standing = standing
        names = ", ".join(one.annotator for one in standing) or "somebody, who took it back"
        super().__init__(
            f"this picture was answered meanwhile by {names}; look at that, then keep it or answer "
            "once more"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """A picture to be asked about.

    Attributes:
        image: its name in the dataset.
        size: width and height of the upright picture, in pixels.
        machine: task to the model's answer, as ``Answer.to_json`` writes it; empty without one.
        standing: task to the label that the dataset has, see :mod:`lapel.review.values`.
        doubt: how doubtful the model's answers are, 0 to 1; None where nobody measured.
    """

    image: str
    size: Size
    machine: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    standing: Mapping[str, Value] = field(default_factory=dict)
    doubt: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item(Proposed):
    """A picture of a round.

    Attributes:
        number: names it, in the whole store.
        round: of which it is part.
        rank: its place in the round, from 0.
    """

    number: int
    round: int
    rank: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Pictures that are asked about together, in one order.

    Attributes:
        number: from 1.
        began: when, in UTC (ISO 8601).
        tasks: what is asked.
        overlap: how many people are to answer each picture, each without seeing the others.
        settings: what it was made with; the same settings go on with it.
    """

    number: int
    began: str
    tasks: Schema
    overlap: int
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """An answer to one task.

    Attributes:
        value: as :mod:`lapel.review.values` has it; None where it is left open.
        verdict: one of ``CONFIRMED``, ``MENDED``, ``LEFT``, ``GIVEN``.
    """

    value: Value
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What one person says of one picture, as it stands.

    Attributes:
        item: number of the picture in the store.
        image: its name in the dataset.
        size: width and height of the upright picture, in pixels.
        annotator: who.
        answered_at: when, in UTC (ISO 8601).
        answers: task to answer; empty where the picture was passed over.
        round: of which it is part.
    """

    item: int
    image: str
    size: Size
    annotator: str
    answered_at: str
    answers: Mapping[str, Given]
    round: int


def checked_annotator_name(name: object) -> str:
    """The name of an annotator.

    Raises:
        UsageError: none, one too long, or one with signs that cannot be seen.
    """
    found = name.strip() if isinstance(name, str) else ""
    if not found or len(found) > NAME_LETTERS or not found.isprintable():
        raise UsageError(
            f"an annotator's name has 1 to {NAME_LETTERS} letters that can be seen, found "
            f"{repr(name)[:80]}"
        )
    return found
