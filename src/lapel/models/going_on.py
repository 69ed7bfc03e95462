"""A network that goes on from what a former one has learned: its heads too, where they fit.

The backbone comes with ``model.options.weights``, as for every network that begins with a bundle's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lapel.models.multitask import Network, SeparateHeads
from lapel.models.weights import FormerModel, check_finite
from lapel.schema.errors import RecipeError, SchemaError
from lapel.schema.labels import Schema, TaskSpec
from lapel.schema.outputs import EMBEDDING

#: What the weights of heads are called in a bundle; those of the third: ``heads.2.``.
HEADS = "heads."

#: Comes another way.
BACKBONE = "backbone"


@dataclass(frozen=True, slots=True, kw_only=True)
class WentOn:
    """With what a network goes on.

    Attributes:
        tasks: those whose heads go on where the former model's ended.
        anew: those whose heads begin with random weights.
        parts: of the network, beside backbone and heads, that go on as well.
    """

    tasks: tuple[str, ...]
    anew: tuple[str, ...]
    parts: tuple[str, ...] = ()


def go_on_from(network: Network, former: FormerModel, schema: Schema) -> WentOn:
    """Give a network the weights of a former one's heads, and of its other parts, where they fit.

    A head fits where its task has the same name, kind and labels in the same order, and its layers
    the same shapes. Heads that share layers fit where all tasks are the same.

    Args:
        network: as it was built, with the former model's backbone.
        former: the model to go on from.
        schema: of the network.

    Raises:
        RecipeError: the former model's weights are not those of its bundle, or no numbers.
    """
    tensors = former.all_tensors()
    check_finite(tensors, origin=str(former.folder))
    before = _schema_of(former)
    parts = tuple(
        name
        for name, part in network.named_children()
        if name not in {BACKBONE, "heads"}
        # What finds landmarks for attention has no task's name, and is of no use for others.
        and (name == EMBEDDING or _landmarks(before) == _landmarks(schema))
        and _put(part, tensors, f"{name}.")
    )
    tasks = _put_heads(network.heads, tensors, before, schema)
    return WentOn(
        tasks=tasks,
        anew=tuple(spec.name for spec in schema if spec.name not in tasks),
        parts=parts,
    )


def _schema_of(former: FormerModel) -> Schema:
    try:
        return Schema.from_json(former.manifest["schema"])
    except (KeyError, SchemaError) as error:
        raise RecipeError(f"{former.folder} says no schema that is one: {error!r}") from error


def _landmarks(schema: Schema) -> list[TaskSpec]:
    return [spec for spec in schema if spec.kind == "landmarks"]


def _put_heads(
    heads: nn.Module, tensors: Mapping[str, Tensor], before: Schema, schema: Schema
) -> tuple[str, ...]:
    """Fill the heads that fit, and name their tasks."""
    if not isinstance(heads, SeparateHeads):
        same = before.tasks == schema.tasks
        fits = same and _put(heads, tensors, HEADS)
        return tuple(spec.name for spec in schema) if fits else ()
    places = {spec.name: place for place, spec in enumerate(before)}
    return tuple(
        spec.name
        for head, spec in zip(heads, schema, strict=True)
        if spec in before.tasks and _put(head, tensors, f"{HEADS}{places[spec.name]}.")
    )


@torch.no_grad()
def _put(part: nn.Module, tensors: Mapping[str, Tensor], prefix: str) -> bool:
    """Give a part of a network its weights, all or none; whether it had some and they fitted."""
    own = {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
    expected = part.state_dict()
    if not expected or own.keys() != expected.keys():
        return False
    if any(own[name].shape != value.shape for name, value in expected.items()):
        return False
    part.load_state_dict(own)
    return True
