"""Recipes: what to learn, from what, with what. Typed, complete, and all faults at once.

A recipe is a YAML file; the shipped ones run by name. Any value is changed by its dotted key,
as in ``--set model.backbone=resnet50``.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lapel.schema.errors import RecipeError


#: Short words for keys, as one may type them.
ALIASES = {"optim": "optimiser.name"}


class _Part(BaseModel):
    """Frozen, and without room for keys that nobody reads."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PreprocessPart(_Part):
    """From a photo to the pixels that the network takes.

    What is left out comes with the weights that the backbone begins from; a run's own recipe
    has it all.
    """

    height: int | None = Field(default=None, ge=1, le=4096)
    width: int | None = Field(default=None, ge=1, le=4096)
    channels: Literal[1, 3] = 3
    fit: Literal["letterbox", "stretch", "crop"] = "letterbox"
    resample: Literal["bilinear", "bicubic", "lanczos"] | None = None
    fill: int = Field(default=0, ge=0, le=255)
    from_photo: bool = False
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None


class AugmentPart(_Part):
    """What may happen to a training picture; all off by default."""

    flip: float = Field(default=0.0, ge=0, le=1, description="share of pictures mirrored")
    shift: int = Field(default=0, ge=0, description="pixels moved at most, each way")
    zoom: float = Field(default=0.0, ge=0, lt=1, description="0.2: 80 to 120 % of the size")
    erase: float = Field(default=0.0, ge=0, le=1, description="share with a rectangle erased")
    erase_area: float = Field(default=0.33, gt=0, le=1, description="largest share of the area")
    brightness: float = Field(default=0.0, ge=0, lt=1)
    contrast: float = Field(default=0.0, ge=0, lt=1)
    crop: float = Field(default=0.0, ge=0, lt=1, description="0.2: cuts keep 80 % of the area")
    trivial: bool = Field(default=False, description="TrivialAugment: one change of any kind each")
    mixup: float = Field(default=0.0, ge=0, description="alpha of the share that is mixed in")
    cutmix: float = Field(default=0.0, ge=0, description="alpha of the area that is cut in")


class ModelPart(_Part):
    """The network."""

    backbone: str = "lapel-small"
    options: dict[str, Any] = Field(default_factory=dict)
    heads: Literal["separate", "joint"] = Field(
        default="separate", description="a head a task, or one vector of all labels"
    )
    hidden: int = Field(default=0, ge=0, description="units of a layer before the labels; 0: none")
    pool: Literal["average", "max"] = "average"
    dropout: float = Field(default=0.0, ge=0, lt=1)


class LossPart(_Part):
    """How wrong answers count."""

    single_label: Literal["auto", "cross_entropy", "binary", "focal"] = Field(
        default="auto", description="auto: binary for joint heads, else cross_entropy"
    )
    multi_label: Literal["binary", "focal", "asymmetric"] = "binary"
    focal_gamma: float = Field(default=2.0, ge=0)
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    class_weights: Literal["none", "balanced", "effective"] = Field(
        default="none", description="rare labels count more, by their counts in train"
    )
    logit_adjustment: float = Field(
        default=0.0, ge=0, description="share of the log of each label's frequency to add"
    )
    task_weights: dict[str, float] = Field(default_factory=dict)
    task_weighting: Literal["fixed", "learned"] = "fixed"


class OptimiserPart(_Part):
    """How weights move."""

    name: Literal["muon", "sgd", "adamw"] = "adamw"
    learning_rate: float = Field(gt=0)
    backbone_share: float = Field(
        default=1.0, gt=0, description="of the learning rate, for a backbone that has learned"
    )
    layer_decay: float = Field(
        default=1.0, gt=0, le=1, description="each stage below learns by so much slower"
    )
    filter_learning_rate: float = Field(
        default=0.05, gt=0, description="muon's own, for the filters of convolutions"
    )
    momentum: float = Field(default=0.9, ge=0, lt=1)
    weight_decay: float = Field(default=0.0, ge=0)
    clip: float = Field(default=0.0, ge=0, description="largest norm of the gradient; 0: none")


