"""Predictions from plain values: what ``to_json`` wrote, read back.

What came over a network or out of a file is not trusted: every name must be in the schema and every
number in its range, and what is wrong is said with its place.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lapel.schema.errors import Fault, FormatError
from lapel.schema.geometry import Box
from lapel.schema.labels import Schema, TaskSpec
from lapel.schema.masks import UNKNOWN_CLASS
from lapel.schema.prediction import (
    Answer,
    FoundGarment,
    FoundLandmark,
    GarmentsAnswer,
    LandmarksAnswer,
    MultiLabelAnswer,
    Prediction,
    SegmentationAnswer,
    SingleLabelAnswer,
)
from lapel.schema.read_garments import ReadGarment, ReadScene
from lapel.schema.run_lengths import RunLengths, run_lengths

#: So much of what was found is shown in a message.
_SHOWN = 80


def prediction_from_json(value: object, schema: Schema) -> Prediction | ReadScene:
    """The prediction that ``to_json`` of it wrote; keys that it does not write are passed over.

    Args:
        value: plain values, as JSON holds them.
        schema: of the model that answered; where one model found garments and another read them,
            of the one that read.

    Returns:
        What two models say, where there are ``garments``; else what one says.

    Raises:
        FormatError: values of another shape, tasks or labels that the schema does not have, numbers
            outside their range, masks that do not fill the picture.
    """
    given = _object(value, "prediction")
    image = _text(given.get("image"), "image")
    width, height = (_size(given.get(side), f"{image}: {side}") for side in ("width", "height"))
    if "garments" in given:
        entries = _list(given["garments"], f"{image}: garments")
        garments = [
            _read_garment(entry, schema, f"{image}: garments[{place}]")
            for place, entry in enumerate(entries)
        ]
        return ReadScene(image=image, width=width, height=height, garments=tuple(garments))
    answers = answers_from_json(given.get("answers"), schema, where=f"{image}: answers")
    _check_masks(answers, (height, width), image)
    return Prediction(image=image, width=width, height=height, answers=answers)


def answers_from_json(
    value: object, schema: Schema, *, where: str = "answers"
) -> dict[str, Answer]:
    """The answers to some of a schema's tasks, in the order in which they stand.

    Args:
        value: plain values: task name to what ``to_json`` of its answer wrote.
        schema: has these tasks, and perhaps others.
        where: what messages call the place.

    Raises:
        FormatError: as :func:`prediction_from_json`.
    """
    tasks = {spec.name: spec for spec in schema}
    answers = {}
    for name, entry in _object(value, where).items():
        if name not in tasks:
            raise _fault(where, name, f"a task of the schema: {', '.join(tasks)}")
        spec = tasks[name]
        if spec.kind not in READERS:
            raise _fault(f"{where}.{name}", spec.kind, f"a kind of task: {', '.join(READERS)}")
        place = f"{where}.{name}"
        answers[name] = READERS[spec.kind](_object(entry, place), spec, place)
    return answers


def _single_label(value: Mapping[str, Any], spec: TaskSpec, where: str) -> Answer:
    return SingleLabelAnswer(
        label=_label(value.get("label"), spec, f"{where}.label"),
        probability=_share(value.get("probability"), f"{where}.probability"),
        top=_ranked(value.get("top"), spec, f"{where}.top"),
    )


def _multi_label(value: Mapping[str, Any], spec: TaskSpec, where: str) -> Answer:
    holding = _ranked(value.get("labels"), spec, f"{where}.labels")
    return MultiLabelAnswer(
        labels=tuple(label for label, _ in holding),
        probabilities=tuple(probability for _, probability in holding),
        top=_ranked(value.get("top"), spec, f"{where}.top"),
    )


def _landmarks(value: Mapping[str, Any], spec: TaskSpec, where: str) -> Answer:
    points = _points(value.get("points"), where)
    for point in points:
        _label(point.name, spec, f"{where}.points")
    return LandmarksAnswer(points=points)


def _segmentation(value: Mapping[str, Any], spec: TaskSpec, where: str) -> Answer:
    size = _list(value.get("size"), f"{where}.size")
    if len(size) != 2:
        raise _fault(f"{where}.size", size, "height and width")
    height, width = (_size(side, f"{where}.size") for side in size)
    classes = {}
    for place, entry in enumerate(_list(value.get("classes"), f"{where}.classes")):
        here = f"{where}.classes[{place}]"
        given = _object(entry, here)
        mask = _mask(given.get("mask"), f"{here}.mask")
        if (mask.height, mask.width) != (height, width):
            raise _fault(f"{here}.mask", [mask.height, mask.width], f"size {[height, width]}")
        classes[spec.index(_label(given.get("label"), spec, f"{here}.label"))] = mask
    return SegmentationAnswer.of(_painted(classes, height, width, where), spec.labels)


def _garments(value: Mapping[str, Any], spec: TaskSpec, where: str) -> Answer:
    entries = _list(value.get("garments"), f"{where}.garments")
    found = [_garment(one, f"{where}.garments[{place}]") for place, one in enumerate(entries)]
    for place, one in enumerate(found):
        _label(one.label, spec, f"{where}.garments[{place}].label")
    return GarmentsAnswer(each=tuple(found))


#: Kind of task to what reads its answer.
READERS: Mapping[str, Callable[[Mapping[str, Any], TaskSpec, str], Answer]] = {
    "single_label": _single_label,
    "multi_label": _multi_label,
    "landmarks": _landmarks,
    "segmentation": _segmentation,
    "garments": _garments,
}


def _read_garment(value: object, schema: Schema, where: str) -> ReadGarment:
    given = _object(value, where)
    answers = answers_from_json(given.get("answers"), schema, where=f"{where}.answers")
    return ReadGarment(found=_garment(given, where), answers=answers)


def _garment(value: object, where: str) -> FoundGarment:
    given = _object(value, where)
    edges = _list(given.get("box"), f"{where}.box")
    if len(edges) != len(Box._fields):
        raise _fault(f"{where}.box", edges, "left, top, width and height")
    mask = given.get("mask")
    return FoundGarment(
        label=_text(given.get("label"), f"{where}.label"),
        score=_share(given.get("score"), f"{where}.score"),
        box=Box(*(_number(edge, f"{where}.box") for edge in edges)),
        mask=None if mask is None else _mask(mask, f"{where}.mask"),
        points=_points(given.get("points", []), where),
    )


def _points(value: object, where: str) -> tuple[FoundLandmark, ...]:
    points = []
    for place, entry in enumerate(_list(value, f"{where}.points")):
        here = f"{where}.points[{place}]"
        given = _object(entry, here)
        points.append(
            FoundLandmark(
                name=_text(given.get("name"), f"{here}.name"),
                x=_number(given.get("x"), f"{here}.x"),
                y=_number(given.get("y"), f"{here}.y"),
                visible=_share(given.get("visible"), f"{here}.visible"),
            )
        )
    return tuple(points)


def _mask(value: object, where: str) -> RunLengths:
    try:
        return run_lengths(value)
    except ValueError as error:
        raise _fault(where, str(error), "run lengths that fill the picture") from error


def _painted(
    classes: Mapping[int, RunLengths], height: int, width: int, where: str
) -> NDArray[np.uint8]:
    """The class of each pixel, uint8 (H, W); unknown where no class has it."""
    # Down the columns from the left, as run lengths go.
    pixels = np.full(height * width, UNKNOWN_CLASS, np.uint8)
    for place, mask in classes.items():
        lengths = mask.lengths()
        inside = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
        if (pixels[inside] != UNKNOWN_CLASS).any():
            raise _fault(where, "a pixel of two classes", "one class a pixel")
        pixels[inside] = place
    return np.ascontiguousarray(pixels.reshape(width, height).T)


def _check_masks(answers: Mapping[str, Answer], size: tuple[int, int], image: str) -> None:
    for task, answer in answers.items():
        if isinstance(answer, SegmentationAnswer) and answer.mask.shape != size:
            found = f"a mask of {list(answer.mask.shape)}"
            raise _fault(f"{image}: answers.{task}.size", found, f"the picture's {list(size)}")


def _ranked(value: object, spec: TaskSpec, where: str) -> tuple[tuple[str, float], ...]:
    """Labels with their probabilities, in the order in which they stand."""
    pairs = []
    for place, entry in enumerate(_list(value, where)):
        here = f"{where}[{place}]"
        given = _object(entry, here)
        label = _label(given.get("label"), spec, f"{here}.label")
        pairs.append((label, _share(given.get("probability"), f"{here}.probability")))
    return tuple(pairs)


def _label(value: object, spec: TaskSpec, where: str) -> str:
    text = _text(value, where)
    if text not in spec.labels:
        known = ", ".join(spec.labels[:8]) + (", ..." if len(spec.labels) > 8 else "")
        raise _fault(where, text, f"a label of '{spec.name}': {known}")
    return text


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise _fault(where, value, "a text")
    return value


def _size(value: object, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise _fault(where, value, "a whole number from 1")
    return value


def _number(value: object, where: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise _fault(where, value, "a finite number")
    return float(value)


def _share(value: object, where: str) -> float:
    number = _number(value, where)
    if not 0 <= number <= 1:
        raise _fault(where, value, "a number from 0 to 1")
    return number


def _object(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _fault(where, value, "an object")
    return value


def _list(value: object, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise _fault(where, value, "a list")
    return value


def _fault(where: str, found: object, expected: str) -> FormatError:
    shown = found if isinstance(found, str) else json.dumps(found, default=str, ensure_ascii=False)
    return FormatError([Fault(file=where, found=shown[:_SHOWN], expected=expected)])
