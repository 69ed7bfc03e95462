"""One of several labels, judged: where the numbers of each label may lie."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lapel.evaluation.kinds.single_label import SingleLabelEvaluation, judge_single_label
from lapel.evaluation.pages.numbers import task_comparisons
from lapel.evaluation.together import judge_together
from lapel.schema.labels import TaskSpec

SPEC = TaskSpec(name="category", kind="single_label", labels=("coat", "dress", "hat", "never"))

#: How often each label occurs: one never does, though it is sometimes answered.
RATES = (0.6, 0.35, 0.05, 0.0)

NUMBERS = ("precision", "recall", "f1")


def judged(images: int, *, seed: int = 0, resamples: int = 200) -> SingleLabelEvaluation:
    """Drawn answers that are mostly right."""
    random = np.random.default_rng(seed)
    true = random.choice(len(RATES), size=images, p=RATES)
    logits = random.normal(size=(images, len(RATES))).astype(np.float32)
    logits[np.arange(images), true] += 1.5
    labels = [SPEC.labels[label] for label in true]
    return judge_single_label(
        SPEC, [logits], labels, {}, counted=("train", labels), resamples=resamples
    )


def counted(pairs: list[tuple[int, int]], label: int) -> dict[str, float]:
    """Precision, recall and F1 of a label in pairs of truth and answer, as they are told."""
    right = sum(true == label == answer for true, answer in pairs)
    answered = sum(answer == label for _, answer in pairs)
    there = sum(true == label for true, _ in pairs)
    return {
        "precision": right / answered if answered else math.nan,
        "recall": right / there if there else math.nan,
        "f1": 2 * right / (answered + there) if answered + there else math.nan,
    }


def percentiles(values: list[float]) -> tuple[float, float]:
    low, high = np.quantile([one for one in values if not math.isnan(one)], [0.025, 0.975])
    return float(low), float(high)


def test_each_label_has_the_interval_that_a_plain_loop_over_the_resamples_gives() -> None:
    found = judged(40)
    answers = found.classified
    pairs = list(zip(answers.target.tolist(), answers.predicted.tolist(), strict=True))
    random = np.random.default_rng(0)
    draws = [[pairs[row] for row in random.integers(40, size=40)] for _ in range(200)]
    rows = found.per_label()
    assert 0 < rows[2]["support"] < 4  # so rare that some resamples have none
    for label, row in enumerate(rows[:3]):
        each = [counted(drawn, label) for drawn in draws]
        for name in NUMBERS:
            low, high = percentiles([one[name] for one in each])
            assert row[f"{name}_low"] == pytest.approx(low), (row["label"], name)
            assert row[f"{name}_high"] == pytest.approx(high), (row["label"], name)
    # The resamples are those of the main numbers.
    right = [sum(true == answer for true, answer in drawn) / 40 for drawn in draws]
    accuracy = found.numbers["accuracy"]
    assert (accuracy.low, accuracy.high) == pytest.approx(percentiles(right))


@pytest.mark.parametrize("seed", range(5))
def test_each_number_of_a_label_lies_in_its_interval(seed: int) -> None:
    for row in judged(60, seed=seed).per_label():
        for name in NUMBERS:
            low, high = row[f"{name}_low"], row[f"{name}_high"]
            if not math.isnan(low):
                assert 0 <= low <= row[name] <= high <= 1, (row["label"], name)


def test_the_interval_of_recall_is_as_wide_as_the_binomial_says() -> None:
    # 1,000 resamples fix either end to a thirtieth of the width: 15 % is three times what both
    # together leave open.
    for row in judged(4000, resamples=1000).per_label()[:2]:
        recall = row["recall"]
        binomial = 2 * 1.96 * math.sqrt(recall * (1 - recall) / row["support"])
        assert row["recall_high"] - row["recall_low"] == pytest.approx(binomial, rel=0.15)


def test_a_label_without_a_picture_has_no_interval() -> None:
    found = judged(60)
    never = found.per_label()[3]
    assert (never["support"], never["tp"]) == (0, 0)
    assert never["fp"] > 0
    assert never["precision"] == 0.0
    ends = [never[f"{name}_{end}"] for name in NUMBERS for end in ("low", "high")]
    assert np.isnan(ends).all()


def test_a_label_that_is_never_answered_has_no_precision_to_tell() -> None:
    logits = np.tile(np.array([1, 0, 0, 0], np.float32), (10, 1))
    labels = ["coat", "dress"] * 5
    found = judge_single_label(SPEC, [logits], labels, {}, counted=("train", labels), resamples=20)
    dress = found.per_label()[1]
    assert math.isnan(dress["precision_low"])
    assert (dress["recall_low"], dress["recall_high"]) == (0.0, 0.0)


def test_labels_that_resamples_lack_do_not_lift_an_answer_that_never_looks() -> None:
    """Fifty labels of ten pictures and fifty of one, of which a resample has some 32."""
    spec = TaskSpec(name="many", kind="single_label", labels=tuple(map(str, range(100))))
    labels = [str(label) for label in range(100) for _ in range(10 if label < 50 else 1)]
    logits = np.tile(np.eye(1, 100, dtype=np.float32), (len(labels), 1))
    found = judge_single_label(spec, [logits], labels, {}, counted=("train", labels), resamples=100)
    together = judge_together({"one": found, "other": found}, len(labels), resamples=100)
    assert together is not None
    numbers = {**found.numbers, **together.numbers}
    for name in ("macro_precision", "macro_recall", "macro_f1", "grouped_macro_recall"):
        assert numbers[name].low < numbers[name].value < numbers[name].high, name
    recall = next(one for one in task_comparisons("many", found) if one.number == "macro_recall")
    assert recall.found.value == recall.majority == pytest.approx(1 / 100)
    assert not recall.beaten
