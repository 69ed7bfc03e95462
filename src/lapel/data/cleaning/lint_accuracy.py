"""How many of the linter's proposals are right, and how many labels that are one it finds.

The truth is a set of rules: labels that they join are one. A proposal is *right* if rules put
both of its labels into one group; a group of n labels needs n - 1 *joins*, and finds as many as
the proposals inside it make.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lapel.data.cleaning.lint import LabelPair
from lapel.data.cleaning.rules import Place, TaskRules
from lapel.schema.labels import Schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """Proposals counted against the truth.

    Attributes:
        proposed: how many proposals there are.
        right: how many of them join labels that are one.
        joins: how many joins the truth needs.
        found: how many of those the proposals make.
    """

    proposed: int
    right: int
    joins: int
    found: int

    @property
    def precision(self) -> float:
        """Right ones of those proposed, 0 to 1; NaN where nothing is proposed."""
        return self.right / self.proposed if self.proposed else float("nan")

    @property
    def recall(self) -> float:
        """Joins found of those needed, 0 to 1; NaN where nothing is to be found."""
        return self.found / self.joins if self.joins else float("nan")

    def to_json(self) -> dict[str, float | None]:
        """The counts, ``precision`` and ``recall``; None for what cannot be told."""
        return {
            "proposed": self.proposed,
            "right": self.right,
            "joins": self.joins,
            "found": self.found,
            "precision": self.precision if self.proposed else None,
            "recall": self.recall if self.joins else None,
        }

    def __str__(self) -> str:
        return (
            f"{self.right:,} of {self.proposed:,} right (precision {self.precision:.3f}), "
            f"{self.found:,} of {self.joins:,} joins found (recall {self.recall:.3f})"
        )


def merges_of(rules: Mapping[str, TaskRules], schema: Schema) -> list[list[Place]]:
    """Labels of a schema that rules make one: a group each, of two or more."""
    groups: dict[Place, list[Place]] = {}
    for name, one in rules.items():
        for old, now in one.mapping(schema[name].labels).items():
            if now is not None:
                groups.setdefault((name, now), []).append((name, old))
    return [group for group in groups.values() if len(group) > 1]


def accuracy(pairs: Iterable[LabelPair], groups: Sequence[Sequence[Place]]) -> Accuracy:
    """Proposals of merges against groups of labels that are one; others take no part."""
    group_of = {place: number for number, group in enumerate(groups) for place in group}
    joined: dict[Place, Place] = {}

    def root(place: Place) -> Place:
        while place in joined:
            place = joined[place]
        return place

    proposed = right = found = 0
    for pair in pairs:
        if not pair.merges:
            continue
        one, two = (pair.task, pair.keep), (pair.task, pair.other)
        proposed += 1
        if one in group_of and group_of[one] == group_of.get(two):
            right += 1
            if root(one) != root(two):
                found += 1
                joined[root(one)] = root(two)
    joins = sum(len(group) - 1 for group in groups)
    return Accuracy(proposed=proposed, right=right, joins=joins, found=found)


def accuracies(
    pairs: Sequence[LabelPair], rules: Mapping[str, TaskRules], schema: Schema
) -> dict[str, Accuracy]:
    """Of the proposals that are sure, and of all of them, in words."""
    groups = merges_of(rules, schema)
    return {
        "proposed": accuracy([pair for pair in pairs if pair.sure], groups),
        "proposed or to be judged": accuracy(pairs, groups),
    }
