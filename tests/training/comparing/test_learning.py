"""Processes that are killed harm nobody else."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from training_runs import SMALL

from lapel.inference.bundle import Bundle
from lapel.training.comparing.learning import Standing, learn_all
from lapel.training.many_runs.worker import Job, job_in
from lapel.training.stopping import StopSignals


class Killer:
    """Kills the process of the first run once it learns; remembers how runs ended."""

    def __init__(self) -> None:
        self.faults: dict[str, str | None] = {}
        self.killed = 0

    def say(self, text: str) -> None:
        pass

    def progress(self, standing: Standing) -> None:
        if standing.notes and not self.killed:
            children = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
            self.killed = int(children.split()[-1])
            os.kill(self.killed, signal.SIGKILL)

    def ended(self, name: str, fault: str | None) -> None:
        self.faults[name] = fault


def job(out: Path, data: Path, name: str, epochs: int) -> Job:
    changes = {**SMALL, "schedule.epochs": epochs, "model.options.widths": [8]}
    return job_in(out, name, recipe="fashion-mnist-fast", data=str(data), changes=changes)


def test_a_process_that_is_killed_is_named_and_the_next_run_gets_another(
    patterns: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    killer = Killer()
    jobs = [job(tmp_path, patterns, "long", 500), job(tmp_path, patterns, "short", 1)]
    learn_all(jobs, [""], killer, StopSignals(), tmp_path / "processes.txt")
    assert list(killer.faults) == ["long", "short"]
    fault = killer.faults["long"] or ""
    assert "signal 9; the memory may not have been enough; look into" in fault
    assert killer.faults["short"] is None
    assert Bundle.load(tmp_path / "runs" / "short").name == "fashion-mnist-fast"
    with pytest.raises(ProcessLookupError):
        os.kill(killer.killed, 0)


def test_the_time_that_is_left_is_told_from_what_is_done() -> None:
    standing = Standing(runs=4, ended=["a"], shares={"b": 0.5, "c": 0.5}, started=0.0)
    assert standing.share == 0.5
    assert Standing(runs=4).seconds_left is None
