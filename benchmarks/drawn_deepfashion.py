"""DeepFashion's steps on drawn garments in its own layout: merging, and attention's worth.

Garments are drawn and written in the coarse layout, each attribute under one of several names by
chance; imported, checked, cleaned by the shipped rules. Then a small backbone learns four times:
from the labels as they are, from the merged ones, and from those where landmarks lead nowhere, or
by the paper's attention. All are judged on the same test pictures, and the merge in the fair way.

    python -m benchmarks.drawn_deepfashion --out runs/drawn-deepfashion --pictures 6000
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.measuring import markdown_table, surroundings, write_results

#: The tasks of DeepFashion's attributes.
TYPES = ("texture", "fabric", "shape", "part", "style")

#: The paper's network over a small backbone, for pictures of 128 px on two cores.
RECIPE = "deepfashion-small"


def main() -> None:
    """Every step by its command, each with its seconds; then the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pictures", type=int, default=6000)
    parser.add_argument("--size", type=int, default=192, help="of the drawn pictures, in pixels")
    parser.add_argument("--epochs", type=float, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], help="KEY=VALUE of the recipe")
    options = parser.parse_args()
    steps = Steps(options)
    shutil.rmtree(steps.work, ignore_errors=True)
    steps.work.mkdir(parents=True)
    steps.prepare()
    for name, data, changes in (
        ("unmerged", "coarse", []),
        ("merged", "merged", []),
        ("without-attention", "merged", ["model.landmark_features=0"]),
        ("papers-attention", "merged", ["model.landmark_features=0", "model.attention=true"]),
    ):
        steps.learn(name, data, changes)
    steps.compare()
    steps.report()


class Steps:
    """The commands, where their results lie, and how long they took."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.work: Path = options.out / "work"
        self.seconds: list[tuple[str, float]] = []

    def lapel(self, command: str, *, may_fail: bool = False) -> None:
        """Run a command of Lapel's in the folder of the work."""
        print(f"\n$ lapel {command}", flush=True)
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "lapel", *shlex.split(command)], cwd=self.work, check=False
        )
        self.seconds.append((command, time.perf_counter() - started))
        if done.returncode and not may_fail:
            raise SystemExit(done.returncode)

    def prepare(self) -> None:
        """Draw, write in the layout, import, check, clean."""
        options = self.options
        self.lapel(
            f"data import sketch {options.pictures} drawn --size {options.size} "
            f"--seed {options.seed}"
        )
        self.lapel("data export deepfashion-coarse drawn benchmark --duplicates")
        self.lapel("data import deepfashion-coarse benchmark coarse")
        self.lapel("data check coarse --propose proposed.yaml", may_fail=True)  # 1: it found faults
        self.lapel("data clean coarse --rules deepfashion --tier A --out merged")

    def learn(self, name: str, data: str, changes: list[str]) -> None:
        """Train, and judge on the test split with the boxes and without."""
        settings = [
            f"schedule.epochs={self.options.epochs:g}",
            f"seed={self.options.seed}",
            *changes,
            *self.options.set,
        ]
        given = " ".join(f"--set {shlex.quote(setting)}" for setting in settings)
        run = f"runs/{name}"
        self.lapel(f"train {RECIPE} --data {data} --out {run} {given}")
        self.lapel(f"evaluate {run} {data} --out {run}/test")
        self.lapel(f"evaluate {run} {data} --whole --out {run}/whole")

    def compare(self) -> None:
        """The worth of merging, each row with the same labels."""
        self.lapel(
            f"compare {RECIPE} --data coarse --cleaned merged --out worth "
            "--before runs/unmerged --after runs/merged"
        )

    def metrics(self, name: str) -> dict[str, dict[str, float]]:
        """Task to number to value, of one judgement."""
        value = json.loads((self.work / "runs" / name / "metrics.json").read_text("utf-8"))
        return {
            task: {key: found["value"] for key, found in one["numbers"].items()}
            for task, one in value["tasks"].items()
        }

    def report(self) -> None:
        """Attention against none, boxes against none, and the seconds of every step."""
        attention = ("without-attention/test", "papers-attention/test")
        runs = ("merged/test", *attention, "merged/whole", "unmerged/test")
        numbers = {run: self.metrics(run) for run in runs}
        rows = [
            [f"{task}: {number}", *(f"{numbers[run][task].get(number, 0):.4f}" for run in runs)]
            for task, number in (
                ("category", "accuracy"),
                ("category", "top3"),
                *((task, "recall_at_3") for task in TYPES),
                ("landmarks", "ne"),
            )
            if task in numbers[runs[0]]
        ]
        total = sum(seconds for _, seconds in self.seconds)
        steps = [[f"`lapel {command[:70]}`", f"{took:.0f}"] for command, took in self.seconds]
        table = (
            markdown_table(["", *runs], rows)
            + "\n"
            + markdown_table(["step", "seconds"], [*steps, ["all", f"{total:.0f}"]])
        )
        settings = {key: str(value) for key, value in vars(self.options).items()}
        content = {
            "surroundings": surroundings(),
            "settings": settings,
            "numbers": numbers,
            "seconds": self.seconds,
        }
        write_results(self.options.out, name="drawn-deepfashion", content=content, table=table)


if __name__ == "__main__":
    main()
