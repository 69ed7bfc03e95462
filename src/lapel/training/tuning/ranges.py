"""What a search may vary: keys of a recipe, and the values that each may take.

They stand in the recipe under ``tune``, or are typed: ``optimiser.learning_rate=0.001..0.1:log``,
``batch=16..256:log``, ``model.dropout=0..0.5:step=0.1``, ``augment.flip=0,0.5``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from pydantic import ValidationError

from lapel.schema.errors import LapelError, RecipeError, UsageError
from lapel.schema.labels import Schema
from lapel.training.checks import tasks_of
from lapel.training.fewer_tasks import without_unlearned
from lapel.training.recipe import Recipe, full_key, load_recipe, split_at_commas, yaml_value
from lapel.training.recipe_parts import RangePart
from lapel.training.resolve import resolve

Value = str | int | float | bool | None

#: Keys that make scores of other things than the model, so that trials would not compare.
FIXED = ("name", "about", "stands_for", "seed", "tasks", "select", "tune", "watch", "checkpoint")

#: A space of so many combinations is known by heart: what was not tried yet can be named.
LISTED = 4096

EXAMPLES = "optimiser.learning_rate=0.001..0.1:log, batch=16..256:log or augment.flip=0,0.5"


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The values that one key may take.

    Attributes:
        key: of the recipe, dotted and whole.
        kind: whole numbers or numbers from ``low`` to ``high``, both among them; or ``choices``.
        low: the least.
        high: the greatest.
        log: whether as likely between 0.01 and 0.1 as between 0.1 and 1.
        step: between values; None: any.
        choices: the values; texts are read as ``--set`` reads them.
    """

    key: str
    kind: Literal["integer", "number", "choice"]
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    step: float | None = None
    choices: tuple[Value, ...] = ()

    @property
    def ends(self) -> tuple[Value, ...]:
        """Values that a recipe must take, if it takes the range."""
        if self.kind == "choice":
            return self.choices
        return (int(self.low), int(self.high)) if self.kind == "integer" else (self.low, self.high)

    def values(self) -> tuple[Value, ...] | None:
        """All of them; None where they are too many to be named."""
        if self.kind == "choice":
            return self.choices
        step = self.step or (1.0 if self.kind == "integer" else None)
        if step is None:
            return None
        count = math.floor((self.high - self.low) / step + 1e-9) + 1
        if count > LISTED:
            return None
        if self.kind == "integer":
            return tuple(int(self.low) + int(step) * place for place in range(count))
        return tuple(_stepped(self.low, step, place) for place in range(count))

    def as_written(self, value: Value) -> Value:
        """A value between steps as people write it: 0.3, where three steps of 0.1 add up to more.

        What binary fractions add would make two values of one, and learn it twice.
        """
        if self.kind != "number" or self.step is None or not isinstance(value, float):
            return value
        return _stepped(self.low, self.step, round((value - self.low) / self.step))

    def holds(self, value: object) -> bool:
        """Whether a value is one of them."""
        if self.kind == "choice":
            return any(value == one and type(value) is type(one) for one in self.choices)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        listed = self.values() if self.step is not None else None
        if listed is not None:
            return any(math.isclose(value, float(one)) for one in listed if one is not None)
        whole = self.kind != "integer" or float(value).is_integer()
        return whole and self.low <= value <= self.high

    def as_json(self) -> dict[str, Any]:
        """Plain values, by which two searches are told apart."""
        if self.kind == "choice":
            return {"key": self.key, "choices": list(self.choices)}
        ends = {"key": self.key, "kind": self.kind, "low": self.low, "high": self.high}
        return {**ends, "log": self.log, "step": self.step}

    def words(self) -> str:
        """The values as one reads them."""
        if self.kind == "choice":
            return ", ".join(map(str, self.choices))
        how = ", on a logarithmic scale" if self.log else ""
        return f"{self.low:g} to {self.high:g}{how}{f', step {self.step:g}' if self.step else ''}"


def _stepped(low: float, step: float, places: int) -> float:
    """So many steps from ``low``, counted in decimals as they were written."""
    return float(Decimal(repr(low)) + places * Decimal(repr(step)))


def parse_range(text: str) -> tuple[str, RangePart]:
    """``KEY=LOW..HIGH[:log][:step=S]`` or ``KEY=A,B,C`` to a key and what a recipe would hold.

    Raises:
        UsageError: a text of another shape.
    """
    key, equals, rest = (part.strip() for part in text.partition("="))
    if not equals or not key or not rest:
        raise UsageError(f"--range takes KEY=LOW..HIGH or KEY=A,B,C, such as {EXAMPLES}")
    try:
        return full_key(key), RangePart.model_validate(_plain(rest))
    except (ValidationError, ValueError) as error:
        said = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise UsageError(
            f"--range {key}={rest}: {said.removeprefix('Value error, ')}; such as {EXAMPLES}"
        ) from None


