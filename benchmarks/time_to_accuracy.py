"""Seconds of training until 90, 92, 93 and 94 % on Fashion-MNIST's test set: Lapel and others.

All contestants run in one go, taking turns, seed after seed, each in a process of its own.
A contestant has one or more schedules (lengths of training fixed beforehand); the time to a
target is that of its quickest schedule that reaches it. The others may look at the test set as
often as they like, which favours them; Lapel trains a schedule to its end and looks once.

    python -m benchmarks.time_to_accuracy --data demo/fashion-mnist --out runs/time-to-accuracy

Seconds of training hold training steps alone; testing, start-up, decoding in advance, and (for
Lapel) validation and export are in the wall time, which is given beside them.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from math import inf
from pathlib import Path

from benchmarks.contestants.pictures import prepare
from benchmarks.contestants.points import Order, Point, read_points
from benchmarks.measuring import VARIABLES, markdown_table, median, surroundings, write_results
from lapel.storage.machine import usable_cores

ROOT = Path(__file__).parents[1]

TARGETS = (90.0, 92.0, 93.0, 94.0)

#: Target to the recipe, and its changes, that Lapel trains for it. Chosen on a split of train.
LAPEL_SCHEDULES = {
    90.0: "fashion-mnist-fast schedule.epochs=0.7 batch=192 augment.flip=0 "
    "optimiser.filter_learning_rate=0.09 model.options.widths=[16,48,96] doubtful_labels.folds=0",
    92.0: "fashion-mnist-fast schedule.epochs=1.3 batch=128 augment.flip=0 "
    "model.options.widths=[24,64,128] doubtful_labels.folds=0",
    93.0: "fashion-mnist-fast schedule.epochs=4 doubtful_labels.folds=0",
    94.0: "fashion-mnist schedule.epochs=7 augment.shift=0 augment.erase=0 doubtful_labels.folds=0",
}

#: Passes of the one-cycle schedules that the others train.
ONE_CYCLE_PASSES = ("2", "4", "8")

#: After its limit a contestant has so many seconds to end by itself.
GRACE_SECONDS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """Who takes part.

    Attributes:
        name: as the table says it.
        module: what is run.
        schedules: from the shortest to the longest.
        rest: options of its own.
        interpreter: that runs it.
    """

    name: str
    module: str
    schedules: Sequence[str]
    rest: Sequence[str] = ()
    interpreter: str = sys.executable


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One schedule of one contestant with one seed, as it went."""

    contestant: str
    schedule: str
    seed: int
    points: list[Point] = field(default_factory=list)
    ended: str = ""
    load_before: float = 0.0
    load_after: float = 0.0

    def seconds_to(self, target: float) -> tuple[float, float]:
        """Training and wall seconds until a target; infinite if it was not reached."""
        reached = [point for point in self.points if point.accuracy >= target]
        return (reached[0].train_seconds, reached[0].wall_seconds) if reached else (inf, inf)


def main() -> None:
    """Let all contestants run, write what was measured after each."""
    options = parse_options()
    contestants = chosen_contestants(options)
    runs = former_runs(options.out) if options.go_on else []
    with tempfile.TemporaryDirectory(prefix="time-to-accuracy-") as scratch:
        pictures = Path(scratch) / "data"
        prepare(options.data, pictures)
        for seed in range(options.seeds):
            # Another one begins each time, so that no one always runs on a warm machine.
            for contestant in rotated(contestants, seed):
                for run in run_schedules(
                    contestant, seed, pictures, Path(scratch), options, former=runs
                ):
                    runs.append(run)
                    report(runs, contestants, options)


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="Fashion-MNIST, as imported")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--go-on", action="store_true", help="keep what OUT holds, run what is missing there"
    )
    parser.add_argument("--targets", default=",".join(f"{target:g}" for target in TARGETS))
    parser.add_argument("--only", default="", help="parts of names, as lapel,timm")
    parser.add_argument("--limit-seconds", type=float, default=1200, help="a schedule, wall time")
    parser.add_argument("--passes", default=",".join(ONE_CYCLE_PASSES), help="one-cycle schedules")
    parser.add_argument("--threads", type=int, default=usable_cores())
    parser.add_argument("--workers", default="2", help="of timm's and fastai's loaders")
    parser.add_argument("--device", default="cpu", help="of the others; Lapel chooses by itself")
    parser.add_argument("--timm-script", default="", help="timm's train.py; without it timm is out")
    parser.add_argument("--fastai-python", default="", help="an interpreter that has fastai")
    options = parser.parse_args()
    options.targets = [float(target) for target in options.targets.split(",")]
    return options


def former_runs(out: Path) -> list[Run]:
    """What a former sitting measured into the same folder."""
    kept = json.loads((out / "time_to_accuracy.json").read_text("utf-8"))["runs"]
    return [Run(**run | {"points": [Point(**point) for point in run["points"]]}) for run in kept]


