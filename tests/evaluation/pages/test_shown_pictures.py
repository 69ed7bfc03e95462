"""Pictures of a report: each is shown once."""

from __future__ import annotations

import pytest

from lapel.evaluation.pages.shown_pictures import worst_and_middle


@pytest.mark.parametrize("count", [0, 1, 2, 11, 18, 19, 30, 31])
def test_no_picture_is_shown_twice(count: int) -> None:
    worst, middle = worst_and_middle(range(count), worst=18, middle=12)
    assert worst == list(range(min(count, 18)))
    assert not set(worst) & set(middle)


def test_of_many_pictures_both_are_whole() -> None:
    worst, middle = worst_and_middle(range(101), worst=18, middle=12)
    assert (len(worst), middle) == (18, list(range(44, 56)))
