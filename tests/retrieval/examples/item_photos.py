"""What the tests of retrieval share: photos of striped items, and a model that sees stripes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper
from PIL import Image

from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.imaging.preprocess import Preprocess
from lapel.inference.bundle import NETWORK, Bundle, write_bundle
from lapel.schema.annotation import Annotation
from lapel.schema.geometry import Box
from lapel.schema.labels import Schema, TaskSpec

#: Numbers of a vector of ``write_seeing_bundle``: three means of colour, 24 of filters.
WIDTH = 27

SCHEMA = Schema((TaskSpec(name="colour", kind="single_label", labels=("red", "green", "blue")),))


def draw_item(item: int, view: int, *, size: int = 32) -> NDArray[np.uint8]:
    """A photo of an item: stripes of its colours, of its width, moved and in another light."""
    own = np.random.default_rng((7, item))
    colours = own.integers(40, 216, (2, 3))
    period = int(own.integers(3, 12))
    view_of = np.random.default_rng((8, item, view))
    rows, columns = np.mgrid[0:size, 0:size]
    stripe = (rows + int(view_of.integers(period)) + columns // 3) // period % 2
    photo = colours[stripe] + view_of.integers(-12, 13) + view_of.integers(-9, 10, (size, size, 3))
    return np.asarray(np.clip(photo, 0, 255), np.uint8)


def item_dataset(
    folder: Path,
    *,
    items: int = 12,
    views: int = 4,
    annotate: Callable[[int, int, Annotation], Annotation] = lambda _item, _view, row: row,
    benchmark: str = "",
) -> Dataset:
    """Photos as files: of each item so many views, all of the test split unless changed.

    Args:
        folder: gets ``photos/`` and ``dataset/``.
        items: how many.
        views: photos of each.
        annotate: changes a row, by item and view.
        benchmark: of the dataset.
    """
    (folder / "photos").mkdir(parents=True)
    rows = []
    for item in range(items):
        for view in range(views):
            name = f"{item:02d}_{view}.png"
            Image.fromarray(draw_item(item, view)).save(folder / "photos" / name)
            row = Annotation(
                image=name,
                labels={"colour": ("red", "green", "blue")[item % 3]},
                split="test",
                group=f"item {item:02d}",
            )
            rows.append(annotate(item, view, row))
    return create_dataset(
        folder / "dataset",
        name="items",
        schema=SCHEMA,
        annotations=rows,
        images=folder / "photos",
        benchmark=benchmark,
    )


def write_seeing_bundle(folder: Path, colours: Path, *, crop_to_box: bool = False) -> Path:
    """A bundle whose network gives vectors too, made of one that names colours."""
    model = Bundle.load(colours)
    graph = onnx.load_from_string(model.read(NETWORK))
    graph.graph.node.append(
        helper.make_node("Concat", ["colour_means", "features"], ["embedding"], axis=1)
    )
    graph.graph.output.append(
        helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", WIDTH])
    )
    preprocess = {**model.preprocess.to_json(), "crop_to_box": crop_to_box}
    write_bundle(
        folder,
        name="seeing",
        schema=model.schema,
        preprocess=Preprocess.from_json(preprocess),
        architecture=model.architecture,
        calibration=model.calibration,
        scores=model.scores,
        provenance=model.provenance,
        model_onnx=graph.SerializeToString(),
        weights=b"",
        card="# Seeing",
    )
    return folder


#: The box of the garment in a photo of ``boxed_photo``.
BOX = Box(8.0, 8.0, 16.0, 16.0)


def boxed_photo(item: int) -> NDArray[np.uint8]:
    """An item in the middle of a red photo, at ``BOX``."""
    photo = np.zeros((32, 32, 3), np.uint8)
    photo[..., 0] = 255
    photo[8:24, 8:24] = draw_item(item, 0, size=16)
    return photo
