"""Recipes: what to learn, from what, with what. Typed, complete, and all faults at once.

A recipe is a YAML file; the shipped ones run by name. Any value is changed by its dotted key,
as in ``--set model.backbone=resnet50``. The parts are in ``lapel.training.recipe_parts``.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, Field, ValidationError, field_validator

from lapel.schema.errors import RecipeError
from lapel.training.recipe_parts import (
    PRESETS,
    AugmentPart,
    CheckpointPart,
    DataPart,
    DoubtfulLabelsPart,
    EarlyStoppingPart,
    EmbeddingPart,
    LossPart,
    ModelPart,
    OptimiserPart,
    Part,
    PreprocessPart,
    RangePart,
    SchedulePart,
    ThresholdsPart,
    TransferPart,
    WatchPart,
)

#: Short words for keys, as one may type them.
ALIASES = {"optim": "optimiser.name"}


class Recipe(Part):
    """A whole recipe.

    Attributes:
        stands_for: the published result that a shipped recipe is measured against.
        tasks: names of the dataset's tasks to learn; none: all of them.
        select: the number on validation by which the best epoch is chosen, as
            ``task.metric``; none: the mean of each task's own metric.
        average: decay of the moving average of the weights; 0 keeps none.
        precision: ``auto`` measures at the start whether bfloat16 is quicker here.
        budget: time for everything, as ``90s``, ``10m`` or ``1h``; what is trained, and how
            long, is then chosen by what this machine does in a second.
    """

    name: str
    about: str = ""
    stands_for: str = ""
    tasks: tuple[str, ...] | None = None
    seed: int = Field(default=0, ge=0)
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
    embedding: EmbeddingPart = EmbeddingPart()
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
    watch: WatchPart = WatchPart()
    tune: dict[str, RangePart] = Field(
        default_factory=dict, description="dotted key to the values that lapel tune may give it"
    )

    @field_validator("augment", mode="before")
    @classmethod
    def _named_augmentation(cls, value: object) -> object:
        """A preset's name stands for its options."""
        return preset(value) if isinstance(value, str) else value

    @field_validator("budget", mode="before")
    @classmethod
    def _budget_is_a_time(cls, value: object) -> object:
        """A bare number, which YAML reads as one, is seconds."""
        if value is not None:
            value = str(value)
            seconds_of(value)
        return value


def preset(name: str) -> dict[str, Any]:
    """The options that a preset of augmentation stands for.

    Raises:
        ValueError: no such preset.
    """
    if name not in PRESETS:
        raise ValueError(f"no such preset; there are: {', '.join(PRESETS)}")
    return dict(PRESETS[name])


def seconds_of(budget: str) -> float:
    """Seconds of a time as ``90s``, ``10m``, ``1.5h``; a bare number is seconds.

    Raises:
        ValueError: it is none, or none above 0.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|m|h|)\s*", budget)
    seconds = float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]] if match else 0.0
    if seconds <= 0:
        raise ValueError("a budget is a time above 0, as 90s, 10m or 1.5h")
    return seconds


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
    return changed_recipe(_read(recipe), changes, origin=str(recipe))


def changed_recipe(
    values: dict[str, Any], changes: Mapping[str, Any] | None = None, *, origin: str
) -> Recipe:
    """A recipe from plain values, some of them changed.

    Args:
        values: the recipe's; they are written to.
        changes: as of :func:`load_recipe`.
        origin: what messages call it.

    Raises:
        RecipeError: faults; all of them are listed.
    """
    changes = {full_key(key): value for key, value in (changes or {}).items()}
    _drop_options_of_another_backbone(values, changes)
    for key, value in changes.items():
        plain = yaml_value(value, f"--set {key}={value}") if isinstance(value, str) else value
        _change(values, key, plain)
    return recipe_from(values, origin=origin)


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


def split_at_commas(text: str) -> list[str]:
    """Parts between the commas that stand outside brackets."""
    parts, depth = [""], 0
    for character in text:
        depth += (character in "[{(") - (character in "]})")
        if character == "," and depth <= 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def yaml_value(text: str, what: str) -> Any:  # noqa: ANN401 - whatever it says
    """What a text says in YAML.

    Args:
        text: that.
        what: what messages call it.

    Raises:
        RecipeError: it is no YAML.
    """
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RecipeError(f"{what} is not YAML: {error}") from error


def read_recipe_file(path: Path) -> Recipe:
    """A recipe as a file says it, without changes.

    Raises:
        RecipeError: faults; all of them are listed.
    """
    return recipe_from(yaml_value(_text(path), f"recipe {path}"), origin=str(path))


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise RecipeError(
            f"recipe {path} is no text in UTF-8 ({error}); save it as such"
        ) from error


def _read(recipe: str | Path) -> dict[str, Any]:
    if str(recipe).endswith((".yaml", ".yml")):
        path = Path(recipe)
        if not path.is_file():
            raise RecipeError(f"there is no recipe file {path}")
        text = _text(path)
    else:
        known = shipped_recipes()
        if str(recipe) not in known:
            close = difflib.get_close_matches(str(recipe), known, n=2, cutoff=0.5)
            hint = f"did you mean {' or '.join(close)}?" if close else "or name a .yaml file"
            raise RecipeError(
                f"there is no shipped recipe {str(recipe)!r}; {hint} (shipped: {', '.join(known)})"
            )
        text = resources.files("lapel.recipes").joinpath(f"{recipe}.yaml").read_text("utf-8")
    values = yaml_value(text, f"recipe {recipe}")
    if not isinstance(values, dict):
        raise RecipeError(f"recipe {recipe} holds no keys; see the shipped ones for the shape")
    return values


def _drop_options_of_another_backbone(values: dict[str, Any], changes: Mapping[str, Any]) -> None:
    """Options belong to the backbone that they were written for; every one has weights."""
    model = values.get("model")
    other = changes.get("model.backbone")
    if isinstance(model, dict) and other not in {None, model.get("backbone", "lapel-small")}:
        weights = (model.pop("options", None) or {}).get("weights")
        if weights in {"none", "pretrained"} and other != "lapel-small":
            model["options"] = {"weights": weights}


def _change(values: dict[str, Any], key: str, value: object) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        inner = values.setdefault(parent, {})
        if parent == "augment" and isinstance(inner, str) and inner in PRESETS:
            inner = values[parent] = preset(inner)  # one option of a preset is changed
        if not isinstance(inner, dict):
            raise RecipeError(f"--set {key}: '{parent}' is a value, not a group of keys")
        values = inner
    values[last] = value


def _fault(entry: Any) -> str:  # noqa: ANN401 - pydantic's error record is a TypedDict of its core
    place = ".".join(str(part) for part in entry["loc"])
    if entry["type"] != "extra_forbidden":
        said = entry["msg"].removeprefix("Value error, ")
        if entry["type"] in {"tuple_type", "list_type"}:
            said = "Input should be a list, such as [a, b]"
        return f"{place}: {said}, found {entry['input']!r}"
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
