"""What runs ended with, read from their folders."""

from __future__ import annotations

import csv
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lapel.evaluation.run_files import LOG
from lapel.inference.bundle import Bundle
from lapel.schema.errors import LapelError
from lapel.tasks.kinds import task_of
from lapel.training.comparing.grid import Choice, PlannedRun
from lapel.training.run.folder import RunFolder

State = Literal["done", "failed", "unfinished", "waiting"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One run, as far as it came.

    Attributes:
        run: what it tries.
        folder: where it lies.
        state: ``waiting`` has not begun, ``unfinished`` can be gone on with.
        fault: why it failed; empty unless it did.
        history: a row an epoch, as in its log, cells as text.
        score: of the best epoch on validation, by which epochs are chosen; None unless done.
        best_epoch: that epoch; 0 unless done.
        seconds: spent learning; 0 unless done.
        parameters: of the network; 0 unless done.
        numbers: ``TASK.NUMBER`` to value, on validation, of the calibrated network that ships.
        own: task to the name of the number by which it is judged.
    """

    run: PlannedRun
    folder: Path
    state: State
    fault: str = ""
    history: tuple[Mapping[str, str], ...] = ()
    score: float | None = None
    best_epoch: int = 0
    seconds: float = 0.0
    parameters: int = 0
    numbers: Mapping[str, float]
    own: Mapping[str, str]

    def curve(self) -> list[tuple[float, float]]:
        """Score on validation over epochs; epochs that were not judged are left out."""
        return [
            (float(row["epoch"]), float(row["validation_accuracy"]))
            for row in self.history
            if row.get("epoch") and row.get("validation_accuracy")
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """All runs of one choice: one a seed.

    Attributes:
        choice: the values that were tried.
        results: in the order of the seeds.
    """

    choice: Choice
    results: tuple[Result, ...]

    @property
    def done(self) -> list[Result]:
        """The runs that are done."""
        return [result for result in self.results if result.state == "done"]

    @property
    def scores(self) -> list[float]:
        """Scores of the runs that are done."""
        return [result.score for result in self.results if result.score is not None]

    @property
    def score(self) -> float | None:
        """Their median; None if no run is done."""
        return statistics.median(self.scores) if self.scores else None

    def median(self, name: str) -> float | None:
        """Median of a number, ``TASK.NUMBER``, over the runs that are done and have it."""
        values = [result.numbers[name] for result in self.done if name in result.numbers]
        return statistics.median(values) if values else None


def read_result(run: PlannedRun, folder: Path, fault: str = "") -> Result:
    """What a run's folder holds.

    Args:
        run: the run.
        folder: its folder, which need not be there.
        fault: why it failed this time, if it did.
    """
    run_folder = RunFolder(folder)
    history = _history(folder / LOG)
    if fault:
        return _undone(run, folder, "failed", history, fault)
    try:
        if not (folder / "run.json").is_file():
            return _undone(run, folder, "waiting", ())
        if not run_folder.is_complete(run_folder.recipe()):
            return _undone(run, folder, "unfinished", history)
        bundle = Bundle.load(run_folder.bundle)
    except LapelError as error:
        return _undone(run, folder, "failed", history, str(error))
    chosen = bundle.provenance["chosen"]
    return Result(
        run=run,
        folder=folder,
        state="done",
        history=history,
        score=float(chosen["score"]),
        best_epoch=int(chosen["epoch"]),
        seconds=float(bundle.provenance["learning"]["seconds"]),
        parameters=int(bundle.architecture.get("parameters", 0)),
        numbers=dict(bundle.scores.get("validation", {})),
        own={spec.name: f"{spec.name}.{task_of(spec).metric}" for spec in bundle.schema},
    )


def _undone(
    run: PlannedRun,
    folder: Path,
    state: State,
    history: tuple[Mapping[str, str], ...],
    fault: str = "",
) -> Result:
    return Result(
        run=run, folder=folder, state=state, fault=fault, history=history, numbers={}, own={}
    )


def _history(log: Path) -> tuple[Mapping[str, str], ...]:
    if not log.is_file():
        return ()
    with log.open(newline="", encoding="utf-8") as file:
        return tuple(csv.DictReader(file))


def outcomes_of(results: Sequence[Result]) -> list[Outcome]:
    """Results by choice, in the order in which choices first come."""
    grouped: dict[str, list[Result]] = {}
    for result in results:
        grouped.setdefault(result.run.choice.name, []).append(result)
    return [Outcome(choice=group[0].run.choice, results=tuple(group)) for group in grouped.values()]


def ranked(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The best median first; choices without any run done stand last, in their order."""
    return sorted(outcomes, key=lambda one: float("inf") if one.score is None else -one.score)


def own_numbers(results: Sequence[Result]) -> list[str]:
    """``TASK.NUMBER`` by which each task is judged, in the order of the tasks."""
    for result in results:
        if result.own:
            return list(result.own.values())
    return []
