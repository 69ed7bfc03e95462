"""What the tests of comparisons share: a dataset of several tasks, and results nobody learned."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from training_runs import PATTERNS, draw_pattern

from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.schema.annotation import Annotation, Tags
from lapel.schema.labels import Schema, TaskSpec
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


#: What each pattern also is.
ALSO = (("striped", "가로"), ("striped",), ("dotted",))


def tagged_patterns(folder: Path) -> Dataset:
    """Patterns with their names and tags, some of both unknown: 150 to train, 60 to validate."""
    random = np.random.default_rng(11)
    pictures = [draw_pattern(number % 3, random) for number in range(210)]
    annotations = [
        Annotation(
            image=f"images.npy#{number}",
            split="train" if number < 150 else "validation",
            labels={
                "pattern": None if number % 7 == 0 else PATTERNS[number % 3],
                "tags": Tags(yes=ALSO[number % 3], unknown=("가로",) if number % 3 == 1 else ()),
            },
        )
        for number in range(210)
    ]
    schema = Schema(
        (
            TaskSpec(name="pattern", kind="single_label", labels=PATTERNS),
            TaskSpec(name="tags", kind="multi_label", labels=("striped", "dotted", "가로")),
        )
    )
    return create_dataset(
        folder, name="무늬", schema=schema, annotations=annotations, images=np.stack(pictures)
    )
