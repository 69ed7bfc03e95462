"""What an engine of fewer digits costs in accuracy, by the numbers that models are judged by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lapel.data.dataset import Dataset
from lapel.data.progress import Track, silent
from lapel.evaluation.answers import answer_dataset
from lapel.evaluation.compare_schemas import check_fits
from lapel.evaluation.judge_task import Answered, gatherers, judge_task
from lapel.evaluation.judged import JudgedTask
from lapel.evaluation.judges import JUDGES
from lapel.evaluation.pages.numbers import is_share
from lapel.inference.bundle import Bundle
from lapel.inference.engines.base import Engine
from lapel.schema.errors import DatasetError

#: Intervals are of no interest here, and a bootstrap has to draw at least once.
ONE_RESAMPLE = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What a model reaches on a split with one engine.

    Attributes:
        images: that were judged.
        numbers: the main number of each task, ``TASK.NUMBER`` to a share, 0 to 1.
    """

    images: int
    numbers: Mapping[str, float]

    def points_below(self, other: Scored) -> dict[str, float]:
        """So many points of 100 each number lies below the other's; less than 0: above it."""
        return {name: 100 * (other.numbers[name] - value) for name, value in self.numbers.items()}


def score_engine(
    model: Bundle,
    engine: Engine,
    dataset: Dataset,
    *,
    split: str = "validation",
    track: Track = silent,
) -> Scored:
    """Judge a model with an engine, as ``lapel evaluate`` does.

    Args:
        model: schema, preprocessing and calibration.
        engine: runs its network.
        dataset: the whole dataset.
        split: the rows to judge.
        track: is told how far the work is.

    Raises:
        DatasetError: no such split, labels that the model does not know, or no task or not one
            image that can be judged.
    """
    part = dataset.split(split)
    fit = check_fits(model.schema, part)
    gathered = gatherers(fit.schema, model, part)
    asked = [spec.name for spec in model.schema if JUDGES[spec.kind].gather is None]
    answers = answer_dataset(
        engine, model.preprocess, part, tasks=asked, gather=gathered, track=track
    )
    if not len(answers.rows):
        first = answers.unreadable[0]
        raise DatasetError(
            f"not one of {len(part)} images could be read; the first: {first.image}: {first.fault}"
        )
    answered = Answered(
        model=model,
        whole=dataset,
        part=part,
        answers=answers,
        gathered=gathered,
        resamples=ONE_RESAMPLE,
        rule=list,
    )
    numbers = {}
    for spec in fit.schema:
        judged = judge_task(spec, answered)
        name = main_number(judged)
        numbers[f"{spec.name}.{name}"] = judged.numbers[name].value
    return Scored(images=len(answers.rows), numbers=numbers)


def main_number(judged: JudgedTask) -> str:
    """The share that a task is judged by first: errors in other units are none."""
    return next(name for name in judged.HEADLINES if is_share(name) and name in judged.numbers)
