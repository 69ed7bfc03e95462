"""Labels that may be one label, written twice.

Several looks at the names of a task's labels, each with its own reason. What only a person can
judge (``sky`` beside ``skyblue``) is told from what hardly anybody would doubt (``T-Shirt``
beside ``t shirt``, ``striped`` beside ``stripes``), and nothing is changed:
:mod:`lapel.data.cleaning.proposing` writes proposals down. How many of them are right is measured
on DeepFashion's names (``lapel.data.cleaning.lint_accuracy``, docs/deepfashion-cleaning.md).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lapel.data.cleaning.garment_words import GARMENTS, KNOWN_WORDS
from lapel.data.cleaning.rules import CLEANED_KINDS
from lapel.data.cleaning.word_forms import near, only_plural, stems_of_label, words_of
from lapel.data.dataset import Dataset
from lapel.data.label_counts import count_held, count_together
from lapel.schema.annotation import Label
from lapel.schema.labels import TaskSpec

Kind = Literal["case", "form", "order", "spelling", "print", "within", "parts", "together"]

#: What each look found, in words; a task's name goes before.
KINDS: Mapping[Kind, str] = {
    "case": "differ in case and marks alone",
    "form": "are forms of the same words",
    "order": "are the same words in another order",
    "spelling": "are one letter apart",
    "print": "are a pattern with and without the word for it",
    "within": "hold another label's name",
    "parts": "are put together of others, which may hold wherever they do",
    "together": "hold for nearly the same pictures",
}

#: The look whose labels are not one: the longer name would imply the shorter.
IMPLYING: Kind = "parts"

#: One letter apart counts as misspelt where the rarer has at most this part of the other's images.
MISSPELT_SHARE = 0.1
#: Most tags are rare, and short ones often words of their own (`paint` beside `print`, `feather`
#: beside `leather`): only longer ones are surely misspelt for being rare.
TAG_SPELLED_LEAST = 8
#: Two tags are near-synonyms if so much of the pictures of either hold both, so many of them,
#: and so many times more than chance would have it.
TOGETHER_SHARE = 0.9
TOGETHER_IMAGES = 10
TOGETHER_LIFT = 2.0
#: So many of the commonest tags are looked at for it: their pairs are counted in 32 MB.
TOGETHER_TAGS = 2_000

#: Marks that list words of equal rank; a blank does not: a shirt dress is no dress shirt.
_LISTING = re.compile(r"[/,&+|;]")

#: Words that say no more than that something is a pattern.
_PRINTS = frozenset(("print", "prints", "printed", "pattern", "patterns", "patterned"))


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelPair:
    """Two labels that may be one; of kind ``parts``, of which one may imply the other.

    Attributes:
        task: whose labels.
        kind: why they were found; see ``KINDS``.
        keep: the one to keep: the commoner; of kind ``parts`` the one that is implied.
        other: the one that would become it, or imply it.
        images: how many hold each.
        sure: whether hardly anybody would doubt it.
    """

    task: str
    kind: Kind
    keep: str
    other: str
    images: tuple[int, int]
    sure: bool

    @property
    def merges(self) -> bool:
        """Whether it is about one label rather than about two that go together."""
        return self.kind != IMPLYING

    def __str__(self) -> str:
        sign = "~" if self.merges else "=>"
        return f"{self.other!r} ({self.images[1]:,}) {sign} {self.keep!r} ({self.images[0]:,})"


def lint_labels(dataset: Dataset) -> list[LabelPair]:
    """Pairs of labels of each task that may be one: sure ones first, then by kind and name."""
    tasks = [task for task in dataset.schema if task.kind in CLEANED_KINDS]
    return [pair for task in tasks for pair in lint_task(task, dataset)]


def lint_task(task: TaskSpec, dataset: Dataset | None = None) -> list[LabelPair]:
    """The same of one task, by the names of its labels and what is known of how they occur.

    Args:
        task: whose labels.
        dataset: whose images say how they occur; none: nothing is known.
    """
    kinds = list(KINDS)
    pairs = _Lint(task, dataset).pairs()
    return sorted(pairs, key=lambda pair: (not pair.sure, kinds.index(pair.kind)))


class _Lint:
    """The looks at one task. A label that surely is another takes no further part."""

    def __init__(self, task: TaskSpec, dataset: Dataset | None) -> None:
        self.task = task
        self.dataset = dataset
        labels: Sequence[Label] = () if dataset is None else dataset.labels_in_words(task.name)
        counts = count_held(labels)
        self.count = {label: counts[label] for label in task.labels}
        #: Commonest first; in the schema's order where equally common.
        self.names = sorted(task.labels, key=lambda label: -self.count[label])
        self.rank = {label: rank for rank, label in enumerate(self.names)}
        self.merged: set[str] = set()
        self.seen: set[frozenset[str]] = set()

    def pairs(self) -> Iterator[LabelPair]:
        yield from self.same_letters()
        yield from self.inflected()
        yield from self.misspelt()
        tags = self.task.kind == "multi_label"
        yield from self.prints()
        yield from self.parts() if tags else self.within()
        yield from self.run_together()
        if tags:
            yield from self.held_together()

    def _pair(self, kind: Kind, one: str, two: str, *, sure: bool) -> Iterator[LabelPair]:
        keep, other = sorted((one, two), key=self.rank.__getitem__)
        if {keep, other} & self.merged or frozenset((keep, other)) in self.seen:
            return
        if sure:
            self.merged.add(other)
        yield self._found(kind, keep, other, sure=sure)

    def _found(self, kind: Kind, keep: str, other: str, *, sure: bool) -> LabelPair:
        self.seen.add(frozenset((keep, other)))
        images = self.count[keep], self.count[other]
        return LabelPair(
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

    def inflected(self) -> Iterator[LabelPair]:
        """Plurals, adjectives in -ed and -y; a pair of ``shorts`` is not many a ``short``."""
        sharing: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for label in self.names:
            for stem in stems_of_label(label):
                sharing[stem].append(label)
        for labels in sharing.values():
            for place, one in enumerate(labels):
                for two in labels[place + 1 :]:
                    yield from self._pair("form", one, two, sure=_surely_forms(one, two))

    def misspelt(self) -> Iterator[LabelPair]:
        spelled = {label: "".join(words_of(label)) for label in self.names}
        for one, two in near(spelled):
            first, second = spelled[one], spelled[two]
            known = [_known(label) for label in (one, two)]
            if all(known) or _numbers(first) != _numbers(second):
                continue
            keep, other = sorted((one, two), key=self.rank.__getitem__)
            rare = self.count[keep] > 0 and self.count[other] <= MISSPELT_SHARE * self.count[keep]
            other_known = known[(one, two).index(other)]
            turned = sorted(first) == sorted(second)
            long = self.task.kind != "multi_label" or len(first) >= TAG_SPELLED_LEAST
            sure = not other_known and (turned or (rare and long))
            yield from self._pair("spelling", one, two, sure=sure)

    def prints(self) -> Iterator[LabelPair]:
        labels = self._by_words()
        for label in self.names:
            words = words_of(label)
            if len(words) > 1 and words[-1] in _PRINTS and words[:-1] in labels:
                yield from self._pair("print", labels[words[:-1]], label, sure=False)

    def within(self) -> Iterator[LabelPair]:
        """Of one of several labels: the beginning of a name is a label."""
        labels = self._by_words()
        for label in self.names:
            words = words_of(label)
            for end in range(1, len(words)):
                if words[:end] in labels and words[-1] not in GARMENTS:
                    yield from self._pair("within", labels[words[:end]], label, sure=False)

    def run_together(self) -> Iterator[LabelPair]:
        """``skyblue`` beside ``sky``."""
        labels = self._by_words()
        for label in self.names:
            words = words_of(label)
            for end in range(3, len(words[0]) - 2 if len(words) == 1 else 0):
                begin, rest = (words[0][:end],), words[0][end:]
                colour_or_so = rest in KNOWN_WORDS - GARMENTS or (rest,) in labels
                if begin in labels and colour_or_so and rest not in GARMENTS:
                    yield from self._pair("within", labels[begin], label, sure=False)

    def parts(self) -> Iterator[LabelPair]:
        """Of tags: words of a name that follow one another are a tag of their own."""
        labels = self._by_words()
        for label in self.names:
            words = words_of(label)
            for begin in range(len(words)):
                for end in range(begin + 1, len(words) + 1):
                    part = labels.get(words[begin:end], label)
                    if part != label and not _another_garment(words, end):
                        yield from self._part(part, label)

    def _part(self, part: str, label: str) -> Iterator[LabelPair]:
        if not {part, label} & self.merged and frozenset((part, label)) not in self.seen:
            yield self._found(IMPLYING, part, label, sure=False)

    def _by_words(self) -> dict[tuple[str, ...], str]:
        """Words to the commonest label that has just these."""
        return {words_of(label): label for label in reversed(self.names)}

    def held_together(self) -> Iterator[LabelPair]:
        if self.dataset is None:
            return
        commonest = set(self.names[:TOGETHER_TAGS])
        tags = [label for label in self.task.labels if label in commonest]
        together = count_together(self.dataset, [(self.task.name, tag) for tag in tags])
        alone = np.diag(together).astype(np.float64)
        either = alone[:, None] + alone[None] - together
        expected = alone[:, None] * alone[None] / max(1, len(self.dataset))
        found = (
            (together >= TOGETHER_IMAGES)
            & (together >= TOGETHER_SHARE * either)
            & (together >= TOGETHER_LIFT * expected)
        )
        for one, two in np.argwhere(np.triu(found, 1)).tolist():
            yield from self._pair("together", tags[one], tags[two], sure=False)


def _surely_forms(one: str, two: str) -> bool:
    """Adjectives in -y stay doubtful: a boxy dress is no box, a lacy one is lace."""
    first, second = words_of(one), words_of(two)
    changed = [{a, b} for a, b in zip(first, second, strict=True) if a != b]
    if any(word.endswith("y") for words in changed for word in words):
        # Both in -y is no adjective of a noun; `city` and `cities` are a plural.
        return only_plural(one, two)
    return not (only_plural(one, two) and any(words & GARMENTS for words in changed))


def _another_garment(words: tuple[str, ...], end: int) -> bool:
    """Whether part of a name is a garment that the whole is not: a vest dress is no vest."""
    return end < len(words) and words[end - 1] in GARMENTS and words[-1] in GARMENTS


def _known(label: str) -> bool:
    words = words_of(label)
    return set(words) <= KNOWN_WORDS or "".join(words) in KNOWN_WORDS


def _numbers(text: str) -> list[str]:
    return re.findall(r"\d", text)
