"""What a recipe leaves open, filled in: what comes with the weights, and what is no use without."""

from __future__ import annotations

from typing import Any

from lapel.models.backbones import check_name, natural_preprocessing
from lapel.schema.errors import RecipeError
from lapel.training.recipe import Recipe, recipe_from
from lapel.training.recipe_parts import PreprocessPart

#: What a network cannot be built without.
NEEDED = ("height", "width", "mean", "std", "resample")

#: How most of our own pictures are resized, where neither recipe nor weights say how.
RESAMPLE = "bilinear"


def resolve(recipe: Recipe) -> Recipe:
    """A recipe in which nothing is left open but what a budget decides.

    Raises:
        RecipeError: no such backbone; a size or a deviation that neither recipe nor weights tell;
            a way of transfer that the network does not know.
    """
    check_name(recipe.model.backbone)
    _check_transfer(recipe)
    values = recipe.model_dump(mode="json")
    values["preprocess"] = _preprocessing(recipe)
    if _is_from_scratch(recipe):
        # Features of random weights tell nothing, and nothing learned could be spoiled.
        values["transfer"] |= {"heads_first": False, "train": "all", "keep_statistics": False}
        values["optimiser"] |= {"backbone_share": 1.0, "layer_decay": 1.0}
    return recipe_from(values, origin=recipe.name)


def _is_from_scratch(recipe: Recipe) -> bool:
    return str(recipe.model.options.get("weights", "none")) == "none"


def _check_transfer(recipe: Recipe) -> None:
    transfer = recipe.transfer
    if recipe.model.network != "landmark-attention" or _is_from_scratch(recipe):
        return
    if recipe.budget is not None or transfer.heads_first or transfer.train != "all":
        raise RecipeError(
            f"model.network={recipe.model.network} learns as a whole: what lies above its "
            "attention never rests. Leave out budget, and --set transfer.heads_first=false "
            "--set transfer.train=all"
        )


def _preprocessing(recipe: Recipe) -> dict[str, Any]:
    part: PreprocessPart = recipe.preprocess
    own = part.model_dump(mode="json")
    open_ones = [name for name in NEEDED if own[name] is None]
    if open_ones:
        natural = natural_preprocessing(
            recipe.model.backbone, recipe.model.options, channels=part.channels
        )
        natural = {"resample": RESAMPLE, **natural}
        own |= {name: natural[name] for name in open_ones if name in natural}
    missing = [f"preprocess.{name}" for name in NEEDED if own[name] is None]
    if missing:
        raise RecipeError(
            f"recipe {recipe.name} leaves out {', '.join(missing)}, and the backbone "
            f"'{recipe.model.backbone}' brings none along; write them into the recipe or give them "
            "with --set"
        )
    return own
