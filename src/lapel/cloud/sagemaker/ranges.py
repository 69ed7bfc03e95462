"""A recipe's ranges (``tune:``) as SageMaker's tuning takes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lapel.schema.errors import UsageError
from lapel.training.recipe_parts import RangePart

#: SageMaker takes so many values of one key that has no order, and so many keys in all.
MOST_CHOICES, MOST_KEYS = 30, 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranges:
    """What a tuning job tries: SageMaker's three kinds of parameters, each a list of its shapes."""

    continuous: tuple[dict[str, Any], ...] = ()
    integer: tuple[dict[str, Any], ...] = ()
    categorical: tuple[dict[str, Any], ...] = ()
    keys: tuple[str, ...] = field(default=())

    def as_request(self) -> dict[str, Any]:
        """``ParameterRanges``."""
        kinds = {
            "ContinuousParameterRanges": self.continuous,
            "IntegerParameterRanges": self.integer,
            "CategoricalParameterRanges": self.categorical,
        }
        return {name: list(values) for name, values in kinds.items() if values}


def sagemaker_ranges(tune: Mapping[str, RangePart]) -> Ranges:
    """The ranges of a recipe.

    Whole numbers (``step: 1``) become integers, other steps and choices become words, all else
    stays continuous.

    Raises:
        UsageError: nothing to tune, or more values than SageMaker takes.
    """
    if not tune:
        raise UsageError(
            "nothing to tune: write ranges into the recipe, as "
            "`tune: {optimiser.learning_rate: {low: 0.01, high: 0.2, log: true}}`"
        )
    if len(tune) > MOST_KEYS:
        raise UsageError(f"found {len(tune)} keys to tune; SageMaker takes {MOST_KEYS} at most")
    sorted_ones: dict[str, list[dict[str, Any]]] = {"c": [], "i": [], "w": []}
    for key, values in tune.items():
        kind, shape = _shape(key, values)
        sorted_ones[kind].append(shape)
    return Ranges(
        continuous=tuple(sorted_ones["c"]),
        integer=tuple(sorted_ones["i"]),
        categorical=tuple(sorted_ones["w"]),
        keys=tuple(tune),
    )


def _shape(key: str, values: RangePart) -> tuple[str, dict[str, Any]]:
    if values.choices is not None:
        return "w", _words(key, [_word(value) for value in values.choices])
    low, high = values.low, values.high
    if low is None or high is None:
        raise UsageError(f"tune.{key}: a range is low and high, or choices")
    scaling = "Logarithmic" if values.log else "Linear"
    ends = {"Name": key, "ScalingType": scaling}
    if values.step is None:
        return "c", ends | {"MinValue": f"{low:.12g}", "MaxValue": f"{high:.12g}"}
    if values.step == 1 and low.is_integer() and high.is_integer():
        return "i", ends | {"MinValue": f"{low:.0f}", "MaxValue": f"{high:.0f}"}
    count = int((high - low) / values.step + 1e-9) + 1
    return "w", _words(key, [f"{low + number * values.step:.12g}" for number in range(count)])


def _words(key: str, words: list[str]) -> dict[str, Any]:
    if len(words) > MOST_CHOICES:
        raise UsageError(
            f"tune.{key} has {len(words)} values; SageMaker takes {MOST_CHOICES} at most: leave "
            "out step, or give fewer choices"
        )
    return {"Name": key, "Values": words}


def _word(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