def _plain(text: str) -> dict[str, Any]:
    low, dots, rest = text.partition("..")
    if dots:
        high, *options = rest.split(":")
        part: dict[str, Any] = {"low": float(low), "high": float(high)}
        for option in options:
            name, _, value = option.strip().partition("=")
            if name not in {"log", "step"}:
                raise ValueError(f"after the range stands log or step=S, found {option.strip()!r}")
            part[name] = float(value) if name == "step" else True
        return part
    values = [part.strip() for part in split_at_commas(text)]
    if len(values) < 2 or not all(values):
        raise ValueError("one value for all trials is given with --set")
    return {"choices": [_choice(value) for value in values]}


def _choice(text: str) -> Value:
    """A value as YAML reads it; a list or a group of keys stays the text that says it."""
    value = yaml_value(text, f"the value {text}")
    if isinstance(value, str):  # to YAML 1e-3 is a text
        with suppress(ValueError):
            return float(value)
    return value if value is None or isinstance(value, (bool, int, float, str)) else text


def ranges_of(
    recipe: Recipe, typed: Mapping[str, RangePart], settings: Mapping[str, object]
) -> tuple[Range, ...]:
    """All that a search varies, in the order of the recipe and then as typed.

    Args:
        recipe: with its own ranges, under ``tune``.
        typed: further ones; of a key of the recipe's, instead of it.
        settings: changes that all trials share, dotted key to value.

    Raises:
        UsageError: nothing is varied, or keys that say the same twice, or that stay as they are.
    """
    parts = {full_key(key): part for key, part in recipe.tune.items()} | {**typed}
    if not parts:
        raise UsageError(
            f"recipe {recipe.name} has no ranges to search (under tune); name some with --range, "
            f"such as {EXAMPLES}"
        )
    _check_keys(list(parts), list(map(full_key, settings)))
    values = recipe.model_dump(mode="json")
    return tuple(_range(key, part, _value_at(values, key)) for key, part in parts.items())


def _check_keys(keys: Sequence[str], settings: Sequence[str]) -> None:
    for key in keys:
        if key.partition(".")[0] in FIXED:
            raise UsageError(f"{key} cannot be searched: scores of trials would not compare")
        other = [*settings, *(one for one in keys if one != key)]
        above = next((one for one in other if one == key or _within(one, key)), None)
        if above is not None:
            raise UsageError(
                f"{key} is searched, and {above} is set or searched as well; leave out one of them"
            )


def _within(one: str, other: str) -> bool:
    """Whether one of two keys is a part of the other."""
    return one.startswith(f"{other}.") or other.startswith(f"{one}.")


def _value_at(values: Mapping[str, Any], key: str) -> object:
    """The value that a recipe has for a key; None where it has none."""
    found: Any = values
    for part in key.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(part)
    return found


def _range(key: str, part: RangePart, own: object) -> Range:
    """A range; whole numbers where the recipe has one, or where all steps are whole."""
    if part.low is None or part.high is None:
        return Range(key=key, kind="choice", choices=part.choices or ())
    low, high, step = part.low, part.high, part.step
    if step is not None:  # up to the last step
        high = _stepped(low, step, math.floor((high - low) / step + 1e-9))
    whole = low.is_integer() and high.is_integer() and (step is None or step.is_integer())
    counts = isinstance(own, int) and not isinstance(own, bool)
    kind: Literal["integer", "number"] = "number"
    if whole and (counts or (step is not None and not isinstance(own, float))):
        kind = "integer"
    return Range(key=key, kind=kind, low=low, high=high, log=part.log, step=step)


def own_values(recipe: Recipe, ranges: Sequence[Range]) -> dict[str, Value] | None:
    """The recipe's own values of what is varied; None where one lies outside its range."""
    values = recipe.model_dump(mode="json")
    own: dict[str, Value] = {}
    for one in ranges:
        value: Any = _value_at(values, one.key)
        if not one.holds(value):
            return None
        own[one.key] = value
    return own


def every_combination(ranges: Sequence[Range]) -> list[dict[str, Value]] | None:
    """All combinations; None where they are too many to be named."""
    lists = [one.values() for one in ranges]
    if any(values is None for values in lists):
        return None
    known = [values for values in lists if values is not None]
    if math.prod(map(len, known)) > LISTED:
        return None
    keys = [one.key for one in ranges]
    return [dict(zip(keys, values, strict=True)) for values in itertools.product(*known)]


def check_ranges(
    recipe: str, changes: Mapping[str, Any], ranges: Sequence[Range], schema: Schema
) -> None:
    """See that the recipe takes both ends, or every choice, of each range.

    Args:
        recipe: a shipped recipe's name, or a path.
        changes: that all trials share.
        ranges: what is varied.
        schema: of the dataset.

    Raises:
        RecipeError: it does not; all faults are listed.
    """
    faults: dict[str, str] = {}
    for one in ranges:
        for value in one.ends:
            try:
                tried = load_recipe(recipe, {**changes, one.key: value})
                tasks_of(without_unlearned(resolve(tried), recipe, schema)[0], schema)
            except LapelError as error:
                faults.setdefault(str(error), f"{one.key}={value}")
    if faults:
        listed = "\n".join(f"{where}: {fault}" for fault, where in faults.items())
        raise RecipeError(
            f"nothing was begun, since the recipe does not take all values:\n{listed}"
        )
