"""A bundle for contests: a network of one linear layer a task, so that answers can be foretold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lapel.imaging.preprocess import Preprocess
from lapel.inference.bundle import write_bundle
from lapel.schema.labels import Schema, TaskSpec

SIZE = 8


def readout(spec: TaskSpec) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weights (3, labels) and biases (labels,) of a task: another for each name.

    A tag holds from a brightness of its own on: none in a black picture, all in a white one.
    """
    random = np.random.default_rng([ord(letter) for letter in spec.name])
    labels = len(spec.labels)
    weights = random.normal(0, 9, (3, labels)).astype(np.float32)
    if spec.kind == "multi_label":
        weights = np.abs(weights)
    brightness = np.linspace(0.3, 0.7, labels, dtype=np.float32)
    return weights, -weights.sum(axis=0) * brightness


def logits(spec: TaskSpec, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """What the network says of a plain picture (H, W, 3)."""
    weights, bias = readout(spec)
    mean = pixels.reshape(-1, 3).mean(axis=0) / 255
    said: NDArray[np.float64] = mean @ weights + bias
    return said


def network(schema: Schema) -> bytes:
    """An ONNX graph from ``pixels`` uint8 (batch, 3, 8, 8) to an output a task."""
    from onnx import TensorProto, helper, numpy_helper

    node = helper.make_node
    nodes = [
        node("Cast", ["pixels"], ["values"], to=TensorProto.FLOAT),
        node("Div", ["values", "white"], ["scaled"]),
        node("GlobalAveragePool", ["scaled"], ["means"]),
        node("Flatten", ["means"], ["features"]),
    ]
    constants = {"white": np.asarray(np.float32(255))}
    outputs = []
    for spec in schema:
        constants[f"{spec.name} weights"], constants[f"{spec.name} bias"] = readout(spec)
        nodes += [
            node("MatMul", ["features", f"{spec.name} weights"], [f"{spec.name} product"]),
            node("Add", [f"{spec.name} product", f"{spec.name} bias"], [spec.name]),
        ]
        shape: list[str | int | None] = ["batch", len(spec.labels)]
        outputs.append(helper.make_tensor_value_info(spec.name, TensorProto.FLOAT, shape))
    graph = helper.make_graph(
        nodes,
        "contest",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["batch", 3, SIZE, SIZE])],
        outputs,
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    opset = helper.make_opsetid("", 17)
    return bytes(helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString())


def write_contest_bundle(folder: Path, schema: Schema) -> Path:
    """A bundle that answers a schema."""
    write_bundle(
        folder,
        name="contest",
        schema=schema,
        preprocess=Preprocess(
            height=SIZE, width=SIZE, channels=3, fit="stretch", mean=(0.5,) * 3, std=(0.5,) * 3
        ),
        architecture={"backbone": "linear"},
        calibration={},
        scores={},
        provenance={"recipe": "tests"},
        model_onnx=network(schema),
        weights=b"",
        card="# Contest",
    )
    return folder
