"""Numbers as a reader sees them, each beside the majority answer; plain text throughout."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lapel.evaluation.figures import percent
from lapel.evaluation.judged import JudgedTask
from lapel.evaluation.result import Evaluation
from lapel.evaluation.together import TOGETHER_NAMES
from lapel.metrics.bootstrap import Interval

#: What stands for the task where all tasks are judged as one.
ALL_TASKS = "together"


def interval(found: Interval, digits: int) -> str:
    """The ends of an interval of shares, as per cent."""
    if math.isnan(found.low):
        return "\N{EN DASH}"
    return f"{100 * found.low:.{digits}f}\N{EN DASH}{percent(found.high, digits)}"


def is_share(name: str) -> bool:
    """Whether a number is a share, 0 to 1; log-likelihoods are not."""
    return not name.startswith("nll")


def number_rows(judged: JudgedTask) -> list[tuple[str, str, str, str]]:
    """Name, value, 95 % interval and majority answer of each number."""
    return _rows(judged.NAMES, judged.numbers, judged.majority.numbers)


def together_rows(evaluation: Evaluation) -> list[tuple[str, str, str, str]]:
    """The same for all tasks of one label judged as one; none where there are not several."""
    together = evaluation.together
    return [] if together is None else _rows(TOGETHER_NAMES, together.numbers, together.majority)


def _rows(
    names: Mapping[str, str], numbers: Mapping[str, Interval], majority: Mapping[str, float]
) -> list[tuple[str, str, str, str]]:
    return [
        (
            called,
            _shown(name, numbers[name].value),
            f"{_shown(name, numbers[name].low)} to {_shown(name, numbers[name].high)}",
            _shown(name, majority[name]) if name in majority else "",
        )
        for name, called in names.items()
        if name in numbers
    ]


def _shown(name: str, value: float) -> str:
    return percent(value, 2) if is_share(name) else f"{value:.4f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One number of one task, compared with the majority answer.

    Attributes:
        task: the task's name; ``ALL_TASKS`` where all are judged as one.
        kind: of the task.
        called: the number as a reader calls it.
        found: the number.
        majority: what the majority answer reaches.
    """

    task: str
    kind: str
    called: str
    found: Interval
    majority: float

    @property
    def above(self) -> float:
        """How far the model is above the majority answer; negative if below."""
        return self.found.value - self.majority

    @property
    def beaten(self) -> bool:
        """Whether the majority answer is beaten beyond chance: the whole interval is above."""
        return self.found.low > self.majority

    def cells(self) -> tuple[str, str, str, str, str, str]:
        """Task, number, value, 95 % interval, majority answer, and how far above."""
        return (
            self.task,
            self.called,
            percent(self.found.value, 1),
            interval(self.found, 1),
            percent(self.majority, 1),
            f"{100 * self.above:+.1f}",
        )


def comparisons(evaluation: Evaluation) -> Iterator[Comparison]:
    """Each task's main numbers, then those of all tasks judged as one."""
    for name, judged in evaluation.tasks.items():
        yield from task_comparisons(name, judged)
    together = evaluation.together
    if together is not None:
        for number, called in TOGETHER_NAMES.items():
            yield Comparison(
                task=ALL_TASKS,
                kind="",
                called=called,
                found=together.numbers[number],
                majority=together.majority[number],
            )


def task_comparisons(name: str, judged: JudgedTask) -> list[Comparison]:
    """A task's main numbers, the most important one first."""
    return [
        Comparison(
            task=name,
            kind=judged.spec.kind,
            called=judged.NAMES[number],
            found=judged.numbers[number],
            majority=judged.majority.numbers[number],
        )
        for number in judged.HEADLINES
    ]


#: An answer that so large a share of the images gets is worth a warning.
HABITUAL = 0.95


def warnings(name: str, judged: JudgedTask) -> list[str]:
    """What must not be overlooked about a task, in sentences; often nothing."""
    found = []
    main = task_comparisons(name, judged)[0]
    if not main.beaten:
        found.append(
            f"{name}: no better than always saying “{judged.majority.answer}” "
            f"({main.called}: {percent(main.found.value, 1)}, 95 %: {interval(main.found, 1)}; "
            f"majority answer: {percent(main.majority, 1)})."
        )
    habit = judged.habit
    if habit.share >= HABITUAL and len(judged.rows) > 1:
        found.append(
            f"{name}: says “{habit.answer}” for {percent(habit.share, 1)} of the images; it is so "
            f"for {percent(habit.true_share, 1)}."
        )
    return found
