"""A graph that wants to read a file is found, wherever in it the wish is hidden."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.onnx_ml_pb2 import ModelProto, NodeProto

from lapel.inference.engines.graph_files import refuse_files
from lapel.schema.errors import BundleError


def outside() -> TensorProto:
    tensor = numpy_helper.from_array(np.zeros(4, np.float32), "location")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, text in (("location", "secret"), ("offset", "0"), ("length", "16")):
        tensor.external_data.add(key=key, value=text)
    return tensor


def inside() -> TensorProto:
    return numpy_helper.from_array(np.zeros(4, np.float32), "location")


def as_initializer(tensor: TensorProto) -> ModelProto:
    return model([helper.make_node("Add", ["pixels", "location"], ["y"])], [tensor])


def as_constant(tensor: TensorProto) -> ModelProto:
    return model([helper.make_node("Constant", [], ["y"], value=tensor)])


def in_a_branch(tensor: TensorProto) -> ModelProto:
    value = helper.make_tensor_value_info("branch", TensorProto.FLOAT, [4])
    branch = helper.make_graph(
        [helper.make_node("Identity", ["location"], ["branch"])], "b", [], [value], [tensor]
    )
    node = helper.make_node("If", ["yes"], ["y"], then_branch=branch, else_branch=branch)
    return model([node], [numpy_helper.from_array(np.array(True), "yes")])


def in_a_function(tensor: TensorProto) -> ModelProto:
    made = model([helper.make_node("Mine", [], ["y"], domain="mine")])
    function = helper.make_function(
        "mine",
        "Mine",
        [],
        ["y"],
        [helper.make_node("Constant", [], ["y"], value=tensor)],
        [helper.make_opsetid("", 17)],
    )
    made.functions.append(function)
    return made


def model(nodes: list[NodeProto], tensors: list[TensorProto] | None = None) -> ModelProto:
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "location",
        [value("pixels", TensorProto.FLOAT, [4])],
        [value("y", TensorProto.FLOAT, [4])],
        tensors or [],
        value_info=[value("location", TensorProto.FLOAT, [4])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


PLACES = [as_initializer, as_constant, in_a_branch, in_a_function]


@pytest.mark.parametrize("place", PLACES)
def test_a_tensor_that_lies_in_a_file_is_found(
    place: Callable[[TensorProto], ModelProto],
) -> None:
    refuse_files(place(inside()).SerializeToString())
    with pytest.raises(BundleError, match="wants to read a file of this machine"):
        refuse_files(place(outside()).SerializeToString())


@pytest.mark.parametrize("cut", [1, 7, 40])
def test_a_torn_graph_is_no_graph(cut: int) -> None:
    whole = as_initializer(inside()).SerializeToString()
    with pytest.raises(BundleError, match="these bytes are no graph"):
        refuse_files(whole[:-cut])


def test_graphs_without_end_are_no_graph() -> None:
    deep = b""
    for _ in range(300):
        inner = b"\x32" + length(deep) + deep  # an attribute's graph
        node = b"\x2a" + length(inner) + inner  # a node's attribute
        deep = b"\x0a" + length(node) + node  # a graph's node
    with pytest.raises(BundleError, match="deep within each other"):
        refuse_files(b"\x3a" + length(deep) + deep)


def length(data: bytes) -> bytes:
    value, digits = len(data), b""
    while value > 0x7F:
        digits += bytes([value & 0x7F | 0x80])
        value >>= 7
    return digits + bytes([value])
