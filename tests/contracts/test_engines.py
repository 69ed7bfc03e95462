"""What every engine must do; a new one is tested by its line in the table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from lapel.inference.engines import ENGINES, Engine, open_engine
from lapel.schema.errors import BundleError

SIZE = 20


def conv_network() -> bytes:
    """Two layers of convolution, two outputs, float weights with all their digits."""
    random = np.random.default_rng(2)
    shapes = {"first": (32, 3, 3, 3), "second": (64, 32, 3, 3), "style": (64, 7), "fit": (64, 2)}
    weights = {name: random.normal(0, 0.1, shape) for name, shape in shapes.items()}
    node = helper.make_node
    nodes = [
        node("Cast", ["pixels"], ["values"], to=TensorProto.FLOAT),
        node("Conv", ["values", "first"], ["a"], pads=[1, 1, 1, 1]),
        node("Relu", ["a"], ["b"]),
        node("MaxPool", ["b"], ["c"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Conv", ["c", "second"], ["d"], pads=[1, 1, 1, 1]),
        node("Sigmoid", ["d"], ["e"]),
        node("GlobalAveragePool", ["e"], ["f"]),
        node("Flatten", ["f"], ["g"]),
        node("MatMul", ["g", "style"], ["garment style"]),
        node("MatMul", ["g", "fit"], ["핏"]),
    ]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "conv",
        [value("pixels", TensorProto.UINT8, ["batch", 3, SIZE, SIZE])],
        [
            value("garment style", TensorProto.FLOAT, ["batch", 7]),
            value("핏", TensorProto.FLOAT, ["batch", 2]),
        ],
        [numpy_helper.from_array(each.astype(np.float32), name) for name, each in weights.items()],
    )
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    return bytes(model.SerializeToString())


def reading_a_file() -> bytes:
    """A graph whose weights are to be read from a file of the machine."""
    tensor = numpy_helper.from_array(np.zeros(4, np.float32), "w")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, text in (("location", "secret"), ("offset", "0"), ("length", "16")):
        tensor.external_data.add(key=key, value=text)
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Add", ["pixels", "w"], ["y"])],
        "reads",
        [info("pixels", TensorProto.FLOAT, [4])],
        [info("y", TensorProto.FLOAT, [4])],
        [tensor],
    )
    opset = helper.make_opsetid("", 17)
    return bytes(helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString())


@pytest.fixture(params=list(ENGINES))
def build(request: pytest.FixtureRequest) -> Callable[[bytes], Engine]:
    return ENGINES[request.param]


@pytest.fixture
def engine(build: Callable[[bytes], Engine]) -> Engine:
    return build(conv_network())


@pytest.fixture
def pixels() -> NDArray[np.uint8]:
    shape = (37, 3, SIZE, SIZE)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def test_one_float32_array_a_task(engine: Engine, pixels: NDArray[np.uint8]) -> None:
    outputs = engine.run(pixels)
    assert list(outputs) == ["garment style", "핏"]
    assert [each.shape for each in outputs.values()] == [(37, 7), (37, 2)]
    assert {each.dtype for each in outputs.values()} == {np.dtype(np.float32)}


def test_outputs_asked_for_come_alone_and_the_same(
    engine: Engine, pixels: NDArray[np.uint8]
) -> None:
    assert engine.names == ("garment style", "핏")
    some = engine.run(pixels, ["핏"])
    assert list(some) == ["핏"]
    assert np.array_equal(some["핏"], engine.run(pixels)["핏"])
    with pytest.raises(BundleError, match="no output 'heatmaps'; it has: garment style, 핏"):
        engine.run(pixels, ["heatmaps"])


def test_the_same_bits_every_time(
    build: Callable[[bytes], Engine], engine: Engine, pixels: NDArray[np.uint8]
) -> None:
    reference = engine.run(pixels)["garment style"]
    assert np.array_equal(engine.run(pixels)["garment style"], reference)
    assert np.array_equal(build(conv_network()).run(pixels)["garment style"], reference)


@pytest.mark.parametrize("batch", [1, 2, 3, 8, 36])
def test_the_same_bits_in_any_batch(engine: Engine, pixels: NDArray[np.uint8], batch: int) -> None:
    parts = [engine.run(pixels[start : start + batch]) for start in range(0, 37, batch)]
    found = np.concatenate([part["garment style"] for part in parts])
    assert np.array_equal(found, engine.run(pixels)["garment style"])


def test_pictures_do_not_see_each_other(engine: Engine, pixels: NDArray[np.uint8]) -> None:
    order = np.random.default_rng(1).permutation(37)
    found = engine.run(pixels[order])["핏"]
    assert np.array_equal(found, engine.run(pixels)["핏"][order])


@pytest.mark.parametrize("graph", [b"", b"no graph", b"\x08\x08"])
def test_bytes_that_are_no_graph(build: Callable[[bytes], Engine], graph: bytes) -> None:
    with pytest.raises(BundleError, match="export the model again"):
        build(graph)


def test_a_graph_reads_no_files(
    build: Callable[[bytes], Engine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret").write_bytes(np.arange(4, dtype=np.float32).tobytes())
    with pytest.raises(BundleError):
        build(reading_a_file())


@pytest.mark.parametrize("shape", [(1, 3, SIZE, SIZE + 1), (1, 1, SIZE, SIZE), (3, SIZE, SIZE)])
def test_pixels_of_another_shape(engine: Engine, shape: tuple[int, ...]) -> None:
    with pytest.raises(BundleError, match="does not take pixels"):
        engine.run(np.zeros(shape, np.uint8))


def test_nothing_is_printed(
    build: Callable[[bytes], Engine], capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BundleError):
        build(b"no graph")
    build(conv_network())
    assert capfd.readouterr() == ("", "")


def test_auto_takes_the_first_of_the_table() -> None:
    first = next(iter(ENGINES))
    assert type(open_engine("auto", conv_network())) is type(open_engine(first, conv_network()))
