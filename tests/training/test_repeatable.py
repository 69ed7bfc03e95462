"""Learning that refuses what is not the same each time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from training_runs import SMALL

from lapel.training.loop.learn import Tally
from lapel.training.loop.learner import Learner
from lapel.training.loop.plan import Plan
from lapel.training.recorder import Quiet
from lapel.training.repeatable import CUBLAS, repeatable
from lapel.training.train import train


class Asking(Quiet):
    """Notes after each step whether torch refuses."""

    def __init__(self) -> None:
        self.refuses: set[bool] = set()

    def step(self, learner: Learner, plan: Plan, tally: Tally) -> None:  # noqa: ARG002 - the shape of Reporter
        self.refuses.add(torch.are_deterministic_algorithms_enabled())


@pytest.mark.parametrize("wanted", [True, False])
def test_a_run_is_learned_so_and_torch_is_left_as_it_was(
    wanted: bool, patterns: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(CUBLAS[0], raising=False)
    asking, changes = Asking(), {**SMALL, "schedule.epochs": 1}

    def learn(name: str, **more: Any) -> bytes:
        done = train(
            "fashion-mnist-fast",
            data=patterns,
            out=tmp_path / name,
            changes={**changes, **more},
            reporter=asking,
        )
        return (done.run / "bundle" / "weights.safetensors").read_bytes()

    found = learn("one", deterministic=wanted)
    assert asking.refuses == {wanted}
    assert not torch.are_deterministic_algorithms_enabled()
    assert (CUBLAS[0] in os.environ) == wanted
    assert learn("two", deterministic=wanted) == found


def test_what_is_not_the_same_each_time_is_refused_inside_alone() -> None:
    values, places = torch.ones(4, requires_grad=True), torch.tensor([0, 0, 1, 1])

    def summed() -> torch.Tensor:
        return torch.zeros(2).put_(places, values.detach(), accumulate=False)

    with repeatable(wanted=True), pytest.raises(RuntimeError, match="deterministic"):
        summed()
    summed()


def test_what_the_caller_had_chosen_is_kept() -> None:
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    try:
        with repeatable(wanted=True):
            assert not torch.is_deterministic_algorithms_warn_only_enabled()
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.is_deterministic_algorithms_warn_only_enabled()
    finally:
        torch.use_deterministic_algorithms(mode=False)
