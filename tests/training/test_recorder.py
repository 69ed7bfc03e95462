"""Checkpoints are written as often as they are cheap."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lapel.training import recorder as recording
from lapel.training.recorder import SAVING_SHARE, Quiet, Recorder
from lapel.training.run.folder import RunFolder
from lapel.training.stopping import StopSignals


class Clock:
    """Seconds that pass when told to."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


def learner_of(every_seconds: float) -> Any:
    """Of a learner, what the rule looks at."""
    options = SimpleNamespace(every_steps=None, every_seconds=every_seconds)
    return SimpleNamespace(
        recipe=SimpleNamespace(checkpoint=options),
        progress=SimpleNamespace(step=1),
        checkpoint=lambda: None,
    )


@pytest.mark.parametrize("cost", [0.01, 2.0, 30.0])
def test_saving_takes_its_share_of_the_time_and_no_more(
    cost: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, learner, saves = Clock(), learner_of(every_seconds=30.0), 0

    def slow(*_: object) -> None:
        nonlocal saves
        saves += 1
        clock.now += cost

    monkeypatch.setattr(recording, "time", clock)
    monkeypatch.setattr(recording, "save_checkpoint", slow)
    recorder = Recorder(RunFolder(tmp_path), Quiet(), StopSignals())
    hours = 10 * 3600.0
    while clock.now < hours:
        clock.now += 0.5  # a step
        if recorder._due(learner):
            recorder.save(learner)
    recorder.close()
    # What the first costs is known once it is written.
    assert (saves - 1) * cost <= SAVING_SHARE * hours
    assert saves > 0.9 * hours / max(30.0 + cost, cost / SAVING_SHARE + cost) - 1
