"""One attempt at a rehearsed job: its processes run, are listened to, and are ended in time."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lapel.cloud.container.layout import ROOT, OptMl
from lapel.cloud.sagemaker.local.machine import Image, command, environment
from lapel.cloud.sagemaker.local.places import Places
from lapel.cloud.sagemaker.metrics import read_metrics

#: Seconds between SIGTERM and the end of a container
#: (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StopTrainingJob.html).
GRACE = 120.0

#: Seconds between two looks at the processes, and at their checkpoints.
LOOK_EVERY, MIRROR_EVERY = 0.1, 2.0


@dataclass(slots=True, kw_only=True)
class Log:
    """What the machines say, and the numbers that are read out of it.

    Attributes:
        say: told of each line.
        definitions: ``MetricDefinitions``.
        metrics: the last value of each number, and when it was said (seconds since 1970).
    """

    say: Callable[[str], None]
    definitions: Sequence[Mapping[str, str]]
    metrics: dict[str, tuple[float, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self, process: subprocess.Popen[str], layout: OptMl, mark: str) -> None:
        """All lines of a machine's process, until it has ended."""
        if process.stdout is None:
            return
        with process.stdout as said:
            for line in said:
                self._take(as_there(line, layout), mark)

    def _take(self, line: str, mark: str) -> None:
        with self._lock:
            self.say(mark + line.rstrip("\n"))
            for name, value in read_metrics(line, self.definitions).items():
                self.metrics[name] = (value, time.time())


def as_there(text: str, layout: OptMl) -> str:
    """What a container says, with ``/opt/ml`` for the folder that stands for it here: as on AWS,
    and since that folder may be gone when somebody reads it.
    """
    return text.replace(str(layout.root), ROOT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """How an attempt ended.

    Attributes:
        codes: exit code of each machine; 0 of one that was ended from outside.
        cause: why it was ended: a word of SageMaker's, or empty where it ended by itself.
        seconds: that it took.
    """

    codes: tuple[int, ...]
    cause: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When an attempt is ended from outside.

    Attributes:
        runtime: seconds that are left to the job.
        taken: seconds after which the machines are taken away; None: never.
        stopped: asked whether the user wants it to end.
        grace: seconds between SIGTERM and SIGKILL.
    """

    runtime: float
    taken: float | None = None
    stopped: Callable[[], bool] = lambda: False
    grace: float = GRACE

    def cause(self, seconds: float) -> str:
        """Why it has to end after so many seconds; empty: it has not to."""
        if self.stopped():
            return "Stopped"
        if self.taken is not None and seconds >= self.taken:
            return "Interrupted"
        return "MaxRuntimeExceeded" if seconds >= self.runtime else ""


def run_attempt(
    layouts: Sequence[OptMl],
    request: Mapping[str, Any],
    image: Image,
    log: Log,
    limits: Limits,
    places: Places,
) -> Attempt:
    """Run the container on each machine, until all have ended or are ended.

    Args:
        layouts: each machine's ``/opt/ml``, laid out.
        request: of ``CreateTrainingJob``.
        image: what stands for the container's.
        log: listens.
        limits: when it is ended.
        places: to which checkpoints are mirrored.
    """
    began = time.monotonic()
    processes = [_start(layout, request, image, len(layouts)) for layout in layouts]
    listeners = [
        threading.Thread(target=log.read, args=(process, layout, mark), daemon=True)
        for process, layout, mark in zip(processes, layouts, _marks(len(layouts)), strict=True)
    ]
    for listener in listeners:
        listener.start()
    mirrored = request.get("CheckpointConfig", {}).get("S3Uri", "").rstrip("/")

    def mirror(*, last: bool = False) -> None:
        for layout in layouts if mirrored else ():
            places.mirror(layout.checkpoints, mirrored, last=last)

    try:
        cause = _watch(processes, limits, began, mirror)
        # Those that are ended now, since another one failed, are not those that failed.
        codes = tuple(process.poll() or 0 for process in processes)
    finally:
        _end(processes, limits.grace)
    for listener in listeners:
        listener.join(10)
    mirror(last=True)
    return Attempt(codes=codes, cause=cause, seconds=time.monotonic() - began)


def _start(
    layout: OptMl, request: Mapping[str, Any], image: Image, count: int
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(layout, request, image, count),
        env=environment(layout, request, image),
        cwd=layout.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,  # Ctrl-C is for us, who hand on SIGTERM
    )


def _watch(
    processes: Sequence[subprocess.Popen[str]],
    limits: Limits,
    began: float,
    mirror: Callable[[], None],
) -> str:
    """Wait until all have ended, or one has to be ended; why it has, else nothing."""
    due = began + MIRROR_EVERY
    while True:
        codes = [process.poll() for process in processes]
        if None not in codes or any(codes):
            return ""
        now = time.monotonic()
        cause = limits.cause(now - began)
        if cause:
            return cause
        if now >= due:
            mirror()
            due = time.monotonic() + MIRROR_EVERY
        time.sleep(LOOK_EVERY)


def _end(processes: Sequence[subprocess.Popen[str]], grace: float) -> None:
    """SIGTERM to the first process of each container, and in the end SIGKILL to all of them."""
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    last = time.monotonic() + grace
    for process in processes:
        try:
            process.wait(max(0.0, last - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _kill_group(process.pid)


def _kill_group(group: int) -> None:
    """End what a container left behind, as its machine would."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def _marks(count: int) -> list[str]:
    return [""] if count == 1 else [f"[algo-{n}] " for n in range(1, count + 1)]
