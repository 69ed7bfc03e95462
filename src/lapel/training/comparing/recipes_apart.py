"""How the recipes of two models differ that are to be compared for their labels alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lapel.schema.errors import RecipeError
from lapel.training.recipe import recipe_from

#: Parts of a recipe that name it, or say where and by what chance it learns: not what is learned.
APART = (
    "name",
    "about",
    "stands_for",
    "seed",
    "deterministic",
    "data",
    "checkpoint",
    "doubtful_labels",
)

#: Differences that are named.
NAMED = 8


def recipe_remark(before: object, after: object) -> str:
    """A sentence that names what differs between two recipes; empty if nothing does.

    Args:
        before: a recipe as JSON, as a bundle's provenance holds it; what is none differs in
            nothing.
        after: likewise.
    """
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        return ""
    first, second = _flat(_whole(before)), _flat(_whole(after))
    apart = [key for key in {**first, **second} if first.get(key) != second.get(key)]
    if not apart:
        return ""
    named = ", ".join(
        f"{key} ({_told(first.get(key))} before, {_told(second.get(key))} after)"
        for key in apart[:NAMED]
    )
    rest = f" and {len(apart) - NAMED} more" if len(apart) > NAMED else ""
    return (
        "The two models were learned by different recipes, so that a gain is not the labels' "
        f"alone: {named}{rest}."
    )


def _whole(recipe: Mapping[str, Any]) -> Mapping[str, Any]:
    """A recipe with what has been added to recipes since it was written."""
    try:
        return recipe_from(dict(recipe), origin="a bundle").model_dump(mode="json")
    except RecipeError:
        return recipe


def _flat(recipe: Mapping[str, Any], above: str = "") -> dict[str, object]:
    """Dotted key to value, without the parts that tell no recipes apart."""
    flat: dict[str, object] = {}
    for key, value in recipe.items():
        if not above and key in APART:
            continue
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{above}{key}.")
        else:
            flat[f"{above}{key}"] = value
    return flat


def _told(value: object) -> str:
    return "nothing" if value is None else str(value)
