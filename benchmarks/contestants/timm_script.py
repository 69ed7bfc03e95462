"""timm's own training script, ResNet18 at 32 pixels on class folders.

The script is the user's copy (``--timm-script``); this project holds none of it. Augmentation is
reduced to flips and a gentle crop, as the defaults are meant for ImageNet. The script prints
when it trains and when it tests; the seconds of each are taken from that, its accuracies from
its ``summary.csv``. The length in passes is ``--schedule``.
"""

from __future__ import annotations

import csv
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contestants.points import Order, read_order

NORMALISATION = ("--mean", "0.286", "0.286", "0.286", "--std", "0.353", "0.353", "0.353")


#: How its lines begin, and what it is doing then.
PHASES = {"Train:": "train", "Test:": "test"}


@dataclass(slots=True)
class Clock:
    """Seconds of training and testing, told apart by what the script prints."""

    phase: str = "other"
    since: float = 0.0
    trained: float = 0.0
    tested: float = 0.0

    def hear(self, phase: str) -> None:
        """A line said that the script is training, testing, or doing something else."""
        now = time.perf_counter()
        if phase == "train" and self.phase == "train":
            self.trained += now - self.since
        elif phase == "test":
            self.tested += now - self.since
        self.phase, self.since = phase, now


def command(order: Order) -> list[str]:
    """The script's command line."""
    script, workers = order.rest[0], order.rest[1]
    return [
        *(sys.executable, script, "--data-dir", str(order.data / "pictures")),
        *("--train-split", "train", "--val-split", "test", "--num-classes", "10"),
        *("--model", "resnet18", "--img-size", "32", "--batch-size", "128", *NORMALISATION),
        *("--scale", "0.8", "1", "--ratio", "1", "1", "--hflip", "0.5", "--color-jitter", "0"),
        *("--crop-pct", "1", "--opt", "adamw", "--lr", "3e-3", "--sched", "cosine"),
        *("--sched-on-updates", "--warmup-epochs", "0", "--epochs", order.schedule),
        *("--weight-decay", "0.01", "--seed", str(order.seed), "--device", order.device),
        *("--workers", workers, "--log-interval", "50", "--checkpoint-hist", "1"),
        *("--output", str(order.scratch), "--experiment", "run"),
    ]


def summary_rows(folder: Path) -> list[dict[str, str]]:
    """What the script wrote of its passes so far."""
    path = folder / "run" / "summary.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def main() -> None:
    """Run the script and report each row of its summary as it comes."""
    order = read_order()
    clock, told = Clock(), 0
    with subprocess.Popen(
        command(order), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            phase = next((name for word, name in PHASES.items() if line.startswith(word)), "other")
            clock.hear(phase)
            if phase == "other":
                print(line, end="", file=sys.stderr)
            rows = summary_rows(order.scratch)
            if len(rows) > told:
                told = len(rows)
                if say(order, clock, rows):
                    process.terminate()
                    break


def say(order: Order, clock: Clock, rows: list[dict[str, str]]) -> bool:
    """Report the last row."""
    accuracy = float(rows[-1]["eval_top1"])
    return order.say(
        train=clock.trained, test=clock.tested, accuracy=accuracy, passes=float(len(rows))
    )


if __name__ == "__main__":
    main()
