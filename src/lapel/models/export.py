"""A network as an ONNX graph, so that nothing but an engine is needed to predict."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from lapel.models.multitask import Network

#: Operators of this set are known to every engine we answer with.
OPSET = 17

#: Pictures a batch may be any number.
BATCH: Mapping[int, str] = {0: "batch"}


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
    which the newer one refuses. The graph of a detector takes one picture at a time, of any height
    and width that the steps of its maps divide; engines go from picture to picture.
    """
    example = torch.zeros(
        1 if network.one_by_one else 2, channels, height, width, dtype=torch.uint8
    )
    network.eval()  # a look in the mode of learning would move statistics
    with torch.no_grad():
        names = list(network.exported(example))
    free = {2: "height", 3: "width"} if network.one_by_one else {0: "batch"}
    return graph_of(_Outputs(network), example, names, free)


def graph_of(
    module: nn.Module, pixels: Tensor, names: Sequence[str], free: Mapping[int, str] = BATCH
) -> bytes:
    """The ONNX graph of a module that takes pixels and gives a tuple of outputs.

    Args:
        module: is judged, not learning, in the graph.
        pixels: an example, uint8 (N, C, H, W).
        names: of the outputs.
        free: dimensions of the pixels that may be of any size in the graph, and their names; where
            the first is one of them, so it is of the outputs.
    """
    graph = io.BytesIO()
    outer = {0: free[0]} if 0 in free else {}
    with warnings.catch_warnings():
        # It says at each call that the other exporter is the default now.
        warnings.simplefilter("ignore", DeprecationWarning)
        # timm's transformers look at sizes, which do not change from picture to picture; whether
        # the graph answers like the network is tried afterwards, on real ones.
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # type: ignore[attr-defined] # torch names it only so
        # torchvision's detectors take sizes for tensors, as which they stay free in the graph.
        warnings.filterwarnings("ignore", "To copy construct from a tensor", UserWarning)
        # No position in them is negative.
        warnings.filterwarnings("ignore", "Exporting aten::index operator", UserWarning)
        # They hand some steps to torch's own language, of which it says that it will go.
        warnings.filterwarnings("ignore", ".*torch.jit.script. is deprecated", FutureWarning)
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
            dynamic_axes={"pixels": dict(free), **dict.fromkeys(names, outer)},
        )
    return graph.getvalue()
