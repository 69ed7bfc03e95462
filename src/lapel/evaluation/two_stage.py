"""How well garments are found and read by two models, one after the other."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lapel.data.dataset import Dataset
from lapel.data.progress import Track, silent
from lapel.inference.pictures import Failure
from lapel.inference.two_stage import TwoStagePredictor
from lapel.metrics.overlaps import SAME, paired, within
from lapel.schema.annotation import Label, Tags
from lapel.schema.errors import DatasetError, UsageError
from lapel.schema.garments import Garment, Garments
from lapel.schema.geometry import Box
from lapel.schema.labels import TaskSpec
from lapel.schema.prediction import (
    Answer,
    FoundGarment,
    MultiLabelAnswer,
    SingleLabelAnswer,
)
from lapel.schema.read_garments import ReadGarment
from lapel.storage.local import write_atomically

#: What is known of a garment, as a label of a task of the tagger; None: nothing.
Known = Callable[[Garment, TaskSpec], Label]


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A part of a whole.

    Attributes:
        right: what is so; of tags the sum of the garments' F1.
        of: out of how many.
    """

    right: float
    of: int

    @property
    def value(self) -> float:
        """The share, 0 to 1; NaN of nothing."""
        return self.right / self.of if self.of else float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoStages:
    """What was found of two stages.

    Attributes:
        found: garments that a told garment overlaps by half, of all that are there.
        told: told garments that overlap one that is there by half, of all that are told.
        category: told categories that are right, of the garments that were found.
        tasks: task of the tagger to its right answers, of the found garments of which it is known:
            of one label the accuracy, of tags the mean F1 (both empty is 1, one empty is 0).
    """

    found: Share
    told: Share
    category: Share
    tasks: Mapping[str, Share]

    @property
    def numbers(self) -> dict[str, float]:
        """``found``, ``told``, ``category``, then ``tags.TASK`` for each task of the tagger."""
        tasks = {f"tags.{task}": share.value for task, share in self.tasks.items()}
        first = {"found": self.found.value, "told": self.told.value}
        return first | {"category": self.category.value} | tasks


def known_of(garment: Garment, spec: TaskSpec) -> Label:
    """What a garment's category, attributes and facts tell for a task: the fact of the task's name,
    or whichever of its words are among the task's labels.
    """
    fact = garment.facts.get(spec.name)
    if spec.kind == "single_label":
        if isinstance(fact, str) and fact in spec.labels:
            return fact
        words = [word for word in (garment.part, *garment.attributes) if word in spec.labels]
        return words[0] if len(words) == 1 else None
    if spec.kind == "multi_label" and garment.attributes:
        return Tags(yes=tuple(word for word in garment.attributes if word in spec.labels))
    return None


def evaluate_two_stages(
    predictor: TwoStagePredictor,
    dataset: Dataset,
    *,
    split: str = "test",
    known: Known = known_of,
    true_boxes: bool = False,
    track: Track = silent,
) -> TwoStages:
    """Judge two models on pictures of which it is known what each garment is like.

    Answers are paired with garments by their boxes, whatever their categories (intersection over
    union of 0.5 and more, the surest answer first); groups, and answers that lie in one, are left
    aside.

    Args:
        predictor: the two models.
        dataset: with the detector's task.
        split: the rows to judge.
        known: what is known of a garment.
        true_boxes: let the tagger read the garments where they truly are: what is then lost is its
            own fault.
        track: is told how far the work is, picture by picture.

    Raises:
        UsageError: the dataset has no such task.
        DatasetError: no such split, or nobody knows of any of its garments.
        ImageError: a picture that cannot be read.
    """
    part = dataset.split(split)
    if predictor.task not in {spec.name for spec in part.schema if spec.kind == "garments"}:
        raise UsageError(
            f"dataset '{dataset.name}' has no task '{predictor.task}' of kind garments, which "
            f"{predictor.detector.bundle.name} answers"
        )
    sums = _Sums(tasks=tuple(predictor.tagger.schema), known=known)
    seen = _truths(predictor, part) if true_boxes else _found(predictor, part)
    for there, read in track(seen, len(part), "Judging images"):
        sums.add(there, read)
    if not sums.there:
        raise DatasetError(f"dataset '{dataset.name}' knows of no garment in '{split}'")
    return sums.shares()


