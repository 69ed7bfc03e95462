"""What a comparison is: its runs, checked before the first is begun, and the note that is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lapel.data.dataset import Dataset
from lapel.schema.errors import RecipeError, SchemaError, UsageError
from lapel.schema.labels import Schema
from lapel.storage.local import write_atomically
from lapel.training.checks import tasks_of
from lapel.training.comparing.grid import Grid, PlannedRun, grid_of
from lapel.training.fewer_tasks import without_unlearned
from lapel.training.many_runs.worker import RUNS
from lapel.training.recipe import Recipe, full_key, load_recipe, recipe_from
from lapel.training.resolve import resolve
from lapel.training.run.folder import LOCK

KEPT = "compare.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonPlan:
    """All that is to be done.

    Attributes:
        recipe: as given: a shipped recipe's name or a path.
        resolved: the recipe with the settings that all runs share.
        grid: the combinations.
        runs: every run, in order.
        seeds: of the runs of each combination.
        settings: changes that all runs share.
        dataset: to learn from.
        out: the folder.
    """

    recipe: str
    resolved: Recipe
    grid: Grid
    runs: tuple[PlannedRun, ...]
    seeds: tuple[int, ...]
    settings: Mapping[str, str]
    dataset: Dataset
    out: Path

    def folder(self, run: PlannedRun) -> Path:
        """Where a run lies."""
        return self.out / RUNS / run.name


def make_plan(
    recipe: str,
    data: str | Path,
    out: Path,
    vary: Sequence[str],
    settings: Mapping[str, str],
    seeds: int,
) -> ComparisonPlan:
    """What a comparison is, checked before anything is begun.

    Args:
        recipe: a shipped recipe's name, or a path.
        data: a dataset folder.
        out: the folder to fill.
        vary: ``KEY=A,B,C`` each.
        settings: changes that all runs share.
        seeds: runs of each combination.

    Raises:
        UsageError: nothing to compare, or arguments that do not go together.
        RecipeError: combinations with faults; all of them are listed.
        DatasetError: no such dataset, or one without a train or validation split.
    """
    grid = grid_of(vary)
    _check_arguments(grid, settings, seeds)
    resolved = load_recipe(recipe, settings)
    numbers = tuple(range(resolved.seed, resolved.seed + seeds))
    runs = tuple(grid.runs(settings, numbers))
    dataset = Dataset.open(data)
    for split in ("train", "validation"):
        dataset.split(split)
    _check_recipes(recipe, runs, dataset.schema)
    return ComparisonPlan(
        recipe=recipe,
        resolved=resolved,
        grid=grid,
        runs=runs,
        seeds=numbers,
        settings=settings,
        dataset=dataset,
        out=out,
    )


def _check_arguments(grid: Grid, settings: Mapping[str, str], seeds: int) -> None:
    if seeds < 1:
        raise UsageError(f"--seeds takes a number from 1 on, found {seeds}")
    if not grid.varied and seeds < 2:
        raise UsageError(
            "there is nothing to compare: vary a key, such as --vary model.heads=separate,joint, "
            "or take several --seeds"
        )
    varied = [full_key(key) for key in grid.keys]
    for key in map(full_key, settings):
        # `augment=standard` would undo `augment.flip=0.2`.
        above = next((one for one in varied if key == one or key.startswith(f"{one}.")), None)
        if above is not None:
            raise UsageError(f"--set {key} and --vary {above} say the same; leave out one of them")
    if "seed" in varied and seeds > 1:
        raise UsageError("--seeds and --vary seed=... say the same; leave out one of them")


def _check_recipes(recipe: str, runs: Sequence[PlannedRun], schema: Schema) -> None:
    """See that every combination is a recipe that fits the tasks, before the first is begun."""
    faults: dict[str, str] = {}
    for run in runs:
        try:
            resolved = resolve(load_recipe(recipe, run.changes))
            tasks_of(without_unlearned(resolved, recipe, schema)[0], schema)
        except (RecipeError, SchemaError) as error:
            faults.setdefault(str(error), run.name)
    if faults:
        listed = "\n".join(f"{name}: {fault}" for fault, name in faults.items())
        raise RecipeError(f"nothing was begun, since some combinations are no recipe:\n{listed}")


def _kept_facts(plan: ComparisonPlan) -> dict[str, Any]:
    return {
        "recipe": plan.resolved.model_dump(mode="json"),
        "data": plan.dataset.place,
        "fingerprint": plan.dataset.fingerprint,
        "keys": [full_key(key) for key in plan.grid.keys],
    }


def check_folder(plan: ComparisonPlan) -> None:
    """See that the folder is new, or holds the same comparison.

    Raises:
        UsageError: it holds something else.
    """
    path = plan.out / KEPT
    if not path.is_file():
        if plan.out.is_dir() and any(entry.name != LOCK for entry in plan.out.iterdir()):
            raise UsageError(f"{plan.out} is not empty and holds no comparison; name a new --out")
        return
    former = json.loads(path.read_text("utf-8"))
    # Defaults that have been added since then are no difference.
    former["recipe"] = recipe_from(former["recipe"], origin=str(path)).model_dump(mode="json")
    different = {
        "recipe": "another recipe, or other --set",
        "fingerprint": "other data",
        "keys": "other keys, or in another order",
    }
    for name, words in different.items():
        if former[name] != _kept_facts(plan)[name]:
            raise UsageError(f"{plan.out} holds a comparison of {words}; name a new --out")


def keep(plan: ComparisonPlan) -> None:
    """Write down what is compared, for :func:`check_folder`."""
    text = json.dumps(_kept_facts(plan), indent=2, ensure_ascii=False)
    write_atomically(plan.out / KEPT, text.encode())