def chosen_contestants(options: argparse.Namespace) -> list[Contestant]:
    """Everybody for whom there is what they need, in the table's order."""
    passes = options.passes.split(",")
    lapel = [LAPEL_SCHEDULES[target] for target in options.targets if target in LAPEL_SCHEDULES]
    plain = "benchmarks.contestants.plain_resnet18"
    everybody = [
        Contestant(
            name="Lapel",
            module="benchmarks.contestants.lapel_schedule",
            schedules=lapel,
            rest=[str(options.data.resolve())],
        ),
        Contestant(name="ResNet18, plain loop, Adam 1e-3", module=plain, schedules=["adam"]),
        Contestant(
            name="ResNet18, plain loop, AdamW one cycle 3e-3", module=plain, schedules=passes
        ),
    ]
    if options.timm_script:
        script = Path(options.timm_script).resolve()
        everybody.append(
            Contestant(
                name="timm train script, ResNet18 at 32 px",
                module="benchmarks.contestants.timm_script",
                schedules=passes,
                rest=[str(script), options.workers],
            )
        )
    if options.fastai_python:
        everybody.append(
            Contestant(
                name="fastai, ResNet18 at 28 px",
                module="benchmarks.contestants.fastai_learner",
                schedules=passes,
                rest=[options.workers],
                interpreter=options.fastai_python,
            )
        )
    wanted = [part.strip().lower() for part in options.only.split(",") if part.strip()]
    return [one for one in everybody if not wanted or any(p in one.name.lower() for p in wanted)]


def rotated(contestants: Sequence[Contestant], by: int) -> list[Contestant]:
    """The same in another order."""
    start = by % len(contestants)
    return [*contestants[start:], *contestants[:start]]


def run_schedules(
    contestant: Contestant,
    seed: int,
    data: Path,
    scratch: Path,
    options: argparse.Namespace,
    *,
    former: Sequence[Run],
) -> Iterator[Run]:
    """A contestant's schedules, from the shortest on, until one has reached every target.

    Those that ``former`` holds are not run again.
    """
    done = {
        run.schedule: run for run in former if (run.contestant, run.seed) == (contestant.name, seed)
    }
    for schedule in contestant.schedules:
        run = done.get(schedule)
        if run is None:
            workplace = scratch / "workplace"
            shutil.rmtree(workplace, ignore_errors=True)
            workplace.mkdir()
            order = Order(
                data=data,
                scratch=workplace,
                seed=seed,
                stop_at=max(options.targets),
                limit_seconds=options.limit_seconds,
                schedule=schedule,
                device=options.device,
                threads=options.threads,
                started=time.time(),
                rest=list(contestant.rest),
            )
            run = run_order(contestant, order)
            yield run
        if run.seconds_to(max(options.targets))[0] < inf:
            break


def run_order(contestant: Contestant, order: Order) -> Run:
    """One process, watched until it ends or its time is up."""
    before = os.getloadavg()[0]
    print(f"{contestant.name}, {order.schedule}, seed {order.seed} (load {before:.1f})", flush=True)
    process = subprocess.Popen(
        [contestant.interpreter, "-m", contestant.module, *order.arguments()],
        cwd=ROOT,
        env=environment(order.threads),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=order.limit_seconds + GRACE_SECONDS)
        ended = "by itself" if process.returncode == 0 else f"exit code {process.returncode}"
    except subprocess.TimeoutExpired:
        end_session(process)
        output, _ = process.communicate()
        ended = "at its limit"
    finally:
        end_session(process)
    points = read_points(output)
    for point in points:
        print(f"  {point.accuracy:5.2f} % after {point.train_seconds:6.1f} s", flush=True)
    return Run(
        contestant=contestant.name,
        schedule=order.schedule,
        seed=order.seed,
        points=points,
        ended=ended,
        load_before=before,
        load_after=os.getloadavg()[0],
    )


def environment(threads: int) -> dict[str, str]:
    """The same for all: so many threads, which do not spin while they wait."""
    return {"GOMP_SPINCOUNT": "2000"} | dict(os.environ) | {"OMP_NUM_THREADS": str(threads)}


def end_session(process: subprocess.Popen[str]) -> None:
    """End a process, with its loaders' workers, which are of its session."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def report(
    runs: Sequence[Run], contestants: Sequence[Contestant], options: argparse.Namespace
) -> None:
    """Write what is known so far."""
    settings = {key: str(value) for key, value in vars(options).items()}
    given = environment(options.threads)
    variables = {name: given.get(name) for name in VARIABLES}
    content = {
        "settings": settings,
        "lapel_schedules": {f"{key:g}": value for key, value in LAPEL_SCHEDULES.items()},
        "surroundings": surroundings() | {"variables": variables},
        "runs": [asdict(run) for run in runs],
    }
    header = ["seconds of training (wall) until", *(f"{t:g} %" for t in options.targets), "best"]
    rows = [row_of(one.name, runs, options) for one in contestants]
    write_results(
        options.out, name="time_to_accuracy", content=content, table=markdown_table(header, rows)
    )


def row_of(name: str, runs: Sequence[Run], options: argparse.Namespace) -> list[str]:
    """Medians over seeds of one contestant."""
    own = [run for run in runs if run.contestant == name]
    cells = [name]
    for target in options.targets:
        seeds = sorted({run.seed for run in own})
        quickest = [min(run.seconds_to(target) for run in own if run.seed == s) for s in seeds]
        train = median([seconds for seconds, _ in quickest]) if quickest else inf
        wall = median([seconds for _, seconds in quickest]) if quickest else inf
        longest = max((p.train_seconds for run in own for p in run.points), default=0.0)
        missed = f"> {longest:.0f}" if own else ""
        cells.append(f"{train:.1f} ({wall:.0f})" if train < inf else missed)
    best = max((point.accuracy for run in own for point in run.points), default=None)
    return [*cells, "" if best is None else f"{best:.2f} %"]


if __name__ == "__main__":
    main()
