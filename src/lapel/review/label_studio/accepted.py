"""How much of what a model proposed people left as it was: what the model saves them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: Places that differ by less, in percent of the picture, are the same: editors round.
_SAME = 0.05

#: Keys of a value that say how it is drawn, not what it says.
_DRAWN = frozenset({"closed", "format", "rotation"})

Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What became of predictions.

    Attributes:
        annotated: annotations that were submitted and not skipped.
        proposed: those of them that began with a prediction.
        unchanged: those of these that say what the prediction said, all of it.
        by_control: of each control: how many of its results stand as proposed, and how many were
            proposed or added in all.
    """

    annotated: int
    proposed: int
    unchanged: int
    by_control: Mapping[str, tuple[int, int]]


def accepted(tasks: Sequence[Item], predictions: Sequence[Item] = ()) -> Accepted:
    """Count over an export.

    Label Studio keeps with each annotation the prediction that was shown; where it does not, the
    one that it says that the annotation came from counts.

    Args:
        tasks: of an export in JSON.
        predictions: of the project, as ``/api/predictions/`` gives them.
    """
    by_number = {one.get("id"): one for one in predictions}
    same: Counter[str] = Counter()
    every: Counter[str] = Counter()
    annotated = proposed = unchanged = 0
    for annotation in _annotations(tasks):
        annotated += 1
        before = _proposal(annotation, by_number)
        if before is None:
            continue
        proposed += 1
        kept, total = _compared(before, _items(annotation.get("result")))
        same += kept
        every += total
        unchanged += kept == total
    return Accepted(
        annotated=annotated,
        proposed=proposed,
        unchanged=unchanged,
        by_control={name: (same[name], count) for name, count in sorted(every.items())},
    )


def _annotations(tasks: Sequence[Item]) -> Iterator[Item]:
    for task in tasks:
        for one in task.get("annotations") or ():
            if isinstance(one, Mapping) and not one.get("was_cancelled"):
                yield one


def _proposal(annotation: Item, predictions: Mapping[Any, Item]) -> Sequence[Item] | None:
    shown = annotation.get("prediction")
    if not (isinstance(shown, Mapping) and "result" in shown):
        shown = predictions.get(annotation.get("parent_prediction"))
    return None if shown is None else _items(shown.get("result"))


def _items(value: object) -> list[Item]:
    """Results that say something; relations say nothing alone."""
    found = value if isinstance(value, list) else []
    return [one for one in found if isinstance(one, Mapping) and "from_name" in one]


def _compared(before: Sequence[Item], after: Sequence[Item]) -> tuple[Counter[str], Counter[str]]:
    """Of each control: results that both have, and results that either has."""
    kept: Counter[str] = Counter()
    every: Counter[str] = Counter()
    left = list(after)
    for one in before:
        name = str(one["from_name"])
        every[name] += 1
        match = next((place for place, other in enumerate(left) if _same(one, other)), None)
        if match is not None:
            kept[name] += 1
            del left[match]
    # What stands there beyond was added, or is what became of a proposal that was changed.
    removed = every - kept
    for other in left:
        name = str(other["from_name"])
        if removed[name] > 0:
            removed[name] -= 1
        else:
            every[name] += 1
    return kept, every


def _same(one: Item, other: Item) -> bool:
    if (one.get("from_name"), one.get("type")) != (other.get("from_name"), other.get("type")):
        return False
    same_region = one.get("id") is not None and one.get("id") == other.get("id")
    # The editor knows: it writes masks anew, bit by bit, even if nobody touched them.
    if same_region and other.get("origin") == "prediction" and "rle" in (other.get("value") or {}):
        return True
    return _equal(_plain(one.get("value")), _plain(other.get("value")))


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: entry for key, entry in value.items() if key not in _DRAWN}
    return value


def _equal(one: object, other: object) -> bool:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        if all(isinstance(entry, str) for entry in (*one, *other)):
            return sorted(one) == sorted(other)
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, int | float) and isinstance(other, int | float):
        return abs(one - other) <= _SAME
    return one == other
