"""The model card says what it was given: every number of it, and no others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lapel.imaging.preprocess import Preprocess
from lapel.metrics.bootstrap import Interval
from lapel.schema.labels import Schema, TaskSpec
from lapel.tasks.single_label import SingleLabelTask
from lapel.training.card import LISTED, model_card
from lapel.training.recipe import load_recipe
from lapel.training.score_intervals import score_intervals

CATEGORY = TaskSpec(name="category", kind="single_label", labels=("coat", "dress", "hat"))
MANY = TaskSpec(name="tags", kind="multi_label", labels=tuple(f"tag {n:02}" for n in range(62)))

PREPROCESS = Preprocess(height=28, width=36, channels=1, fit="stretch", mean=(0.5,), std=(0.25,))

PROVENANCE: dict[str, Any] = {
    "created": "2025-03-04T05:06:07+00:00",
    "dataset": {"name": "a wardrobe", "fingerprint": "abc123"},
    "chosen": {"epoch": 7, "epochs": 9},
    "learning": {"seconds": 123.4, "steps": 4567, "precision": "bfloat16"},
    "parity": {"pictures": 5000, "largest_difference": 2.34e-6, "changed_answers": 3},
    "environment": {
        "accelerator": None,
        "processor": "a processor",
        "versions": {"lapel": "1.2.3", "torch": "4.5.6"},
    },
}

SCORES = {"category.accuracy": 0.91234, "category.nll": 0.25, "tags.map": 0.5, "tags.nll": 0.125}


def card_of(*tasks: TaskSpec, **changes: Any) -> str:
    given: dict[str, Any] = {
        "scores": SCORES,
        "calibration": {"category": {"temperature": 1.25}},
        "intervals": {"category.accuracy": Interval(value=0.91234, low=0.9045, high=0.9201)},
    }
    return model_card(
        load_recipe("fashion-mnist-fast"),
        Schema(tasks),
        PREPROCESS,
        provenance=PROVENANCE,
        parameters=94708,
        **given | changes,
    )


def test_scores_stand_in_the_row_of_their_task_with_the_interval_that_they_have() -> None:
    card = card_of(CATEGORY, MANY)
    assert "| task | accuracy | map | nll |" in card
    assert "| category | 0.9123 (0.9045 to 0.9201) |  | 0.2500 |" in card
    assert "| tags |  | 0.5000 | 0.1250 |" in card
    assert "In brackets: the 95 % interval" in card


def test_a_number_that_was_not_measured_stays_empty_and_nothing_is_in_brackets() -> None:
    card = card_of(CATEGORY, scores={**SCORES, "category.nll": float("nan")}, intervals={})
    assert "| category | 0.9123 |  |" in card
    assert "In brackets" not in card
    undefined = Interval(value=0.91234, low=float("nan"), high=float("nan"))
    card = card_of(CATEGORY, intervals={"category.accuracy": undefined})
    assert "| category | 0.9123 | 0.2500 |" in card


def test_it_says_how_the_model_was_made() -> None:
    card = card_of(CATEGORY)
    for said in (
        "`a wardrobe`, fingerprint `abc123`",
        "(7 of 9)",
        "94,708 parameters, on 36x28 pixels, gray",
        "4,567 steps, 123 s on a processor, bfloat16",
        "2025-03-04T05:06:07+00:00 with Lapel 1.2.3 and torch 4.5.6",
        "by which logits are divided: `category` 1.250",
        "on 5,000 validation pictures: outputs differ by at most 2.3e-06 of the largest",
        "answers that differ: 3",
    ):
        assert said in card


def test_temperatures_are_named_where_there_are_any() -> None:
    both = {"category": {"temperature": 1.5}, "tags": {"temperature": 0.75, "threshold.x": 0.2}}
    assert "divided: `category` 1.500, `tags` 0.750\n" in card_of(CATEGORY, MANY, calibration=both)
    assert "by which logits are divided" not in card_of(CATEGORY, calibration={})


def test_labels_are_listed_until_they_are_too_many() -> None:
    card = card_of(CATEGORY, MANY)
    assert "- **category** (single label): coat, dress, hat\n" in card
    assert f"{MANY.labels[LISTED - 1]}, and 2 more\n" in card
    assert MANY.labels[LISTED] not in card


def test_intervals_hold_the_scores_of_the_known_pictures() -> None:
    random = np.random.default_rng(0)
    target = random.integers(3, size=300)
    outputs = random.normal(size=(300, 3)).astype(np.float32)
    outputs[np.arange(300), target] += 1
    weight = (np.arange(300) < 200).astype(np.float32)
    calibration = {"category": {"temperature": 0.8}}
    found = score_intervals(
        [CATEGORY, MANY],
        {"category": outputs},
        {"category": target},
        {"category": weight},
        calibration,
        resamples=200,
    )
    task = SingleLabelTask(CATEGORY)
    scores = task.score(outputs, target, weight, calibration["category"]).numbers()
    assert set(found) == {f"category.{name}" for name in scores}
    for name, value in scores.items():
        interval = found[f"category.{name}"]
        assert interval.value == pytest.approx(value)
        assert interval.low <= value <= interval.high
    accuracy = found["category.accuracy"]
    share = accuracy.value
    binomial = 2 * 1.96 * (share * (1 - share) / 200) ** 0.5
    assert accuracy.high - accuracy.low == pytest.approx(binomial, rel=0.2)
