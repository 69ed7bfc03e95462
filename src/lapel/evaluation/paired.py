"""What one model has above another on the very same images and labels, with its interval.

Both are judged on each resample of the images, and the difference is taken there: what makes an
image hard for both cancels out, so that the interval is much narrower than those of the two
numbers side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from lapel.evaluation.judged import JudgedTask
from lapel.evaluation.multi_label import MultiLabelEvaluation
from lapel.evaluation.result import Evaluation
from lapel.evaluation.single_label import SingleLabelEvaluation
from lapel.metrics.bootstrap import Interval, bootstrap
from lapel.metrics.tags import ResampledTags
from lapel.schema.errors import UsageError

#: A name of no task: the plain mean over tasks.
MEAN = "mean of tasks"

#: Positions of images, some more than once, to numbers.
_Numbers = Callable[[NDArray[np.int64]], Mapping[str, float]]


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
        {task: _numbers_of(one.tasks[task], len(one.images)) for task in tasks}
        for one in (before, after)
    )

    def differences(rows: NDArray[np.int64]) -> dict[str, float]:
        found: dict[str, float] = {}
        for task in tasks:
            old, new = first[task](rows), second[task](rows)
            found |= {f"{task}.{name}": new[name] - old[name] for name in numbers if name in new}
        return found | means(found, numbers)

    return bootstrap(differences, len(before.images), resamples=resamples)


def means(found: Mapping[str, float], numbers: Sequence[str]) -> dict[str, float]:
    """The mean over tasks of each number that some have: ``mean of tasks.NUMBER``."""
    groups = {
        name: [value for key, value in found.items() if key.endswith(f".{name}")]
        for name in numbers
    }
    return {f"{MEAN}.{name}": sum(each) / len(each) for name, each in groups.items() if each}


def _numbers_of(judged: JudgedTask, images: int) -> _Numbers:
    """A task's numbers on some of all images read; the others take no part."""
    place = np.full(images, -1, np.int64)
    place[judged.rows] = np.arange(len(judged.rows))
    numbers = _of_task(judged)

    def of(rows: NDArray[np.int64]) -> Mapping[str, float]:
        known = place[rows]
        return numbers(known[known >= 0])

    return of


def _of_task(judged: JudgedTask) -> _Numbers:
    if isinstance(judged, MultiLabelEvaluation):
        return ResampledTags(judged.tagged)
    if isinstance(judged, SingleLabelEvaluation):
        classified = judged.classified
        return lambda rows: classified.take(rows).counts().numbers()
    raise UsageError(f"no difference is told for tasks of kind {judged.spec.kind!r}")
