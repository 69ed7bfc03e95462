"""What a process of a group does in the tests of whole runs."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training_runs import SMALL

from lapel.training import following
from lapel.training.learner import Learner
from lapel.training.loop import Tally
from lapel.training.plan import Plan
from lapel.training.train import train

#: Enough steps to be broken off in their middle, and a checkpoint every few of them.
LONG: Mapping[str, Any] = {
    **SMALL,
    "schedule.epochs": 3,
    "checkpoint.every_steps": 7,
    "average": 0.9,
    "augment.erase": 0.3,
    "optimiser.name": "sgd",
    "optimiser.learning_rate": 0.01,
}

#: The step after which a process is killed: not one after which a checkpoint is written.
KILLED_AFTER = 25


def begun(data: Path, run: Path, changes: Mapping[str, Any], *, shard: bool = False) -> float:
    """A run from its beginning to its end; the score of its best epoch."""
    return train(
        "fashion-mnist-fast", data=data, out=run, changes={**LONG, **changes}, shard=shard
    ).best_score


def resumed(run: Path, *, shard: bool = False) -> float:
    """A run gone on with; the score of its best epoch."""
    return train(resume=run, shard=shard).best_score


def begun_in_parts(data: Path, run: Path, changes: Mapping[str, Any]) -> float:
    """A run of a network of which each process holds a part."""
    return begun(data, run, changes, shard=True)


def losing_the_second(data: Path, run: Path) -> float:
    """A run whose second process is killed in the middle."""
    step = following.Follower.step

    def killed(self: following.Follower, learner: Learner, plan: Plan, tally: Tally) -> None:
        step(self, learner, plan, tally)
        if learner.progress.step == KILLED_AFTER:
            os.kill(os.getpid(), signal.SIGKILL)

    following.Follower.step = killed  # type: ignore[method-assign] # in a process of its own
    return begun(data, run, {})
