"""Two processes against one: training at equal result, bulk prediction, tuning; and what it costs.

On a machine of two cores, in turns: one process with one thread on one core, one process with both
cores, two processes with a core each. What two processes reach beside twice one core says what
they lose to each other; beside one process with both cores, whether they are worth it here. What
the processor works on a picture, all processes together, holds on a busy machine too: it is the
difference of a run and one of a tenth of its length, so that start and end are not in it.

    python -m benchmarks.processes --data demo/fashion-mnist --out runs/processes
"""

from __future__ import annotations

import argparse
import csv
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks.measuring import markdown_table, median, surroundings, write_results

#: Cores that are measured on.
CORES = (0, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How many processes do the work, and on which cores."""

    name: str
    processes: int
    cores: tuple[int, ...]

    @property
    def threads(self) -> int:
        """Of each process."""
        return len(self.cores) // self.processes


WAYS = (
    Way(name="one process, one core", processes=1, cores=CORES[:1]),
    Way(name="one process, two cores", processes=1, cores=CORES),
    Way(name="two processes, a core each", processes=2, cores=CORES),
)


def main() -> None:
    """Measure each way in turn, some times over, and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="a dataset to learn from")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--recipe", default="fashion-mnist-fast")
    parser.add_argument("--set", action="append", default=[], help="KEY=VALUE of the recipe")
    parser.add_argument("--epochs", type=float, default=1)
    parser.add_argument("--pictures", type=int, default=2000, help="photos to answer")
    parser.add_argument("--trials", type=int, default=0, help="of tuning; 0: not measured")
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    measured: dict[str, dict[str, list[float]]] = {way.name: {} for way in WAYS}
    with tempfile.TemporaryDirectory(prefix="processes-") as scratch:
        photos = Path(scratch) / "photos"
        bundle = drawn(options, Path(scratch), photos)
        for turn in range(options.turns):
            for way in WAYS:
                place = Path(scratch) / f"{turn}-{way.processes}-{len(way.cores)}"
                found = trained(options, way, place) | predicted(way, bundle, photos, place)
                if options.trials:
                    found |= tuned(options, way, place)
                for name, value in found.items():
                    measured[way.name].setdefault(name, []).append(value)
                print(way.name, found, flush=True)
    names = list(measured[WAYS[0].name])
    rows = [
        [way, *(f"{median(found[name]):,.4g}" for name in names)] for way, found in measured.items()
    ]
    settings = {key: str(value) for key, value in vars(options).items()}
    content = {"surroundings": surroundings(), "settings": settings, "measured": measured}
    table = markdown_table(["", *names], rows)
    write_results(options.out, name="processes", content=content, table=table)


def drawn(options: argparse.Namespace, scratch: Path, photos: Path) -> Path:
    """Photos of drawn garments, and a small model that answers about them."""
    dataset = scratch / "drawn"
    run = scratch / "drawn-run"
    lapel(["data", "import", "sketch", str(options.pictures), str(dataset)])
    learn = ["train", "class-folders", "--data", str(dataset), "--out", str(run)]
    lapel([*learn, "--set", "schedule.epochs=0.1", "--set", "tasks=[category]"])
    photos.symlink_to(dataset / "images")
    return run


def trained(options: argparse.Namespace, way: Way, place: Path) -> dict[str, float]:
    """Pictures a second of learning, what the processor works on one, and what was learned."""
    long, short = (
        learned(options, way, Path(f"{place}-run-{part}"), options.epochs * part)
        for part in (1, 0.1)
    )
    steps = float(long["step"]) - float(short["step"])
    batch = float(long["batch"])
    return {
        "trained, pictures a second": float(long["images_per_second"]),
        "processor, ms a picture": (long["processor"] - short["processor"]) / steps / batch * 1e3,
        "training loss": float(long["train_loss"]),
        "validation loss": float(long["validation_loss"]),
        "validation score": float(long["validation_accuracy"]),
    }


def learned(options: argparse.Namespace, way: Way, run: Path, epochs: float) -> dict[str, float]:
    """The last row of a run's log, its batch, and the seconds that the processor worked for it."""
    arguments = ["train", options.recipe, "--data", str(options.data), "--out", str(run)]
    settings = [f"schedule.epochs={epochs:g}", "precision=float32", *options.set]
    arguments += [part for setting in settings for part in ("--set", setting)]
    before = worked()
    lapel([*arguments, "--processes", str(way.processes)], way)
    processor = worked() - before
    with (run / "log.csv").open(encoding="utf-8") as file:
        last = list(csv.DictReader(file))[-1]
    recipe = yaml.safe_load((run / "recipe.yaml").read_text("utf-8"))
    row = {name: float(value) for name, value in last.items() if value}
    return {**row, "batch": float(recipe["batch"]), "processor": processor}


def predicted(way: Way, bundle: Path, photos: Path, place: Path) -> dict[str, float]:
    """Seconds until all photos are answered, by as many commands with a share each."""
    started, before = time.perf_counter(), worked()
    commands = []
    for number in range(way.processes):
        share = ["--share", f"{number + 1}/{way.processes}"]
        out = f"{place}-answers-{number}"
        arguments = ["predict", str(bundle), str(photos), "--out", out, *share]
        one = Way(name="", processes=1, cores=way.cores[number :: way.processes])
        commands.append(subprocess.Popen(command(arguments, one), env=environment(one)))
    ended = [process.wait() for process in commands]  # all of them, whatever the first says
    if any(ended):
        raise SystemExit("lapel predict failed")
    seconds, count = time.perf_counter() - started, len(list(photos.iterdir()))
    return {
        "answered, photos a second with start-up": count / seconds,
        "processor, ms a photo with start-up": (worked() - before) / count * 1e3,
    }


def worked() -> float:
    """Seconds that the processor has worked for commands that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def tuned(options: argparse.Namespace, way: Way, place: Path) -> dict[str, float]:
    """Seconds for so many trials."""
    arguments = ["tune", options.recipe, "--data", str(options.data), "--out", f"{place}-study"]
    arguments += ["--trials", str(options.trials), "--workers", str(way.processes)]
    arguments += ["--range", "optimiser.learning_rate=0.001..0.1:log"]
    started = time.perf_counter()
    lapel([*arguments, "--set", f"schedule.epochs={options.epochs}"], way)
    return {"tuning, seconds a trial": (time.perf_counter() - started) / options.trials}


def lapel(arguments: Sequence[str], way: Way = WAYS[1]) -> None:
    """Run a command to its end."""
    subprocess.run(command(arguments, way), check=True, env=environment(way))


def command(arguments: Sequence[str], way: Way) -> list[str]:
    """The command on the cores of a way."""
    cores = ",".join(map(str, way.cores))
    return ["taskset", "--cpu-list", cores, sys.executable, "-m", "lapel", *arguments]


def environment(way: Way) -> dict[str, str]:
    """With as many threads as are a process's own."""
    return {**os.environ, "OMP_NUM_THREADS": str(way.threads)}


if __name__ == "__main__":
    main()
