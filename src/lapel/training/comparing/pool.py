"""Runs learn in processes of their own: one a device, each run by run.

A run that fails leaves the others alone. When the whole is stopped, every run that learns is
asked to save itself first.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from lapel.training.stopping import StopSignals

#: Seconds between two looks at whether somebody wants to stop.
LOOK_EVERY = 0.2

#: Seconds that a process gets to end by itself after its last run.
END_WITHIN = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A run to learn.

    Attributes:
        name: of the run.
        arguments: of :func:`lapel.training.train.train`, as plain values.
        log: file for what is printed.
        asks: whether it waits after each epoch for :meth:`Worker.answer`.
    """

    name: str
    arguments: Mapping[str, Any]
    log: Path
    asks: bool = False


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


class Worker:
    """A process that learns.

    Args:
        device: of ``CUDA_VISIBLE_DEVICES``; an empty text is the machine as it is.
        log: file for what it prints outside of runs.
        also: of its environment, beside ours.

    Attributes:
        device: that it has.
        job: that it learns now.
        leaving: whether it takes no other job, since one failed; what a failure leaves in memory
            goes with the process.
    """

    def __init__(self, device: str, log: Path, also: Mapping[str, str] | None = None) -> None:
        environment = {**os.environ, **(also or {})}
        # Must stand before torch is imported, see `lapel.cli.train`.
        environment.setdefault("GOMP_SPINCOUNT", "2000")
        if device:
            environment["CUDA_VISIBLE_DEVICES"] = device
        self.device = device
        self.job: Job | None = None
        self.leaving = False
        self._rest = b""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as errors:
            # -P: a file of the user's that is called torch.py is not ours to import. A session of
            # its own: Ctrl-C is passed on by `stop`, once.
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "lapel.training.comparing.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment,
                start_new_session=True,
            )

    def begin(self, job: Job) -> None:
        """Give it a run. If it has ended, that is noticed when it is listened to."""
        self.job = job
        told = {"train": dict(job.arguments), "log": str(job.log), "asks": job.asks}
        self._write(json.dumps(told))

    def answer(self, word: str) -> None:
        """Whether a run that asks after each epoch goes on (``on``), or ends there (``end``)."""
        self._write(word)

    def _write(self, line: str) -> None:
        try:
            os.write(self._input, f"{line}\n".encode())
        except BrokenPipeError:
            return

    def events(self) -> list[dict[str, Any]] | None:
        """What it told since the last time; None if it has ended. Waits until there is any."""
        chunk = os.read(self.output, 65536)
        if not chunk:
            return None
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        return [json.loads(line) for line in lines]

    @property
    def output(self) -> int:
        """The descriptor that it tells on."""
        return self.process.stdout.fileno() if self.process.stdout else -1

    @property
    def _input(self) -> int:
        return self.process.stdin.fileno() if self.process.stdin else -1

    def stop(self) -> None:
        """Ask it to save and end."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def close(self, *, within: float | None = None) -> int:
        """Wait until it has ended, and say how: an exit code, or minus a signal."""
        if self.process.stdin:
            self.process.stdin.close()
        try:
            code = self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
        return code


class Pool:
    """Learns jobs on devices, as many at once as there are devices.

    Args:
        devices: of ``CUDA_VISIBLE_DEVICES``; an empty text is the machine as it is.
        onlooker: is told how it goes.
        stop: looked at between events.
        log: file for what processes print outside of runs.
    """

    def __init__(
        self, devices: Sequence[str], onlooker: Onlooker, stop: StopSignals, log: Path
    ) -> None:
        self._free = deque(devices)
        self._onlooker = onlooker
        self._stop = stop
        self._log = log
        self._workers: list[Worker] = []
        self._selector = selectors.DefaultSelector()

    def learn(self, jobs: Sequence[Job]) -> None:
        """Learn all of them; the onlooker is told of each how it ended.

        Raises:
            RunInterruptedError: a signal came; the runs that learned are saved.
        """
        standing, waiting = Standing(runs=len(jobs)), deque(jobs)
        try:
            while waiting or any(worker.job for worker in self._workers):
                self._give(waiting, standing)
                for key, _ in self._selector.select(LOOK_EVERY):
                    self._listen(key.data, standing)
                self._onlooker.progress(standing)
                self._stop.check()
        finally:
            self._close()

    def _give(self, waiting: deque[Job], standing: Standing) -> None:
        """Give runs to who has none; a process is started where a device is free."""
        while waiting and self._free:
            worker = Worker(self._free.popleft(), self._log)
            self._workers.append(worker)
            self._selector.register(worker.output, selectors.EVENT_READ, worker)
        for worker in self._workers:
            if worker.job is None and not worker.leaving and waiting:
                job = waiting.popleft()
                standing.shares[job.name] = 0.0
                worker.begin(job)

    def _listen(self, worker: Worker, standing: Standing) -> None:
        events = worker.events()
        if events is None:
            self._lose(worker, standing)
            return
        for event in events:
            name = worker.job.name if worker.job else ""
            if event["event"] == "step":
                standing.shares[name] = event["step"] / event["steps"]
            elif event["event"] == "epoch":
                score = event["score"]
                judged = "" if score is None else f", {100 * score:.2f} %"
                standing.notes[name] = f"epoch {event['epoch']:.0f}{judged}"
            else:
                worker.leaving = event["event"] != "done"
                self._end(worker, standing, event.get("fault"))

    def _end(self, worker: Worker, standing: Standing, fault: str | None) -> None:
        """A run ended."""
        if worker.job is None:
            return
        name, worker.job = worker.job.name, None
        standing.shares.pop(name, None)
        standing.notes.pop(name, None)
        standing.ended.append(name)
        self._onlooker.ended(name, fault)

    def _lose(self, worker: Worker, standing: Standing) -> None:
        """A process ended, as it does after a run that failed; another may take its device."""
        self._selector.unregister(worker.output)
        self._workers.remove(worker)
        self._free.append(worker.device)
        log = worker.job.log if worker.job else self._log
        code = worker.close(within=END_WITHIN)
        how = f"exit code {code}" if code >= 0 else f"signal {-code}"
        memory = "; the memory may not have been enough" if code == -signal.SIGKILL else ""
        self._end(worker, standing, f"its process ended with {how}{memory}; look into {log}")

    def _close(self) -> None:
        """End every process; who still learns saves first."""
        busy = [worker for worker in self._workers if worker.job is not None]
        try:
            for worker in busy:
                worker.stop()
            for worker in self._workers:
                worker.close(within=None if worker in busy else END_WITHIN)
        finally:
            for worker in self._workers:
                if worker.process.poll() is None:
                    worker.process.kill()
                    worker.process.wait()
            self._selector.close()
