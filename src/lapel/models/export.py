"""A network as an ONNX graph, so that nothing but an engine is needed to predict."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lapel.models.multitask import Network

#: Operators of this set are known to every engine we answer with.
OPSET = 17


class _Outputs(nn.Module):
    """The network with all that it gives as a tuple, since a graph has no dictionaries."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.network.exported(pixels).values())


def export_onnx(network: Network, *, channels: int, height: int, width: int) -> bytes:
    """The ONNX graph of a network: ``pixels`` uint8 (batch, C, H, W) to one output a task.

    Behind them come the outputs that ``lapel.schema.outputs`` names: who does not ask an engine
    for them does not pay for them.

    torch's TorchScript-based exporter is used, as it also takes detectors with free sizes,
    which the newer one refuses.
    """
    example = torch.zeros(2, channels, height, width, dtype=torch.uint8)
    network.eval()  # a look in the mode of learning would move statistics
    with torch.no_grad():
        names = list(network.exported(example))
    return graph_of(_Outputs(network), example, names)


def graph_of(module: nn.Module, pixels: Tensor, names: Sequence[str]) -> bytes:
    """The ONNX graph of a module that takes pixels and gives a tuple of outputs.

    Args:
        module: is judged, not learning, in the graph.
        pixels: an example, uint8 (N, C, H, W); N is free in the graph.
        names: of the outputs.
    """
    graph = io.BytesIO()
    with warnings.catch_warnings():
        # It says at each call that the other exporter is the default now.
        warnings.simplefilter("ignore", DeprecationWarning)
        # timm's transformers look at sizes, which do not change from picture to picture; whether
        # the graph answers like the network is tried afterwards, on real ones.
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # type: ignore[attr-defined] # torch names it only so
        torch.onnx.export(
            # The exporter puts the mode back as it found it, all the way down: so this, too, has
            # to be one that judges.
            module.eval(),
            (pixels,),
            graph,  # type: ignore[arg-type] # it takes a buffer, its annotation does not say so
            dynamo=False,
            opset_version=OPSET,
            input_names=["pixels"],
            output_names=list(names),
            dynamic_axes={name: {0: "batch"} for name in ["pixels", *names]},
        )
    return graph.getvalue()
