"""A network of 8-bit integers from one of float32, by ONNX Runtime's static quantisation.

Weights become int8, a scale for each channel; what flows between layers uint8, with a scale that is
found on real pictures (B. Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", CVPR 2018, arXiv 1712.05877). The graph says so with pairs of
QuantizeLinear and DequantizeLinear, which ONNX Runtime and OpenVINO both turn into integer kernels.

The first layer stays in float32, as what it loses is lost to all others; and so do layers that
answer: they are small, and their digits are the answer. Steps that count coordinates stay, too: 256
steps are too few for a place.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from lapel.schema.errors import BundleError, first_line

#: Layers with weights: nearly all of the time is theirs.
LAYERS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})

#: Steps between layers that integers take as well, so that values need not become floats between.
STEPS = frozenset({"Add", "AveragePool", "Clip", "Concat", "GlobalAveragePool", "MaxPool", "Relu"})

#: Steps through which features flow on to another layer; what comes behind any other is an answer,
#: as are the chances of places (Softmax) that coordinates are counted from.
CARRIERS = STEPS | {
    "BatchNormalization", "Cast", "Div", "Erf", "Flatten", "Gather", "HardSigmoid", "HardSwish",
    "Identity", "LayerNormalization", "LeakyRelu", "MatMul", "Mul", "Pad", "ReduceMean", "Reshape",
    "Resize", "Sigmoid", "Slice", "Split", "Squeeze", "Sub", "Tanh", "Transpose", "Unsqueeze",
}  # fmt: skip


def quantize(graph: bytes, batches: Iterable[NDArray[np.uint8]], *, spared: int = 1) -> bytes:
    """The graph of a network in 8-bit integers.

    Args:
        graph: the bytes of an ONNX file, in float32.
        batches: prepared pixels (N, C, h, w) that are like those to come: ranges are found on them.
            They are gone through once.
        spared: so many of the first layers stay in float32.

    Raises:
        BundleError: the graph holds no layer that could be quantised, or cannot be.
    """
    with TemporaryDirectory(prefix="lapel-int8-") as name, _quiet():
        folder = Path(name)
        try:
            model = _prepared(graph, folder)
            chosen = nodes_to_quantize(model.graph, spared)
            if not chosen:
                raise BundleError(
                    "no layer of this network could be quantised: all that it has answer directly"
                )
            _quantize(model, chosen, batches, folder / "int8.onnx")
        except BundleError:
            raise
        except Exception as error:  # its exceptions share no base
            raise BundleError(
                f"this network could not be quantised: {first_line(error)}"
            ) from error
        return (folder / "int8.onnx").read_bytes()


def nodes_to_quantize(graph: Any, spared: int = 1) -> list[str]:  # noqa: ANN401 - onnx ships no types
    """Names of nodes that become integers: layers that another layer follows, and steps between.

    Args:
        graph: an ONNX graph whose nodes have names.
        spared: so many of the first layers stay as they are.
    """
    constants = {tensor.name for tensor in graph.initializer}
    layers = [node.name for node in graph.node if _is_layer(node, constants)]
    leads_on = _leads_on(graph, set(layers))
    integers = {name for name in layers[spared:] if leads_on[name]}
    between = _leads_on(graph, integers)
    made_by = {output: node.name for node in graph.node for output in node.output}
    for node in graph.node:  # in the order of computing
        if node.op_type not in STEPS or not between[node.name]:
            continue
        taken = [name for name in node.input if name and name not in constants]
        if taken and all(made_by.get(name) in integers for name in taken):
            integers.add(node.name)
    return [node.name for node in graph.node if node.name in integers]


def _is_layer(node: Any, constants: set[str]) -> bool:  # noqa: ANN401 - as above
    """Whether it has weights: products of two tensors that flow have none."""
    return node.op_type in LAYERS and len(node.input) > 1 and node.input[1] in constants


def _leads_on(graph: Any, layers: set[str]) -> dict[str, bool]:  # noqa: ANN401 - as above
    """Node to whether another layer follows it, with nothing but carriers between."""
    takers = defaultdict(list)
    for node in graph.node:
        for name in node.input:
            takers[name].append(node)
    leads: dict[str, bool] = {}
    for node in reversed(graph.node):  # those that follow come first
        after = [taker for name in node.output for taker in takers[name]]
        leads[node.name] = any(
            taker.name in layers or (taker.op_type in CARRIERS and leads[taker.name])
            for taker in after
        )
    return leads


def _prepared(graph: bytes, folder: Path) -> Any:  # noqa: ANN401 - as above
    """The graph with shapes known, what can be joined joined, and a name for each node."""
    (folder / "float.onnx").write_bytes(graph)
    quant_pre_process(
        str(folder / "float.onnx"), str(folder / "prepared.onnx"), skip_symbolic_shape=True
    )
    model = onnx.load(folder / "prepared.onnx")
    taken = {node.name for node in model.graph.node}
    for number, node in enumerate(model.graph.node):
        if not node.name:
            node.name = next(
                name
                for name in (f"{node.op_type}_{number}", f"node_{number}_")
                if name not in taken
            )
    return model


def _quantize(
    model: Any,  # noqa: ANN401 - as above
    chosen: Sequence[str],
    batches: Iterable[NDArray[np.uint8]],
    out: Path,
) -> None:
    types = sorted({node.op_type for node in model.graph.node if node.name in set(chosen)})
    quantize_static(
        model,
        str(out),
        _Pictures(model.graph.input[0].name, batches),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=types,
        nodes_to_quantize=list(chosen),
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,
    )


class _Pictures(CalibrationDataReader):  # type: ignore[misc] # ONNX Runtime ships no types
    """Batches of pixels as ONNX Runtime wants to be given them."""

    def __init__(self, name: str, batches: Iterable[NDArray[np.uint8]]) -> None:
        self._name = name
        self._batches = iter(batches)

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        """The next batch; None when all were given."""
        pixels = next(self._batches, None)
        return None if pixels is None else {self._name: pixels}


@contextmanager
def _quiet() -> Iterator[None]:
    """ONNX Runtime's tools speak through the root logger, about what was done for them already."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(before)