class SchedulePart(_Part):
    """How long, and the course of the learning rate."""

    epochs: float = Field(ge=0, description="passes over the training pictures; 0.5 is half a one")
    kind: Literal["triangle", "cosine", "constant"] = "cosine"
    warmup: float = Field(default=0.05, ge=0, lt=1, description="share of the steps")


class EarlyStoppingPart(_Part):
    """When to stop before the schedule ends."""

    patience: int = Field(default=0, ge=0, description="epochs without a better score; 0: never")


class TransferPart(_Part):
    """What is done with a backbone that has learned elsewhere, before and beside the schedule."""

    heads_first: bool = Field(
        default=False, description="fit the heads on features computed once, then go on"
    )
    views: int = Field(default=1, ge=1, description="augmented copies that features are made of")
    train: Literal["heads", "upper", "all"] = Field(
        default="all", description="what the schedule trains"
    )


class DataPart(_Part):
    """How pictures come to the network."""

    resident: Literal["auto", "always", "never"] = "auto"
    workers: int | Literal["auto"] = "auto"
    cache: bool = Field(default=True, description="keep resized pictures for the next run")
    balance: str | None = Field(
        default=None, description="a task whose labels come equally often; none: as they are"
    )


class CheckpointPart(_Part):
    """How much work a crash may cost."""

    every_seconds: float = Field(default=30.0, ge=0)
    every_steps: int | None = Field(default=None, ge=1)


class ThresholdsPart(_Part):
    """From which probability on a tag is a yes: chosen on validation, label by label."""

    goal: Literal["f1", "precision", "fixed"] = "f1"
    precision: float = Field(
        default=0.9, gt=0, lt=1, description="for goal precision: at least so much of it"
    )


class DoubtfulLabelsPart(_Part):
    """Whether to look for wrong training labels after learning, by out-of-sample prediction."""

    folds: int = Field(default=0, ge=0, description="networks learned for it; 0: do not look")
    epochs: float = Field(default=1.0, gt=0)


class Recipe(_Part):
    """A whole recipe.

    Attributes:
        stands_for: the published result that a shipped recipe is measured against.
        tasks: names of the dataset's tasks to learn; none: all of them.
        select: the number on validation by which the best epoch is chosen, as
            ``task.metric``; none: the mean of each task's own metric.
        average: decay of the moving average of the weights; 0 keeps none.
        precision: ``auto`` measures at the start whether bfloat16 is quicker here.
    """

    name: str
    about: str = ""
    stands_for: str = ""
    tasks: tuple[str, ...] | None = None
    seed: int = 0
    batch: int = Field(default=64, ge=1)
    average: float = Field(default=0.0, ge=0, lt=1)
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    deterministic: bool = False
    select: str | None = None
    validate_every: int = Field(default=1, ge=1, description="epochs between two validations")
    preprocess: PreprocessPart
    augment: AugmentPart = AugmentPart()
    model: ModelPart = ModelPart()
    loss: LossPart = LossPart()
    optimiser: OptimiserPart
    schedule: SchedulePart
    early_stopping: EarlyStoppingPart = EarlyStoppingPart()
    transfer: TransferPart = TransferPart()
    thresholds: ThresholdsPart = ThresholdsPart()
    budget: str | None = Field(
        default=None, description="as 10m: chooses what is trained, and how long, by itself"
    )
    data: DataPart = DataPart()
    checkpoint: CheckpointPart = CheckpointPart()
    doubtful_labels: DoubtfulLabelsPart = DoubtfulLabelsPart()


def full_key(key: str) -> str:
    """A key as the recipe has it, whether it was typed short or not."""
    return ALIASES.get(key, key)


def shipped_recipes() -> list[str]:
    """Names of the recipes that come with Lapel."""
    files = resources.files("lapel.recipes").iterdir()
    return sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml"))


