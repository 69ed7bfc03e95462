"""What is compared: every combination of the values of some of a recipe's keys.

``model.heads=separate,joint`` varies a key. Commas inside brackets part nothing, and a value may
bring others along: ``optim=sgd,adamw+optimiser.learning_rate=0.003``, since what is fair to one
optimiser is not to the other.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lapel.schema.errors import UsageError
from lapel.training.recipe import full_key, split_at_commas

#: Where a value ends and what it brings along begins.
_ALONG = re.compile(r"\+(?=[A-Za-z_][\w.]*=)")

#: What a folder's name is better without. Letters of all scripts stay.
_UNSAFE = re.compile(r"[^\w.=]+")

#: Characters of a run's name before it is cut off and told apart by a hash.
NAME_CHARACTERS = 72


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value of a varied key.

    Attributes:
        text: as typed, with what it brings along.
        changes: keys of the recipe to values as typed.
    """

    text: str
    changes: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Varied:
    """A key of the recipe that is varied.

    Attributes:
        key: as typed.
        values: at least two, in the order typed.
    """

    key: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One combination: a value of each varied key.

    Attributes:
        name: of its run, safe as a folder's.
        values: the texts of the values, in the order of the grid's keys.
        changes: keys of the recipe to values as typed.
    """

    name: str
    values: tuple[str, ...]
    changes: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRun:
    """One run of a choice, with one seed.

    Attributes:
        name: its folder below ``runs/``.
        choice: what it tries.
        seed: of everything random in it.
        changes: all changes to the recipe, the seed among them.
    """

    name: str
    choice: Choice
    seed: int
    changes: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """All combinations.

    Attributes:
        varied: the keys and their values.
        choices: every combination; the last key changes fastest.
    """

    varied: tuple[Varied, ...]
    choices: tuple[Choice, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """The varied keys, as typed."""
        return tuple(one.key for one in self.varied)

    def runs(self, settings: Mapping[str, str], seeds: Sequence[int]) -> list[PlannedRun]:
        """Every run: all choices with the first seed, then with the others.

        Args:
            settings: changes that all runs share.
            seeds: at least one.
        """
        return [
            PlannedRun(
                name=choice.name if number == 0 else f"{choice.name}_seed-{seed}",
                choice=choice,
                seed=seed,
                changes={**settings, "seed": str(seed), **choice.changes},
            )
            for number, seed in enumerate(seeds)
            for choice in self.choices
        ]


def grid_of(texts: Sequence[str]) -> Grid:
    """The grid of some ``KEY=A,B,C``.

    Raises:
        UsageError: a text of another shape, a key that stands twice, fewer than two values.
    """
    varied = tuple(parse_varied(text) for text in texts)
    keys = Counter(full_key(one.key) for one in varied)
    twice = [key for key, count in keys.items() if count > 1]
    if twice:
        raise UsageError(f"--vary {twice[0]} stands twice; name all its values in one")
    short = _short_keys([one.key for one in varied])
    choices = [
        _choice(values, short) for values in itertools.product(*(one.values for one in varied))
    ]
    names = Counter(choice.name for choice in choices)
    return Grid(
        varied=varied,
        choices=tuple(_told_apart(one) if names[one.name] > 1 else one for one in choices),
    )


def parse_varied(text: str) -> Varied:
    """``KEY=A,B,C`` to a key and its values.

    Raises:
        UsageError: no such shape, or fewer than two values, or one that stands twice.
    """
    key, equals, rest = text.partition("=")
    key = key.strip()
    if not equals or not key or not rest.strip():
        raise UsageError(
            f"--vary takes KEY=A,B,C, such as model.heads=separate,joint; found {text!r}"
        )
    values = [part.strip() for part in split_at_commas(rest)]
    if len(values) < 2 or not all(values):
        raise UsageError(
            f"--vary {key} needs two values or more with commas between, found {rest!r}; "
            "one value for all runs is given with --set"
        )
    twice = [value for value, count in Counter(values).items() if count > 1]
    if twice:
        raise UsageError(f"--vary {key} names the value {twice[0]!r} twice")
    return Varied(key=key, values=tuple(_value(key, value) for value in values))


def _value(key: str, text: str) -> Value:
    own, *along = _ALONG.split(text)
    brought = {name: value for name, _, value in (part.partition("=") for part in along)}
    return Value(text=text, changes={key: own, **brought})


def _short_keys(keys: Sequence[str]) -> list[str]:
    """The last word of each key; where two share it, the whole key."""
    last = [key.rpartition(".")[2] for key in keys]
    return [key if last.count(word) > 1 else word for key, word in zip(keys, last, strict=True)]


def _choice(values: tuple[Value, ...], short_keys: Sequence[str]) -> Choice:
    parts = [
        f"{key}-{re.sub(_UNSAFE, '-', value.text).strip('-')}"
        for key, value in zip(short_keys, values, strict=True)
    ]
    name = "_".join(parts) or "as-it-is"
    changes = {key: text for value in values for key, text in value.changes.items()}
    choice = Choice(name=name, values=tuple(value.text for value in values), changes=changes)
    return choice if len(name) <= NAME_CHARACTERS else _told_apart(choice)


def _told_apart(choice: Choice) -> Choice:
    """The same, with a name that no other choice has."""
    digest = hashlib.sha256("\0".join(choice.values).encode()).hexdigest()[:8]
    name = f"{choice.name[: NAME_CHARACTERS - 9]}_{digest}"
    return Choice(name=name, values=choice.values, changes=choice.changes)
