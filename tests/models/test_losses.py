"""Losses: what they are by definition, what they leave alone, and what they do for rare labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor, nn
from torch.nn import functional

from lapel.models.heads.base import LabelCounts
from lapel.models.heads.label_losses import (
    label_weights,
    log_frequencies,
    sigmoid_loss,
    yes_no_weights,
)
from lapel.models.heads.multi_label import LearnedMultiLabel
from lapel.models.heads.single_label import LearnedSingleLabel
from lapel.models.heads.table import HEADS
from lapel.models.losses import MultiTaskLoss, label_counts
from lapel.schema.labels import Schema, TaskSpec
from lapel.training.input.balance import balanced_order, row_weights

CATEGORY = TaskSpec(name="category", kind="single_label", labels=("coat", "dress", "hat", "shoe"))
TAGS = TaskSpec(name="tags", kind="multi_label", labels=("lace", "print", "knit"))
EVEN = LabelCounts(yes=torch.full((4,), 5.0), known=torch.full((4,), 20.0))
EVEN_TAGS = LabelCounts(yes=torch.full((3,), 10.0), known=torch.full((3,), 20.0))

#: Every loss and every protection that a recipe can ask for.
SINGLE: Mapping[str, Mapping[str, Any]] = {
    "cross-entropy": {},
    "smoothed": {"label_smoothing": 0.1},
    "binary": {"single_label": "binary", "label_smoothing": 0.1},
    "focal": {"single_label": "focal", "focal_gamma": 0.5},
    "balanced": {"class_weights": "balanced"},
    "effective": {"class_weights": "effective", "logit_adjustment": 1.0},
}
MULTI: Mapping[str, Mapping[str, Any]] = {
    "binary": {},
    "smoothed": {"label_smoothing": 0.1},
    "focal": {"multi_label": "focal"},
    "asymmetric": {"multi_label": "asymmetric"},
    "balanced": {"class_weights": "balanced", "logit_adjustment": 0.5},
    "effective": {"class_weights": "effective"},
}


def single_loss(options: Mapping[str, Any], counts: LabelCounts = EVEN) -> nn.Module:
    return LearnedSingleLabel.loss(CATEGORY, counts, options)


def tag_loss(options: Mapping[str, Any], counts: LabelCounts = EVEN_TAGS) -> nn.Module:
    return LearnedMultiLabel.loss(TAGS, counts, options)


def backward(loss: Tensor) -> None:
    loss.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped


def test_smoothing_and_unknown_labels_leave_the_mean_over_the_known() -> None:
    output = torch.randn(3, 4)
    target, weight = torch.tensor([1, 0, 3]), torch.tensor([1.0, 0.0, 1.0])
    expected = functional.cross_entropy(output[[0, 2]], target[[0, 2]], label_smoothing=0.1)
    assert torch.isclose(single_loss({"label_smoothing": 0.1})(output, target, weight), expected)


def test_focal_loss_is_cross_entropy_times_a_power_of_what_is_missing() -> None:
    output, target, weight = torch.randn(5, 4), torch.tensor([0, 1, 2, 3, 0]), torch.ones(5)
    chance = output.softmax(1)[torch.arange(5), target]
    expected = ((1 - chance) ** 2 * -chance.log()).mean()
    assert torch.isclose(single_loss({"single_label": "focal"})(output, target, weight), expected)
    plain = single_loss({"single_label": "focal", "focal_gamma": 0.0})(output, target, weight)
    assert torch.isclose(plain, functional.cross_entropy(output, target))


def test_binary_loss_of_tags_sums_over_labels_and_means_over_images() -> None:
    output = torch.randn(4, 3)
    target = torch.tensor([[1, 0, 0], [0, 1, 1], [0, 0, 0], [1, 1, 1]], dtype=torch.uint8)
    weight = torch.tensor([[1, 1, 1], [1, 0, 1], [1, 1, 1], [0, 0, 0]], dtype=torch.uint8)
    each = functional.binary_cross_entropy_with_logits(output, target.float(), reduction="none")
    assert torch.isclose(tag_loss({})(output, target, weight), (each * weight).sum() / 3)


def test_one_label_may_be_learned_by_sigmoids_and_is_where_heads_are_joint() -> None:
    output, target, weight = torch.randn(5, 4), torch.tensor([0, 1, 2, 3, 0]), torch.ones(5)
    truth = functional.one_hot(target, 4).float()
    each = functional.binary_cross_entropy_with_logits(output, truth, reduction="none")
    for options in ({"single_label": "binary"}, {"heads": "joint"}):
        assert torch.isclose(single_loss(options)(output, target, weight), each.sum() / 5)
    explicit = single_loss({"heads": "joint", "single_label": "cross_entropy"})
    assert torch.isclose(explicit(output, target, weight), functional.cross_entropy(output, target))


def test_asymmetric_loss_forgives_what_is_nearly_no() -> None:
    """By the formula: p is lowered by 0.05, and the fourth power of it weighs the logarithm."""
    output = torch.tensor([[2.0, -1.0, -4.0]])
    target = torch.tensor([[1, 0, 0]], dtype=torch.uint8)
    yes, no, solved = output.sigmoid()[0]
    assert solved < 0.05
    low = no - 0.05
    expected = -yes.log() - low**4 * (1 - low).log()
    loss = tag_loss({"multi_label": "asymmetric"})(output, target, torch.ones(1, 3))
    assert torch.isclose(loss, expected)


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    target = torch.tensor([0] * 6 + [1] * 3 + [2])
    counts = LearnedSingleLabel.counts(CATEGORY, target, torch.ones(10))
    found = label_weights(counts, "balanced")[:3]
    expected = compute_class_weight("balanced", classes=np.arange(3), y=target.numpy())
    assert torch.allclose(found, torch.tensor(expected, dtype=torch.float32))


@pytest.mark.parametrize("rule", ["none", "balanced", "effective"])
def test_weights_leave_the_training_pictures_at_one_on_average(rule: str) -> None:
    counts = LabelCounts(yes=torch.tensor([90.0, 9.0, 1.0, 0.0]), known=torch.full((4,), 100.0))
    weights = label_weights(counts, rule)
    assert (weights * counts.yes).sum() / 100 == pytest.approx(1)
    assert weights.tolist() == sorted(weights.tolist())
    both = yes_no_weights(counts, rule)
    mean = both[0] * counts.yes + both[1] * (counts.known - counts.yes)
    assert torch.allclose(mean / 100, torch.ones(4), atol=1e-5)
    assert torch.isfinite(both).all()


def test_effective_weights_lie_between_none_and_balanced() -> None:
    counts = LabelCounts(yes=torch.tensor([5000.0, 50.0]), known=torch.full((2,), 5050.0))
    ratios = [
        float(weights[1] / weights[0])
        for weights in (label_weights(counts, rule) for rule in ("none", "effective", "balanced"))
    ]
    assert ratios[0] == pytest.approx(1)
    # (1 - 0.999^5000) / (1 - 0.999^50), equation 2 of the paper
    assert ratios[1] == pytest.approx(20.37, abs=0.02)
    assert ratios[2] == pytest.approx(100)


def test_adjusted_logits_have_the_frequencies_in_the_loss_alone() -> None:
    counts = LabelCounts(yes=torch.tensor([96.0, 0.0, 0.0, 0.0]), known=torch.full((4,), 96.0))
    assert torch.allclose(
        log_frequencies(counts, 1.0).exp(), torch.tensor([0.97, 0.01, 0.01, 0.01])
    )
    output, target, weight = torch.zeros(1, 4), torch.tensor([0]), torch.ones(1)
    # Where pictures say nothing, the adjusted loss is already as small as frequencies allow.
    adjusted = single_loss({"logit_adjustment": 1.0}, counts)(output, target, weight)
    assert adjusted == pytest.approx(-torch.tensor(0.97).log().item(), rel=1e-4)


@pytest.mark.parametrize("case", SINGLE)
def test_what_is_unknown_of_one_label_has_no_gradient(case: str) -> None:
    output = torch.randn(3, 4, requires_grad=True)
    target = torch.tensor([1, 0, 3])
    backward(single_loss(SINGLE[case])(output, target, torch.tensor([1.0, 0.0, 1.0])))
    assert output.grad is not None
    assert output.grad[1].abs().max() == 0
    assert output.grad[[0, 2]].abs().min() > 0
    assert single_loss(SINGLE[case])(output, target, torch.zeros(3)) == 0


@pytest.mark.parametrize("case", MULTI)
def test_what_is_unknown_of_a_tag_has_no_gradient(case: str) -> None:
    output = torch.randn(3, 3, requires_grad=True)
    target = torch.tensor([[1, 0, 1], [1, 1, 1], [0, 1, 1]], dtype=torch.uint8)
    weight = torch.tensor([[1, 0, 1], [0, 0, 0], [0, 1, 1]], dtype=torch.uint8)
    backward(tag_loss(MULTI[case])(output, target, weight))
    assert output.grad is not None
    assert ((output.grad != 0) == (weight > 0)).all()
    assert tag_loss(MULTI[case])(output, target, torch.zeros(3, 3)) == 0


@settings(max_examples=20, deadline=None)
@given(scale=st.sampled_from([0.0, 1.0, 30.0, 1e4]), seed=st.integers(0, 5))
def test_the_surest_outputs_still_have_numbers_for_gradients(scale: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    target = torch.randint(0, 4, (6,), generator=generator)
    tags = torch.randint(0, 2, (6, 3), generator=generator)
    for options in SINGLE.values():
        output = (scale * torch.randn(6, 4, generator=generator)).requires_grad_()
        backward(single_loss(options)(output, target, torch.ones(6)))
        assert output.grad is not None
        assert torch.isfinite(output.grad).all()
    for options in MULTI.values():
        output = (scale * torch.randn(6, 3, generator=generator)).requires_grad_()
        backward(tag_loss(options)(output, tags, torch.ones(6, 3)))
        assert output.grad is not None
        assert torch.isfinite(output.grad).all()


SCHEMA = Schema((CATEGORY, TAGS))
TARGETS = {
    "category": torch.tensor([0, 1, 2, 0]),
    "tags": torch.tensor([[1, 0, 0], [1, 1, 0], [0, 0, 0], [1, 0, 1]], dtype=torch.uint8),
}
WEIGHTS = {
    "category": torch.tensor([1.0, 1.0, 0.0, 1.0]),
    "tags": torch.tensor([[1, 1, 1], [1, 1, 0], [1, 1, 1], [0, 0, 0]], dtype=torch.uint8),
}
OUTPUTS = {"category": torch.randn(4, 4), "tags": torch.randn(4, 3)}


def whole_loss(options: Mapping[str, Any]) -> MultiTaskLoss:
    return MultiTaskLoss(SCHEMA, label_counts(SCHEMA, TARGETS, WEIGHTS), options)


def test_labels_are_counted_where_they_are_known() -> None:
    counts = label_counts(SCHEMA, TARGETS, WEIGHTS)
    assert counts["category"].yes.tolist() == [2, 1, 0, 0]
    assert counts["category"].known.tolist() == [3, 3, 3, 3]
    assert counts["tags"].yes.tolist() == [2, 1, 0]
    assert counts["tags"].known.tolist() == [3, 3, 2]


def test_the_loss_is_the_weighted_sum_over_tasks() -> None:
    parts = {
        name: HEADS[SCHEMA[name].kind]
        .loss(SCHEMA[name], label_counts(SCHEMA, TARGETS, WEIGHTS)[name], {})(
            OUTPUTS[name], TARGETS[name], WEIGHTS[name]
        )
        .item()
        for name in ("category", "tags")
    }
    loss = whole_loss({"task_weights": {"tags": 0.25}})
    assert loss(OUTPUTS, TARGETS, WEIGHTS).item() == pytest.approx(
        parts["category"] + 0.25 * parts["tags"]
    )
    assert loss.task_weights() == {"category": 1.0, "tags": 0.25}
    assert list(loss.parameters()) == []


def test_learned_weights_settle_where_a_task_counts_less_the_more_uncertain_it_is() -> None:
    """The least of exp(-s) L + s / 2 is at exp(-s) = 1 / (2 L)."""
    loss = whole_loss({"task_weighting": "learned"})
    optimiser = torch.optim.Adam(loss.parameters(), lr=0.05)
    for _ in range(400):
        optimiser.zero_grad()
        backward(loss(OUTPUTS, TARGETS, WEIGHTS))
        optimiser.step()
    fixed = {name: whole_loss({"task_weights": {name: 0.0}}) for name in ("category", "tags")}
    alone = {
        "category": fixed["tags"](OUTPUTS, TARGETS, WEIGHTS).item(),
        "tags": fixed["category"](OUTPUTS, TARGETS, WEIGHTS).item(),
    }
    for name, weight in loss.task_weights().items():
        assert weight == pytest.approx(1 / (2 * alone[name]), rel=0.02)


def test_a_batch_that_says_nothing_of_a_task_leaves_its_weight_alone() -> None:
    loss = whole_loss({"task_weighting": "learned"})
    backward(loss(OUTPUTS, TARGETS, {**WEIGHTS, "tags": torch.zeros(4, 3)}))
    assert loss.uncertainty is not None
    assert loss.uncertainty.grad is not None
    assert loss.uncertainty.grad[0] != 0
    assert loss.uncertainty.grad[1] == 0


# What protections are for: 40 pictures of a rare label among 2,000, beside a common one that
# looks much like it.
RARE, COMMON = 40, 1960
PAIR = TaskSpec(name="kind", kind="single_label", labels=("common", "rare"))
TAG = TaskSpec(name="tag", kind="multi_label", labels=("rare",))
MARGIN = 0.25


def uneven(seed: int) -> tuple[Tensor, Tensor]:
    """Points about (0, 0), and few about (1.5, 1.5): features (2000, 2), 1 where rare."""
    generator = torch.Generator().manual_seed(seed)
    rare = torch.cat([torch.zeros(COMMON), torch.ones(RARE)]).long()
    return torch.randn(COMMON + RARE, 2, generator=generator) + 1.5 * rare[:, None], rare


def learned(loss: nn.Module, target: Tensor, features: Tensor, rows: Tensor) -> nn.Linear:
    """A linear layer that has learned from some of the rows to the end."""
    torch.manual_seed(0)
    outputs = 2 if target.ndim == 1 else 1
    layer = nn.Linear(2, outputs)
    optimiser = torch.optim.Adam(layer.parameters(), lr=0.1)
    weight = torch.ones(target[rows].shape)
    for _ in range(150):
        optimiser.zero_grad()
        backward(loss(layer(features[rows]), target[rows], weight))
        optimiser.step()
    return layer


def recall_of_rare(options: Mapping[str, Any], *, balanced: bool = False) -> float:
    features, rare = uneven(1)
    rows = torch.arange(len(rare))
    weight = torch.ones(len(rare))
    if balanced:
        rows = balanced_order(row_weights(rare, weight), torch.Generator().manual_seed(0))
    loss = LearnedSingleLabel.loss(PAIR, LearnedSingleLabel.counts(PAIR, rare, weight), options)
    layer = learned(loss, rare, features, rows)
    unseen, truth = uneven(2)
    return float((layer(unseen).argmax(1)[truth == 1] == 1).float().mean())


@pytest.mark.parametrize(
    "options",
    [{"class_weights": "balanced"}, {"class_weights": "effective"}, {"logit_adjustment": 1.0}],
    ids=["balanced", "effective", "adjusted"],
)
def test_a_protection_finds_rare_labels_that_the_plain_loss_misses(
    options: Mapping[str, Any],
) -> None:
    assert recall_of_rare(options) > recall_of_rare({}) + MARGIN


def test_balanced_sampling_finds_rare_labels_too() -> None:
    assert recall_of_rare({}, balanced=True) > recall_of_rare({}) + MARGIN


@pytest.mark.parametrize(
    "options",
    [{"multi_label": "asymmetric"}, {"class_weights": "balanced"}, {"logit_adjustment": 1.0}],
    ids=["asymmetric", "balanced", "adjusted"],
)
def test_a_protection_finds_rare_tags_at_the_usual_threshold(options: Mapping[str, Any]) -> None:
    def recall(options: Mapping[str, Any]) -> float:
        features, rare = uneven(1)
        target = rare[:, None]
        counts = LearnedMultiLabel.counts(TAG, target, torch.ones(target.shape))
        loss = LearnedMultiLabel.loss(TAG, counts, options)
        layer = learned(loss, target, features, torch.arange(len(rare)))
        unseen, truth = uneven(2)
        return float((layer(unseen)[truth == 1] > 0).float().mean())

    assert recall(options) > recall({}) + MARGIN


@pytest.mark.parametrize("name", ["binary", "focal", "asymmetric"])
def test_weights_lie_where_the_counts_do(name: str) -> None:
    """On an accelerator, that is: torch's device without numbers stands for one here."""
    elsewhere = torch.full((3,), 10.0, device="meta")
    loss = sigmoid_loss(name, LabelCounts(yes=elsewhere, known=2 * elsewhere), {}, no_weight=0.5)
    assert loss.weights.device.type == "meta"
