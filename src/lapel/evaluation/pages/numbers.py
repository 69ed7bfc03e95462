"""Numbers as a reader sees them, each beside the majority answer; plain text throughout."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lapel.evaluation.judged import RAW, JudgedTask
from lapel.evaluation.result import Evaluation
from lapel.evaluation.together import TOGETHER_NAMES
from lapel.metrics.bootstrap import Interval

#: What stands for the task where all tasks are judged as one.
ALL_TASKS = "together"


def percent(share: float, digits: int = 0) -> str:
    """A share as per cent; a dash where nothing was measured."""
    if math.isnan(share):
        return "\N{EN DASH}"
    return f"{100 * share:.{digits}f} %"


def interval(found: Interval, digits: int) -> str:
    """The ends of an interval of shares, as per cent."""
    if math.isnan(found.low):
        return "\N{EN DASH}"
    return f"{100 * found.low:.{digits}f}\N{EN DASH}{percent(found.high, digits)}"


#: Numbers of which less is better, and which are no shares.
ERRORS = ("nll", "ne")


def is_share(name: str) -> bool:
    """Whether a number is a share, 0 to 1; log-likelihoods and distances are not."""
    return name.removesuffix(RAW) not in ERRORS


def shown_number(name: str, value: float, digits: int = 2) -> str:
    """A number as a reader sees it: shares as per cent, others with four digits."""
    if not is_share(name) and math.isnan(value):
        return "\N{EN DASH}"
    return percent(value, digits) if is_share(name) else f"{value:.4f}"


def shown_interval(name: str, found: Interval, digits: int) -> str:
    """The ends of an interval, likewise."""
    if is_share(name):
        return interval(found, digits)
    if math.isnan(found.low):
        return "\N{EN DASH}"
    return f"{found.low:.4f}\N{EN DASH}{found.high:.4f}"


def shown_difference(name: str, value: float) -> str:
    """How far a number is above another, with its sign: shares in percentage points; a dash where
    one of the two was not measured.
    """
    if math.isnan(value):
        return "\N{EN DASH}"
    return f"{100 * value:+.1f}" if is_share(name) else f"{value:+.4f}"


def number_rows(judged: JudgedTask, *, main: bool = False) -> list[tuple[str, str, str, str]]:
    """Name, value, 95 % interval and majority answer of each number, or of the main ones."""
    names = {name: judged.NAMES[name] for name in judged.HEADLINES} if main else judged.NAMES
    return _rows(names, judged.numbers, judged.majority.numbers)


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
            shown_number(name, numbers[name].value),
            f"{shown_number(name, numbers[name].low)} to {shown_number(name, numbers[name].high)}",
            shown_number(name, majority[name]) if name in majority else "",
        )
        for name, called in names.items()
        if name in numbers
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One number of one task, compared with the majority answer.

    Attributes:
        task: the task's name; ``ALL_TASKS`` where all are judged as one.
        kind: of the task.
        number: its name.
        called: the number as a reader calls it.
        found: the number.
        majority: what the majority answer reaches.
    """

    task: str
    kind: str
    number: str
    called: str
    found: Interval
    majority: float

    @property
    def above(self) -> float:
        """How far the number is above the majority answer's; negative if below, NaN where one of
        the two was not measured.
        """
        return self.found.value - self.majority

    @property
    def beaten(self) -> bool:
        """Whether the majority answer is beaten beyond chance, by the whole interval."""
        if self.number in ERRORS:
            return self.found.high < self.majority
        return self.found.low > self.majority

    def cells(self) -> tuple[str, str, str, str, str, str]:
        """Task, number, value, 95 % interval, majority answer, and how far above."""
        return (
            self.task,
            self.called,
            shown_number(self.number, self.found.value, 1),
            shown_interval(self.number, self.found, 1),
            shown_number(self.number, self.majority, 1),
            shown_difference(self.number, self.above),
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
                number=number,
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
            number=number,
            called=judged.NAMES[number],
            found=judged.numbers[number],
            majority=judged.majority.numbers[number],
        )
        for number in judged.HEADLINES
        if number in judged.numbers
    ]


#: An answer that so large a share of the images gets is worth a warning.
HABITUAL = 0.95


def warnings(name: str, judged: JudgedTask) -> list[str]:
    """What must not be overlooked about a task, in sentences; often nothing."""
    found = []
    compared = task_comparisons(name, judged)
    # What was not measured, as boxes are not in a file of masks, tells nothing.
    main = next((one for one in compared if math.isfinite(one.above)), None)
    if main is not None and not main.beaten:
        _, _, value, between, majority, _ = main.cells()
        found.append(
            f"{name}: no better than always saying “{judged.majority.answer}” "
            f"({main.called}: {value}, 95 %: {between}; majority answer: {majority})."
        )
    habit = judged.habit
    if habit.share >= HABITUAL and len(judged.rows) > 1:
        found.append(
            f"{name}: says “{habit.answer}” for {percent(habit.share, 1)} of the images; it is so "
            f"for {percent(habit.true_share, 1)}."
        )
    return found
