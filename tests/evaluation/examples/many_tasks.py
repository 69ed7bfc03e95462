"""A model of four tasks, and a dataset that it mostly gets right; drawn, small, always the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.imaging.preprocess import Preprocess
from lapel.inference.bundle import write_bundle
from lapel.schema.annotation import Annotation, Label, Tags
from lapel.schema.labels import Schema, TaskSpec

SIDE = 16
COLOURS = ("red", "green", "blue")
TAGS = ("붉은", "초록", "파랑", "밝은", "never")

COLOUR = TaskSpec(name="colour", kind="single_label", labels=COLOURS)
LIGHT = TaskSpec(name="light", kind="single_label", labels=("dark", "bright"))
STUCK = TaskSpec(name="stuck", kind="single_label", labels=("print", "plain"))
TAGGED = TaskSpec(name="색상/태그", kind="multi_label", labels=TAGS)
MANY = Schema((COLOUR, LIGHT, STUCK, TAGGED))

#: From the mean red, green and blue (0 to 1) to each task's logits: (3, labels) and (labels,).
Readout = Mapping[str, tuple[NDArray[np.float32], NDArray[np.float32]]]

READOUT: Readout = {
    "colour": (np.eye(3, dtype=np.float32) * 30, np.zeros(3, np.float32)),
    "light": (
        np.array([[-10, 10]] * 3, np.float32),
        np.array([15, -15], np.float32),
    ),
    "stuck": (np.zeros((3, 2), np.float32), np.array([4, 0], np.float32)),
    "색상/태그": (
        np.array(
            [[40, 0, 0, 15, 0], [0, 40, 0, 15, 0], [0, 0, 40, 15, 0]],
            np.float32,
        ),
        np.array([-20, -20, -20, -22, -6], np.float32),
    ),
}


def network(schema: Schema = MANY, readout: Readout | None = None) -> bytes:
    """An ONNX graph that answers the tasks of a schema by the mean colour of ``pixels``."""
    from onnx import TensorProto, helper, numpy_helper

    readout = READOUT if readout is None else readout
    node = helper.make_node
    nodes = [
        node("Cast", ["pixels"], ["values"], to=TensorProto.FLOAT),
        node("Div", ["values", "white"], ["scaled"]),
        node("GlobalAveragePool", ["scaled"], ["pooled"]),
        node("Flatten", ["pooled"], ["means"]),
    ]
    constants: dict[str, NDArray[Any]] = {"white": np.array(255, np.float32)}
    outputs = []
    for place, spec in enumerate(schema):
        constants[f"w{place}"], constants[f"b{place}"] = readout[spec.name]
        answer = (len(spec.labels), 3) if spec.kind == "landmarks" else (len(spec.labels),)
        shape: list[str | int | None] = ["batch", *answer]
        constants[f"s{place}"] = np.array([-1, *answer], np.int64)
        nodes += [
            node("MatMul", ["means", f"w{place}"], [f"m{place}"]),
            node("Add", [f"m{place}", f"b{place}"], [f"a{place}"]),
            node("Reshape", [f"a{place}", f"s{place}"], [spec.name]),
        ]
        outputs.append(helper.make_tensor_value_info(spec.name, TensorProto.FLOAT, shape))
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["batch", 3, SIDE, SIDE])
    kept = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "many", [pixels], outputs, kept)
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    return bytes(model.SerializeToString())


CALIBRATION: Mapping[str, Mapping[str, float]] = {
    "colour": {"temperature": 1.5},
    "light": {"temperature": 1.0},
    "stuck": {"temperature": 1.0},
    "색상/태그": {"temperature": 1.25, "threshold.붉은": 0.4, "threshold.밝은": 0.6},
}


def write_many_bundle(
    folder: Path,
    schema: Schema = MANY,
    *,
    calibration: Mapping[str, Mapping[str, float]] = CALIBRATION,
    readout: Readout | None = None,
) -> Path:
    """A bundle of the network."""
    write_bundle(
        folder,
        name="many",
        schema=schema,
        preprocess=Preprocess(
            height=SIDE, width=SIDE, channels=3, fit="letterbox", mean=(0.5,) * 3, std=(0.5,) * 3
        ),
        architecture={"backbone": "means"},
        calibration={spec.name: calibration[spec.name] for spec in schema},
        scores={"validation": {f"{schema.tasks[0].name}.accuracy": 1.0}},
        provenance={"recipe": "tests"},
        model_onnx=network(schema, readout),
        weights=b"",
        card="# Many",
    )
    return folder


def picture(row: int) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """A picture (SIDE, SIDE, 3) of one colour with noise, and its colour, 0 to 1."""
    random = np.random.default_rng(row)
    colour = random.uniform(0.1, 0.9, 3)
    noise = random.normal(0, 12, (SIDE, SIDE, 3))
    return np.clip(colour * 255 + noise, 0, 255).astype(np.uint8), colour


def truth(row: int, colour: NDArray[np.float64]) -> dict[str, Label]:
    """Labels by the colour; every ninth picture's are wrong, some are unknown."""
    wrong = row % 9 == 4
    strong = [bool(value > 0.5) is not wrong for value in colour]
    tags = [word for word, holds in zip(TAGS, (*strong, colour.sum() > 1.5), strict=False) if holds]
    unknown = ("초록",) if row % 7 == 3 and "초록" not in tags else ()
    return {
        "colour": COLOURS[(int(colour.argmax()) + wrong) % 3],
        "light": ("dark", "bright")[int(colour.sum() > 1.5)] if row % 5 else None,
        "stuck": ("print", "plain")[row % 4 == 0],
        "색상/태그": Tags(tuple(tags), unknown) if row % 8 != 6 else None,
    }


def write_many_dataset(
    folder: Path, schema: Schema = MANY, *, train: int = 40, test: int = 60
) -> Dataset:
    """A packed dataset with the tasks of a schema."""
    drawn = [picture(row) for row in range(train + test)]
    names: Sequence[str] = [spec.name for spec in schema]
    annotations = []
    for row, (_, colour) in enumerate(drawn):
        labels = {name: label for name, label in truth(row, colour).items() if name in names}
        split = "train" if row < train else "test"
        annotations.append(Annotation(image=f"images.npy#{row}", labels=labels, split=split))
    return create_dataset(
        folder,
        name="many things",
        schema=schema,
        annotations=annotations,
        images=np.stack([pixels for pixels, _ in drawn]),
    )
