"""What every engine must do; a new one is tested by its line in the table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import save

from lapel.imaging.preprocess import Preprocess
from lapel.inference.bundle import INT8, NETWORK, Bundle, add_forms, write_bundle
from lapel.inference.engines.base import Engine
from lapel.inference.engines.onnxruntime_engine import OnnxRuntimeEngine
from lapel.inference.engines.openvino_engine import OpenVinoEngine
from lapel.inference.engines.table import ENGINES, open_engine
from lapel.inference.quantize import quantize
from lapel.models.export import export_onnx
from lapel.models.multitask import Architecture, Network
from lapel.schema.errors import BundleError
from lapel.schema.labels import Schema, TaskSpec
from lapel.training.run.checkpoint import copy_of

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


#: What is built from the bytes of a graph.
OF_GRAPHS: dict[str, Callable[[bytes], Engine]] = {
    "onnxruntime": OnnxRuntimeEngine,
    "openvino": OpenVinoEngine,
}

#: Engines that go through the same sums for a picture alone and among others; of the others it is
#: asked that they hardly differ, as a share of the largest output.
SAME_BITS = {"onnxruntime", "onnxruntime-int8", "openvino", "openvino-int8"}
NEARLY = {"openvino-bf16": 0.02, "torch": 1e-5}

SCHEMA = Schema(
    (
        TaskSpec(name="garment style", kind="single_label", labels=tuple("abcdefg")),
        TaskSpec(name="핏", kind="multi_label", labels=("slim", "loose")),
    )
)


def small_network() -> Network:
    torch.manual_seed(0)
    architecture = Architecture(
        backbone="lapel-small",
        options={"widths": [16, 32], "depth": 3, "residual": True},
        mean=[0.5] * 3,
        std=[0.25] * 3,
    )
    network = Network(SCHEMA, architecture)
    shown = torch.from_numpy(some_pixels(64, seed=1))
    network.fit_to(shown)
    with torch.no_grad():
        network.train()(shown)  # so that batch normalisation has seen something
    return network.eval()


def some_pixels(count: int, *, seed: int = 0) -> NDArray[np.uint8]:
    shape = (count, 3, SIZE, SIZE)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle of a network that nobody taught, in all forms that engines run."""
    folder = tmp_path_factory.mktemp("bundles") / "small"
    network = small_network()
    graph = export_onnx(network, channels=3, height=SIZE, width=SIZE)
    written = write_bundle(
        folder,
        name="small",
        schema=SCHEMA,
        preprocess=Preprocess(
            height=SIZE, width=SIZE, channels=3, fit="stretch", mean=(0.5,) * 3, std=(0.25,) * 3
        ),
        architecture={
            "backbone": "lapel-small",
            "options": {"widths": [16, 32], "depth": 3, "residual": True},
            "head": {},
            "mean": [0.5] * 3,
            "std": [0.25] * 3,
            "network": "plain",
            "parameters": network.parameter_count,
        },
        calibration={},
        scores={"validation": {}},
        provenance={},
        model_onnx=graph,
        weights=save(copy_of(network.state_dict())),
        card="# Small",
    )
    integers = quantize(graph, [some_pixels(16, seed=2), some_pixels(16, seed=3)])
    return add_forms(written, folder, files={INT8: integers}, engines={}, card="# Small")


@pytest.fixture(params=list(ENGINES))
def name(request: pytest.FixtureRequest) -> str:
    fault = ENGINES[request.param].unfit()
    if fault:
        pytest.skip(fault)
    return str(request.param)


@pytest.fixture
def engine(name: str, bundle: Bundle) -> Engine:
    return open_engine(name, bundle)


@pytest.fixture
def pixels() -> NDArray[np.uint8]:
    return some_pixels(37)


@pytest.fixture(params=list(OF_GRAPHS))
def build(request: pytest.FixtureRequest) -> Callable[[bytes], Engine]:
    return OF_GRAPHS[request.param]


def assert_same(name: str, found: NDArray[np.float32], expected: NDArray[np.float32]) -> None:
    if name in SAME_BITS:
        assert np.array_equal(found, expected)
    else:
        assert np.abs(found - expected).max() <= NEARLY[name] * np.abs(expected).max()


