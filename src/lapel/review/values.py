"""Labels as plain values: what a page shows and sends back, and what the store keeps.

One form a kind of task, the dataset's own:

    single_label   "dress"
    multi_label    {"yes": ["lace"], "unknown": []}
    landmarks      [{"name": "left cuff", "x": 12.5, "y": 80.0, "state": "visible"}, ...]
    segmentation   {"size": [height, width], "classes": [{"label": ..., "mask": run lengths}, ...]}
    garments       [{"part": "dress", "box": [left, top, width, height], ...}, ...]

None is a label that nobody knows. Places are pixels of the upright picture. Landmarks have the
states of the dataset's table: ``visible``, ``hidden``, ``cut`` off by the picture's edge,
``unknown``; one that is not listed is absent. What comes from a page is not trusted: every name
must be of the schema and every place in the picture.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lapel.imaging.outlines import mask_from
from lapel.schema.annotation import Label, Tags
from lapel.schema.errors import SchemaError
from lapel.schema.garments import SLACK, Garment, Garments, Point
from lapel.schema.geometry import Landmark, Landmarks
from lapel.schema.labels import TaskSpec
from lapel.schema.masks import UNKNOWN_CLASS, ClassMap, class_run_lengths
from lapel.schema.prediction import SEEN
from lapel.schema.run_lengths import RunLengths, run_lengths

#: A label as plain values.
Value = Any

#: Width and height of the upright picture, in pixels.
Size = tuple[int, int]

VISIBLE, HIDDEN, CUT, UNKNOWN = "visible", "hidden", "cut", "unknown"

#: States of a landmark whose place is known, and of the others.
PLACED, UNPLACED = (VISIBLE, HIDDEN), (CUT, UNKNOWN)

#: The most garments that somebody may say are in one picture.
MOST_GARMENTS = 1000


def value_of(label: Label) -> Value:
    """A label of a dataset as plain values."""
    if isinstance(label, Tags):
        return {"yes": list(label.yes), "unknown": list(label.unknown)}
    if isinstance(label, Landmarks):
        return _landmarks_value(label)
    if isinstance(label, ClassMap):
        return _class_map_value(label)
    if isinstance(label, Garments):
        return [_plain(one.to_json()) for one in label.each]
    return label


def label_of(spec: TaskSpec, value: Value, size: Size) -> Label:
    """A label from plain values, as a dataset takes it.

    Args:
        spec: the task that it answers.
        value: plain values, from wherever.
        size: of the upright picture.

    Raises:
        SchemaError: values of another shape, names outside the schema, places outside the picture.
    """
    if value is None:
        return None
    try:
        return _READ[spec.kind](spec, value, size)
    except (TypeError, KeyError, ValueError, AttributeError, OverflowError) as error:
        if isinstance(error, SchemaError):
            raise
        raise SchemaError(
            f"an answer to '{spec.name}' ({spec.kind}) has another shape: "
            f"{type(error).__name__}: {error}; reload the page"
        ) from error


def checked(spec: TaskSpec, value: Value, size: Size) -> Value:
    """A value in the one way to write it, so that equal answers are equal values.

    Raises:
        SchemaError: as :func:`label_of`.
    """
    return value_of(label_of(spec, value, size))


def value_of_answer(spec: TaskSpec, answer: Mapping[str, Any], size: Size) -> Value:
    """What a model answered, as the label that it stands for.

    Places that a model sees outside the picture are moved to its edge: no label lies outside.

    Args:
        spec: the task.
        answer: as :meth:`lapel.schema.prediction.Answer.to_json` writes it.
        size: of the upright picture.
    """
    if spec.kind == "single_label":
        return answer["label"]
    if spec.kind == "multi_label":
        return {"yes": [one["label"] for one in answer["labels"]], "unknown": []}
    if spec.kind == "landmarks":
        return [_landmark_of(one, size) for one in answer["points"]]
    if spec.kind == "segmentation":
        classes = [{"label": one["label"], "mask": one["mask"]} for one in answer["classes"]]
        return {"size": answer["size"], "classes": classes}
    return [_garment_of(one, size) for one in answer["garments"]]


def _landmark_of(point: Mapping[str, Any], size: Size) -> dict[str, Any]:
    x, y = _at_edge(point["x"], point["y"], size)
    state = VISIBLE if point["visible"] >= SEEN else HIDDEN
    return {"name": point["name"], "x": x, "y": y, "state": state}


def _garment_of(found: Mapping[str, Any], size: Size) -> dict[str, Any]:
    points = found.get("points", ())
    mask = found.get("mask")
    left, top, width, height = found["box"]
    (left, top), (right, bottom) = (
        _at_edge(left, top, size),
        _at_edge(left + width, top + height, size),
    )
    garment = Garment(
        part=found["label"],
        box=(left, top, right - left, bottom - top),
        points=tuple(_at_edge(one["x"], one["y"], size) for one in points),
        hidden=tuple(place for place, one in enumerate(points) if one["visible"] < SEEN),
        mask=None if mask is None else run_lengths(_plain(mask)),
    )
    value: dict[str, Any] = _plain(garment.to_json())
    return value


def _at_edge(x: float, y: float, size: Size) -> tuple[float, float]:
    """The nearest place in the picture."""
    return min(max(x, 0.0), float(size[0])), min(max(y, 0.0), float(size[1]))


def _plain(value: Any) -> Any:  # noqa: ANN401 - what JSON holds
    """The same with lists in place of tuples, as it comes back out of JSON."""
    if isinstance(value, Mapping):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return value


def _landmarks_value(label: Landmarks) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "x": at.x, "y": at.y, "state": VISIBLE if at.visible else HIDDEN}
        for name, at in label.points.items()
    ]
    for state, names in ((CUT, label.cut), (UNKNOWN, label.unknown)):
        found += [{"name": name, "x": None, "y": None, "state": state} for name in names]
    return found


def _class_map_value(label: ClassMap) -> dict[str, Any]:
    masks = class_run_lengths(label.pixels)
    classes = [
        {"label": name, "mask": masks[place].to_json()}
        for place, name in enumerate(label.labels)
        if place in masks
    ]
    return {"size": list(label.pixels.shape), "classes": classes}


def _single(spec: TaskSpec, value: Value, _: Size) -> Label:
    if not isinstance(value, str):
        raise SchemaError(f"'{spec.name}' takes the name of a label, found {_shown(value)}")
    return spec.labels[spec.index(value)]


def _tags(spec: TaskSpec, value: Value, _: Size) -> Label:
    given = {side: _names(spec, value[side]) for side in ("yes", "unknown")}
    return Tags(given["yes"], given["unknown"]).ordered(spec.labels)


def _names(spec: TaskSpec, names: object) -> tuple[str, ...]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise SchemaError(f"'{spec.name}' takes lists of labels, found {_shown(names)}")
    return tuple(spec.labels[spec.index(name)] for name in names)


def _landmarks(spec: TaskSpec, value: Value, size: Size) -> Label:
    places = {name: place for place, name in enumerate(spec.labels)}
    points: dict[str, Landmark] = {}
    others: dict[str, list[str]] = {state: [] for state in UNPLACED}
    for one in sorted(value, key=lambda one: places.get(str(one["name"]), len(places))):
        name, state = spec.labels[spec.index(one["name"])], one["state"]
        if state in others:
            others[state].append(name)
        elif state not in PLACED:
            raise SchemaError(f"landmark '{name}' cannot be {_shown(state)}")
        elif name in points:
            raise SchemaError(f"landmark '{name}' is named twice")
        else:
            points[name] = Landmark(*_inside(one["x"], one["y"], size, name), state == VISIBLE)
    return Landmarks(points, tuple(others[CUT]), tuple(others[UNKNOWN]))


def _class_map(spec: TaskSpec, value: Value, size: Size) -> Label:
    width, height = size
    if value["size"] != [height, width]:
        raise SchemaError(f"'{spec.name}' is of {value['size']}, the picture of {[height, width]}")
    pixels = np.full((height, width), UNKNOWN_CLASS, np.uint8)
    for one in value["classes"]:
        mask = run_lengths(one["mask"])
        _refuse_other_size(mask, size, spec.name)
        pixels[mask_from(mask)] = spec.index(one["label"])
    return ClassMap(pixels, spec.labels)


def _garments(spec: TaskSpec, value: Value, size: Size) -> Label:
    if not isinstance(value, list) or len(value) > MOST_GARMENTS:
        raise SchemaError(f"'{spec.name}' takes a list of garments, found {_shown(value)}")
    return Garments(tuple(_garment(spec, one, size) for one in value))


def _garment(spec: TaskSpec, value: Value, size: Size) -> Garment:
    found = Garment.from_json(value)
    part = spec.labels[spec.index(found.part)]
    if found.box is None or not all(map(math.isfinite, found.box)) or min(found.box[2:]) <= 0:
        raise SchemaError(f"a {part} needs a box with an area, found {_shown(found.box)}")
    expected = len(spec.points.get(part, ()))
    if found.points and len(found.points) != expected:
        raise SchemaError(f"a {part} has {expected} points, found {len(found.points)}")
    if not all(0 <= number < len(found.points) for number in found.hidden):
        raise SchemaError(f"a {part} hides points {_shown(found.hidden)} of {len(found.points)}")
    if not _can_be_kept([found.attributes, dict(found.facts)]):
        raise SchemaError(
            f"attributes or facts of a {part} are no texts and numbers: "
            f"{_shown(found.attributes)}, {_shown(dict(found.facts))}"
        )
    beyond = found.outside(*size)
    if beyond:
        raise SchemaError(f"{beyond} is outside the picture of {size[0]} x {size[1]}")
    if found.mask is not None:
        _refuse_other_size(found.mask, size, spec.name)
    return replace(found, outlines=_within(found.outlines, size))


def _within(outlines: tuple[tuple[Point, ...], ...], size: Size) -> tuple[tuple[Point, ...], ...]:
    """Outlines cut at the picture's edges: published ones reach beyond them by a little, so that
    they are no fault, and what lies outside is no garment to be learned.
    """
    width, height = size
    return tuple(
        tuple((min(max(x, 0.0), width), min(max(y, 0.0), height)) for x, y in line)
        for line in outlines
    )


def _can_be_kept(value: object) -> bool:
    """Whether it can be written down: finite numbers, and texts of whole letters."""
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:
        return False
    return True


def _refuse_other_size(mask: RunLengths, size: Size, task: str) -> None:
    if (mask.width, mask.height) != size:
        raise SchemaError(
            f"a mask of '{task}' is of {mask.width} x {mask.height}, the picture of "
            f"{size[0]} x {size[1]}"
        )


def _inside(x: Value, y: Value, size: Size, name: str) -> tuple[float, float]:
    at = (float(x), float(y))
    reach = zip(at, size, strict=True)
    if not all(math.isfinite(edge) and -SLACK <= edge <= most + SLACK for edge, most in reach):
        raise SchemaError(
            f"landmark '{name}' lies at {at[0]:g}, {at[1]:g}, outside the picture of "
            f"{size[0]} x {size[1]}"
        )
    return at


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


_READ: Mapping[str, Callable[[TaskSpec, Value, Size], Label]] = {
    "single_label": _single,
    "multi_label": _tags,
    "landmarks": _landmarks,
    "segmentation": _class_map,
    "garments": _garments,
}


def known_names(value: Value) -> Sequence[str]:
    """The names that a value holds, for a line of text: labels, tags, points, categories."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list):
        return tuple(str(one.get("part") or one.get("name")) for one in value)
    if isinstance(value, dict):
        return tuple(value.get("yes") or (one["label"] for one in value.get("classes", ())))
    return ()
