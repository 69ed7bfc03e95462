"""What a process of a group does in the tests of whole runs."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from training_runs import SMALL

from lapel.cli.main import main
from lapel.training import following
from lapel.training.loop.learn import Tally
from lapel.training.loop.learner import Learner
from lapel.training.loop.plan import Plan
from lapel.training.processes import pulse
from lapel.training.processes.launch import launch
from lapel.training.train import train

#: Enough steps to be broken off in their middle, and a checkpoint every few of them.
LONG: Mapping[str, Any] = {
    **SMALL,
    "schedule.epochs": 3,
    "checkpoint.every_steps": 7,
    "average": 0.9,
    "augment.erase": 0.3,
    "optimiser.name": "sgd",
    "optimiser.learning_rate": 0.01,
}

#: The step after which a process is killed: not one after which a checkpoint is written.
KILLED_AFTER = 25


def begun(data: Path, run: Path, changes: Mapping[str, Any], *, shard: bool = False) -> float:
    """A run from its beginning to its end; the score of its best epoch."""
    return train(
        "fashion-mnist-fast", data=data, out=run, changes={**LONG, **changes}, shard=shard
    ).best_score


def resumed(run: Path, *, shard: bool = False) -> float:
    """A run gone on with; the score of its best epoch."""
    return train(resume=run, shard=shard).best_score


def begun_in_parts(data: Path, run: Path, changes: Mapping[str, Any]) -> float:
    """A run of a network of which each process holds a part."""
    return begun(data, run, changes, shard=True)


def typed(data: Path, run: Path) -> list[str]:
    """A run as it is typed."""
    settings = [f"--set={key}={value}".replace(" ", "") for key, value in LONG.items()]
    return ["train", "fashion-mnist-fast", f"--data={data}", f"--out={run}", *settings]


def losing_the_second(data: Path, run: Path, said: Path) -> object:
    """The command, of which the second process is killed in the middle; the exit code of the first,
    and what it says in a file.
    """
    return _signalled(signal.SIGKILL, data, run, said)


def stopping_the_second(data: Path, run: Path, said: Path) -> object:
    """The command, of which the second process is told to end in the middle; both exit codes."""
    return _signalled(signal.SIGTERM, data, run, said)


def _signalled(number: signal.Signals, data: Path, run: Path, said: Path) -> object:
    _write_into(said)
    _after_steps({KILLED_AFTER: lambda: os.kill(os.getpid(), number)})
    sys.argv = ["lapel", *typed(data, run)]
    try:
        main()
    except SystemExit as ended:
        return ended.code
    return 0


#: The step after which a process takes its time, and for how many seconds: longer than it may give
#: no sign of life in `hanging_the_second`.
SLOW_AFTER, SLOW = 9, 5.0


def hanging_the_second(data: Path, run: Path, said: Path) -> float:
    """A run whose second process is slow once, and later stopped; what is said goes to a file."""
    pulse.EVERY, pulse.LOOKS = 0.4, 10
    _write_into(said)
    hang = {KILLED_AFTER: lambda: os.kill(os.getpid(), signal.SIGSTOP)}
    _after_steps({SLOW_AFTER: lambda: time.sleep(SLOW), **hang})
    return begun(data, run, {})


def _write_into(said: Path) -> None:
    os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)


def _after_steps(done: Mapping[int, Callable[[], None]]) -> None:
    """Let the second process do something after certain steps."""
    step = following.Follower.step

    def stepped(self: following.Follower, learner: Learner, plan: Plan, tally: Tally) -> None:
        step(self, learner, plan, tally)
        done.get(learner.progress.step, lambda: None)()

    following.Follower.step = stepped  # type: ignore[method-assign] # in a process of its own


def launched_and_killed(arguments: Sequence[str]) -> int:
    """What the command makes of it that the second of its processes is killed."""
    return _launched_until(lambda second: os.kill(second, signal.SIGKILL), arguments)


def launched_and_stopped(arguments: Sequence[str]) -> int:
    """What the command makes of SIGTERM."""
    return _launched_until(lambda _: os.kill(os.getpid(), signal.SIGTERM), arguments)


def _launched_until(act: Callable[[int], None], arguments: Sequence[str]) -> int:
    threading.Thread(target=_when_begun, args=(act, arguments[-1]), daemon=True).start()
    return launch(arguments, 2)


def _when_begun(act: Callable[[int], None], word: str) -> None:
    """Do something once both processes, known by a word of their command line, have begun."""
    while True:
        children = " ".join(path.read_text() for path in Path("/proc/self/task").glob("*/children"))
        found = [
            int(child)
            for child in sorted(set(children.split()), key=int)
            if word.encode() in Path(f"/proc/{child}/cmdline").read_bytes()
        ]
        if len(found) == 2:
            act(found[1])
            return
        time.sleep(0.01)
