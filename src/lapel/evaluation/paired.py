"""What one model has above another on the very same images and labels, with its interval.

Both are judged on each resample of the images, and the difference is taken there: what makes an
image hard for both cancels out, so that the interval is much narrower than those of the two
numbers side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial, reduce
from operator import add
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from lapel.evaluation.judged import JudgedTask
from lapel.evaluation.kinds.multi_label import MultiLabelEvaluation
from lapel.evaluation.kinds.single_label import SingleLabelEvaluation
from lapel.evaluation.result import Evaluation
from lapel.metrics.bootstrap import Interval, bootstrap_repeats
from lapel.metrics.tags import ResampledTags
from lapel.schema.errors import UsageError

Number = TypeVar("Number", float, NDArray[np.float64])

#: A name of no task: the plain mean over tasks.
MEAN = "mean of tasks"

#: How often each image counts in each resample, (resamples, images), to each number of each.
_Numbers = Callable[[NDArray[np.int64]], Mapping[str, NDArray[np.float64]]]


def gains(
    before: Evaluation,
    after: Evaluation,
    tasks: Sequence[str],
    numbers: Sequence[str],
    *,
    resamples: int,
) -> dict[str, Interval]:
    """How far ``after`` is above ``before``: ``TASK.NUMBER`` and ``mean of tasks.NUMBER``.

    Args:
        before: of one model.
        after: of another, on the same images and labels.
        tasks: names of tasks that both were judged on.
        numbers: names of numbers; those that a task does not have are left out.
        resamples: of the bootstrap.

    Raises:
        UsageError: they were not judged on the same images and labels.
    """
    if before.images != after.images:
        raise UsageError(
            "the two were not judged on the same images, so that no difference can be told; were "
            "some not to be read? See `lapel data check`"
        )
    for task in tasks:
        if before.tasks[task].spec.labels != after.tasks[task].spec.labels:
            raise UsageError(f"the two were judged on other labels of '{task}'")
    first, second = (
        {task: _numbers_of(one.tasks[task]) for task in tasks} for one in (before, after)
    )

    def differences(repeats: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        found: dict[str, NDArray[np.float64]] = {}
        for task in tasks:
            old, new = first[task](repeats), second[task](repeats)
            found |= {f"{task}.{name}": new[name] - old[name] for name in numbers if name in new}
        return found | means(found, numbers)

    return bootstrap_repeats(differences, len(before.images), resamples=resamples)


def means(found: Mapping[str, Number], numbers: Sequence[str]) -> dict[str, Number]:
    """The mean over tasks of each number that some have: ``mean of tasks.NUMBER``."""
    groups = {
        name: [value for key, value in found.items() if key.endswith(f".{name}")]
        for name in numbers
    }
    return {
        f"{MEAN}.{name}": reduce(add, each) / len(each) for name, each in groups.items() if each
    }


def _numbers_of(judged: JudgedTask) -> _Numbers:
    """A task's numbers on all images read; those without an answer to it take no part."""
    numbers = _of_task(judged)
    return lambda repeats: numbers(repeats[:, judged.rows])


def _of_task(judged: JudgedTask) -> _Numbers:
    if isinstance(judged, MultiLabelEvaluation):
        return ResampledTags(judged.tagged).many
    if isinstance(judged, SingleLabelEvaluation):
        return partial(_of_single_label, judged)
    raise UsageError(f"no difference is told for tasks of kind {judged.spec.kind!r}")


def _of_single_label(
    judged: SingleLabelEvaluation, repeats: NDArray[np.int64]
) -> dict[str, NDArray[np.float64]]:
    rows = np.arange(repeats.shape[1])
    found = [judged.classified.take(np.repeat(rows, one)).counts().numbers() for one in repeats]
    return {name: np.array([one[name] for one in found]) for name in found[0]}
