"""The table of networks, by the name that a recipe's ``model.network`` has for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lapel.models.landmark_attention import LandmarkAttentionNetwork
from lapel.models.multitask import Architecture, Network
from lapel.schema.errors import RecipeError
from lapel.schema.labels import Schema


def _mask_rcnn(schema: Schema, architecture: Architecture) -> Network:
    # Loaded when it is asked for: torchvision takes seconds.
    from lapel.models.mask_rcnn import MaskRCNNNetwork  # noqa: PLC0415

    return MaskRCNNNetwork(schema, architecture)


NETWORKS: dict[str, Callable[[Schema, Architecture], Network]] = {
    "plain": Network,
    "landmark-attention": LandmarkAttentionNetwork,
    "mask-rcnn": _mask_rcnn,
}

#: Kinds of task that a network has no answer to.
DECLINED: Mapping[str, tuple[str, ...]] = {
    "plain": ("garments",),
    "landmark-attention": ("garments", "segmentation"),
    "mask-rcnn": ("single_label", "multi_label", "landmarks", "segmentation"),
}


def declined_tasks(network: str, schema: Schema) -> tuple[str, ...]:
    """Names of the tasks that a network has no answer to."""
    kinds = DECLINED.get(network, ())
    return tuple(spec.name for spec in schema if spec.kind in kinds)


def build_network(schema: Schema, architecture: Architecture) -> Network:
    """A network as an architecture describes it, with random weights where it names no others.

    Raises:
        RecipeError: no such network, or one that does not go with the schema or its backbone.
    """
    network = NETWORKS.get(architecture.network)
    if network is None:
        raise RecipeError(
            f"there is no network '{architecture.network}'; there are: {', '.join(NETWORKS)}"
        )
    return network(schema, architecture)
