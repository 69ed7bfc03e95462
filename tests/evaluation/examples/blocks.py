"""Pictures of red and blue blocks, and a network that finds them; drawn, always the same."""

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
from lapel.schema.annotation import Annotation
from lapel.schema.garments import Garment
from lapel.schema.labels import Schema, TaskSpec

SIDE = 64

#: Red ones and blue ones, and the middles of their left and right edges.
NAMES = ("top", "skirt")
EDGES = ("left edge", "right edge")
GARMENTS = TaskSpec(
    name="garments", kind="garments", labels=NAMES, points=dict.fromkeys(NAMES, EDGES)
)

#: Left, top, width and height of a block.
Block = tuple[int, int, int, int]


def network() -> bytes:
    """An ONNX graph that answers ``garments`` with the brightest box of red, and that of blue."""
    from onnx import TensorProto, helper, numpy_helper

    node = helper.make_node
    begin = np.arange(SIDE, dtype=np.float32) / SIDE
    constants: dict[str, NDArray[Any]] = {
        "colours": np.array([0, 2], np.int64),
        "dark": np.array(128, np.float32),
        "white": np.array(255, np.float32),
        "one": np.array(1, np.float32),
        "none": np.array(0, np.float32),
        "half": np.array(0.5, np.float32),
        "before": 1 - begin,
        "after": begin + np.float32(1 / SIDE),
        "names": np.array([[0, 1]], np.float32),
        "last": np.array([2], np.int64),
        "full": np.ones((1, 1, 28 * 28), np.float32),
    }
    nodes = [
        node("Cast", ["pixels"], ["values"], to=TensorProto.FLOAT),
        node("Gather", ["values", "colours"], ["planes"], axis=1),
        node("Greater", ["planes", "dark"], ["bright"]),
        node("Cast", ["bright"], ["lit"], to=TensorProto.FLOAT),
        node("Mul", ["lit", "planes"], ["light"]),
        node("ReduceMax", ["light"], ["most"], axes=[2, 3], keepdims=0),
        node("Div", ["most", "white"], ["score"]),
        node("ReduceMax", ["lit"], ["columns"], axes=[2], keepdims=0),
        node("ReduceMax", ["lit"], ["rows"], axes=[3], keepdims=0),
    ]
    for axis, first, last in (("columns", "x1", "x2"), ("rows", "y1", "y2")):
        nodes += [
            node("Mul", [axis, "before"], [f"{axis} before"]),
            node("ReduceMax", [f"{axis} before"], [f"{axis} far"], axes=[2], keepdims=0),
            node("Sub", ["one", f"{axis} far"], [first]),
            node("Mul", [axis, "after"], [f"{axis} after"]),
            node("ReduceMax", [f"{axis} after"], [last], axes=[2], keepdims=0),
        ]
    nodes += [
        node("Mul", ["score", "none"], ["nothing"]),
        node("Add", ["nothing", "names"], ["label"]),
        node("Add", ["nothing", "one"], ["seen"]),
        node("Add", ["y1", "y2"], ["both"]),
        node("Mul", ["both", "half"], ["middle"]),
    ]
    values = ("x1", "y1", "x2", "y2", "score", "label", "seen", "middle", "nothing")
    nodes += [node("Unsqueeze", [name, "last"], [f"{name}!"]) for name in values]
    box = ("x1!", "y1!", "x2!", "y2!")
    left, right = ("x1!", "middle!", "seen!"), ("x2!", "middle!", "seen!")
    nodes += [
        node("Add", ["nothing!", "full"], ["mask"]),
        node(
            "Concat",
            [*box, "score!", "label!", "mask", *left, *right],
            ["garments"],
            axis=2,
        ),
    ]
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "blocks",
        [info("pixels", TensorProto.UINT8, ["batch", 3, SIDE, SIDE])],
        [info("garments", TensorProto.FLOAT, ["batch", 2, 6 + 28 * 28 + 6])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    return bytes(model.SerializeToString())


def write_blocks_bundle(folder: Path, *, calibration: Mapping[str, float] | None = None) -> Path:
    """A bundle of the network."""
    write_bundle(
        folder,
        name="blocks",
        schema=Schema((GARMENTS,)),
        preprocess=Preprocess(
            height=SIDE, width=SIDE, channels=3, fit="letterbox", mean=(0.5,) * 3, std=(0.5,) * 3
        ),
        architecture={"backbone": "blocks"},
        calibration={"garments": calibration} if calibration else {},
        scores={"validation": {}},
        provenance={"recipe": "tests"},
        model_onnx=network(),
        weights=b"",
        card="# Blocks",
    )
    return folder


def block_picture(
    width: int, height: int, blocks: Mapping[str, Block], *, bright: int = 220
) -> NDArray[np.uint8]:
    """A dark picture (height, width, 3) with a red and a blue block, or one of them."""
    picture = np.full((height, width, 3), 40, np.uint8)
    for name, (left, top, across, down) in blocks.items():
        picture[top : top + down, left : left + across, 2 * NAMES.index(name)] = bright
    return picture


def as_garment(name: str, block: Block, **facts: float) -> Garment:
    """A block as an annotation has it."""
    left, top, width, height = block
    right, bottom, middle = left + width, top + height, top + height / 2
    corners: Sequence[tuple[float, float]] = (
        (left, top), (right, top), (right, bottom), (left, bottom),
    )  # fmt: skip
    return Garment(
        part=name,
        box=(float(left), float(top), float(width), float(height)),
        points=((float(left), middle), (float(right), middle)),
        hidden=(1,) if left % 4 else (),
        outlines=(tuple((float(x), float(y)) for x, y in corners),),
        facts=facts,
    )


def blocks_of(row: int) -> dict[str, Block]:
    """Two blocks side by side, on even pixels: the canvas is half a picture of 128 x 96."""
    random = np.random.default_rng(row)
    found: dict[str, Block] = {}
    for place, name in enumerate(NAMES):
        left, top, width, height = (2 * random.integers((2, 2, 8, 8), (10, 15, 20, 30))).tolist()
        found[name] = (left + 64 * place, top, width, height)
    return found


def write_blocks_dataset(
    folder: Path,
    *,
    train: int = 6,
    test: int = 24,
    spec: TaskSpec = GARMENTS,
    crowds: bool = False,
    **more: Any,
) -> Dataset:
    """A dataset of PNG files of 128 x 96. Of every fourth picture a garment is annotated that is
    not drawn; every fifth top is annotated 6 pixels too far to the right; of every seventh picture
    nobody knows what is in it. Levels are 1 to 3 in turn. With ``crowds`` what is not drawn is a
    group.
    """
    photos = folder / "photos"
    photos.mkdir(parents=True)
    annotations, garments = [], {}
    for row in range(train + test):
        name = f"{row + 1:06d}.png"
        blocks = blocks_of(row)
        shown = {} if row % 8 == 3 else blocks
        picture = block_picture(128, 96, shown, bright=150 + 7 * (row % 15))
        Image.fromarray(picture).save(photos / name)
        split = "train" if row < train else "test"
        annotations.append(Annotation(image=name, labels={}, split=split))
        if row % 7 != 6:
            garments[name] = _annotated(row, blocks, crowds=crowds)
    return create_dataset(
        folder / "dataset",
        name="blocks",
        schema=Schema((spec,)),
        annotations=annotations,
        images=photos,
        garments=garments,
        **more,
    )


def write_groups_dataset(folder: Path, *, test: int = 10) -> Dataset:
    """A dataset of PNG files of 128 x 96, all of them test. Of the first picture a group of skirts
    is annotated, and its top is not; the second shows such a group alone; of the others both blocks
    are annotated.
    """
    photos = folder / "photos"
    photos.mkdir(parents=True)
    annotations, garments = [], {}
    for row in range(test):
        name = f"{row + 1:06d}.png"
        blocks = blocks_of(row)
        shown = {"skirt": blocks["skirt"]} if row == 1 else blocks
        Image.fromarray(block_picture(128, 96, shown)).save(photos / name)
        annotations.append(Annotation(image=name, labels={}, split="test"))
        group = as_garment("skirt", blocks["skirt"], iscrowd=1)
        both = tuple(as_garment(part, block) for part, block in blocks.items())
        garments[name] = (group,) if row < 2 else both
    return create_dataset(
        folder / "dataset",
        name="groups",
        schema=Schema((GARMENTS,)),
        annotations=annotations,
        images=photos,
        garments=garments,
    )


def _annotated(row: int, blocks: Mapping[str, Block], *, crowds: bool) -> tuple[Garment, ...]:
    levels = {"scale": 1 + row % 3, "occlusion": 1, "zoom_in": 1 + row % 2, "viewpoint": 2}
    found = []
    for name, (left, top, width, height) in blocks.items():
        shift = 6 if name == "top" and row % 5 == 0 else 0
        found.append(as_garment(name, (left + shift, top, width, height), **levels))
    if row % 4 == 0:
        group = {"iscrowd": 1} if crowds else {}
        found.append(as_garment("skirt", (4, 80, 20, 14), **levels, **group))
    return tuple(found)
