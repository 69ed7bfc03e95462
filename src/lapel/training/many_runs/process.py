"""A process that learns one run after another, for whoever started it.

``python -m lapel.training.many_runs.process`` takes a job a line on its standard input and tells
how it goes, an event a line, on its standard output, and each second that it lives; both are JSON.
What libraries print goes into the run's log. A process of its own holds the memory of an
accelerator no longer than it lives, may be killed by the system without harm to the others, and
sees one device alone.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from lapel.schema.errors import LapelError
from lapel.training.loop.learn import Tally
from lapel.training.loop.learner import Learner
from lapel.training.loop.plan import Plan
from lapel.training.recorder import Quiet
from lapel.training.stopping import RunInterruptedError
from lapel.training.train import train

#: Seconds between two events about the same epoch.
TELL_EVERY = 0.5

#: Seconds between two signs of life.
ALIVE_EVERY = 1.0


class PrunedError(Exception):
    """Who started this process wants no more of the run."""


class Telling(Quiet):
    """Tells the process that started this one; sentences go into the run's log.

    Attributes:
        asks: whether a line on standard input says after each epoch if the run goes on.
    """

    def __init__(self, wire: TextIO) -> None:
        self._wire = wire
        self._writing = threading.Lock()
        self._told = 0.0
        self._unheard = False
        self.asks = False

    def say(self, text: str) -> None:
        """A line of the log."""
        print(text, file=sys.stderr, flush=True)  # noqa: T201 - the run's log, not a terminal

    def step(self, learner: Learner, plan: Plan, tally: Tally) -> None:  # noqa: ARG002 - the shape of Reporter
        """How far the run is, once in a while."""
        now = time.monotonic()
        if now - self._told >= TELL_EVERY:
            self._told = now
            self.tell("step", step=learner.progress.step, steps=plan.steps)

    def epoch(self, row: dict[str, float]) -> None:
        """How good the run is; where it is to be asked, whether it goes on."""
        self.tell("epoch", epoch=row["epoch"], score=row.get("validation_accuracy"))
        # At the end of its input it goes on: the next event tells whether anybody listens.
        if self.asks and sys.stdin.readline().strip() == "end":
            raise PrunedError

    def tell(self, event: str, **facts: Any) -> None:  # noqa: ANN401 - plain values of JSON
        """One event. If nobody listens any more, the run is saved and ends."""
        with self._writing:
            if self._unheard:
                return
            try:
                print(json.dumps({"event": event, **facts}), file=self._wire, flush=True)
            except BrokenPipeError:
                self._unheard = True  # asked to end once: twice would be without saving
                os.kill(os.getpid(), signal.SIGTERM)

    def live(self, over: threading.Event) -> None:
        """Give a sign of life each second, whatever the process does; none if it is stopped."""
        while not over.wait(ALIVE_EVERY):
            self.tell("alive")


def main() -> None:
    """Do jobs until there are no more, one failed, or one was stopped."""
    # What nobody heard is still to be written when the wire is closed.
    with (
        suppress(BrokenPipeError),
        os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8") as wire,
    ):
        reporter, over = Telling(wire), threading.Event()
        alive = threading.Thread(target=reporter.live, args=(over,), daemon=True)
        alive.start()
        try:
            _do_all(reporter)
        finally:
            over.set()
            alive.join()


def _do_all(reporter: Telling) -> None:
    for line in sys.stdin:
        if not _do(json.loads(line), reporter):
            return


def _do(job: dict[str, Any], reporter: Telling) -> bool:
    """One job; whether another may follow in this process."""
    _write_into(Path(job["log"]))
    reporter.asks = bool(job.get("asks"))
    try:
        train(**job["train"], reporter=reporter)
    except RunInterruptedError as interruption:
        reporter.tell("stopped", fault=str(interruption))
        return False
    except PrunedError:
        reporter.tell("pruned")
        return True
    except LapelError as error:
        reporter.say(str(error))
        reporter.tell("failed", fault=str(error))
        return False
    except Exception as error:  # noqa: BLE001 - whatever ends a run, the others go on
        traceback.print_exc()
        about = f"{type(error).__name__}: {error}".strip(": ")
        reporter.tell("failed", fault=f"{about}; more in {job['log']}")
        return False
    reporter.tell("done")
    return True


def _write_into(log: Path) -> None:
    """Let everything that this process prints go to the end of a file."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(file.fileno(), stream.fileno())


if __name__ == "__main__":
    main()
