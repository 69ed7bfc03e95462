"""One task of a model judged, whatever its kind: labels beside answers, and the majority answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lapel.data.dataset import Dataset
from lapel.evaluation.answers import Answers
from lapel.evaluation.gathering import Gatherer, counted_rows
from lapel.evaluation.judged import JudgedTask
from lapel.evaluation.judges import JUDGES
from lapel.evaluation.known_labels import asked_of, known_to, tells
from lapel.inference.bundle import Bundle
from lapel.schema.annotation import Label
from lapel.schema.errors import DatasetError
from lapel.schema.geometry import Box
from lapel.schema.labels import Schema, TaskSpec

#: What counts as known, as a function from labels to labels.
Rule = Callable[[Sequence[Label]], list[Label]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answered:
    """What a model said about the rows of a dataset, and how that is to be judged.

    Attributes:
        model: which model.
        whole: the dataset, all of its splits.
        part: the rows that are judged.
        answers: what it said.
        gathered: task to what was found batch by batch, of the kinds that are judged so.
        resamples: of the bootstrap.
        rule: what counts as known.
    """

    model: Bundle
    whole: Dataset
    part: Dataset
    answers: Answers
    gathered: Mapping[str, Gatherer]
    resamples: int
    rule: Rule


def gatherers(schema: Schema, model: Bundle, part: Dataset) -> dict[str, Gatherer]:
    """What judges answers batch by batch: one for each task of a kind that is judged so."""
    return {
        spec.name: gather(spec, part, model.calibration.get(spec.name, {}))
        for spec in schema
        if (gather := JUDGES[spec.kind].gather) is not None
    }


def judge_task(spec: TaskSpec, answered: Answered) -> JudgedTask:
    """Judge the answers to one task.

    Raises:
        DatasetError: not one image with a label of it could be read.
    """
    if spec.name in answered.gathered:
        return _judge_gathered(spec, answered)
    part, answers = answered.part, answered.answers
    everyone = asked_of(answered.rule(part.labels(spec.name)), part.schema[spec.name], spec)
    labels = [everyone[row] for row in answers.rows]
    if not any(tells(label, spec) for label in labels):
        raise _nothing_read(spec, answers)
    counted = _counted(spec, answered.whole, labels, answered.rule)
    judge = JUDGES[spec.kind]
    return judge.judge(
        spec,
        [view[spec.name] for view in answers.views],
        labels,
        answered.model.calibration.get(spec.name, {}),
        counted=counted,
        resamples=answered.resamples,
        **(_places(counted[0], answered.whole, answers) if judge.places else {}),
    )


def _judge_gathered(spec: TaskSpec, answered: Answered) -> JudgedTask:
    model, gathered = answered.model, answered.gathered[spec.name]
    if not len(gathered):
        raise _nothing_read(spec, answered.answers)
    return JUDGES[spec.kind].judge(
        spec,
        gathered,
        model.calibration.get(spec.name, {}),
        counted=counted_rows(spec, answered.whole, answered.part, model.preprocess),
        resamples=answered.resamples,
    )


def _nothing_read(spec: TaskSpec, answers: Answers) -> DatasetError:
    return DatasetError(
        f"none of the images with a label of task '{spec.name}' could be read "
        f"({len(answers.unreadable)} unreadable); repair them, see `lapel data check`"
    )


def _places(counted_on: str, whole: Dataset, answers: Answers) -> dict[str, Any]:
    """What a judge of places needs besides: frames, and the boxes of what the baseline counts."""
    boxes = [frame.box for frame in answers.frames]
    if counted_on == "train":
        train = whole.split("train")
        sizes = train.table.select("width", "height").rows()
        found = zip(train.boxes(), sizes, strict=True)
        boxes = [box or Box(0.0, 0.0, *map(float, size)) for box, size in found]
    return {"frames": answers.frames, "boxes": boxes}


def _counted(
    spec: TaskSpec, whole: Dataset, labels: Sequence[Label], rule: Rule
) -> tuple[str, Sequence[Label]]:
    """Where the majority answer comes from: the training rows, as a learner would know it."""
    if "train" in whole.splits():
        train_labels = rule(whole.split("train").labels(spec.name))
        everyone = asked_of(train_labels, whole.schema[spec.name], spec)
        train = known_to(everyone, spec)
        if any(tells(label, spec) for label in train):
            return "train", train
    return "the images judged", labels
