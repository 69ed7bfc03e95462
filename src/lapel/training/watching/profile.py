"""Where the time of a step goes, by torch.profiler: a trace to look into, and a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile

from lapel.storage.local import atomic_path, write_atomically
from lapel.training.loop.learn import Tally
from lapel.training.loop.learner import Learner
from lapel.training.loop.plan import Plan

#: Folder of a run with what the profiler saw.
FOLDER = "profile"

#: A trace as Chrome's chrome://tracing and Perfetto read it; operations, the longest first.
TRACE, OPERATIONS = "trace.json", "operations.csv"

#: Steps that are left out: in the first ones memory is found and choices are made.
WARMING = 5

COLUMNS = ("operation", "calls", "self_cpu_ms", "total_cpu_ms", "self_device_ms")


class ProfileWatcher:
    """Profiles some steps of a run after the first few, and writes what it saw."""

    def __init__(self, learner: Learner, folder: Path, *, steps: int) -> None:
        """Profile so many steps, into a run's folder."""
        self._folder = folder / FOLDER
        self._from = learner.progress.step + WARMING
        self._left = steps
        self._profiler: profile | None = None
        learner.clock.running = True

    def step(self, learner: Learner, plan: Plan, tally: Tally) -> None:  # noqa: ARG002 - of Watcher
        """Begin, go on or end."""
        if self._profiler is None and self._left and learner.progress.step >= self._from:
            self._begin(learner)
        elif self._profiler is not None:
            self._left -= 1
            if not self._left:
                self._end(learner)

    def epoch(self, learner: Learner, row: Mapping[str, float]) -> None:  # noqa: ARG002 - of Watcher
        """The last epoch ends the profile, however few steps it saw."""
        if learner.progress.finished and self._profiler is not None:
            self._end(learner)

    def pause(self) -> None:
        """Judging is not profiled."""

    def _begin(self, learner: Learner) -> None:
        activities = [ProfilerActivity.CPU]
        if learner.device.type == "cuda":
            activities.append(ProfilerActivity.CUDA)
        self._profiler = profile(activities=activities)
        self._profiler.start()
        learner.clock.named = True

    def _end(self, learner: Learner) -> None:
        profiler, self._profiler, self._left = self._profiler, None, 0
        learner.clock.begin("rest")
        learner.clock.named = False
        if profiler is None:
            return
        profiler.stop()
        self._folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(self._folder / TRACE) as partial:
            profiler.export_chrome_trace(str(partial))
        write_atomically(self._folder / OPERATIONS, _table(profiler).encode())


def _table(profiler: profile) -> str:
    """Operations as CSV, those first that take longest by themselves."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    events = sorted(profiler.key_averages(), key=_own_time, reverse=True)
    for event in events:
        writer.writerow(
            [
                event.key,
                event.count,
                f"{event.self_cpu_time_total / 1000:.3f}",
                f"{event.cpu_time_total / 1000:.3f}",
                f"{event.self_device_time_total / 1000:.3f}",
            ]
        )
    return text.getvalue()


def _own_time(event: torch.autograd.profiler_util.FunctionEventAvg) -> float:
    return float(event.self_cpu_time_total + event.self_device_time_total)