def load_recipe(recipe: str | Path, changes: Mapping[str, Any] | None = None) -> Recipe:
    """A recipe by shipped name or by file, with some values changed.

    Args:
        recipe: a name of :func:`shipped_recipes`, or a path ending in ``.yaml``.
        changes: dotted key to value, or to its text as typed.

    Raises:
        RecipeError: no such recipe, no YAML, or faults; all of them are listed.
    """
    values = _read(recipe)
    changes = {full_key(key): value for key, value in (changes or {}).items()}
    _drop_options_of_another_backbone(values, changes)
    for key, value in changes.items():
        _change(values, key, yaml.safe_load(value) if isinstance(value, str) else value)
    return recipe_from(values, origin=str(recipe))


def recipe_from(values: object, *, origin: str) -> Recipe:
    """A recipe from plain values.

    Raises:
        RecipeError: faults; all of them are listed, unknown keys with the nearest known one.
    """
    try:
        recipe = Recipe.model_validate(values)
    except ValidationError as error:
        faults = "\n".join(f"  {_fault(entry)}" for entry in error.errors())
        count = error.error_count()
        many = f"{count} faults" if count > 1 else "a fault"
        raise RecipeError(f"recipe {origin} has {many}:\n{faults}") from None
    _check_channels(recipe.preprocess, origin)
    return recipe


def _check_channels(preprocess: PreprocessPart, origin: str) -> None:
    for name in ("mean", "std"):
        values = getattr(preprocess, name)
        if values is not None and len(values) != preprocess.channels:
            raise RecipeError(
                f"recipe {origin}: preprocess.{name} needs {preprocess.channels} numbers, one a "
                f"channel, found {len(values)}"
            )


def parse_changes(settings: list[str]) -> dict[str, Any]:
    """``KEY=VALUE`` texts to changes.

    Raises:
        RecipeError: a text without ``=``.
    """
    changes = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key:
            raise RecipeError(f"--set takes KEY=VALUE, found {setting!r}")
        changes[key.strip()] = value
    return changes


def _read(recipe: str | Path) -> dict[str, Any]:
    if str(recipe).endswith((".yaml", ".yml")):
        path = Path(recipe)
        if not path.is_file():
            raise RecipeError(f"there is no recipe file {path}")
        text = path.read_text("utf-8")
    else:
        known = shipped_recipes()
        if str(recipe) not in known:
            close = difflib.get_close_matches(str(recipe), known, n=2, cutoff=0.5)
            hint = f"did you mean {' or '.join(close)}?" if close else "or name a .yaml file"
            raise RecipeError(
                f"there is no shipped recipe {str(recipe)!r}; {hint} (shipped: {', '.join(known)})"
            )
        text = resources.files("lapel.recipes").joinpath(f"{recipe}.yaml").read_text("utf-8")
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RecipeError(f"recipe {recipe} is not YAML: {error}") from error
    if not isinstance(values, dict):
        raise RecipeError(f"recipe {recipe} holds no keys; see the shipped ones for the shape")
    return values


def _drop_options_of_another_backbone(values: dict[str, Any], changes: Mapping[str, Any]) -> None:
    """Options belong to the backbone that they were written for."""
    model = values.get("model")
    other = changes.get("model.backbone")
    if isinstance(model, dict) and other not in {None, model.get("backbone", "lapel-small")}:
        model.pop("options", None)


def _change(values: dict[str, Any], key: str, value: object) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        inner = values.setdefault(parent, {})
        if not isinstance(inner, dict):
            raise RecipeError(f"--set {key}: '{parent}' is a value, not a group of keys")
        values = inner
    values[last] = value


def _fault(entry: Any) -> str:  # noqa: ANN401 - pydantic's error record is a TypedDict of its core
    place = ".".join(str(part) for part in entry["loc"])
    if entry["type"] != "extra_forbidden":
        return f"{place}: {entry['msg']}, found {entry['input']!r}"
    known = _keys_at(entry["loc"][:-1])
    close = difflib.get_close_matches(str(entry["loc"][-1]), known, n=1, cutoff=0.5)
    hint = f"did you mean '{close[0]}'?" if close else f"known here: {', '.join(known)}"
    return f"{place}: no such key; {hint}"


def _keys_at(location: tuple[str | int, ...]) -> list[str]:
    part: type[BaseModel] = Recipe
    for step in location:
        annotation = part.model_fields[str(step)].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        part = annotation
    return list(part.model_fields)
