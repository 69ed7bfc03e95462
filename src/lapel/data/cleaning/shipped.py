"""Rules that come with Lapel, by the name of a public dataset.

Each is a table, ``shipped_rules/NAME.tsv``: a line a pair of labels, with the reason. Its tiers:

- ``A``: the same word written in two ways; hardly anybody would doubt it;
- ``B``: what most would call the same, and some would not;
- ``implies``: not one label, but who has the first has the second as well.

Merges stay inside one task. Implications may lead to another: a belted floral print is belted
(a part) and floral (a texture).
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from lapel.data.cleaning.rules import Place, TaskRules, read_rules
from lapel.schema.errors import UsageError
from lapel.schema.labels import Schema

#: Names of the tables.
SHIPPED = ("deepfashion",)

#: What may be asked for, and the tiers that it takes.
TIERS: Mapping[str, tuple[str, ...]] = {"A": ("A",), "AB": ("A", "B")}
DEFAULT_TIER = "A"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippedRule:
    """One line of a table.

    Attributes:
        rule: ``A``, ``B`` or ``implies``.
        label: the task and name of the label that is merged, or that implies.
        other: the task and name of what it becomes, or of what holds too.
        reason: in words.
    """

    rule: str
    label: Place
    other: Place
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenRules:
    """The rules that a dataset is to be cleaned by.

    Attributes:
        rules: by task.
        called: where they come from, in words.
        skipped: shipped rules about labels that the dataset does not have.
    """

    rules: Mapping[str, TaskRules]
    called: str
    skipped: int = 0


@cache
def shipped_rules(name: str) -> tuple[ShippedRule, ...]:
    """All lines of a table.

    Raises:
        UsageError: no table of that name.
    """
    if name not in SHIPPED:
        raise UsageError(f"no rules called {name!r} are shipped; there are: {', '.join(SHIPPED)}")
    path = resources.files(__package__).joinpath("shipped_rules", f"{name}.tsv")
    lines = [line for line in path.read_text("utf-8").splitlines() if not line.startswith("#")]
    return tuple(
        ShippedRule(
            rule=row["rule"],
            label=(row["task"], row["label"]),
            other=(row["other_task"], row["other"]),
            reason=row["reason"],
        )
        for row in csv.DictReader(lines, delimiter="\t")
    )


def choose_rules(
    rules: str | Path | None,
    schema: Schema,
    *,
    tier: str | None = None,
    implications: bool = False,
) -> ChosenRules:
    """The rules that a user names: a shipped table, or a file of their own.

    Args:
        rules: a name of ``SHIPPED`` or the path of a file (see :mod:`lapel.data.cleaning.rules`);
            none: nothing is merged.
        schema: of the dataset.
        tier: of a shipped table: a name of ``TIERS``; none: the first.
        implications: whether its implications are taken too.

    Raises:
        UsageError: no such table, file or tier; or a tier for a file of one's own.
        FormatError: a file whose rules do not fit the dataset.
    """
    shipped = str(rules) in SHIPPED and not Path(str(rules)).is_file()
    if not shipped and (tier is not None or implications):
        raise UsageError(
            f"tiers and implications are of shipped rules ({', '.join(SHIPPED)}); a file says "
            "all itself"
        )
    if rules is None:
        return ChosenRules(rules={}, called="counts alone")
    if not shipped and not Path(rules).is_file() and not Path(rules).suffix:
        raise UsageError(
            f"found neither a file {str(rules)!r} nor shipped rules of that name; shipped are: "
            f"{', '.join(SHIPPED)}"
        )
    if not shipped:
        return ChosenRules(rules=read_rules(rules, schema), called=Path(rules).name)
    tier = DEFAULT_TIER if tier is None else tier
    if tier not in TIERS:
        raise UsageError(f"no tier {tier!r}; choose one of: {', '.join(TIERS)}")
    table = shipped_rules(str(rules))
    found, skipped = _fitted(table, schema, TIERS[tier], implications=implications)
    with_them = " with implications" if implications else ""
    called = f"{rules}, tier {tier}{with_them}"
    if not found and not _about(table, schema):
        raise UsageError(
            f"none of the rules {called!r} is about a label of this dataset; its tasks: "
            f"{', '.join(task.name for task in schema)}"
        )
    return ChosenRules(rules=found, called=called, skipped=skipped)


def _about(table: Sequence[ShippedRule], schema: Schema) -> bool:
    """Whether a table knows any label of a schema, be there anything to join or not."""
    known = {place for row in table for place in (row.label, row.other)}
    tags = [task for task in schema if task.kind == "multi_label"]
    return any((task.name, label) in known for task in tags for label in task.labels)


def _becomes(table: Sequence[ShippedRule], tiers: Sequence[str]) -> dict[Place, Place]:
    return {row.label: row.other for row in table if row.rule in tiers}


def _last(place: Place, becomes: Mapping[Place, Place]) -> Place:
    while place in becomes:
        place = becomes[place]
    return place


def _fitted(
    table: Sequence[ShippedRule], schema: Schema, tiers: Sequence[str], *, implications: bool
) -> tuple[dict[str, TaskRules], int]:
    """A table as rules for the labels that are there, and how many lines are about none."""
    there = [
        (task.name, label) for task in schema if task.kind == "multi_label" for label in task.labels
    ]
    now = _names_now(there, _becomes(table, tiers))
    merge: dict[str, dict[str, list[str]]] = {task.name: {} for task in schema}
    for (task, label), (_, name) in now.items():
        if label != name:
            merge[task].setdefault(name, []).append(label)
    imply = _implied(table, there, now) if implications else {}
    rules = {
        task: TaskRules(
            merge={keep: tuple(names) for keep, names in groups.items()},
            imply={label: places for (of, label), places in imply.items() if of == task},
        )
        for task, groups in merge.items()
    }
    asked = [row for row in table if row.rule in tiers or (implications and row.rule == "implies")]
    skipped = sum(row.label not in now for row in asked)
    return {task: one for task, one in rules.items() if one.merge or one.imply}, skipped


def _names_now(there: Sequence[Place], becomes: Mapping[Place, Place]) -> dict[Place, Place]:
    """What each label that is there becomes. One whose like are all missing stays as it is."""
    now = {label: _last(label, becomes) for label in there}
    members = Counter(now.values())
    return {label: last if members[last] > 1 else label for label, last in now.items()}


def _implied(
    table: Sequence[ShippedRule], there: Sequence[Place], now: Mapping[Place, Place]
) -> dict[Place, tuple[Place, ...]]:
    """Label as it was to labels as they are that hold too.

    What a label implies, its other spellings (tier A) imply. Not so in tier B: a floral print
    becomes floral, and yet it alone is a print.
    """
    spelled = _becomes(table, ("A",))
    alike: dict[Place, list[Place]] = {}
    for label in there:
        alike.setdefault(_last(label, spelled), []).append(label)
    found: dict[Place, dict[Place, None]] = {}
    for row in table:
        targets = alike.get(_last(row.other, spelled), ())
        if row.rule != "implies" or not targets:
            continue
        for label in alike.get(_last(row.label, spelled), ()):
            if now[targets[0]] != now[label]:
                found.setdefault(label, {})[now[targets[0]]] = None
    return {label: tuple(places) for label, places in found.items()}
