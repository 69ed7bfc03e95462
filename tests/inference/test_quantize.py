"""A network in 8-bit integers: which layers become integers, and that it still answers."""

from __future__ import annotations

import logging

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from lapel.inference.engines.onnxruntime_engine import OnnxRuntimeEngine
from lapel.inference.quantize import nodes_to_quantize, quantize
from lapel.schema.errors import BundleError

SIZE = 16


def network() -> bytes:
    """Layers that lead on, steps between, layers that answer, and sums of coordinates."""
    random = np.random.default_rng(3)
    shapes = {"w1": (16, 3, 3, 3), "w2": (16, 16, 3, 3), "w3": (4, 16, 1, 1), "w4": (16, 5)}
    shapes["w5"] = shapes["w2"]
    weights = {name: random.normal(0, 0.2, shape) for name, shape in shapes.items()}
    node = helper.make_node
    nodes = [
        node("Cast", ["pixels"], ["values"], to=TensorProto.FLOAT),
        node("Mul", ["values", "white"], ["scaled"]),
        node("Conv", ["scaled", "w1"], ["a"], name="first", pads=[1, 1, 1, 1]),
        node("Relu", ["a"], ["b"], name="bend"),
        node("Conv", ["b", "w2"], ["c"], name="second", pads=[1, 1, 1, 1]),
        node("Add", ["b", "c"], ["d"], name="residual"),
        node("Relu", ["d"], ["e"], name="bend again"),
        node("Conv", ["e", "w5"], ["h"], name="third", pads=[1, 1, 1, 1]),
        node("Relu", ["h"], ["i"], name="last bend"),
        node("Conv", ["i", "w3"], ["maps"], name="maps"),
        node("Reshape", ["maps", "flat"], ["rows"]),
        node("Softmax", ["rows"], ["likely"], axis=2),
        node("MatMul", ["likely", "places"], ["where"], name="coordinates"),
        node("GlobalAveragePool", ["i"], ["f"], name="pool"),
        node("Flatten", ["f"], ["g"]),
        node("MatMul", ["g", "w4"], ["kind"], name="answer"),
    ]
    constants = {
        **weights,
        "white": np.float32(1 / 255),
        "places": random.uniform(0, 1, (SIZE * SIZE, 2)),
    }
    tensors = [
        numpy_helper.from_array(np.asarray(value, np.float32), name)
        for name, value in constants.items()
    ]
    tensors.append(numpy_helper.from_array(np.array([0, 4, -1], np.int64), "flat"))
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "small",
        [value("pixels", TensorProto.UINT8, ["batch", 3, SIZE, SIZE])],
        [
            value("kind", TensorProto.FLOAT, ["batch", 5]),
            value("where", TensorProto.FLOAT, ["batch", 4, 2]),
        ],
        tensors,
    )
    opset = helper.make_opsetid("", 17)
    return bytes(helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString())


def pictures(count: int, seed: int) -> NDArray[np.uint8]:
    """Smooth ones, as photos are: each quarter of a picture of one colour, and some noise."""
    random = np.random.default_rng(seed)
    coarse = np.repeat(random.integers(0, 200, (count, 3, 2, 2)), SIZE // 2, 2).repeat(SIZE // 2, 3)
    return (coarse + random.integers(0, 56, (count, 3, SIZE, SIZE))).astype(np.uint8)


def test_layers_that_lead_on_become_integers_and_those_that_answer_do_not() -> None:
    graph = onnx.load_from_string(network()).graph
    for number, node in enumerate(graph.node):
        node.name = node.name or f"node {number}"
    whole = ["first", "bend", "second", "residual", "bend again", "third"]
    assert nodes_to_quantize(graph, 0) == whole
    assert nodes_to_quantize(graph) == ["second", "third"]  # what they take is no integer before
    assert nodes_to_quantize(graph, 9) == []


def test_it_answers_nearly_the_same_and_is_smaller() -> None:
    graph = network()
    small = quantize(graph, (pictures(8, seed) for seed in range(4)))
    shown = pictures(20, seed=9)
    expected, found = (OnnxRuntimeEngine(one).run(shown) for one in (graph, small))
    for task, output in found.items():
        assert np.abs(output - expected[task]).max() < 0.05 * np.abs(expected[task]).max()
        assert not np.array_equal(output, expected[task])
    kinds = {node.op_type for node in onnx.load_from_string(small).graph.node}
    assert {"QuantizeLinear", "DequantizeLinear"} <= kinds


def test_pictures_are_asked_for_once_and_nobody_else_is_told(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    handlers = list(logging.root.handlers)
    quantize(network(), iter([pictures(4, seed=0)]))
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")
    assert logging.root.handlers == handlers


def test_what_has_no_layer_between_cannot_be_quantised() -> None:
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Cast", ["pixels"], ["y"], to=TensorProto.FLOAT)],
        "none",
        [value("pixels", TensorProto.UINT8, ["batch", 3, 8, 8])],
        [value("y", TensorProto.FLOAT, ["batch", 3, 8, 8])],
    )
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    with pytest.raises(BundleError, match="no layer of this network could be quantised"):
        quantize(model.SerializeToString(), iter([]))
