"""Pictures of two bright dots, and a network that finds them exactly; drawn, always the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.imaging.preprocess import Preprocess
from lapel.inference.bundle import write_bundle
from lapel.schema.annotation import Annotation, Label
from lapel.schema.geometry import Box, Landmark, Landmarks
from lapel.schema.labels import Schema, TaskSpec
from lapel.schema.outputs import ATTENTION, heatmaps_of

SIDE = 64
NAMES = ("left dot", "right dot", "hem")
POINTS = TaskSpec(name="points", kind="landmarks", labels=NAMES)
BRIGHTER = TaskSpec(name="brighter", kind="single_label", labels=("left", "right"))

#: Where the network always looks for the hem, on its canvas, and the logit of seeing it.
HEM = (0.5, 0.9, -3.0)


def dot_picture(
    width: int, height: int, dots: Sequence[tuple[float, float]], *, spread: float = 2.5
) -> NDArray[np.uint8]:
    """A dark picture (height, width, 3) with round bright dots around places in it."""
    rows, columns = np.mgrid[0:height, 0:width] + 0.5
    light = np.full((height, width), 20.0)
    for x, y in dots:
        light += 235 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * spread**2))
    return np.repeat(np.clip(light, 0, 255).astype(np.uint8)[..., None], 3, axis=-1)


def network(*, side: int = SIDE, maps: bool = True, several: bool = False) -> bytes:
    """An ONNX graph that answers ``points`` by the middle of the light in each half.

    Args:
        side: of its square canvas.
        maps: whether it shows heatmaps and attention.
        several: whether it answers ``brighter`` as well.
    """
    from onnx import TensorProto, helper, numpy_helper

    node = helper.make_node
    places = (np.arange(side, dtype=np.float32) + 0.5) / side
    left = (places < 0.5).astype(np.float32)
    constants: dict[str, NDArray[Any]] = {
        "dark": np.array(60, np.float32),
        "halves": np.stack([np.tile(one, (side, 1)) for one in (left, 1 - left)])[None],
        "xs": np.tile(places, (side, 1)),
        "ys": np.tile(places[:, None], (1, side)),
        "axes": np.array([2, 3], np.int64),
        "last": np.array([2], np.int64),
        "tiny": np.array(1e-6, np.float32),
        "full": np.array(300, np.float32),
        "none": np.array(0, np.float32),
        "one": np.array(1, np.float32),
        "steep": np.array(12, np.float32),
        "half": np.array(6, np.float32),
        "bright": np.array(97.5, np.float32),
        "hem": np.array([[HEM]], np.float32),
        "from": np.array([0], np.int64),
        "to": np.array([1], np.int64),
        "second": np.array([1], np.int64),
    }
    nodes = [
        node("Cast", ["pixels"], ["values"], to=TensorProto.FLOAT),
        node("Sub", ["values", "dark"], ["above"]),
        node("Relu", ["above"], ["lit"]),
        node("ReduceMean", ["lit"], ["light"], axes=[1], keepdims=1),
        node("Mul", ["light", "halves"], ["parts"]),
        node("ReduceSum", ["parts", "axes"], ["mass"], keepdims=0),
        node("Add", ["mass", "tiny"], ["weight"]),
        node("Mul", ["parts", "xs"], ["by x"]),
        node("ReduceSum", ["by x", "axes"], ["sum x"], keepdims=0),
        node("Div", ["sum x", "weight"], ["x"]),
        node("Mul", ["parts", "ys"], ["by y"]),
        node("ReduceSum", ["by y", "axes"], ["sum y"], keepdims=0),
        node("Div", ["sum y", "weight"], ["y"]),
        node("Div", ["mass", "full"], ["share"]),
        node("Clip", ["share", "none", "one"], ["seen"]),
        node("Mul", ["seen", "steep"], ["scaled"]),
        node("Sub", ["scaled", "half"], ["logit"]),
        *(node("Unsqueeze", [name, "last"], [f"{name}!"]) for name in ("x", "y", "logit")),
        node("Concat", ["x!", "y!", "logit!"], ["dots"], axis=2),
        node("Slice", ["dots", "from", "to", "second"], ["any"]),
        node("Mul", ["any", "none"], ["nothing"]),
        node("Add", ["nothing", "hem"], ["the hem"]),
        node("Concat", ["dots", "the hem"], ["points"], axis=1),
        node("Mul", ["light", "none"], ["nowhere"]),
        node("Concat", ["parts", "nowhere"], [heatmaps_of("points")], axis=1),
        node("Div", ["light", "bright"], [ATTENTION]),
        node("Identity", ["mass"], ["brighter"]),
    ]
    shapes: dict[str, list[str | int | None]] = {"points": ["batch", 3, 3]}
    if maps:
        shapes[heatmaps_of("points")] = ["batch", 3, side, side]
        shapes[ATTENTION] = ["batch", 1, side, side]
    if several:
        shapes["brighter"] = ["batch", 2]
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "dots",
        [info("pixels", TensorProto.UINT8, ["batch", 3, side, side])],
        [info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    return bytes(model.SerializeToString())


def write_dots_bundle(
    folder: Path, *, maps: bool = True, several: bool = False, **preprocess: Any
) -> Path:
    """A bundle of the network; ``preprocess`` changes how it is shown pictures."""
    shown: Mapping[str, Any] = {
        "height": SIDE,
        "width": SIDE,
        "channels": 3,
        "fit": "letterbox",
        "mean": (0.5,) * 3,
        "std": (0.5,) * 3,
        "crop_to_box": True,
    }
    write_bundle(
        folder,
        name="dots",
        schema=Schema((BRIGHTER, POINTS) if several else (POINTS,)),
        preprocess=Preprocess(**{**shown, **preprocess}),
        architecture={"backbone": "light"},
        calibration={},
        scores={"validation": {}},
        provenance={"recipe": "tests"},
        model_onnx=network(maps=maps, several=several),
        weights=b"",
        card="# Dots",
    )
    return folder


def drawn(row: int, *, shift: float = 0.0) -> tuple[NDArray[np.uint8], Box, Landmarks]:
    """A picture of 120 x 100 with a dot in each half of a box, and what is known of it.

    Of every fifth the right dot is hidden, of every seventh the hem is cut off, of the others it
    is absent. Labels lie ``shift`` of the box's width to the right of the dots.
    """
    random = np.random.default_rng(row)
    box = Box(*random.uniform((2, 2), (40, 20)), *random.uniform((56, 60), (76, 76)))
    shares = random.uniform((0.15, 0.2), (0.35, 0.8)), random.uniform((0.65, 0.2), (0.85, 0.8))
    dots = [(box.left + x * box.width, box.top + y * box.height) for x, y in shares]
    known = {
        name: Landmark(x + shift * box.width, y, visible=not (name == NAMES[1] and row % 5 == 0))
        for name, (x, y) in zip(NAMES, dots, strict=False)
    }
    return dot_picture(120, 100, dots), box, Landmarks(known, ("hem",) if row % 7 == 0 else ())


def write_dots_dataset(
    folder: Path, *, train: int = 30, test: int = 40, shift: float = 0.0, boxes: bool = True
) -> Dataset:
    """A dataset of PNG files."""
    photos = folder / "photos"
    photos.mkdir(parents=True)
    annotations = []
    for row in range(train + test):
        pixels, box, label = drawn(row, shift=shift)
        name = f"{row:03d}.png"
        Image.fromarray(pixels).save(photos / name)
        labels: dict[str, Label] = {"points": label, "brighter": ("left", "right")[row % 2]}
        annotations.append(
            Annotation(
                image=name,
                labels=labels,
                split="train" if row < train else "test",
                box=box if boxes else None,
            )
        )
    return create_dataset(
        folder / "dataset",
        name="two dots",
        schema=Schema((BRIGHTER, POINTS)),
        annotations=annotations,
        images=photos,
    )
