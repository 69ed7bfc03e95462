"""A process that learns one run after another, as whoever started it sees it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lapel.training.run.folder import RUN

#: Folders of the runs, and of what they said.
RUNS, LOGS = "runs", "logs"

#: What processes print outside of runs.
OUTSIDE = "processes.txt"

#: Of a worker: the value of ``CUDA_VISIBLE_DEVICES``, where an empty text is the machine as it is,
#: and what its environment has beside ours.
Slot = tuple[str, Mapping[str, str]]


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


def job_in(
    out: Path, name: str, *, recipe: str, data: str, changes: Mapping[str, Any], asks: bool = False
) -> Job:
    """Learn a run, or go on with it where its folder holds it already.

    Args:
        out: the folder of all runs; this one lies in ``runs/NAME``, what it said in
            ``logs/NAME.txt``.
        name: of the run.
        recipe: a shipped recipe's name, or a path.
        data: the dataset's place.
        changes: values of the recipe that the run changes.
        asks: see :class:`Job`.
    """
    folder = out / RUNS / name
    arguments: dict[str, Any] = {"resume": str(folder)}
    if not (folder / RUN).is_file():
        arguments = {"recipe": recipe, "data": data, "out": str(folder), "changes": dict(changes)}
    return Job(name=name, arguments=arguments, log=out / LOGS / f"{name}.txt", asks=asks)


class Worker:
    """A process that learns; see :mod:`lapel.training.many_runs.process`.

    Args:
        slot: the device that it has, and its environment.
        log: file for what it prints outside of runs.

    Attributes:
        slot: likewise.
        job: that it learns now.
        leaving: whether it takes no other job, since one failed; what a failure leaves in memory
            goes with the process.
        hung: whether it was killed since it gave no sign of life any more.
    """

    def __init__(self, slot: Slot, log: Path) -> None:
        device, also = slot
        environment = {**os.environ, **also}
        # Must stand before torch is imported, see `lapel.cli.train`.
        environment.setdefault("GOMP_SPINCOUNT", "2000")
        if device:
            environment["CUDA_VISIBLE_DEVICES"] = device
        self.slot = slot
        self.job: Job | None = None
        self.leaving = False
        self.hung = False
        self._rest = b""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as errors:
            # -P: a file of the user's that is called torch.py is not ours to import. A session of
            # its own: Ctrl-C is passed on by `stop`, once.
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "lapel.training.many_runs.process"],
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

    def kill(self) -> None:
        """End it, since it hangs; that it ended is noticed when it is listened to."""
        self.hung = True
        self.process.kill()

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
