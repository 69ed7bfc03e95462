"""Lapel by its own command, on an empty cache: ``--schedule`` is what stands behind the data.

The time is that of the whole command, from its start to the bundle: reading and resizing photos,
computing features, fitting, export and the check of the export.
"""

from __future__ import annotations

import csv
import os
import shlex
import subprocess
import sys

from benchmarks.contestants.points import read_order


def main() -> None:
    """Train, report."""
    order = read_order()
    run = order.scratch / "run"
    command = ["train", "photos", "--data", order.rest[0], "--out", str(run)]
    subprocess.run(
        [
            *(sys.executable, "-m", "lapel"),
            *command,
            *shlex.split(order.schedule),
            *("--set", f"seed={order.seed}"),
        ],
        check=True,
        stdout=sys.stderr,
        env=dict(os.environ) | {"LAPEL_CACHE": str(order.scratch / "cache")},
    )
    with (run / "log.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    best = max(float(row["validation_accuracy"]) for row in rows)
    seconds = float(rows[-1]["seconds"])
    order.say(train=seconds, test=0.0, accuracy=100 * best, passes=float(rows[-1]["epoch"]))


if __name__ == "__main__":
    main()
