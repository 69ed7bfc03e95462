"""The runs of a comparison are learned, and how far they are is told."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from lapel.training.many_runs.pool import Ending, Pool
from lapel.training.many_runs.worker import Job
from lapel.training.stopping import StopSignals


@dataclass(slots=True, kw_only=True)
class Standing:
    """How far everything is.

    Attributes:
        runs: to be learned this time.
        ended: names of those that ended, done or failed.
        shares: name of each run that learns now to how far it is, 0 to 1.
        notes: the same to its latest epoch in words.
        started: when the first began, by ``time.monotonic``.
    """

    runs: int
    ended: list[str] = field(default_factory=list)
    shares: dict[str, float] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    @property
    def share(self) -> float:
        """How far the whole is, 0 to 1."""
        return (len(self.ended) + sum(self.shares.values())) / max(self.runs, 1)

    @property
    def seconds_left(self) -> float | None:
        """As if all runs took equally long; None while nothing can be said."""
        share = self.share
        if share < 0.01:
            return None
        return (time.monotonic() - self.started) * (1 - share) / share


class Onlooker(Protocol):
    """Who is told how the runs go."""

    def say(self, text: str) -> None:
        """Something worth a line."""
        ...

    def progress(self, standing: Standing) -> None:
        """Something moved."""
        ...

    def ended(self, name: str, fault: str | None) -> None:
        """A run is done, or failed with a fault."""
        ...


def learn_all(
    jobs: Sequence[Job], devices: Sequence[str], onlooker: Onlooker, stop: StopSignals, log: Path
) -> None:
    """Learn runs, as many at once as there are devices; of each is told how it ended.

    Args:
        jobs: the runs, begun in this order.
        devices: of ``CUDA_VISIBLE_DEVICES``; an empty text is the machine as it is.
        onlooker: is told how it goes.
        stop: looked at between events.
        log: file for what processes print outside of runs.

    Raises:
        RunInterruptedError: a signal came; the runs that learned are saved.
    """
    runs = _Runs(jobs, onlooker)
    with Pool([(device, {}) for device in devices], runs, log) as pool:
        while runs.waiting or pool.busy:
            pool.give()
            pool.listen()
            onlooker.progress(runs.standing)
            stop.check()


class _Runs:
    """All that a comparison has to learn, and how far it is."""

    def __init__(self, jobs: Sequence[Job], onlooker: Onlooker) -> None:
        self.waiting = deque(jobs)
        self._onlooker = onlooker
        self.standing = Standing(runs=len(jobs))

    def next_job(self) -> Job | None:
        """The next one in their order."""
        if not self.waiting:
            return None
        job = self.waiting.popleft()
        self.standing.shares[job.name] = 0.0
        return job

    def moved(self, name: str, share: float) -> None:
        """Take it down."""
        self.standing.shares[name] = share

    def judged(self, name: str, epoch: int, score: float | None) -> bool:
        """Take it down; every run goes on."""
        judged = "" if score is None else f", {100 * score:.2f} %"
        self.standing.notes[name] = f"epoch {epoch}{judged}"
        return True

    def ended(self, name: str, ending: Ending) -> None:
        """Take it down, and pass it on."""
        self.standing.shares.pop(name, None)
        self.standing.notes.pop(name, None)
        self.standing.ended.append(name)
        self._onlooker.ended(name, None if ending.how == "done" else ending.fault)