def _labels(predictor: TwoStagePredictor, part: Dataset) -> Iterator[list[Garment] | None]:
    """The garments and groups of each picture that have a place; None where nobody knows them."""
    for label in part.labels(predictor.task):
        if not isinstance(label, Garments):
            yield None
            continue
        yield [one for one in label.each if one.box]


_Seen = tuple[list[Garment], Sequence[ReadGarment]]


def _found(predictor: TwoStagePredictor, part: Dataset) -> Iterator[_Seen]:
    pictures = (part.pixels(name) for name in part.names())
    for scene, there in zip(predictor.predict(pictures), _labels(predictor, part), strict=True):
        if there is not None and not isinstance(scene, Failure):
            yield there, scene.garments


def _truths(predictor: TwoStagePredictor, part: Dataset) -> Iterator[_Seen]:
    for name, there in zip(part.names(), _labels(predictor, part), strict=True):
        if there:
            garments = [
                FoundGarment(label=one.part, score=1.0, box=Box(*one.box))
                for one in there
                if one.box is not None and not one.is_crowd
            ]
            yield there, list(predictor.read(part.pixels(name), garments))


class _Sums:
    """What is counted picture by picture."""

    def __init__(self, *, tasks: Sequence[TaskSpec], known: Known) -> None:
        self.there = self._told = self._pairs = self._category = 0
        self._tasks = tasks
        self._known = known
        self._sums: dict[str, float] = {}
        self._of: Counter[str] = Counter()

    def add(self, marked: Sequence[Garment], read: Sequence[ReadGarment]) -> None:
        """Count one picture: what is marked in it, and what was read there."""
        there = [one for one in marked if not one.is_crowd]
        boxes = _boxes(one.found.box for one in read)
        scores = np.array([one.found.score for one in read], np.float64)
        pairs = paired(boxes, scores, _boxes(one.box for one in there), least=SAME)
        aside = within(boxes, _boxes(one.box for one in marked if one.is_crowd))
        aside[[answer for answer, _, _ in pairs]] = False
        self.there += len(there)
        self._told += int((~aside).sum())
        for answer, garment, _ in pairs:
            self._pairs += 1
            self._category += read[answer].found.label == there[garment].part
            for spec in self._tasks:
                label = self._known(there[garment], spec)
                said = read[answer].answers.get(spec.name)
                if label is not None and said is not None:
                    self._of[spec.name] += 1
                    self._sums[spec.name] = self._sums.get(spec.name, 0.0) + _right(label, said)

    def shares(self) -> TwoStages:
        """What all pictures came to."""
        return TwoStages(
            found=Share(right=self._pairs, of=self.there),
            told=Share(right=self._pairs, of=self._told),
            category=Share(right=self._category, of=self._pairs),
            tasks={
                spec.name: Share(right=self._sums[spec.name], of=self._of[spec.name])
                for spec in self._tasks
                if self._of[spec.name]
            },
        )


def _boxes(each: Iterable[Sequence[float] | None]) -> NDArray[np.float64]:
    """Boxes as an array (N, 4); all are known."""
    return np.array(list(each), np.float64).reshape(-1, 4)


def _right(label: Label, said: Answer) -> float:
    """1 for a right label, 0 for a wrong one; of tags the F1 of the two sets."""
    if isinstance(said, SingleLabelAnswer):
        return float(said.label == label)
    if isinstance(said, MultiLabelAnswer) and isinstance(label, Tags):
        true, told = set(label.yes), set(said.labels) - set(label.unknown)
        return 2 * len(true & told) / (len(true) + len(told)) if true or told else 1.0
    return 0.0


#: What is written of two stages.
TWO_STAGES = "two_stages.json"


def write_two_stages(out: Path, ways: Mapping[str, TwoStages]) -> str:
    """Write what was found, way by way, into a folder.

    Args:
        out: the folder.
        ways: how garments came to the tagger (``found boxes``, ``true boxes``) to what was found.

    Returns:
        The file's name.

    Raises:
        StorageError: it cannot be written.
    """
    content = {
        way: {name: _plain(value) for name, value in found.numbers.items()}
        | {"garments": found.found.of, "told_garments": found.told.of}
        for way, found in ways.items()
    }
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    write_atomically(out / TWO_STAGES, f"{text}\n".encode())
    return TWO_STAGES


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
