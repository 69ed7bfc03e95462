from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from lapel.data.splitting.stratify import hold_out, hold_out_evenly

NAMES = [f"{number}.jpg" for number in range(1000)]
STRATA = [("ab"[number % 10 == 0],) for number in range(1000)]


def test_every_class_gives_its_share() -> None:
    drawn = hold_out(NAMES, STRATA, {"validation": 0.1, "test": 0.2}, seed=0)
    counts = Counter(zip(drawn, STRATA, strict=True))
    assert counts["validation", ("a",)] == 90
    assert counts["validation", ("b",)] == 10
    assert counts["test", ("a",)] == 180
    assert counts["test", ("b",)] == 20


def test_the_draw_hangs_on_the_seed_and_the_names_alone() -> None:
    drawn = dict(zip(NAMES, hold_out(NAMES, STRATA, {"v": 0.1}, seed=3), strict=True))
    backwards = hold_out(NAMES[::-1], STRATA[::-1], {"v": 0.1}, seed=3)
    assert dict(zip(NAMES[::-1], backwards, strict=True)) == drawn
    other = dict(zip(NAMES, hold_out(NAMES, STRATA, {"v": 0.1}, seed=4), strict=True))
    assert other != drawn
    # The draw is part of published results: it may not change between versions.
    assert [name for name, part in drawn.items() if part][:4] == [
        "32.jpg",
        "41.jpg",
        "42.jpg",
        "46.jpg",
    ]


def test_labels_that_all_differ_are_drawn_too() -> None:
    drawn = hold_out(NAMES, [(name,) for name in NAMES], {"v": 0.1}, seed=0)
    assert Counter(drawn) == {None: 900, "v": 100}


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([None, *"vwxyz"])), max_size=60),
    st.integers(0, 3),
)
def test_groups_stay_together_and_sizes_come_close(
    rows: list[tuple[str, str | None]], seed: int
) -> None:
    names = [str(number) for number in range(len(rows))]
    groups = [group for _, group in rows]
    strata = [(label,) for label, _ in rows]
    drawn = hold_out(names, strata, {"v": 0.3, "t": 0.2}, seed=seed, groups=groups)
    parts: dict[str, set[str | None]] = {}
    for group, part in zip(groups, drawn, strict=True):
        if group is not None:
            parts.setdefault(group, set()).add(part)
    assert all(len(found) == 1 for found in parts.values())
    largest = max(Counter(group for group in groups if group).values(), default=1)
    assert abs(Counter(drawn)["v"] - 0.3 * len(rows)) <= largest + 1
    assert abs(Counter(drawn)["t"] - 0.2 * len(rows)) <= largest + 1


def many_labels(number: int) -> list[str]:
    """A colour, perhaps a use, and tags of very uneven frequency."""
    tags = [f"tag {k}" for k in (2, 3, 5, 7, 11, 13, 50) if number % k == 0]
    return [f"colour {number % 7}", f"use {number % 3}", *tags]


def test_every_label_of_images_with_several_gives_its_share() -> None:
    labels = [many_labels(number) for number in range(1000)]
    drawn = hold_out_evenly(NAMES, labels, {"validation": 0.1, "test": 0.2}, seed=0)
    sizes = Counter(drawn)
    assert (sizes["validation"], sizes["test"]) == (100, 200)
    pairs = zip(drawn, labels, strict=True)
    counts = Counter((part, label) for part, row in pairs for label in row)
    totals = Counter(label for row in labels for label in row)
    for label, total in totals.items():
        assert abs(counts["validation", label] - total * 0.1) <= 2, label
        assert abs(counts["test", label] - total * 0.2) <= 2, label


def test_that_draw_hangs_on_the_seed_and_the_names_alone() -> None:
    labels = [many_labels(number) for number in range(1000)]
    drawn = dict(zip(NAMES, hold_out_evenly(NAMES, labels, {"v": 0.1}, seed=3), strict=True))
    backwards = hold_out_evenly(NAMES[::-1], labels[::-1], {"v": 0.1}, seed=3)
    assert dict(zip(NAMES[::-1], backwards, strict=True)) == drawn
    first = [name for name, part in drawn.items() if part][:4]
    assert first == ["24.jpg", "35.jpg", "37.jpg", "40.jpg"]
    other = hold_out_evenly(NAMES, labels, {"v": 0.1}, seed=4)
    assert dict(zip(NAMES, other, strict=True)) != drawn


def test_labels_too_rare_to_share_out_do_not_empty_a_part() -> None:
    drawn = hold_out_evenly(NAMES, [[name] for name in NAMES], {"v": 0.1}, seed=0)
    assert Counter(drawn) == {None: 900, "v": 100}
    assert hold_out_evenly(NAMES, [[] for _ in NAMES], {}, seed=0) == [None] * 1000


def test_the_rest_keeps_some_of_labels_too_rare_to_share_out() -> None:
    labels = [[f"three of {number // 3}"] for number in range(999)]
    for seed in range(5):
        drawn = hold_out_evenly(NAMES[:999], labels, {"v": 0.15, "t": 0.15}, seed=seed)
        counts = Counter(drawn)
        assert (counts["v"], counts["t"]) == (150, 150)
        kept = {row[0] for row, part in zip(labels, drawn, strict=True) if part is None}
        assert len(kept) == 333


@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from("abcd"), unique=True), st.sampled_from([None, *"vwxyz"])
        ),
        max_size=60,
    ),
    st.integers(0, 3),
)
def test_groups_stay_together_there_too(
    rows: list[tuple[list[str], str | None]], seed: int
) -> None:
    names = [str(number) for number in range(len(rows))]
    groups = [group for _, group in rows]
    labels = [row for row, _ in rows]
    drawn = hold_out_evenly(names, labels, {"v": 0.3, "t": 0.2}, seed=seed, groups=groups)
    parts: dict[str, set[str | None]] = {}
    for group, part in zip(groups, drawn, strict=True):
        if group is not None:
            parts.setdefault(group, set()).add(part)
    assert all(len(found) == 1 for found in parts.values())
    largest = max(Counter(group for group in groups if group).values(), default=1)
    assert Counter(drawn)["v"] <= 0.3 * len(rows) + largest
