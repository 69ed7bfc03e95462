"""Several people's answers become one, and stay open where they do not agree."""

from __future__ import annotations

from typing import Any

import pytest

from lapel.review.resolve import resolve
from lapel.schema.labels import TaskSpec

CATEGORY = TaskSpec(name="category", kind="single_label", labels=("dress", "hat"))
DETAILS = TaskSpec(name="details", kind="multi_label", labels=("lace", "zip", "belt"))
PLACES = TaskSpec(name="places", kind="landmarks", labels=("hem", "collar"))
GARMENTS = TaskSpec(name="garments", kind="garments", labels=("top",))


def tags(*yes: str) -> dict[str, list[str]]:
    return {"yes": list(yes), "unknown": []}


def point(name: str, x: float, state: str = "visible") -> dict[str, Any]:
    return {"name": name, "x": x, "y": 2 * x, "state": state}


@pytest.mark.parametrize(
    ("said", "value", "tied"),
    [
        (["hat"], "hat", ()),
        (["hat", "dress", "hat"], "hat", ()),
        (["hat", "dress"], None, ("",)),
    ],
)
def test_more_than_half_must_say_the_same(
    said: list[str], value: str | None, tied: tuple[str, ...]
) -> None:
    found = resolve(CATEGORY, said, "majority")
    assert (found.value, found.tied) == (value, tied)


def test_the_last_word_may_count_instead() -> None:
    assert resolve(CATEGORY, ["hat", "dress"], "last").value == "dress"


def test_each_tag_is_counted_for_itself() -> None:
    found = resolve(DETAILS, [tags("lace", "zip"), tags("lace")], "majority")
    assert found.value == {"yes": ["lace"], "unknown": ["zip"]}
    assert found.tied == ("zip",)


def test_a_landmark_lies_where_most_put_it() -> None:
    said = [[point("hem", 10)], [point("hem", 12), point("collar", 5)], [point("hem", 90)]]
    found = resolve(PLACES, said, "majority")
    assert found.value == [point("hem", 12)]
    assert found.tied == ()


def test_a_landmark_that_some_see_and_others_do_not_stays_open() -> None:
    found = resolve(PLACES, [[point("hem", 10)], [point("hem", 12, "hidden")]], "majority")
    assert found.value == [{"name": "hem", "x": None, "y": None, "state": "unknown"}]
    assert found.tied == ("hem",)


def test_boxes_are_counted_as_a_whole() -> None:
    one, other = [{"part": "top", "box": [0, 0, 1, 1]}], [{"part": "top", "box": [0, 0, 2, 2]}]
    assert resolve(GARMENTS, [one, other, one], "majority").value == one
    assert resolve(GARMENTS, [one, other], "majority").tied == ("",)
