"""Balanced sampling: which rows are drawn, and how often."""

from __future__ import annotations

import torch

from lapel.training.input.balance import balanced_order, row_weights
from lapel.training.loop.plan import Plan


def test_each_label_is_drawn_equally_often() -> None:
    target = torch.tensor([0] * 90 + [1] * 9 + [3])
    weights = row_weights(target, torch.ones(100))
    shares = [float(weights[target == label].sum()) for label in (0, 1, 3)]
    assert max(shares) - min(shares) < 1e-9


def test_pictures_of_unknown_label_are_drawn_as_often_as_the_average_one() -> None:
    weights = row_weights(torch.tensor([0, 0, 0, 1, 0]), torch.tensor([1.0, 1.0, 1.0, 1.0, 0.0]))
    assert weights[4] == weights[:4].mean()


def test_the_rarest_tag_of_a_picture_decides_and_no_tag_is_one_of_its_own() -> None:
    target = torch.tensor([[1, 0], [1, 1], [0, 0], [0, 0], [1, 0]], dtype=torch.uint8)
    weights = row_weights(target, torch.ones(5, 2))
    assert weights.tolist() == [1 / 3, 1, 1 / 2, 1 / 2, 1 / 3]


def test_a_tag_that_is_unknown_does_not_count() -> None:
    target, known = torch.tensor([[1], [1], [0]]), torch.tensor([[1], [0], [1]])
    weights = row_weights(target, known)
    assert weights.tolist() == [1, 1, 1]
    assert row_weights(target, torch.zeros(3, 1)).tolist() == [1, 1, 1]


def test_the_seed_decides_what_is_drawn() -> None:
    weights = row_weights(torch.tensor([0] * 50 + [1]), torch.ones(51))
    orders = [balanced_order(weights, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert torch.equal(orders[0], orders[1])
    assert not torch.equal(orders[0], orders[2])
    assert 10 < int((orders[0] == 50).sum()) < 41


def test_a_resumed_epoch_takes_the_steps_that_were_left() -> None:
    drawn = row_weights(torch.tensor([0] * 50 + [1] * 5), torch.ones(55))
    plan = Plan(count=55, batch=5, epochs=2, seed=3, drawn=drawn)
    whole, rest = plan.rest_of_epoch(1, 11), plan.rest_of_epoch(1, 15)
    assert len(whole) == 11
    assert all(torch.equal(one, other) for one, other in zip(whole[4:], rest, strict=True))


def test_where_nothing_is_known_all_are_drawn_alike() -> None:
    assert row_weights(torch.zeros(3, dtype=torch.long), torch.zeros(3)).tolist() == [1, 1, 1]
    assert row_weights(torch.zeros(3, 2), torch.zeros(3, 2)).tolist() == [1, 1, 1]
