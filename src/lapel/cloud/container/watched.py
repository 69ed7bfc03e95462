"""A command that runs as if it were this process: its signals, its words, its exit code."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

#: Lines kept of what a command said last: torchrun says forty more about a process that failed.
KEPT = 200

#: What an error of ours begins with.
MARK = "lapel: "

#: Characters of a reason that SageMaker shows.
SHOWN = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended.

    Attributes:
        code: its exit code; of a signal, 128 and its number.
        asked: whether it was told to end, by a signal to this process.
        last: the lines that it said last on stderr.
    """

    code: int
    asked: bool
    last: tuple[str, ...]

    def reason(self) -> str:
        """Why it failed, in so many characters as are shown: our own error, else its last lines."""
        ours = [number for number, line in enumerate(self.last) if line.startswith(MARK)]
        if ours:
            return "\n".join(self.last[ours[-1] :]).removeprefix(MARK)[:SHOWN]
        return "\n".join(self.last)[-SHOWN:] or f"lapel train ended with {self.code}"


def run_watched(command: Sequence[str], environment: Mapping[str, str]) -> Ended:
    """Run a command; SIGTERM and SIGINT go on to it, and what it says goes on to who listens here.

    SageMaker gives a container 120 s between SIGTERM and its end
    (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StopTrainingJob.html).
    """
    last: deque[str] = deque(maxlen=KEPT)
    process = subprocess.Popen(
        command,
        env=dict(environment),
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    with _signals_to(process) as received:
        code = _listen(process, last)
    return Ended(code=code if code >= 0 else 128 - code, asked=bool(received), last=tuple(last))


def _listen(process: subprocess.Popen[str], last: deque[str]) -> int:
    """Hand on what a process says, until it has ended; its exit code."""
    if process.stderr is not None:
        with process.stderr as said:
            for line in said:
                sys.stderr.write(line)
                sys.stderr.flush()
                last.append(line.rstrip("\n"))
    return process.wait()


@contextmanager
def _signals_to(process: subprocess.Popen[str]) -> Iterator[list[int]]:
    received: list[int] = []

    def hand_on(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        if process.poll() is None:
            process.send_signal(number)

    former = {n: signal.signal(n, hand_on) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield received
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
