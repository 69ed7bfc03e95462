"""What every judged task can tell, whatever its kind: the reports and tables ask nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from lapel.data.dataset import Dataset
from lapel.evaluation.looking import Looker
from lapel.metrics.bootstrap import Interval, Resamples
from lapel.metrics.calibration import CalibrationBins
from lapel.schema.labels import TaskSpec

#: Numbers of the raw network, before its temperature, carry this ending.
RAW = "_before_temperature"

#: (anchor, heading as plain text, HTML) of a part of a page.
Section = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Majority:
    """The answer that has never seen a picture: how often each label occurs.

    It always says the same, with the labels' frequencies as its probabilities.

    Attributes:
        labels: what it says: the one most frequent label, or the best set of tags, perhaps none.
        counted_on: the split that it was counted on.
        numbers: what it reaches, under the names of the model's numbers.
    """

    labels: tuple[str, ...]
    counted_on: str
    numbers: Mapping[str, float]

    @property
    def answer(self) -> str:
        """What it says, in words."""
        return ", ".join(self.labels) or "no label"


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """The answer that a model gives most often: "print, lace, knit" for every photo shows here.

    Attributes:
        answer: in words.
        share: of the images that get it, 0 to 1.
        true_share: of the images of which it is true, 0 to 1.
        different: how many different answers there are.
    """

    answer: str
    share: float
    true_share: float
    different: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRow:
    """One image's answer beside the truth, as cells of a table.

    Attributes:
        row: position of the image among those read.
        true: what is so; several tags with ``|`` between them.
        predicted: what the model says, likewise.
        probability: of what it says; for tags a text, a number each, likewise.
        unknown: tags of which nobody knows, likewise.
    """

    row: int
    true: str
    predicted: str
    probability: float | str
    unknown: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What was looked at, for a report that shows it.

    Attributes:
        images: names of the images that could be read, in the order of the dataset.
        part: the rows that were judged.
        learned: whether the model learned from those rows, as far as is known.
        looker: for a second look at some pictures; None where nobody may look again.
    """

    images: tuple[str, ...]
    part: Dataset
    learned: bool
    looker: Looker | None = None


class JudgedTask(Protocol):
    """One task judged.

    Attributes:
        NAMES: names of its numbers as a reader calls them, in reading order.
        HEADLINES: the numbers, two or more, by which it is compared with the majority answer; the
            first one decides; a file of results may lack some of them.
        CARDS: the numbers to be read from afar, with what a card calls them.
    """

    NAMES: ClassVar[Mapping[str, str]]
    HEADLINES: ClassVar[tuple[str, ...]]
    CARDS: ClassVar[Mapping[str, str]]

    @property
    def spec(self) -> TaskSpec:
        """The task."""
        ...

    @property
    def rows(self) -> NDArray[np.int64]:
        """Positions of the images that took part among those read, (N,)."""
        ...

    @property
    def numbers(self) -> Mapping[str, Interval]:
        """Name to value and interval; shares are 0 to 1."""
        ...

    @property
    def majority(self) -> Majority:
        """The baseline."""
        ...

    @property
    def habit(self) -> Habit:
        """The answer that it gives most often."""
        ...

    def per_label(self) -> list[dict[str, Any]]:
        """A row a label: ``label``, ``support``, ``tp``, ``fp``, ``fn``, ``tn``, ``precision``,
        ``recall``, ``f1``, and what else its kind knows.
        """
        ...

    def confusions(self) -> Iterator[tuple[str, str, int]]:
        """(true label, answered label, images) of each pair that occurs."""
        ...

    def answers(self) -> Iterator[AnswerRow]:
        """Each image's answer, in the order of ``rows``."""
        ...

    def to_json(self) -> dict[str, Any]:
        """Everything about it as plain values."""
        ...


def common_json(judged: JudgedTask) -> dict[str, Any]:
    """What the JSON of every kind holds."""
    majority, habit = judged.majority, judged.habit
    return {
        "kind": judged.spec.kind,
        "images": len(judged.rows),
        "labels": list(judged.spec.labels),
        "numbers": {name: found.to_json() for name, found in judged.numbers.items()},
        "above_majority": {
            name: judged.numbers[name].value - majority.numbers[name]
            for name in judged.HEADLINES
            if name in judged.numbers
        },
        "most_given_answer": {
            "answer": habit.answer,
            "share": habit.share,
            "true_share": habit.true_share,
            "different_answers": habit.different,
        },
    }


def label_ends(resamples: Resamples, support: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """Between what the numbers of each label lie: ``precision_low``, ``precision_high`` and so on.

    Args:
        resamples: of which some names stand for a number a label.
        support: images of each label, (labels,).

    Returns:
        Name to the ends, float64 (labels,); NaN for a label that no image has: no draw of these
        images can tell how well it is found.
    """
    found = resamples.ends()
    return {name: np.where(support > 0, values, np.nan) for name, values in found.items()}


def bins_json(bins: CalibrationBins) -> dict[str, list[float]]:
    """Reliability bins as plain values."""
    return {
        "images": bins.images.tolist(),
        "correct": bins.correct.tolist(),
        "confidence_sum": bins.confidence.tolist(),
    }
