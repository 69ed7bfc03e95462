"""Data for the tests: drawn here, small, the same every time. Nothing is committed or fetched."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cloud_account import ObjectStore, emptied, moto_account
from numpy.typing import NDArray
from PIL import Image

# Before torch is imported: two processes share the cores, and sums in one thread have one order,
# so that a run in this process and one in another end in the same bits.
os.environ["OMP_NUM_THREADS"] = "1"

# Whoever starts the tests behind a shell's `&` or `nohup` has them ignore these, and with them
# every command that they try.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

CLASSES = ("dress", "hat", "shoes")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What tests keep for the next run is kept for this one alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAPEL_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Runs a command in this process; gives exit code, stdout and stderr."""
    from lapel.cli.main import main

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["lapel", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert isinstance(ended.value.code, int)
        return ended.value.code, *capsys.readouterr()

    return run


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """An account of AWS on this machine, as moto's server plays it; once for all tests."""
    with moto_account(tmp_path_factory.mktemp("moto")) as account:
        yield account


@pytest.fixture
def aws(moto: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    """The account, empty, and boto3's chain led to it; processes started here follow."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)
    yield moto
    emptied(moto)


@pytest.fixture
def forbid(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Makes a folder one that may not be looked into, as its mode does for all but root."""
    listed = os.scandir

    def forbid(folder: Path) -> None:
        def scandir(path: Any = ".") -> Any:
            if not isinstance(path, int) and Path(path) == folder:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return listed(path)

        monkeypatch.setattr(os, "scandir", scandir)

    return forbid


def draw_photo(kind: int, *, seed: int, width: int = 48, height: int = 64) -> NDArray[np.uint8]:
    """A bright picture (height, width, 3) with a dark shape that tells its kind, 0 to 9."""
    random = np.random.default_rng((kind, seed))
    photo = np.empty((height, width, 3), np.uint8)
    photo[...] = random.integers(225, 256, photo.shape)
    top, left = random.integers(2, 8, 2)
    rows, columns = np.mgrid[0:height, 0:width]
    inside = (rows >= top) & (columns >= left) & (rows < height - 6) & (columns < width - 6)
    stripes = (rows * (kind % 3 - 1) + columns * (kind % 4)) // 6 % 2 == 0
    shape = inside & (stripes | (np.hypot(rows - height / 2, columns - width / 2) < 4 + 2 * kind))
    photo[shape] = random.integers(20, 90, 3) + np.array([kind * 12, 60 - kind * 6, 5 * kind])
    return photo


def draw_small(kind: int, *, seed: int) -> NDArray[np.uint8]:
    """A picture like Fashion-MNIST's: uint8 (28, 28), bright on black, of kind 0 to 9."""
    photo = draw_photo(kind, seed=seed, width=28, height=28)
    gray: NDArray[np.uint8] = (255 - photo.mean(axis=2)).astype(np.uint8)
    return gray


def write_class_folders(root: Path, *, per_class: int = 6) -> Path:
    """``train/`` and ``valid/`` with a folder a class, photos in JPEG and PNG of two sizes."""
    for kind, label in enumerate(CLASSES):
        for number in range(per_class):
            split = "valid" if number % 3 == 2 else "train"
            path = root / split / label / f"{label}_{number}.{'png' if number % 2 else 'jpg'}"
            path.parent.mkdir(parents=True, exist_ok=True)
            width = 48 if number % 2 else 60
            Image.fromarray(draw_photo(kind, seed=number, width=width)).save(path)
    return root


def write_idx_folder(root: Path, *, train: int = 120, test: int = 40) -> Path:
    """Four IDX files like Fashion-MNIST's, with all ten classes in turn."""
    from lapel.data.reading.idx import idx_bytes

    root.mkdir(parents=True, exist_ok=True)
    for part, count, first in (("train", train, 0), ("t10k", test, 100_000)):
        labels = (np.arange(count) % 10).astype(np.uint8)
        pictures = [draw_small(int(kind), seed=first + row) for row, kind in enumerate(labels)]
        (root / f"{part}-images-idx3-ubyte").write_bytes(idx_bytes(np.stack(pictures)))
        (root / f"{part}-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
    return root


@pytest.fixture(scope="session")
def class_folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eighteen photos in class folders below ``train/`` and ``valid/``. Not to be changed."""
    return write_class_folders(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="session")
def idx_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small set in Fashion-MNIST's layout, 120 to train and 40 to test. Not to be changed."""
    return write_idx_folder(tmp_path_factory.mktemp("idx"))


@pytest.fixture(scope="session")
def photo_dataset(class_folders: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an imported dataset of ``class_folders``: train 12, validation 6."""
    from lapel.data.importing import import_dataset

    folder = tmp_path_factory.mktemp("datasets") / "photos"
    return import_dataset("folder", class_folders, folder).folder


@pytest.fixture(scope="session")
def small_dataset(idx_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an imported dataset of ``idx_folder``: train 110, validation 10, test 40."""
    from lapel.data.importing import import_dataset

    folder = tmp_path_factory.mktemp("datasets") / "small"
    return import_dataset("fashion-mnist", idx_folder, folder, verify=False).folder


@pytest.fixture
def own_photos(tmp_path: Path) -> Path:
    """The photos of ``class_folders`` once more, for a test that damages them."""
    return write_class_folders(tmp_path / "photos")


@pytest.fixture
def own_dataset(own_photos: Path, tmp_path: Path) -> Path:
    """A dataset of ``own_photos``, for a test that changes it."""
    from lapel.data.importing import import_dataset

    return import_dataset("folder", own_photos, tmp_path / "dataset").folder


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A machine that reaches nothing: neither hosts nor the distribution's packages."""

    def cut() -> None:
        monkeypatch.setenv("PATH", "")
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")

    return cut


COLOURS = ("red", "green", "blue")


def colour_network(*, size: int, task: str = "colour", labels: Sequence[str] = COLOURS) -> bytes:
    """An ONNX graph that names the strongest colour of ``pixels`` uint8 (batch, 3, size, size).

    A layer of random filters has a small say too, so that answers have all their digits.
    """
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(5)
    filters = random.normal(0, 0.2, (24, 3, 3, 3)).astype(np.float32)
    readout = random.normal(0, 0.1, (24, len(labels))).astype(np.float32)
    strength = np.eye(3, len(labels), dtype=np.float32) * 12
    node = helper.make_node
    nodes = [
        node("Cast", ["pixels"], ["values"], to=TensorProto.FLOAT),
        node("Div", ["values", "white"], ["scaled"]),
        node("GlobalAveragePool", ["scaled"], ["means"]),
        node("Flatten", ["means"], ["colour_means"]),
        node("MatMul", ["colour_means", "strength"], ["by_colour"]),
        node("Conv", ["scaled", "filters"], ["maps"], pads=[1, 1, 1, 1]),
        node("Relu", ["maps"], ["rectified"]),
        node("GlobalAveragePool", ["rectified"], ["pooled"]),
        node("Flatten", ["pooled"], ["features"]),
        node("MatMul", ["features", "readout"], ["by_filters"]),
        node("Add", ["by_colour", "by_filters"], [task]),
    ]
    constants = {"white": np.float32(255), "strength": strength, "filters": filters}
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["batch", 3, size, size])],
        [helper.make_tensor_value_info(task, TensorProto.FLOAT, ["batch", len(labels)])],
        [
            numpy_helper.from_array(np.asarray(value), name)
            for name, value in {**constants, "readout": readout}.items()
        ],
    )
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    return bytes(model.SerializeToString())


def write_colour_bundle(folder: Path, *, size: int = 24) -> Path:
    """A bundle whose task ``colour`` names a picture's strongest colour."""
    from lapel.imaging.preprocess import Preprocess
    from lapel.inference.bundle import write_bundle
    from lapel.schema.labels import Schema, TaskSpec

    write_bundle(
        folder,
        name="colours",
        schema=Schema((TaskSpec(name="colour", kind="single_label", labels=COLOURS),)),
        preprocess=Preprocess(
            height=size, width=size, channels=3, fit="letterbox", mean=(0.5,) * 3, std=(0.5,) * 3
        ),
        architecture={"backbone": "colours"},
        calibration={"colour": {"temperature": 1.25}},
        scores={"validation": {"colour.accuracy": 1.0}},
        provenance={"recipe": "tests"},
        model_onnx=colour_network(size=size),
        weights=b"",
        card="# Colours",
    )
    return folder


@pytest.fixture(scope="session")
def colour_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that names the strongest colour of a picture. Not to be changed."""
    return write_colour_bundle(tmp_path_factory.mktemp("bundles") / "colours")


@pytest.fixture
def own_colour_bundle(tmp_path: Path) -> Path:
    """The same bundle, to be damaged."""
    return write_colour_bundle(tmp_path / "colours")


SHADES = ("빨강", "[green]", "=파랑")


def write_many_bundle(folder: Path, *, tags: str = "shades") -> Path:
    """A bundle of two tasks: the strongest colour, and which of three are strong."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    from lapel.imaging.preprocess import Preprocess
    from lapel.inference.bundle import write_bundle
    from lapel.schema.labels import Schema, TaskSpec

    model = onnx.load_from_string(colour_network(size=24))
    half = numpy_helper.from_array(np.asarray(6, np.float32), "half")
    model.graph.initializer.append(half)
    model.graph.node.append(helper.make_node("Sub", ["by_colour", "half"], [tags]))
    model.graph.output.append(
        helper.make_tensor_value_info(tags, TensorProto.FLOAT, ["batch", len(SHADES)])
    )
    write_bundle(
        folder,
        name="many",
        schema=Schema(
            (
                TaskSpec(name="colour", kind="single_label", labels=COLOURS),
                TaskSpec(name=tags, kind="multi_label", labels=SHADES),
            )
        ),
        preprocess=Preprocess(
            height=24, width=24, channels=3, fit="stretch", mean=(0.5,) * 3, std=(0.5,) * 3
        ),
        architecture={"backbone": "colours"},
        calibration={tags: {"temperature": 2.0, "threshold.=파랑": 0.3}},
        scores={"validation": {}},
        provenance={},
        model_onnx=model.SerializeToString(),
        weights=b"",
        card="# Many",
    )
    return folder


@pytest.fixture(scope="session")
def many_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with a ``single_label`` and a ``multi_label`` task. Not to be changed."""
    return write_many_bundle(tmp_path_factory.mktemp("bundles") / "many")


@pytest.fixture
def make_many_bundle() -> Callable[..., Path]:
    """Writes such a bundle anew: folder, and ``tags`` for another name of its second task."""
    return write_many_bundle
