"""Coloured rectangles, drawn, and a network that tells the colour of each pixel exactly."""

from __future__ import annotations

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
from lapel.schema.labels import Schema, TaskSpec
from lapel.schema.masks import UNKNOWN_CLASS, ClassMap

SIDE = 64
CLASSES = ("background", "red", "green", "blue")
PARSING = TaskSpec(name="parsing", kind="segmentation", labels=CLASSES)
STRONGEST = TaskSpec(name="strongest", kind="single_label", labels=CLASSES[1:])

#: What each class looks like.
COLOURS = np.array([(128, 128, 128), (230, 20, 20), (20, 230, 20), (20, 20, 230)], np.uint8)


def network(*, side: int = SIDE, several: bool = False, blind: bool = False) -> bytes:
    """An ONNX graph that answers ``parsing`` by the mean colour of four by four pixels.

    Args:
        side: of its square canvas.
        several: whether it answers ``strongest``, of the whole canvas, as well.
        blind: whether it sees nothing, and knows no class, in the left half of the canvas.
    """
    from onnx import TensorProto, helper, numpy_helper

    node = helper.make_node
    weights = np.zeros((4, 3, 4, 4), np.float32)
    for colour in range(3):
        weights[colour + 1] = -0.5 / 16
        weights[colour + 1, colour] = 1 / 16
    constants: dict[str, NDArray[np.float32]] = {
        "weights": weights,
        "level": np.array([105, 0, 0, 0], np.float32),
    }
    told = "everywhere" if blind else "parsing"
    nodes = [
        node("Cast", ["pixels"], ["values"], to=TensorProto.FLOAT),
        node("Conv", ["values", "weights", "level"], [told], strides=[4, 4]),
    ]
    if blind:
        constants["right half"] = (np.arange(side // 4) >= side // 8).astype(np.float32)
        nodes.append(node("Mul", [told, "right half"], ["parsing"]))
    shapes: dict[str, list[str | int | None]] = {"parsing": ["batch", 4, side // 4, side // 4]}
    if several:
        shapes["strongest"] = ["batch", 3]
        nodes.append(node("GlobalAveragePool", ["values"], ["means"]))
        nodes.append(node("Flatten", ["means"], ["strongest"]))
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "colour fields",
        [info("pixels", TensorProto.UINT8, ["batch", 3, side, side])],
        [info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    return bytes(model.SerializeToString())


def write_fields_bundle(
    folder: Path,
    *,
    side: int = SIDE,
    several: bool = False,
    blind: bool = False,
    **preprocess: Any,
) -> Path:
    """A bundle of the network; ``preprocess`` changes how it is shown pictures."""
    shown: dict[str, Any] = {
        "height": side,
        "width": side,
        "channels": 3,
        "fit": "letterbox",
        "fill": 128,
        "mean": (0.5,) * 3,
        "std": (0.5,) * 3,
    }
    write_bundle(
        folder,
        name="colour fields",
        schema=Schema((STRONGEST, PARSING) if several else (PARSING,)),
        preprocess=Preprocess(**{**shown, **preprocess}),
        architecture={"backbone": "colour fields"},
        calibration={},
        scores={"validation": {}},
        provenance={"recipe": "tests"},
        model_onnx=network(side=side, several=several, blind=blind),
        weights=b"",
        card="# Colour fields",
    )
    return folder


def painted(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture (H, W, 3) of a mask; pixels of unknown class are gray."""
    return COLOURS[np.where(mask == UNKNOWN_CLASS, 0, mask)]


def drawn_mask(row: int, *, width: int = 96, height: int = 72) -> NDArray[np.uint8]:
    """Two rectangles of two of the colours, on background, uint8 (H, W)."""
    random = np.random.default_rng(row)
    mask = np.zeros((height, width), np.uint8)
    for place, kind in enumerate((1 + row % 3, 1 + (row + 1) % 3)):
        left = place * width // 2 + int(random.integers(4, 12))
        top = int(random.integers(4, 20))
        mask[top : top + height // 2, left : left + width // 3] = kind
    return mask


def write_fields_dataset(
    folder: Path, *, train: int = 6, test: int = 12, shift: int = 0, unlabelled: int = 0
) -> Dataset:
    """A dataset of PNG files with their label maps.

    Args:
        folder: where; new.
        train: pictures of the split.
        test: likewise.
        shift: by so many pixels the truth lies to the right of what is painted.
        unlabelled: so many of the test pictures, the last, have no label map.
    """
    photos = folder / "photos"
    photos.mkdir(parents=True)
    annotations, masks = [], {}
    for row in range(train + test):
        mask = drawn_mask(row)
        name = f"{row:03d}.png"
        Image.fromarray(painted(mask)).save(photos / name)
        truth = np.roll(mask, shift, axis=1)
        truth[:4] = UNKNOWN_CLASS
        if row < train + test - unlabelled:
            masks[name] = ClassMap(truth, CLASSES)
        labels: dict[str, Label] = {"strongest": CLASSES[1 + row % 3]}
        split = "train" if row < train else "test"
        annotations.append(Annotation(image=name, labels=labels, split=split))
    return create_dataset(
        folder / "dataset",
        name="colour fields",
        schema=Schema((STRONGEST, PARSING)),
        annotations=annotations,
        images=photos,
        masks={"parsing": masks},
    )
