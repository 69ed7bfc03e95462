"""Intervals: as wide as theory says, the same every time, honest about what is undefined."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from lapel.metrics.bootstrap import (
    TOGETHER,
    Resamples,
    bootstrap,
    bootstrap_repeats,
    resample,
    resample_repeats,
)
from lapel.schema.errors import UsageError


def mean_of(values: NDArray[np.float64], rows: NDArray[np.int64]) -> dict[str, float]:
    return {"mean": float(values[rows].mean())}


def test_interval_of_a_share_is_as_wide_as_theory_says() -> None:
    right = (np.arange(2000) < 1800).astype(np.float64)
    found = bootstrap(lambda rows: mean_of(right, rows), 2000, seed=1)["mean"]
    half = 1.96 * np.sqrt(0.9 * 0.1 / 2000)
    assert found.value == 0.9
    assert found.low == pytest.approx(0.9 - half, abs=half / 8)
    assert found.high == pytest.approx(0.9 + half, abs=half / 8)


def test_intervals_cover_the_truth_as_often_as_they_claim() -> None:
    random = np.random.default_rng(0)
    covered = 0
    for trial in range(150):
        values = (random.random(200) < 0.7).astype(np.float64)
        found = bootstrap(partial(mean_of, values), 200, resamples=200, seed=trial)["mean"]
        covered += found.low <= 0.7 <= found.high
    assert 0.88 <= covered / 150 <= 1.0


def test_the_same_seed_gives_the_same_interval() -> None:
    values = np.random.default_rng(0).random(50)
    one, same, other = (
        bootstrap(lambda rows: mean_of(values, rows), 50, resamples=100, seed=seed)["mean"]
        for seed in (3, 3, 4)
    )
    assert one == same
    assert one != other


def test_resamples_without_a_number_say_nothing() -> None:
    def sometimes(rows: NDArray[np.int64]) -> dict[str, float]:
        return {"number": 1.0 if 0 in rows else float("nan"), "never": float("nan")}

    found = bootstrap(sometimes, 3, resamples=50)
    assert (found["number"].low, found["number"].high) == (1.0, 1.0)
    assert np.isnan(found["never"].low)


def test_a_number_that_leans_is_brought_back_to_its_value() -> None:
    # Fewer distinct images in a resample: always less than on all.
    def distinct(rows: NDArray[np.int64]) -> dict[str, float]:
        share = len(set(rows)) / 100
        return {"plain": share, "leaning": share, "nearly all": share + 0.49}

    found = bootstrap(distinct, 50, resamples=200, leaning=["leaning", "nearly all"])
    assert found["plain"].high < found["plain"].value == 0.5
    assert found["leaning"].low < 0.5 < found["leaning"].high
    width = found["plain"].high - found["plain"].low
    assert found["leaning"].high - found["leaning"].low == pytest.approx(width)
    # A share is brought back to its value, but not beyond what a share can be.
    assert found["nearly all"].value == pytest.approx(0.99)
    assert found["nearly all"].high == 1.0


@pytest.mark.parametrize("last", [1 / 3, 1.0])
def test_a_number_that_leans_lies_in_its_interval_where_few_resamples_differ(last: float) -> None:
    drawn = np.array([1 / 3] * 99 + [last])
    resamples = Resamples(measured={"share": np.array(1 / 3)}, drawn={"share": drawn})
    found = resamples.intervals(leaning=["share"])["share"]
    assert found.low <= found.value == 1 / 3 <= found.high
    if last == 1 / 3:
        assert found.low == found.high


def test_one_image_has_no_width() -> None:
    found = bootstrap(lambda rows: mean_of(np.array([0.5]), rows), 1, resamples=20)["mean"]
    assert (found.low, found.value, found.high) == (0.5, 0.5, 0.5)


@pytest.mark.parametrize(("images", "resamples", "level"), [(0, 10, 0.9), (5, 0, 0.9), (5, 5, 1.0)])
def test_what_makes_no_interval_is_refused(images: int, resamples: int, level: float) -> None:
    with pytest.raises(UsageError, match="intervals need images, resamples and a level"):
        bootstrap(
            lambda rows: {"count": float(len(rows))}, images, resamples=resamples, level=level
        )


def test_many_resamples_at_once_give_the_same_intervals() -> None:
    values = np.random.default_rng(3).random(37)

    def one(rows: NDArray[np.int64]) -> dict[str, float]:
        return {"mean": float(values[rows].mean()), "odd": float(values[rows].max())}

    def many(repeats: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        most = np.where(repeats > 0, values, 0.0).max(axis=1)
        return {"mean": repeats @ values / 37, "odd": most}

    # More than are looked at together, and not a multiple of it.
    slow = bootstrap(one, 37, resamples=TOGETHER + 9, leaning=["odd"])
    quick = bootstrap_repeats(many, 37, resamples=TOGETHER + 9, leaning=["odd"])
    for name, interval in slow.items():
        assert quick[name].to_json() == pytest.approx(interval.to_json())


def test_several_numbers_of_a_name_have_the_intervals_that_they_have_alone() -> None:
    values = np.random.default_rng(4).random((37, 3))

    def one(rows: NDArray[np.int64]) -> dict[str, float | NDArray[np.float64]]:
        # The last of them is only known of some resamples, the one before of none.
        last = values[rows, 2].mean() if 0 in rows else np.nan
        each = np.array([values[rows, 0].mean(), np.nan, last])
        return {"first": float(each[0]), "last": float(last), "each": each}

    def many(repeats: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        rows = [np.repeat(np.arange(37), often) for often in repeats]
        found = [one(each) for each in rows]
        return {name: np.array([each[name] for each in found]) for name in found[0]}

    slow = resample(one, 37, resamples=TOGETHER + 9)
    quick = resample_repeats(many, 37, resamples=TOGETHER + 9)
    for drawn in (slow, quick):
        intervals, ends = drawn.intervals(), drawn.ends()
        assert list(intervals) == ["first", "last"]
        assert list(ends) == ["each_low", "each_high"]
        first, last = intervals["first"], intervals["last"]
        assert ends["each_low"] == pytest.approx([first.low, np.nan, last.low], nan_ok=True)
        assert ends["each_high"] == pytest.approx([first.high, np.nan, last.high], nan_ok=True)
    np.testing.assert_allclose(slow.ends()["each_low"], quick.ends()["each_low"])
    with pytest.raises(UsageError, match="intervals need images, resamples"):
        resample(one, 0)
