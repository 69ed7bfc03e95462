"""Results of runs that nobody learned, to draw and to count."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lapel.training.comparing.grid import Grid, PlannedRun
from lapel.training.comparing.results import Result


def made(run: PlannedRun, score: float, *, epochs: int = 3, parameters: int = 1000) -> Result:
    """A run whose score rose to `score` at its last epoch."""
    history = tuple(
        {"epoch": str(epoch), "validation_accuracy": str(score * epoch / epochs)}
        for epoch in range(1, epochs + 1)
    )
    return Result(
        run=run,
        folder=Path("runs") / run.name,
        state="done",
        history=history,
        score=score,
        best_epoch=epochs,
        seconds=30.0,
        parameters=parameters,
        numbers={"category.accuracy": score, "tags.map": score / 2},
        own={"category": "category.accuracy", "tags": "tags.map"},
    )


def failed(run: PlannedRun, fault: str) -> Result:
    """A run that failed."""
    return Result(
        run=run, folder=Path("runs") / run.name, state="failed", fault=fault, numbers={}, own={}
    )


def all_made(
    grid: Grid, score: Callable[[tuple[str, ...], int], float], seeds: tuple[int, ...] = (0,)
) -> list[Result]:
    """Every run, its score told from its values and seed."""
    return [made(run, score(run.choice.values, run.seed)) for run in grid.runs({}, seeds)]
