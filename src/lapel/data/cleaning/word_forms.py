"""Names of labels as words: when two are the same, forms of one another, or a letter apart."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping

#: Shorter names differ in one letter without being misspelt (``red``, ``rod``).
SPELLED_LEAST = 4

#: What is left of a word without its ending has so many letters at least (``bed`` is no form).
STEM_LEAST = 3

#: Names of more words are looked at as a whole alone: each word has several stems.
WORDS_MOST = 6

_MARKS = re.compile(r"[\W_]+")


def words_of(label: str) -> tuple[str, ...]:
    """The words of a label, without regard to case, width of letters and marks between them."""
    plain = unicodedata.normalize("NFKC", label).casefold()
    return tuple(word for word in _MARKS.split(plain) if word)


def stems(word: str) -> set[str]:
    """The words that an English word may be a form of, itself among them.

    Plurals (``cities``), adjectives in -ed (``striped``, ``dotted``) and -y (``lacy``), and -ical
    beside -ic. Some are no words: what counts is whether two labels share one.
    """
    found = {word}
    if word.endswith("ies"):
        found.add(f"{word[:-3]}y")
    elif word.endswith(("ches", "shes", "sses", "xes")):
        found.add(word[:-2])
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        found.add(word[:-1])
    elif word.endswith("ed"):
        found |= _without_ending(word[:-2])
    elif word.endswith("ical"):
        found.add(word[:-2])
    elif word.endswith("y"):
        found |= _without_ending(word[:-1])
    return {stem for stem in found if stem == word or len(stem) >= STEM_LEAST}


def _without_ending(rest: str) -> set[str]:
    """``print``, ``stripe`` and ``dot`` of print-ed, strip-ed and dott-ed."""
    found = {rest, f"{rest}e"}
    if len(rest) > 2 and rest[-1] == rest[-2]:
        found.add(rest[:-1])
    return found


def stems_of_label(label: str) -> Iterator[tuple[str, ...]]:
    """Every way to take the endings off the words of a label."""
    words = words_of(label)
    if not words:
        return
    if len(words) > WORDS_MOST:
        yield words
        return
    yield from itertools.product(*(sorted(stems(word)) for word in words))


def only_plural(one: str, two: str) -> bool:
    """Whether two labels differ in plurals alone."""
    pairs = list(zip(words_of(one), words_of(two), strict=False))
    return len(words_of(one)) == len(words_of(two)) and all(
        a == b or (sorted((a, b), key=len)[1].endswith("s") and stems(a) & stems(b))
        for a, b in pairs
    )


def near(spelled: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Labels whose spelling differs by one letter more, less or other, or two exchanged.

    Such words share a variant that lacks one letter (or none), so that only words that share
    one are compared, instead of all pairs (the idea of W. Garbe's SymSpell, 2012).

    Args:
        spelled: label to its letters.
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
