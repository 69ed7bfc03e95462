"""Each rule on a course of events that trips it, and on one that does not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from lapel.models.heads.base import LabelCounts
from lapel.models.losses import label_counts
from lapel.schema.labels import Schema, TaskSpec
from lapel.training.loop.clock import PHASES, Phase
from lapel.training.watching.look import Look, silent_share
from lapel.training.watching.rules import RULES, EpochSeen, Rule

SCHEMA = Schema((TaskSpec(name="category", kind="single_label", labels=("shirt", "dress")),))


def look(step: int, **found: object) -> Look:
    values: dict[str, object] = {
        "step": step,
        "loss": 1.0,
        "gradient": 1.0,
        "relative": {"stem": 1e-2, "head": 1e-2},
        "silent": {"act": 0.1},
    }
    return Look(**{**values, **found})  # type: ignore[arg-type] # put together by name


def looked(rule: Rule, looks: Sequence[Look]) -> str | None:
    """What a rule says of looks, one after another."""
    return next((said for one in looks if (said := rule.look(one)) is not None), None)


def judged(
    rule: Rule,
    train: Sequence[float],
    validation: Sequence[float] = (),
    *,
    rate: float = 1.0,
    waiting: float = 0.1,
) -> str | None:
    """What a rule says of epochs with these losses."""
    seconds: dict[Phase, float] = dict.fromkeys(PHASES, 1.0)
    seconds["input"] = waiting
    rows: list[dict[str, float]] = []
    for number, loss in enumerate(train):
        row = {"epoch": number + 1.0, "train_loss": loss}
        if validation:
            row["validation_loss"] = validation[number]
        rows.append(row)
        said = rule.epoch(EpochSeen(history=rows, seconds=seconds, rate=rate))
        if said is not None:
            return said
    return None


def counts(shirts: int, dresses: int) -> dict[str, LabelCounts]:
    targets = torch.tensor([0] * shirts + [1] * dresses)
    return label_counts(SCHEMA, {"category": targets}, {"category": torch.ones(len(targets))})


def test_gradients_that_vanish() -> None:
    small = [look(step, relative={"stem": 1e-9, "head": 1e-2}) for step in range(3)]
    said = looked(RULES["vanishing_gradients"](), small)
    assert said is not None
    assert "stem" in said
    assert "1 of 2 layers" in said
    assert looked(RULES["vanishing_gradients"](), small[:2]) is None
    assert looked(RULES["vanishing_gradients"](), [*small[:2], look(3), *small[:2]]) is None


def test_gradients_that_explode() -> None:
    calm = [look(step) for step in range(5)]
    large = [look(5, gradient=100.0), look(6, gradient=200.0)]
    said = looked(RULES["exploding_gradients"](), calm + large)
    assert said is not None
    assert "optimiser.clip" in said
    assert looked(RULES["exploding_gradients"](), [*calm, large[0], *calm]) is None
    assert looked(RULES["exploding_gradients"](), [look(0, gradient=float("nan"))]) is not None


def test_units_that_are_dead() -> None:
    dead = [look(step, silent={"stage.act": 0.75, "head.act": 0.0}) for step in range(3)]
    said = looked(RULES["dead_units"](), dead)
    assert said is not None
    assert "75 % of the units of stage.act" in said
    assert looked(RULES["dead_units"](), [*dead[:2], look(2), *dead[:2]]) is None


def test_what_a_silent_unit_is() -> None:
    output = torch.zeros(8, 4, 3, 3)
    output[:, 0] = torch.randn(8, 3, 3)  # speaks
    output[:, 1] = 5.0  # always says 5
    output[3, 2, 1, 1] = 1.0  # speaks once
    assert silent_share(output) == pytest.approx(0.5)


def test_overfitting() -> None:
    train = [1.0, 0.8, 0.6, 0.4, 0.3, 0.2]
    said = judged(RULES["overfitting"](), train, [1.0, 0.9, 1.0, 1.1, 1.2, 1.3])
    assert said is not None
    assert "after epoch 2" in said
    assert judged(RULES["overfitting"](), train, [1.0, 0.9, 0.91, 0.92, 0.93, 0.94]) is None
    assert judged(RULES["overfitting"](), train, [1.0, 0.9, 0.8, 0.7, 0.65, 0.6]) is None


def test_a_loss_that_does_not_fall() -> None:
    assert judged(RULES["stalled_loss"](), [2.3, 2.3, 2.299, 2.301]) is not None
    assert judged(RULES["stalled_loss"](), [2.3, 2.2, 2.1, 2.0, 1.9]) is None
    # At the end of a schedule a loss stands still because nothing moves any more.
    assert judged(RULES["stalled_loss"](), [2.3, 2.3, 2.3, 2.3], rate=0.05) is None


def test_labels_that_are_rare() -> None:
    said = RULES["class_imbalance"]().begin(SCHEMA, counts(200, 20))
    assert said is not None
    assert "'shirt' comes 200 times, 'dress' 20 times" in said
    assert RULES["class_imbalance"]().begin(SCHEMA, counts(100, 20)) is None


def test_a_network_that_waits() -> None:
    assert judged(RULES["starved_input"](), [1.0], waiting=3.0) is not None
    assert judged(RULES["starved_input"](), [1.0], waiting=0.5) is None
