"""What a budget buys, by what a machine does in a second."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from lapel.training.compare_export import CHECKED
from lapel.training.precision import Pace
from lapel.training.recipe import load_recipe
from lapel.training.transfer import budget
from lapel.training.transfer.budget import Choice, Paces, choose

#: Photos; the paces of `bought` are about those of two cores, 224 px and EfficientNet-Lite0.
COUNTS = {"count": 3068, "judged": 341}


def pace(pictures_per_second: float) -> Pace:
    return Pace(precision=torch.float32, pictures_per_second=pictures_per_second)


def bought(
    seconds: float,
    *,
    features: float = 110.0,
    upper: float | None = 60.0,
    whole: float = 15.0,
    scratch: bool = False,
) -> Choice | None:
    paces = Paces(
        features=features,
        upper=None if upper is None else pace(upper),
        whole=pace(whole),
    )
    recipe = load_recipe("photos", {"transfer.heads_first": not scratch, "schedule.epochs": 30})
    return choose(recipe, paces, seconds, **COUNTS)


def trained(seconds: float) -> str:
    choice = bought(seconds)
    return "nothing" if choice is None else choice.train


def test_more_time_buys_more_of_the_network() -> None:
    bought_in_turn = [trained(seconds) for seconds in (10, 50, 1500, 7200)]
    assert bought_in_turn == ["nothing", "heads", "upper", "all"]


def test_a_network_that_cannot_be_cut_has_heads_or_all_of_it() -> None:
    for seconds in range(40, 2000, 60):
        choice = bought(seconds, upper=None)
        assert choice is not None
        assert choice.train in {"heads", "all"}


def test_a_quick_machine_trains_everything() -> None:
    choice = bought(170, features=4000, whole=1500)
    assert choice is not None
    assert choice.train == "all"
    assert choice.epochs == 30  # the recipe's: a budget buys no more than it asks for


def test_from_scratch_the_budget_is_the_number_of_epochs() -> None:
    choice = bought(1000, scratch=True)
    assert choice is not None
    assert (choice.train, choice.epochs) == ("all", 4)
    part = bought(60, scratch=True)
    assert part is not None
    assert part.epochs == 0.2


def test_what_rests_while_it_is_measured_goes_on_resting() -> None:
    recipe = load_recipe("garments-small")
    paces = Paces(features=60, upper=None, whole=pace(10), train=recipe.transfer.train)
    choice = choose(recipe, paces, 1000, count=1000, judged=100)
    assert choice is not None
    assert (choice.train, choice.epochs) == ("upper", 9)
    assert choice.words == "9 epochs of what does not rest"


def test_a_pace_counts_what_an_accelerator_has_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is only told to, and does it by and by."""
    done: list[str] = []
    monkeypatch.setattr(budget, "wait_for", lambda _: done.append("waited for"))

    def compute(_: torch.Tensor) -> list[NDArray[np.float32]]:
        done.append("told")
        return []

    budget._features_pace(compute, torch.zeros(2, 1, 28, 28))
    assert done == ["told", "waited for", "told", "waited for"]


def test_the_check_at_the_end_is_planned_by_the_pace_of_the_cpu_that_does_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    paces = Paces(features=2000, upper=None, whole=pace(500))
    monkeypatch.setattr(budget, "first_pixels", lambda _, count: torch.zeros(count, 1, 28, 28))
    monkeypatch.setattr(budget, "_features_pace", lambda _compute, _pixels: 10.0)
    network: Any = torch.nn.Identity()
    planned = {}
    for device in ("cpu", "cuda"):
        material: Any = SimpleNamespace(validation=range(5000), device=torch.device(device))
        planned[device] = budget._check_seconds(network, material, paces)
    assert planned["cpu"] < 10
    assert planned["cuda"] > (5000 + CHECKED) / 10


@given(
    seconds=st.floats(1, 1e5),
    features=st.floats(1, 1e4),
    upper=st.none() | st.floats(1, 1e4),
    whole=st.floats(0.1, 1e4),
    scratch=st.booleans(),
)
def test_what_is_bought_fits(
    *, seconds: float, features: float, upper: float | None, whole: float, scratch: bool
) -> None:
    choice = bought(seconds, features=features, upper=upper, whole=whole, scratch=scratch)
    if choice is None:
        return
    count, judged = COUNTS["count"], COUNTS["judged"]
    once = 0.0 if scratch else (count * choice.views + judged) / features
    rate = {"heads": float("inf"), "upper": upper or 0.0, "all": whole}[choice.train]
    learning = choice.epochs * count / rate if choice.epochs else 0.0
    assert once + learning <= seconds * 1.001
    assert choice.words
