"""A shipped recipe for a dataset, or a choice, of fewer tasks than it speaks of."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from lapel.schema.labels import Schema
from lapel.training.checks import left_out
from lapel.training.recipe import Recipe, load_recipe, shipped_recipes
from lapel.training.recipe_parts import StagePart


def without_unlearned(
    recipe: Recipe, origin: str | Path | None, schema: Schema
) -> tuple[Recipe, tuple[str, ...]]:
    """A recipe without what its shipped form says of tasks that are not learned.

    A shipped recipe weighs tasks by their names, in the loss and in the stages of its schedule;
    whoever learns fewer of them need not take that back. What a user wrote stays as it is, and is
    refused by ``lapel.training.checks`` where it speaks of a task that there is not.

    Args:
        recipe: with the user's changes.
        origin: what it began as; only a shipped recipe's name makes a difference.
        schema: of the dataset.

    Returns:
        The recipe, and the tasks that are not learned and that it does not speak of any more.
    """
    if origin is None or str(origin) not in shipped_recipes():
        return recipe, ()
    shipped = load_recipe(origin)
    learned = _learned(recipe, schema)
    weights, own = recipe.loss.task_weights, shipped.loss.task_weights
    kept = {
        task: weight
        for task, weight in weights.items()
        if task in learned or own.get(task) != weight
    }
    stages = recipe.schedule.stages
    if stages == shipped.schedule.stages:
        stages = _stages_of(stages, learned, kept)
    fitted = recipe.model_copy(
        update={
            "loss": recipe.loss.model_copy(update={"task_weights": kept}),
            "schedule": recipe.schedule.model_copy(update={"stages": stages}),
        }
    )
    still = {*_spoken_of(fitted), *learned}
    return fitted, tuple(task for task in _spoken_of(recipe) if task not in still)


def _learned(recipe: Recipe, schema: Schema) -> Collection[str]:
    if recipe.tasks is not None:
        return recipe.tasks
    out = left_out(recipe, schema)
    return [spec.name for spec in schema if spec.name not in out]


def _stages_of(
    stages: tuple[StagePart, ...], learned: Collection[str], weights: dict[str, float]
) -> tuple[StagePart, ...]:
    """Stages that weigh tasks that are learned alone, and in which any is learned."""
    fitted = []
    for stage in stages:
        own = {task: weight for task, weight in stage.task_weights.items() if task in learned}
        if any({**weights, **own}.get(task, 1.0) for task in learned):
            fitted.append(stage.model_copy(update={"task_weights": own}))
    return tuple(fitted)


def _spoken_of(recipe: Recipe) -> list[str]:
    """The tasks that a recipe weighs, each once."""
    weighed = [recipe.loss.task_weights, *(stage.task_weights for stage in recipe.schedule.stages)]
    return list(dict.fromkeys(task for weights in weighed for task in weights))
