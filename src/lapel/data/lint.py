"""Labels that may be one label, written twice.

Five looks at the names of a task's labels, each with its own reason. What only a person can
judge (``sky`` beside ``skyblue``) is told from what hardly anybody would doubt (``T-Shirt``
beside ``t shirt``), and nothing is changed: :mod:`lapel.data.rules` writes proposals down.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lapel.data.dataset import Dataset
from lapel.data.garment_words import GARMENTS, KNOWN_WORDS
from lapel.data.label_counts import count_together
from lapel.schema.labels import TaskSpec

Kind = Literal["case", "order", "spelling", "within", "together"]

#: What each look found, in words; a task's name goes before.
KINDS: Mapping[Kind, str] = {
    "case": "differ in case and marks alone",
    "order": "are the same words in another order",
    "spelling": "are one letter apart",
    "within": "hold another label's name",
    "together": "hold for nearly the same pictures",
}

#: Shorter names differ in one letter without being misspelt (``red``, ``rod``).
SPELLED_LEAST = 4
#: One letter apart counts as misspelt where the rarer has at most this part of the other's images.
MISSPELT_SHARE = 0.1
#: Two tags are near-synonyms if so much of the pictures of either hold both, so many of them,
#: and so many times more than chance would have it.
TOGETHER_SHARE = 0.9
TOGETHER_IMAGES = 10
TOGETHER_LIFT = 2.0

_MARKS = re.compile(r"[\W_]+")
#: Marks that list words of equal rank; a blank does not: a shirt dress is no dress shirt.
_LISTING = re.compile(r"[/,&+|;]")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelPair:
    """Two labels that may be one.

    Attributes:
        task: whose labels.
        kind: why they were found; see ``KINDS``.
        keep: the one to keep: the commoner.
        other: the one that would become it.
        images: how many hold each.
        sure: whether hardly anybody would doubt it.
    """

    task: str
    kind: Kind
    keep: str
    other: str
    images: tuple[int, int]
    sure: bool

    def __str__(self) -> str:
        return f"{self.other!r} ({self.images[1]:,}) ~ {self.keep!r} ({self.images[0]:,})"


def lint_labels(dataset: Dataset) -> list[LabelPair]:
    """Pairs of labels of each task that may be one: sure ones first, then by kind and name."""
    pairs = [pair for task in dataset.schema for pair in _Lint(dataset, task).pairs()]
    kinds = list(KINDS)
    place = {task.name: number for number, task in enumerate(dataset.schema)}
    return sorted(pairs, key=lambda pair: (place[pair.task], not pair.sure, kinds.index(pair.kind)))


class _Lint:
    """The looks at one task. A label that surely is another takes no further part."""

    def __init__(self, dataset: Dataset, task: TaskSpec) -> None:
        self.task = task
        self.rows = len(dataset)
        self.together: NDArray[np.int64] = count_together(dataset, [task.name])
        self.count = dict(zip(task.labels, np.diag(self.together).tolist(), strict=True))
        #: Commonest first; in the schema's order where equally common.
        self.names = sorted(task.labels, key=lambda label: -self.count[label])
        self.merged: set[str] = set()
        self.seen: set[frozenset[str]] = set()

    def pairs(self) -> Iterator[LabelPair]:
        yield from self.same_letters()
        yield from self.misspelt()
        yield from self.within()
        if self.task.kind == "multi_label":
            yield from self.held_together()

    def _pair(self, kind: Kind, one: str, two: str, *, sure: bool) -> Iterator[LabelPair]:
        keep, other = sorted((one, two), key=self.names.index)
        if {keep, other} & self.merged or frozenset((keep, other)) in self.seen:
            return
        self.seen.add(frozenset((keep, other)))
        if sure:
            self.merged.add(other)
        images = self.count[keep], self.count[other]
        yield LabelPair(
            task=self.task.name, kind=kind, keep=keep, other=other, images=images, sure=sure
        )

    def same_letters(self) -> Iterator[LabelPair]:
        letters: dict[str, str] = {}
        orders: dict[tuple[str, ...], str] = {}
        for label in self.names:
            words = words_of(label)
            if not words:
                continue
            same = letters.setdefault("".join(words), label)
            turned = orders.setdefault(tuple(sorted(words)), same)
            if same != label:
                yield from self._pair("case", same, label, sure=True)
            elif turned != label:
                listed = bool(_LISTING.search(label) and _LISTING.search(turned))
                yield from self._pair("order", turned, label, sure=listed)

    def misspelt(self) -> Iterator[LabelPair]:
        spelled = {label: "".join(words_of(label)) for label in self.names}
        for one, two in _near(spelled):
            first, second = spelled[one], spelled[two]
            plural = first + "s" == second or second + "s" == first
            known = [_known(label) for label in (one, two)]
            if (all(known) and not plural) or _numbers(first) != _numbers(second):
                continue
            keep, other = sorted((one, two), key=self.names.index)
            rare = self.count[other] <= MISSPELT_SHARE * self.count[keep]
            other_known = known[(one, two).index(other)]
            turned = sorted(first) == sorted(second)
            sure = not plural and not other_known and (turned or rare)
            yield from self._pair("spelling", one, two, sure=sure)

    def within(self) -> Iterator[LabelPair]:
        labels = {words_of(label): label for label in reversed(self.names)}
        for label in self.names:
            words = words_of(label)
            for end in range(1, len(words)):
                if words[:end] in labels and words[-1] not in GARMENTS:
                    yield from self._pair("within", labels[words[:end]], label, sure=False)
            for end in range(3, len(words[0]) - 2 if len(words) == 1 else 0):
                begin, rest = (words[0][:end],), words[0][end:]
                colour_or_so = rest in KNOWN_WORDS - GARMENTS or (rest,) in labels
                if begin in labels and colour_or_so and rest not in GARMENTS:
                    yield from self._pair("within", labels[begin], label, sure=False)

    def held_together(self) -> Iterator[LabelPair]:
        alone = np.diag(self.together).astype(np.float64)
        either = alone[:, None] + alone[None] - self.together
        expected = alone[:, None] * alone[None] / max(1, self.rows)
        found = (
            (self.together >= TOGETHER_IMAGES)
            & (self.together >= TOGETHER_SHARE * either)
            & (self.together >= TOGETHER_LIFT * expected)
        )
        for one, two in np.argwhere(np.triu(found, 1)).tolist():
            labels = self.task.labels
            yield from self._pair("together", labels[one], labels[two], sure=False)


def words_of(label: str) -> tuple[str, ...]:
    """The words of a label, without regard to case, width of letters and marks between them."""
    plain = unicodedata.normalize("NFKC", label).casefold()
    return tuple(word for word in _MARKS.split(plain) if word)


def _known(label: str) -> bool:
    words = words_of(label)
    return set(words) <= KNOWN_WORDS or "".join(words) in KNOWN_WORDS


def _numbers(text: str) -> list[str]:
    return re.findall(r"\d", text)


def _near(spelled: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Labels whose spelling differs by one letter more, less or other, or two exchanged.

    Such words share a variant that lacks one letter (or none), so that only words that share
    one are compared, instead of all pairs (the idea of W. Garbe's SymSpell, 2012).
    """
    sharing: dict[str, list[str]] = defaultdict(list)
    for label, word in spelled.items():
        if len(word) >= SPELLED_LEAST:
            for variant in dict.fromkeys([word, *(_without(word, i) for i in range(len(word)))]):
                sharing[variant].append(label)
    found: dict[tuple[str, str], None] = {}
    for labels in sharing.values():
        for place, one in enumerate(labels):
            for two in labels[place + 1 :]:
                if (one, two) not in found and one_edit_apart(spelled[one], spelled[two]):
                    found[one, two] = None
    yield from found


def _without(word: str, place: int) -> str:
    return word[:place] + word[place + 1 :]


def one_edit_apart(one: str, two: str) -> bool:
    """Whether one insertion, deletion, replacement or exchange of neighbours leads from one to
    the other (F. Damerau, 1964).
    """
    if one == two or abs(len(one) - len(two)) > 1:
        return False
    if len(one) > len(two):
        one, two = two, one
    place = next((i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), len(one))
    if len(one) < len(two):
        return one[place:] == two[place + 1 :]
    exchanged = one[place : place + 2] == two[place : place + 2][::-1]
    return one[place + 1 :] == two[place + 1 :] or (
        exchanged and one[place + 2 :] == two[place + 2 :]
    )
