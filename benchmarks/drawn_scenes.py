"""Several garments in one picture, drawn: found, cut out of it, read; and DeepFashion2's layout.

Scenes are drawn; a detector learns to find their garments, and a tagger to read them, each within
its minutes. Both are judged on held-out scenes: boxes and masks as COCO does, categories and
attributes of what the detector found, beside the tagger on the true boxes. Then the scenes go out
in DeepFashion2's layout and come back, the detector is judged on them again, and once more from
the COCO results file that it wrote: all three times with the same numbers.

    python -m benchmarks.drawn_scenes --out runs/drawn-scenes --pictures 4000 --minutes 40
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
from typing import Any

from benchmarks.measuring import markdown_table, surroundings, write_results

TASK = "garments"

#: The numbers that are to be the same, whichever way the scenes came.
NUMBERS = ("box_ap", "box_ap50", "box_ap75", "mask_ap", "mask_ap50", "mask_ap75")

#: COCO's files of results that an evaluation writes, and what each is judged by.
RESULTS = {"detections": "box_", "segments": "mask_"}

#: What the tagger is asked.
TAGS = ("category", "colour", "texture", "sleeve", "neckline", "length", "fit")


def main() -> None:
    """Every step by its command, each with its seconds; then the tables."""
    steps = Steps(parse_options())
    shutil.rmtree(steps.work, ignore_errors=True)
    steps.work.mkdir(parents=True)
    steps.draw()
    steps.detect()
    steps.tag()
    steps.both()
    steps.round_trip()
    steps.report()


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pictures", type=int, default=4000)
    parser.add_argument("--size", type=int, default=320, help="of the drawn pictures, in pixels")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--recipe", default="garments-small", help="of the detector")
    parser.add_argument(
        "--minutes", type=float, default=40, help="of the detector; 0: the epochs of its recipe"
    )
    parser.add_argument("--tagger-minutes", type=float, default=10)
    parser.add_argument("--points", action="store_true", help="learn all 294 landmarks, too")
    parser.add_argument("--set", action="append", default=[], help="KEY=VALUE of the detector's")
    return parser.parse_args()


class Steps:
    """The commands, where their results lie, and how long they took."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.work: Path = options.out / "work"
        self.seconds: list[tuple[str, float]] = []
        self.points = "" if options.points else " --no-points"

    def lapel(self, command: str) -> None:
        """Run a command of Lapel's in the folder of the work."""
        print(f"\n$ lapel {command}", flush=True)
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "lapel", *shlex.split(command)], cwd=self.work, check=False
        )
        self.seconds.append((command, time.perf_counter() - started))
        if done.returncode:
            raise SystemExit(done.returncode)

    def draw(self) -> None:
        """Scenes, and their garments one by one."""
        options = self.options
        self.lapel(
            f"data import sketch {options.pictures} scenes --scenes --size {options.size} "
            f"--seed {options.seed}{self.points}"
        )
        self.lapel("data cut scenes each")

    def detect(self) -> None:
        """The detector."""
        options = self.options
        changes = [f"tasks=[{TASK}]", f"seed={options.seed}", *options.set]
        given = " ".join(f"--set {shlex.quote(change)}" for change in changes)
        self.lapel(
            f"train {options.recipe} --data scenes --out detector {_budget(options.minutes)}{given}"
        )

    def tag(self) -> None:
        """The tagger, and how it does on the true boxes."""
        changes = [
            f"tasks=[{','.join(TAGS)}]",
            f"seed={self.options.seed}",
            "preprocess.crop_to_box=true",
            "preprocess.box_margin=0.05",
        ]
        given = " ".join(f"--set {shlex.quote(change)}" for change in changes)
        self.lapel(
            f"train photos --data each --out tagger {_budget(self.options.tagger_minutes)}{given}"
        )
        self.lapel("evaluate tagger each --out judged/tagger")

    def both(self) -> None:
        """The detector on held-out scenes, and what the tagger says of what it finds there."""
        self.lapel("evaluate detector scenes --tags tagger --out judged/detector")

    def round_trip(self) -> None:
        """DeepFashion2's layout out and in, the detector's results as COCO's files, and again."""
        self.lapel("data export deepfashion2 scenes deepfashion2")
        self.lapel(f"data import deepfashion2 deepfashion2 back{self.points}")
        self.lapel("evaluate detector back --out judged/back")
        for name in RESULTS:
            self.lapel(f"evaluate judged/back/{name}.json back --out judged/{name}")

    def metrics(self, name: str) -> dict[str, Any]:
        """``metrics.json`` of one judgement."""
        path = self.work / "judged" / name / "metrics.json"
        value: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return value

    def numbers(self, name: str, task: str) -> dict[str, float]:
        """Number to value, of a task in one judgement."""
        found = self.metrics(name)["tasks"][task]["numbers"]
        return {key: one["value"] for key, one in found.items() if one["value"] is not None}

    def report(self) -> None:
        """Tables of the numbers, and the seconds of every step."""
        total = sum(seconds for _, seconds in self.seconds)
        steps = [[f"`lapel {command[:70]}`", f"{took:.0f}"] for command, took in self.seconds]
        tables = [
            self._found(),
            self._read(),
            markdown_table(["step", "seconds"], [*steps, ["all", f"{total:.0f}"]]),
        ]
        content = {
            "surroundings": surroundings(),
            "settings": {key: str(value) for key, value in vars(self.options).items()},
            "numbers": {way: self.metrics(way)["tasks"] for way in ("detector", "back", "tagger")},
            "seconds": self.seconds,
        }
        write_results(
            self.options.out, name="drawn-scenes", content=content, table="\n".join(tables)
        )

    def _found(self) -> str:
        """What the detector found, in each of the three ways of asking."""
        drawn, back = (self.numbers(way, TASK) for way in ("detector", "back"))
        again: dict[str, float] = {}
        for name, start in RESULTS.items():
            numbers = self.numbers(name, TASK)
            again |= {key: value for key, value in numbers.items() if key.startswith(start)}
        rows = [[key, *(f"{found[key]:.6f}" for found in (drawn, back, again))] for key in NUMBERS]
        header = ["held-out scenes", "as drawn", "as DeepFashion2", "from the results files"]
        return markdown_table(header, rows)

    def _read(self) -> str:
        """What the tagger says of garments that were found, and of all where they truly are."""
        path = self.work / "judged" / "detector" / "two_stages.json"
        ways: dict[str, dict[str, float]] = json.loads(path.read_text("utf-8"))
        rows = [
            [key, *(f"{found[key]:.4f}" for found in ways.values())]
            for key in next(iter(ways.values()))
            if all(isinstance(found.get(key), float) for found in ways.values())
        ]
        return markdown_table(["share of garments", *ways], rows)


def _budget(minutes: float) -> str:
    return f"--budget {minutes:g}m " if minutes else ""


if __name__ == "__main__":
    main()
