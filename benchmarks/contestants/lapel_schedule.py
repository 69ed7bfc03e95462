"""Lapel by its own commands: train a recipe of a fixed length, then judge it once on test.

``--schedule`` is a recipe with changes: ``fashion-mnist-fast schedule.epochs=1``. The seconds of
training are those of the run's own log; the wall time holds everything, also what the others do
not do: start-up, validation, the export of the bundle and its check.
"""

from __future__ import annotations

import csv
import json
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.contestants.points import read_order


def main() -> None:
    """Train, evaluate, report."""
    order = read_order()
    dataset = order.rest[0]
    run, report = order.scratch / "run", order.scratch / "report"
    recipe, *changes = shlex.split(order.schedule)
    settings = [text for change in [*changes, f"seed={order.seed}"] for text in ("--set", change)]
    lapel(["train", recipe, "--data", dataset, "--out", str(run), *settings])
    with (run / "log.csv").open(encoding="utf-8") as file:
        last = list(csv.DictReader(file))[-1]
    trained_at = time.time()
    lapel(["evaluate", str(run), dataset, "--split", "test", "--out", str(report)])
    order.say(
        train=float(last["seconds"]),
        test=time.time() - trained_at,
        accuracy=100 * test_accuracy(report),
        passes=float(last["epoch"]),
    )


def lapel(arguments: list[str]) -> None:
    """One command of Lapel's, by this interpreter."""
    subprocess.run([sys.executable, "-m", "lapel", *arguments], check=True, stdout=sys.stderr)


def test_accuracy(report: Path) -> float:
    """The accuracy that ``lapel evaluate`` wrote, 0 to 1."""
    content: dict[str, Any] = json.loads((report / "metrics.json").read_text("utf-8"))
    (task,) = content["tasks"].values()
    return float(task["numbers"]["accuracy"]["value"])


if __name__ == "__main__":
    main()
