"""Several people's answers to one question, made one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from lapel.review.values import PLACED, UNKNOWN, UNPLACED, Value
from lapel.schema.labels import TaskSpec

#: Ways to make one answer of several: what more than half say, or what was said last.
WAYS = ("majority", "last")

#: The state of a landmark that is listed nowhere.
_ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Resolved:
    """One answer.

    Attributes:
        value: see :mod:`lapel.review.values`; None where nothing is agreed on.
        tied: what people do not agree on: names of tags or landmarks; one empty text where it is
            the answer as a whole; empty where they agree.
    """

    value: Value
    tied: tuple[str, ...] = ()


def resolve(spec: TaskSpec, values: Sequence[Value], way: str) -> Resolved:
    """One answer of several.

    More than half must say the same. Of tags each is counted for itself, and one without a majority
    is unknown; of landmarks likewise the state of each, whose place is the median of those given
    (of several points the median lies where most are, whatever one person does). Everything else
    is counted as a whole, and stays open where there is no majority.

    Args:
        spec: the task.
        values: what each person says, in the order in which it was said; at least one.
        way: one of ``WAYS``.
    """
    if way == "last" or len(values) == 1:
        return Resolved(values[-1])
    if spec.kind == "multi_label":
        return _tags(spec, values)
    if spec.kind == "landmarks":
        return _landmarks(spec, values)
    texts = [json.dumps(value, sort_keys=True) for value in values]
    found = _majority(texts)
    return Resolved(None, ("",)) if found is None else Resolved(values[texts.index(found)])


def _majority(votes: Sequence[str]) -> str | None:
    (winner, count), *_ = Counter(votes).most_common(1)
    return winner if 2 * count > len(votes) else None


def _tags(spec: TaskSpec, values: Sequence[Value]) -> Resolved:
    yes, unknown, tied = [], [], []
    for label in spec.labels:
        votes = [
            "unknown" if label in one["unknown"] else "yes" if label in one["yes"] else "no"
            for one in values
        ]
        found = _majority(votes)
        if found == "yes":
            yes.append(label)
        elif found != "no":
            unknown.append(label)
            tied += [label] if found is None else []
    return Resolved({"yes": yes, "unknown": unknown}, tuple(tied))


def _landmarks(spec: TaskSpec, values: Sequence[Value]) -> Resolved:
    people = [{one["name"]: one for one in value} for value in values]
    points: list[dict[str, Any]] = []
    tied = []
    for name in spec.labels:
        said = [one[name] for one in people if name in one]
        state = _majority([one.get(name, {}).get("state", _ABSENT) for one in people])
        if state is None:
            tied.append(name)
            points.append({"name": name, "x": None, "y": None, "state": UNKNOWN})
        elif state in PLACED:
            places = [(one["x"], one["y"]) for one in said if one["state"] == state]
            x, y = (median(edge) for edge in zip(*places, strict=True))
            points.append({"name": name, "x": x, "y": y, "state": state})
        elif state in UNPLACED:
            points.append({"name": name, "x": None, "y": None, "state": state})
    return Resolved(points, tuple(tied))