def test_one_float32_array_a_task(engine: Engine, pixels: NDArray[np.uint8]) -> None:
    outputs = engine.run(pixels)
    assert list(outputs) == ["garment style", "핏", "embedding"]
    assert [each.shape for each in outputs.values()] == [(37, 7), (37, 2), (37, 32)]
    assert {each.dtype for each in outputs.values()} == {np.dtype(np.float32)}
    assert all(np.isfinite(each).all() for each in outputs.values())


def test_outputs_asked_for_come_alone_and_the_same(
    name: str, engine: Engine, pixels: NDArray[np.uint8]
) -> None:
    assert engine.names == ("garment style", "핏", "embedding")
    some = engine.run(pixels, ["핏"])
    assert list(some) == ["핏"]
    assert_same(name, some["핏"], engine.run(pixels)["핏"])
    both = engine.run(pixels, ["핏", "garment style"])  # in the order asked
    assert [(task, each.shape) for task, each in both.items()] == [
        ("핏", (37, 2)),
        ("garment style", (37, 7)),
    ]
    with pytest.raises(BundleError, match="no output 'heatmaps'; it has: garment style, 핏"):
        engine.run(pixels, ["heatmaps"])


def test_the_same_bits_every_time(
    name: str, bundle: Bundle, engine: Engine, pixels: NDArray[np.uint8]
) -> None:
    reference = engine.run(pixels)["garment style"]
    assert np.array_equal(engine.run(pixels)["garment style"], reference)
    assert np.array_equal(open_engine(name, bundle).run(pixels)["garment style"], reference)


@pytest.mark.parametrize("batch", [1, 2, 3, 8, 36])
def test_the_same_in_any_batch(
    name: str, engine: Engine, pixels: NDArray[np.uint8], batch: int
) -> None:
    parts = [engine.run(pixels[start : start + batch]) for start in range(0, 37, batch)]
    found = np.concatenate([part["garment style"] for part in parts])
    assert_same(name, found, engine.run(pixels)["garment style"])


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_same_bits_with_any_number_of_threads(
    threads: int, bundle: Bundle, pixels: NDArray[np.uint8]
) -> None:
    engine = OnnxRuntimeEngine((bundle.folder / "model.onnx").read_bytes(), threads=threads)
    for part in (pixels, pixels[:1]):  # side by side, and one alone with all threads
        expected = open_engine("onnxruntime", bundle).run(part)
        for task, output in engine.run(part).items():
            assert np.array_equal(output, expected[task])


def test_pictures_do_not_see_each_other(
    name: str, engine: Engine, pixels: NDArray[np.uint8]
) -> None:
    order = np.random.default_rng(1).permutation(37)
    found = engine.run(pixels[order])["핏"]
    assert_same(name, found, engine.run(pixels)["핏"][order])


def test_engines_of_float32_agree_and_others_nearly(
    name: str, bundle: Bundle, engine: Engine, pixels: NDArray[np.uint8]
) -> None:
    expected = open_engine("onnxruntime", bundle).run(pixels)
    share = 0.15 if ENGINES[name].reduced else 1e-4
    for task, output in engine.run(pixels).items():
        assert np.abs(output - expected[task]).max() < share * np.abs(expected[task]).max()


@pytest.mark.parametrize("shape", [(1, 3, SIZE, SIZE + 1), (1, 1, SIZE, SIZE), (3, SIZE, SIZE)])
def test_pixels_of_another_shape(engine: Engine, shape: tuple[int, ...]) -> None:
    with pytest.raises(BundleError, match="does not take pixels"):
        engine.run(np.zeros(shape, np.uint8))


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


def test_nothing_is_printed(
    build: Callable[[bytes], Engine], capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BundleError):
        build(b"no graph")
    build(conv_network())
    assert capfd.readouterr() == ("", "")


def test_weights_of_another_network_are_refused(bundle: Bundle, tmp_path: Path) -> None:
    torch.manual_seed(1)
    for fault in ({}, {"heads.0.weight": torch.zeros(1)}):
        forged = add_forms(
            bundle,
            tmp_path / str(len(fault)),
            files={"weights.safetensors": save(fault)},
            engines={},
            card="",
        )
        with pytest.raises(BundleError, match="cannot be built anew"):
            open_engine("torch", forged)
    assert bundle.read(NETWORK)
