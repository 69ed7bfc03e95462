"""How far people who label the same photos agree, beyond what chance would bring.

Kappa is (observed - expected) / (1 - expected): 1 where all agree always, 0 where they agree as
often as people who answer at random in their own proportions. Two people are compared by Cohen's,
more by Fleiss'.

Sources: Cohen, "A Coefficient of Agreement for Nominal Scales", Educational and Psychological
Measurement 20, 1960, page 40; Fleiss, "Measuring Nominal Scale Agreement among Many Raters",
Psychological Bulletin 76, 1971. Fleiss has every item rated equally often; of items that are not,
each counts by the shares of its answers, as in Gwet, "Handbook of Inter-Rater Reliability", 4th
edition, 2014: with equal numbers it is Fleiss' own.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lapel.schema.errors import UsageError

#: What both kappas are called.
COHEN, FLEISS = "Cohen's kappa", "Fleiss' kappa"


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far some people agree.

    Attributes:
        name: of the kappa: ``COHEN`` for two people, ``FLEISS`` for more.
        kappa: at most 1; NaN where it says nothing: no item was answered twice, or all answers are
            the same, so that chance alone would agree too.
        observed: the share of pairs of answers to one item that are equal; NaN without such pairs.
        items: that two people or more answered.
        people: who answered one of them.
    """

    name: str
    kappa: float
    observed: float
    items: int
    people: int


def cohen_kappa(first: Sequence[Hashable], second: Sequence[Hashable]) -> float:
    """Cohen's kappa of two people's answers to the same items.

    Args:
        first: one person's answers.
        second: the other's, in the same order.

    Returns:
        At most 1; NaN without items, or where both always say one and the same.

    Raises:
        UsageError: not as many answers of one as of the other.
    """
    if len(first) != len(second):
        raise UsageError(f"found {len(first)} and {len(second)} answers, expected as many of each")
    count = len(first)
    if not count:
        return math.nan
    observed = sum(one == other for one, other in zip(first, second, strict=True)) / count
    mine, theirs = Counter(first), Counter(second)
    expected = sum(mine[value] * theirs[value] for value in mine) / count**2
    return _kappa(observed, expected)


def fleiss_kappa(counts: NDArray[np.int64]) -> float:
    """Fleiss' kappa of several people's answers.

    Args:
        counts: how many people gave each answer, (items, answers); items that fewer than two people
            answered take no part.

    Returns:
        At most 1; NaN without such items, or where all answers are the same.

    Raises:
        UsageError: an array of another form, or counts below 0.
    """
    if counts.ndim != 2 or (counts < 0).any():
        raise UsageError(
            f"expected counts (items, answers) of 0 or more, found an array of {counts.shape}"
        )
    people = counts.sum(axis=1)
    counts, people = counts[people >= 2], people[people >= 2]
    if not len(counts):
        return math.nan
    equal = (counts * (counts - 1)).sum(axis=1) / (people * (people - 1))
    shares = (counts / people[:, None]).mean(axis=0)
    return _kappa(float(equal.mean()), float((shares**2).sum()))


def agreement(answers: Iterable[tuple[Hashable, Hashable, Hashable]]) -> Agreement:
    """How far people agree who answered some of the same items.

    Args:
        answers: (item, person, answer), in any order; the last one of a person to an item counts.
    """
    by_item: dict[Hashable, dict[Hashable, Hashable]] = {}
    for item, person, answer in answers:
        by_item.setdefault(item, {})[person] = answer
    shared = [said for said in by_item.values() if len(said) >= 2]
    people = sorted({person for said in shared for person in said}, key=str)
    counts = _counts(shared)
    several = counts.sum(axis=1)
    pairs = float((several * (several - 1)).sum())
    equal = float((counts * (counts - 1)).sum())
    two = len(people) == 2
    return Agreement(
        name=COHEN if two else FLEISS,
        kappa=(
            cohen_kappa(*([said[person] for said in shared] for person in people))
            if two
            else fleiss_kappa(counts)
        ),
        observed=equal / pairs if pairs else math.nan,
        items=len(shared),
        people=len(people),
    )


def _counts(shared: Sequence[Mapping[Hashable, Hashable]]) -> NDArray[np.int64]:
    """How many people gave each answer to each item, (items, answers)."""
    places: dict[Hashable, int] = {}
    for said in shared:
        for value in said.values():
            places.setdefault(value, len(places))
    counts = np.zeros((len(shared), len(places)), np.int64)
    for row, said in enumerate(shared):
        for value in said.values():
            counts[row, places[value]] += 1
    return counts


def _kappa(observed: float, expected: float) -> float:
    # Sums of shares end a hair beside 1.
    return (observed - expected) / (1.0 - expected) if expected < 1 - 1e-12 else math.nan
