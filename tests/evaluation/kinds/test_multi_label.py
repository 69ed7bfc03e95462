"""Any of several labels, judged: where the numbers of each label may lie."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from lapel.evaluation.kinds.multi_label import MultiLabelEvaluation, judge_multi_label
from lapel.schema.annotation import Label, Tags
from lapel.schema.labels import TaskSpec

SPEC = TaskSpec(name="tags", kind="multi_label", labels=("lace", "knit", "print", "never"))

#: How often each tag holds.
RATES = (0.6, 0.3, 0.06, 0.0)

NUMBERS = ("precision", "recall", "f1")


def judged(images: int, *, seed: int = 0, resamples: int = 200) -> MultiLabelEvaluation:
    """Drawn answers that are mostly right; one tag in five is unknown."""
    random = np.random.default_rng(seed)
    holds = random.random((images, len(RATES))) < RATES
    unknown = random.random(holds.shape) < 0.2
    logits = (random.normal(size=holds.shape) + np.where(holds, 1.0, -1.0)).astype(np.float32)
    labels: list[Label] = [
        Tags(yes=_words(yes & ~hidden), unknown=_words(hidden))
        for yes, hidden in zip(holds, unknown, strict=True)
    ]
    return judge_multi_label(
        SPEC, [logits], labels, {}, counted=("train", labels), resamples=resamples
    )


def _words(chosen: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(label for label, one in zip(SPEC.labels, chosen, strict=True) if one)


def test_each_tag_has_the_interval_that_a_plain_loop_over_the_resamples_gives() -> None:
    found = judged(40, resamples=150)  # more than are looked at together
    images = found.tagged
    random = np.random.default_rng(0)
    draws = [images.take(random.integers(40, size=40)) for _ in range(150)]
    for label, row in enumerate(found.per_label()[:3]):
        each: dict[str, list[float]] = {name: [] for name in NUMBERS}
        for drawn in draws:
            known = drawn.known[:, label]
            holds = drawn.target[known, label] > 0
            told = drawn.predicted[known, label]
            right = int((holds & told).sum())
            for name, whole in (("precision", told.sum()), ("recall", holds.sum())):
                each[name] += [right / int(whole)] if whole else []
            both = int(told.sum() + holds.sum())
            each["f1"] += [2 * right / both] if both else []
        for name in NUMBERS:
            low, high = np.quantile(each[name], [0.025, 0.975])
            assert row[f"{name}_low"] == pytest.approx(low), (row["label"], name)
            assert row[f"{name}_high"] == pytest.approx(high), (row["label"], name)


@pytest.mark.parametrize("seed", range(5))
def test_each_number_of_a_tag_lies_in_its_interval(seed: int) -> None:
    rows = judged(60, seed=seed).per_label()
    for row in rows[:2]:
        for name in NUMBERS:
            assert 0 <= row[f"{name}_low"] <= row[name] <= row[f"{name}_high"] <= 1
    # It holds on no picture: nothing tells how well it is found, however often it is said.
    assert (rows[3]["support"], rows[3]["precision"]) == (0, 0.0)
    assert math.isnan(rows[3]["precision_low"])
    assert math.isnan(rows[3]["f1_high"])
