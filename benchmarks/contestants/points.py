"""What every contestant says, and how: one line of JSON a measurement.

Contestants run as processes of their own, perhaps under another interpreter, so this file needs
nothing but Python itself.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

MARK = "POINT "


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One look at the test set.

    Attributes:
        train_seconds: spent in training steps so far; loading, testing and start-up apart.
        test_seconds: spent on looking at the test set so far.
        wall_seconds: since the process was started, everything included.
        accuracy: on all pictures of the test set, in percent.
        passes: over the training pictures so far.
    """

    train_seconds: float
    test_seconds: float
    wall_seconds: float
    accuracy: float
    passes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a contestant is asked to do.

    Attributes:
        data: folder with ``arrays.npz`` and ``pictures/{train,test}/CLASS/NUMBER.png``.
        scratch: an empty folder of its own.
        seed: of everything random.
        stop_at: test accuracy, in percent, at which to end.
        limit_seconds: of wall time, after which to end.
        schedule: the length in passes, or what else the contestant takes for one.
        device: as torch names it.
        threads: that torch may use.
        started: the moment, in seconds of the epoch, at which the process was started.
        rest: options of the contestant's own.
    """

    data: Path
    scratch: Path
    seed: int
    stop_at: float
    limit_seconds: float
    schedule: str
    device: str
    threads: int
    started: float
    rest: list[str]

    def arguments(self) -> list[str]:
        """The order as a command line, read back by :func:`read_order`."""
        named = [f"--{key.replace('_', '-')}={value}" for key, value in asdict(self).items()]
        return [*(text for text in named if not text.startswith("--rest=")), *self.rest]

    def say(self, *, train: float, test: float, accuracy: float, passes: float) -> bool:
        """Report a look at the test set; True when it is time to end."""
        point = Point(
            train_seconds=train,
            test_seconds=test,
            wall_seconds=time.time() - self.started,
            accuracy=accuracy,
            passes=passes,
        )
        print(MARK + json.dumps(asdict(point)), flush=True)
        return accuracy >= self.stop_at or point.wall_seconds >= self.limit_seconds


def read_order() -> Order:
    """The order on the command line."""
    parser = argparse.ArgumentParser()
    for name in ("data", "scratch"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name in ("seed", "threads"):
        parser.add_argument(f"--{name}", type=int, required=True)
    for name in ("stop-at", "limit-seconds", "started"):
        parser.add_argument(f"--{name}", type=float, required=True)
    for name in ("schedule", "device"):
        parser.add_argument(f"--{name}", required=True)
    known, rest = parser.parse_known_args()
    return Order(**vars(known), rest=rest)


def read_points(output: str) -> list[Point]:
    """The points in what a contestant printed."""
    lines = (line for line in output.splitlines() if line.startswith(MARK))
    return [Point(**json.loads(line.removeprefix(MARK))) for line in lines]
