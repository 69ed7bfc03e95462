"""Whether a recipe, a dataset and a run fit each other: seen to before anything is learned."""

from __future__ import annotations

import difflib

import numpy as np

from lapel.data.dataset import Dataset
from lapel.metrics.retrieval import NOTHING_FOUND, RetrievalCounts
from lapel.schema.annotation import Tags, held
from lapel.schema.errors import DatasetError, RecipeError
from lapel.schema.labels import Schema, TaskSpec
from lapel.schema.outputs import EMBEDDING
from lapel.tasks.kinds import task_of
from lapel.training.recipe import Recipe
from lapel.training.run import RunFolder


def schema_of(recipe: Recipe, dataset: Dataset) -> Schema:
    """The tasks that a recipe learns from a dataset, which has the splits that learning needs.

    Raises:
        RecipeError: it speaks of tasks or numbers that there are not.
        DatasetError: no train or validation split, or one in which a task has no label.
    """
    schema = tasks_of(recipe, dataset.schema)
    for split in ("train", "validation"):
        part = dataset.split(split)
        silent = [spec.name for spec in schema if not any(map(held, part.labels(spec.name)))]
        if silent:
            raise DatasetError(
                f"no {split} picture of {dataset.name} has a label of {', '.join(silent)}; draw "
                "the splits anew (lapel data split), or learn the others: --set tasks=[...]"
            )
    return schema


def tasks_of(recipe: Recipe, schema: Schema) -> Schema:
    """The tasks that a recipe learns of those that a dataset has.

    Raises:
        SchemaError: it names a task that there is not.
        RecipeError: it speaks otherwise of tasks or numbers that there are not.
    """
    chosen = schema if recipe.tasks is None else schema.select(recipe.tasks)
    _check_selection(recipe, chosen)
    return chosen


def check_same_data(run: RunFolder, dataset: Dataset) -> None:
    """See that a run goes on with the data that it began with.

    Raises:
        DatasetError: it does not.
    """
    expected = run.facts()["fingerprint"]
    if dataset.fingerprint != expected:
        raise DatasetError(
            f"the dataset {dataset.folder} has changed since the run began (its fingerprint is "
            f"{dataset.fingerprint}, it was {expected}); put it back, or train anew on it"
        )


def _check_selection(recipe: Recipe, schema: Schema) -> None:
    names = [spec.name for spec in schema]
    unknown = [task for task in recipe.loss.task_weights if task not in names]
    if recipe.data.balance not in {None, *names}:
        unknown.append(str(recipe.data.balance))
    selected, _, metric = (recipe.select or "").rpartition(".")
    if recipe.embedding.loss != "none" and selected == EMBEDDING:
        _check_retrieval(metric)
    elif recipe.select is not None and selected not in names:
        unknown.append(recipe.select)
    elif recipe.select is not None:
        _check_metric(schema[selected], metric)
    if unknown:
        raise RecipeError(
            f"the recipe speaks of {', '.join(unknown)}; the dataset's tasks are: "
            f"{', '.join(names)}. 'select' is written TASK.METRIC, as in {names[0]}.accuracy"
        )


def _check_retrieval(metric: str) -> None:
    known = list(RetrievalCounts.of(NOTHING_FOUND).numbers())
    if metric not in known:
        raise RecipeError(
            f"select: vectors have no number {metric!r}; they have: {', '.join(known)}"
        )


def _check_metric(spec: TaskSpec, metric: str) -> None:
    task = task_of(spec)
    output = np.zeros((1, *task.output_shape), np.float32)
    example = spec.labels[:1]
    label = Tags(yes=example) if spec.kind == "multi_label" else example[0]
    known = list(task.score(output, *task.encode([label])).numbers())
    if metric not in known:
        close = difflib.get_close_matches(metric, known, n=2, cutoff=0.3)
        hint = f"did you mean {' or '.join(close)}? " if close else ""
        raise RecipeError(
            f"select: task '{spec.name}' has no number {metric!r}; {hint}It has: {', '.join(known)}"
        )
