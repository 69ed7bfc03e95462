"""``lapel train --from BUNDLE``: learn on from a model that has learned already."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lapel.inference.seen import SEEN_FILES, seen_digests
from lapel.models.going_on import WentOn, go_on_from
from lapel.models.multitask import Network
from lapel.models.weights import FormerModel, former_model, former_place
from lapel.schema.errors import RecipeError, UsageError
from lapel.schema.labels import Schema
from lapel.storage.local import write_atomically
from lapel.storage.places import in_addresses
from lapel.training.recipe import Recipe, changed_recipe, full_key, load_recipe
from lapel.training.recorder import Reporter
from lapel.training.run.folder import RunFolder

#: Key of a recipe that says where the backbone begins.
WEIGHTS = "model.options.weights"

#: Key of ``run.json`` that says which model a run goes on from.
FROM = "from"

#: In a run's folder, before the names of a former bundle's lists of pictures.
BEFORE = "before."


def open_former(folder: str | Path) -> FormerModel:
    """The bundle to go on from, or that of a run.

    Raises:
        UsageError: there is none.
    """
    place = former_place(folder)
    try:
        return former_model(place)
    except RecipeError as error:
        if not place.is_dir():
            raise UsageError(
                f"--from {folder}: there is no such folder; name a bundle, or a run that has ended "
                "with one"
            ) from error
        said = str(error).replace(f"{WEIGHTS}={folder} is", f"--from {folder} is")
        raise UsageError(said) from error


def recipe_to_go_on(
    former: FormerModel, recipe: str | Path | None, changes: Mapping[str, Any] | None
) -> Recipe:
    """The recipe of a run that goes on from a model.

    Args:
        former: the model.
        recipe: a shipped recipe's name, or a YAML file; None: the one that the model learned by.
        changes: dotted key to value.

    Raises:
        UsageError: the changes say where weights begin, too; or the model does not tell its recipe.
        RecipeError: faults; all of them are listed.
    """
    changes = dict(changes or {})
    if WEIGHTS in {full_key(key) for key in changes}:
        raise UsageError(
            f"--from says where the weights begin, and so does {WEIGHTS} (or --scratch); leave out "
            "one of them"
        )
    # As JSON, since values are read as YAML: a folder may be called 1, or no.
    begins = {WEIGHTS: json.dumps(in_addresses(former.folder.resolve()))}
    if recipe is not None:
        return load_recipe(recipe, changes | begins)
    values = former.manifest.get("provenance", {}).get("recipe")
    if not isinstance(values, dict):
        raise UsageError(
            f"{former.folder} does not tell which recipe it learned by; name one: lapel train "
            f"RECIPE --from {former.folder}"
        )
    return changed_recipe(
        copy.deepcopy(values), changes | begins, origin=f"of the model {former.folder}"
    )


def go_on(
    network: Network, former: FormerModel, schema: Schema, recipe: Recipe, reporter: Reporter
) -> dict[str, Any]:
    """Fill a network that was built with a former model's backbone, and say with what.

    Returns:
        What the run's record keeps of it.

    Raises:
        RecipeError: the model's weights are not what its bundle says.
    """
    if recipe.transfer.heads_first:
        # They are solved for, not moved: where they begin makes no difference.
        went = WentOn(tasks=(), anew=tuple(spec.name for spec in schema))
        reporter.say(
            f"Going on from {former.folder}: its backbone; heads are fitted anew on its features "
            "(transfer.heads_first)"
        )
    else:
        went = go_on_from(network, former, schema)
        reporter.say(f"Going on from {former.folder}: {_in_words(went)}")
    return {
        "folder": in_addresses(former.folder.resolve()),
        "name": former.manifest.get("name"),
        "weights": former.sha256,
        "heads": list(went.tasks),
        "anew": list(went.anew),
    }


def without_folder(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What a bundle keeps of the record: which model it was, not where it lay."""
    return {key: value for key, value in facts.items() if key != "folder"}


def keep_seen(run: RunFolder, former: FormerModel) -> None:
    """Keep in a run's folder which pictures the former model has seen; a bundle may be moved."""
    for name in SEEN_FILES.values():
        path = former.folder / name
        if path.is_file():
            write_atomically(run.folder / f"{BEFORE}{name}", path.read_bytes())


def seen_before(run: RunFolder, split: str) -> list[str]:
    """Beginnings of the SHA-256 of what a run's former models were trained or chosen on.

    What went into their weights is in those of the new model too, so that it cannot be judged
    honestly on any of it.
    """
    path = run.folder / f"{BEFORE}{SEEN_FILES[split]}"
    return seen_digests(path.read_bytes()) if path.is_file() else []


def former_of(run: RunFolder) -> FormerModel | None:
    """The model that a run which was stopped went on from; None where it began with none.

    Raises:
        UsageError: it is not there any more, or another one stands in its place.
    """
    facts = run.facts().get(FROM)
    if facts is None:
        return None
    former = open_former(facts["folder"])
    if former.sha256 != facts["weights"]:
        raise UsageError(
            f"{former.folder} is not the model any more that this run began with (its weights have "
            f"SHA-256 {former.sha256[:12]}..., they had {str(facts['weights'])[:12]}...); put it "
            "back, or begin a new run"
        )
    return former


def _in_words(went: WentOn) -> str:
    words = "its backbone"
    if went.tasks:
        words += f" and its heads of {', '.join(went.tasks)}"
    if went.parts:
        words += f" with {', '.join(went.parts)}"
    if went.anew:
        words += f"; new heads of {', '.join(went.anew)}, as its own have other labels or layers"
    return words
