"""Whether a recipe, a dataset and a run fit each other: seen to before anything is learned."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from lapel.data.dataset import Dataset
from lapel.imaging.preprocess import Frame, Placement
from lapel.metrics.retrieval import NOTHING_FOUND, RetrievalCounts
from lapel.models.heads.table import spatial_tasks
from lapel.models.networks import declined_tasks
from lapel.schema.annotation import Label, Tags, held
from lapel.schema.errors import DatasetError, RecipeError
from lapel.schema.garments import Garment, Garments
from lapel.schema.geometry import Box, Landmark, Landmarks
from lapel.schema.labels import Schema, TaskSpec
from lapel.schema.masks import ClassMap
from lapel.schema.outputs import EMBEDDING
from lapel.tasks.kinds import task_of
from lapel.training.recipe import Recipe
from lapel.training.run.folder import RunFolder

#: Numbers of tasks of which less is better: no epoch is chosen by them.
LESS_IS_BETTER = ("nll", "ece", "ne")

#: For each kind of task, a label that says of one name that it holds.
EXAMPLES: Mapping[str, Callable[[str], Label]] = {
    "single_label": lambda name: name,
    "multi_label": lambda name: Tags(yes=(name,)),
    "landmarks": lambda name: Landmarks({name: Landmark(0.5, 0.5)}),
    "segmentation": lambda name: ClassMap(np.zeros((1, 1), np.uint8), (name,)),
    "garments": lambda name: Garments((Garment(part=name, box=(0.0, 0.0, 1.0, 1.0)),)),
}

#: Why tasks of places are left out by recipes that fit heads first.
POOLED = (
    "heads fitted on pooled features know no places; --set transfer.heads_first=false learns all "
    "tasks together"
)

#: A picture of one pixel, as it is.
CANVAS = Frame(
    placement=Placement(scale_x=1, scale_y=1, offset_x=0, offset_y=0),
    width=1,
    height=1,
    box=Box(0, 0, 1, 1),
    size=(1, 1),
)


def schema_of(recipe: Recipe, dataset: Dataset) -> Schema:
    """The tasks that a recipe learns from a dataset, which has the splits that learning needs.

    Raises:
        RecipeError: it speaks of tasks or numbers that there are not.
        DatasetError: no train or validation split, or one in which a task has no label.
    """
    schema = tasks_of(recipe, dataset.schema)
    # Both first: to read the labels of many pictures takes a while.
    parts = {split: dataset.split(split) for split in ("train", "validation")}
    for split, part in parts.items():
        silent = [spec.name for spec in schema if not any(map(_tells, part.labels(spec.name)))]
        if silent:
            if not any(_any_told(part, schema) for part in parts.values()):
                raise DatasetError(
                    f"no picture of {dataset.name} has a label yet (asked: "
                    f"{', '.join(spec.name for spec in schema)}); label some first, such as with "
                    "lapel review and lapel data import review (docs/annotate.md), or read labels "
                    "from a table with lapel data import table"
                )
            raise DatasetError(
                f"no {split} picture of {dataset.name} has a label of {', '.join(silent)}; draw "
                "the splits anew (lapel data split), or learn the others: --set tasks=[...]"
            )
    return schema


def _any_told(part: Dataset, schema: Schema) -> bool:
    """Whether any picture has a label of any of the tasks."""
    return any(_tells(label) for spec in schema for label in part.labels(spec.name))


def tasks_of(recipe: Recipe, schema: Schema) -> Schema:
    """The tasks that a recipe learns of those that a dataset has.

    Raises:
        SchemaError: it names a task that there is not.
        RecipeError: it speaks otherwise of tasks or numbers that there are not.
    """
    if recipe.tasks is not None:
        chosen = schema.select(recipe.tasks)
    else:
        out = left_out(recipe, schema)
        names = [spec.name for spec in schema if spec.name not in out]
        if not names:
            places = [name for name, why in out.items() if why == POOLED]
            raise _places_need_maps(recipe, places) if places else _no_answer(recipe, list(out))
        chosen = schema.select(names)
    if declined := declined_tasks(recipe.model.network, chosen):
        raise _no_answer(recipe, declined)
    _check_selection(recipe, chosen)
    _check_stages(recipe, chosen)
    _check_places(recipe, chosen)
    return chosen


def left_out(recipe: Recipe, schema: Schema) -> dict[str, str]:
    """Tasks of a dataset that a recipe which names none leaves out, and why.

    A network has no answer to some kinds of task; and heads that are fitted on pooled features
    first cannot answer with places.
    """
    if recipe.tasks is not None:
        return {}
    network = recipe.model.network
    unanswered = f"model.network={network} has no answer to them; other recipes have"
    out = dict.fromkeys(declined_tasks(network, schema), unanswered)
    if recipe.transfer.heads_first:
        out = dict.fromkeys(spatial_tasks(schema), POOLED) | out
    return out


def by_reason(left: Mapping[str, str]) -> dict[str, list[str]]:
    """Why tasks are left out, to their names."""
    return {
        reason: [name for name, why in left.items() if why == reason]
        for reason in dict.fromkeys(left.values())
    }


def _tells(label: Label) -> bool:
    """Whether there is something in a label to learn from and to be judged by."""
    if isinstance(label, Landmarks):
        return any(point.visible for point in label.points.values())
    return bool(held(label))


def _no_answer(recipe: Recipe, names: Sequence[str]) -> RecipeError:
    return RecipeError(
        f"recipe {recipe.name}: model.network={recipe.model.network} has no answer to "
        f"{', '.join(names)}; choose other tasks (--set tasks=[...]), or a recipe made for these "
        "(lapel train --recipes)"
    )


def _places_need_maps(recipe: Recipe, names: Sequence[str]) -> RecipeError:
    return RecipeError(
        f"recipe {recipe.name} fits its heads on pooled features first, which have forgotten "
        f"places; for {', '.join(names)} --set transfer.heads_first=false, "
        "or learn the others: --set tasks=[...]"
    )


def _check_places(recipe: Recipe, schema: Schema) -> None:
    """See that nothing in a recipe loses the places that a task is answered with."""
    spatial = spatial_tasks(schema)
    if not spatial:
        return
    if recipe.transfer.heads_first:
        raise _places_need_maps(recipe, spatial)
    said = {
        "augment.trivial moves pictures and does not say how: "
        "--set augment.trivial=false": recipe.augment.trivial,
        "preprocess.from_photo cuts garments out and does not say where: "
        "--set preprocess.from_photo=false": recipe.preprocess.from_photo,
        f"data.balance={recipe.data.balance} is a task of places, which are no labels to "
        "balance: name another": recipe.data.balance in spatial,
        "loss.landmarks=heatmap compares maps, and model.landmarks=coordinates has none: "
        "--set loss.landmarks=auto": recipe.model.landmarks == "coordinates"
        and recipe.loss.landmarks == "heatmap",
    }
    kinds = {spec.kind for spec in schema}
    if "garments" in kinds:
        said |= {
            "augment.mixup and augment.cutmix put pictures, and their garments, into one: "
            "--set augment.mixup=0 --set augment.cutmix=0": bool(
                recipe.augment.mixup or recipe.augment.cutmix
            ),
            "preprocess.crop_to_box shows one garment, and fills what lies beside it: "
            "--set preprocess.crop_to_box=false": recipe.preprocess.crop_to_box,
        }
    if "segmentation" in kinds:
        said |= {
            "augment.cutmix puts a part of one picture over the classes of another: "
            "--set augment.cutmix=0": bool(recipe.augment.cutmix),
            "batch=1 gives its decoder nothing to normalise over: --set batch=2": recipe.batch == 1,
        }
    faults = [words for words, wrong in said.items() if wrong]
    if faults:
        raise RecipeError(
            f"recipe {recipe.name} does not go with {', '.join(spatial)}: {'; '.join(faults)}"
        )


def _check_stages(recipe: Recipe, schema: Schema) -> None:
    """See that every stage of a schedule learns something, and what is left of it."""
    staged = sum(stage.share for stage in recipe.schedule.stages)
    unstaged = staged < 1 - 1e-9 and recipe.embedding.loss == "none"
    if unstaged and not any(recipe.loss.task_weights.get(spec.name, 1.0) for spec in schema):
        raise RecipeError("loss.task_weights: every task has weight 0; leave one above it")
    for number, stage in enumerate(recipe.schedule.stages, start=1):
        weights = {**recipe.loss.task_weights, **stage.task_weights}
        if not any(weights.get(spec.name, 1.0) for spec in schema):
            raise RecipeError(
                f"schedule.stages: in stage {number} every task has weight 0; leave one above it"
            )


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
    weighed = [recipe.loss.task_weights, *(stage.task_weights for stage in recipe.schedule.stages)]
    unknown = [task for weights in weighed for task in weights if task not in names]
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
    sizes = [max(1, size) for size in task.output_shape]  # -1: free
    output = np.zeros((1, *sizes), np.float32)
    counts = task.score(output, *task.encode([EXAMPLES[spec.kind](spec.labels[0])], [CANVAS]))
    known = [name for name in counts.numbers() if name not in LESS_IS_BETTER]
    if metric in LESS_IS_BETTER:
        raise RecipeError(
            f"select: of {metric!r} less is better, and the best epoch is the one with the most; "
            f"task '{spec.name}' also has: {', '.join(known)}"
        )
    if metric not in known:
        close = difflib.get_close_matches(metric, known, n=2, cutoff=0.3)
        hint = f"did you mean {' or '.join(close)}? " if close else ""
        raise RecipeError(
            f"select: task '{spec.name}' has no number {metric!r}; {hint}It has: {', '.join(known)}"
        )
