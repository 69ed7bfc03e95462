"""Runs learn in processes of their own: one a device, each run by run.

A run that fails leaves the others alone, as does a process that the system kills or that hangs.
When the whole is stopped, every run that learns is asked to save itself first. What is learned
next, and what becomes of it, is for others to say: a comparison knows all of its runs, a search
makes them up on the way.
"""

from __future__ import annotations

import selectors
import signal
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, Self

from lapel.training.many_runs.worker import Job, Slot, Worker

#: Seconds between two looks at whether somebody wants to stop.
LOOK_EVERY = 0.2

#: Seconds that a process gets to end by itself after its last run.
END_WITHIN = 30.0

#: A process that gives no sign of life for so many seconds hangs, and is killed. It gives one a
#: second, whatever it does, once it has begun.
SILENCE = 45.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a job ended.

    Attributes:
        how: ``pruned``: by who gave it; ``stopped``: by a signal, and saved; ``failed``: it has a
            fault; ``lost``: its process ended, or hung and was killed.
        fault: in words; empty where it is done or pruned.
    """

    how: Literal["done", "pruned", "stopped", "failed", "lost"]
    fault: str = ""


class Boss(Protocol):
    """Who gives the jobs, and hears of them."""

    def next_job(self) -> Job | None:
        """What to learn next; None where there is nothing now."""
        ...

    def moved(self, name: str, share: float) -> None:
        """A job is so far, 0 to 1."""
        ...

    def judged(self, name: str, epoch: int, score: float | None) -> bool:
        """An epoch was judged; whether a job that asks goes on."""
        ...

    def ended(self, name: str, ending: Ending) -> None:
        """A job is at its end, one way or another."""
        ...


class Pool:
    """Learns jobs, as many at once as there are slots.

    The block around it ends every process; who still learns then saves first.

    Args:
        slots: of each process.
        boss: gives the jobs.
        log: file for what processes print outside of runs.
    """

    def __init__(self, slots: Sequence[Slot], boss: Boss, log: Path) -> None:
        self._free = deque(slots)
        self._boss: Boss = boss
        self._log = log
        self._workers: list[Worker] = []
        self._silence: dict[Worker, float] = {}
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> Self:
        """Nothing is started before there is something to learn."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """End every process."""
        self._close()

    @property
    def busy(self) -> list[Worker]:
        """The processes that learn."""
        return [worker for worker in self._workers if worker.job is not None]

    def give(self) -> None:
        """Give jobs to who has none; a process is started where a device is free."""
        while self._idle() or self._free:
            job = self._boss.next_job()
            if job is None:
                return
            worker = next(iter(self._idle()), None) or self._start()
            worker.begin(job)

    def listen(self) -> None:
        """Hear how it goes, for a moment."""
        began = time.monotonic()
        speaking: list[Worker] = [key.data for key, _ in self._selector.select(LOOK_EVERY)]
        self._end_silent(speaking, time.monotonic() - began)
        for worker in speaking:
            self._hear(worker)

    def _end_silent(self, speaking: Sequence[Worker], waited: float) -> None:
        """Kill who gives no sign of life any more.

        What counts is how long was waited for one, and not the clock: it goes on while all are
        stopped, as by Ctrl-Z, or while this process has something else to do.
        """
        self._silence |= dict.fromkeys(speaking, 0.0)
        for worker, silence in self._silence.items():
            if worker in speaking or worker.hung:
                continue
            self._silence[worker] = silence + min(waited, LOOK_EVERY)
            if self._silence[worker] > SILENCE:
                worker.kill()

    def _idle(self) -> list[Worker]:
        return [one for one in self._workers if one.job is None and not one.leaving]

    def _start(self) -> Worker:
        worker = Worker(self._free.popleft(), self._log)
        self._workers.append(worker)
        self._selector.register(worker.output, selectors.EVENT_READ, worker)
        return worker

    def _hear(self, worker: Worker) -> None:
        events = worker.events()
        if events is None:
            self._lose(worker)
            return
        for event in events:
            if worker.job is not None:
                self._pass_on(worker, worker.job, event)

    def _pass_on(self, worker: Worker, job: Job, event: Mapping[str, Any]) -> None:
        how = event["event"]
        if how == "alive":
            return
        if how == "step":
            self._boss.moved(job.name, event["step"] / max(event["steps"], 1))
        elif how == "epoch":
            on = True
            try:
                on = self._boss.judged(job.name, int(event["epoch"]), event["score"])
            finally:  # who got no answer would wait for it, and with it all who close the pool
                if job.asks:
                    worker.answer("on" if on else "end")
        else:
            worker.leaving = how not in {"done", "pruned"}
            worker.job = None
            self._boss.ended(job.name, Ending(how=how, fault=event.get("fault") or ""))

    def _lose(self, worker: Worker) -> None:
        """A process ended, as it does after a run that failed; another may take its device."""
        self._selector.unregister(worker.output)
        self._workers.remove(worker)
        self._silence.pop(worker, None)
        self._free.append(worker.slot)
        code = worker.close(within=END_WITHIN)
        if worker.job is not None:
            how = _how(worker, code)
            fault = f"its process {how}; look into {worker.job.log}"
            self._boss.ended(worker.job.name, Ending(how="lost", fault=fault))

    def _close(self) -> None:
        """End every process; who still learns saves first."""
        self._boss = _Nobody()
        try:
            for worker in self.busy:
                worker.stop()
            while self.busy:
                self.listen()
            for worker in self._workers:
                worker.close(within=END_WITHIN)
        finally:
            for worker in self._workers:
                if worker.process.poll() is None:
                    worker.process.kill()
                    worker.process.wait()
            self._selector.close()


class _Nobody:
    """Who has no jobs any more, and reads from the files of others what became of them."""

    def next_job(self) -> Job | None:
        """There is none."""
        return None

    def moved(self, name: str, share: float) -> None:
        """It does not matter any more."""

    def judged(self, name: str, epoch: int, score: float | None) -> bool:  # noqa: ARG002 - the shape of Boss
        """A run ends when it has saved, not since it is worse than others."""
        return True

    def ended(self, name: str, ending: Ending) -> None:
        """It does not matter any more."""


def _how(worker: Worker, code: int) -> str:
    """How a process ended, in words."""
    if worker.hung:
        return f"gave no sign of life for {SILENCE:.0f} s and was killed"
    if code == -signal.SIGKILL:
        return f"ended with signal {signal.SIGKILL:d}; the memory may not have been enough"
    return f"ended with exit code {code}" if code >= 0 else f"ended with signal {-code}"
