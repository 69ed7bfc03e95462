"""Lapel by its own command, on an empty cache: ``--schedule`` is what stands behind the data.

Each judged epoch is reported when the command prints it; epoch 0 are the heads, fitted.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys

from benchmarks.contestants.points import Order, read_order

#: What the command prints of each judged epoch.
JUDGED = re.compile(
    r"metric epoch=(?P<epoch>[\d.]+) seconds=(?P<seconds>[\d.]+)"
    r".* validation_accuracy=(?P<accuracy>[\d.]+)"
)


def main() -> None:
    """Train; report each epoch as it is told."""
    order = read_order()
    command = [
        *(sys.executable, "-u", "-m", "lapel", "train", "photos"),
        *("--data", order.rest[0], "--out", str(order.scratch / "run")),
        *shlex.split(order.schedule),
        *("--set", f"seed={order.seed}"),
    ]
    environment = dict(os.environ) | {"LAPEL_CACHE": str(order.scratch / "cache")}
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,  # where progress is told
        text=True,
        env=environment,
    ) as process:
        for line in process.stdout or ():
            sys.stderr.write(line)
            report(order, line)
    if process.returncode:
        sys.exit(process.returncode)


def report(order: Order, line: str) -> None:
    """Tell of a judged epoch, where a line speaks of one."""
    found = JUDGED.match(line)
    if found:
        order.say(
            train=float(found["seconds"]),
            test=0.0,
            accuracy=100 * float(found["accuracy"]),
            passes=float(found["epoch"]),
        )


if __name__ == "__main__":
    main()
