"""What is counted as time of learning."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lapel.training.loop import learn as learning
from lapel.training.loop.learn import LOOK_EVERY, SCORED_STEPS, Tally
from lapel.training.loop.learner import Progress


class Clock:
    """Seconds that pass when told to."""

    now = 0.0

    def perf_counter(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("behind", "scored", "ended"),
    [(False, 1.0, 1.0), (True, 4.0, 6.0)],
    ids=["cpu", "accelerator"],
)
def test_what_an_accelerator_is_waited_for_is_learning(
    behind: bool, scored: float, ended: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step takes a second to launch and three to end; what came before, two at the very end."""
    clock, progress = Clock(), Progress()
    cpu = torch.device("cpu")
    learner: Any = SimpleNamespace(progress=progress, epoch_loss=torch.zeros(()), device=cpu)
    plan: Any = SimpleNamespace(steps_per_epoch=SCORED_STEPS)  # so that each step is scored
    known: Any = range(8)

    def waiting(seconds: float) -> Any:
        def wait(*_: object) -> None:
            clock.now += seconds

        return wait

    monkeypatch.setattr(learning, "time", clock)
    monkeypatch.setattr(learning, "_is_behind", lambda _: behind)
    tally = Tally(learner, plan)
    monkeypatch.setattr(tally, "_score", waiting(3.0))
    clock.now += 1.0
    tally.add(torch.tensor(0.5), {}, known, 0.0)
    assert tally.seconds == progress.seconds == scored
    clock.now += 100.0  # a watcher
    monkeypatch.setattr(tally, "check_loss", waiting(2.0))
    tally.end()
    assert tally.seconds == progress.seconds == ended
    assert tally.pictures == 8


@pytest.mark.parametrize("behind", [False, True])
def test_the_loss_is_looked_at_where_it_costs_nothing(
    behind: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner: Any = SimpleNamespace(progress=Progress(), epoch_loss=torch.zeros(()), optimisers=[])
    plan: Any = SimpleNamespace(steps_per_epoch=SCORED_STEPS * 10 * LOOK_EVERY)  # none is scored
    known: Any = range(8)
    monkeypatch.setattr(learning, "_is_behind", lambda _: behind)
    tally = Tally(learner, plan)
    for step in range(1, LOOK_EVERY + 1):
        tally.add(torch.tensor(float(step)), {}, known, 0.0)
        looked = None if behind and step < LOOK_EVERY else float(step)
        assert tally.latest_loss == looked
