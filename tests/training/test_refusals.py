"""What torch refuses in the middle of a run is told with what to do about it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from training_runs import SMALL

from lapel.models.multitask import Network
from lapel.schema.errors import TrainingError
from lapel.training.processes.group import Group
from lapel.training.repeatable import CUBLAS
from lapel.training.train import train

FULL = (
    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 14.75 GiB of "
    "which 1.06 MiB is free. Process 1 has 14.74 GiB memory in use."
)

REFUSED = (
    "upsample_cuda does not have a deterministic implementation, but you set "
    "'torch.use_deterministic_algorithms(True)'. You can turn off determinism just for this."
)


def refusing(error: Exception) -> Callable[..., Any]:
    def raw(*_: object) -> Any:
        raise error

    return raw


def test_a_full_accelerator_is_told_with_what_needs_less(
    patterns: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Network, "raw", refusing(torch.OutOfMemoryError(FULL)))
    with pytest.raises(TrainingError) as raised:
        train("fashion-mnist-fast", data=patterns, out=tmp_path / "run", changes=SMALL)
    said = str(raised.value)
    assert "14.75 GiB of which 1.06 MiB is free); what was saved is kept" in said
    assert "Process 1" not in said
    assert "--set batch=8 (now 16), --set data.resident=never" in said
    assert "--set precision=bfloat16" in said  # the recipe of the test learns in float32
    assert said.endswith("lapel train --resume RUN")


def test_an_operation_that_is_not_the_same_each_time_is_named(
    patterns: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(*CUBLAS)
    monkeypatch.setattr(Network, "raw", refusing(RuntimeError(REFUSED)))
    changes = {**SMALL, "deterministic": True}
    with pytest.raises(TrainingError) as raised:
        train("fashion-mnist-fast", data=patterns, out=tmp_path / "run", changes=changes)
    said = str(raised.value)
    assert "upsample_cuda does not have a deterministic implementation. Begin a run with" in said
    assert "--set deterministic=false" in said


def test_other_errors_of_torch_stay_what_they_are(
    patterns: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Network, "raw", refusing(RuntimeError(REFUSED)))
    with pytest.raises(RuntimeError, match="but you set") as raised:
        train("fashion-mnist-fast", data=patterns, out=tmp_path / "run", changes=SMALL)
    assert not isinstance(raised.value, TrainingError)


def test_a_full_accelerator_is_no_lost_process() -> None:
    with pytest.raises(torch.OutOfMemoryError), Group()._asking():
        raise torch.OutOfMemoryError(FULL)
