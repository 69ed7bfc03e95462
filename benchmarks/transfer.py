"""Seconds until 85 % on photos in class folders: heads first, beside fine-tuning the whole network.

Both begin from the same weights, see the same resized photos and are judged on the same validation
photos. Lapel's time is the wall time of its whole command on an empty cache, bundle included. Of
the plain loop only the steps count, and it may stop at its first look that shows the target.

    python -m benchmarks.transfer --data clothing-small --out runs/transfer
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from math import inf
from pathlib import Path

from benchmarks.contestants.points import Order
from benchmarks.measuring import (
    VARIABLES,
    markdown_table,
    median,
    surroundings,
    usable_cores,
    write_results,
)
from benchmarks.time_to_accuracy import Contestant, Run, environment, rotated, run_order

#: What ``lapel train photos`` is given, from the shortest on.
LAPEL_SCHEDULES = ("--set transfer.train=heads --set schedule.epochs=0",)

#: Rates of the plain loop's AdamW; the quickest counts.
RATES = ("3e-4", "1e-3")


def main() -> None:
    """Let all contestants run, seed after seed in turn, and write what was measured."""
    options = parse_options()
    runs: list[Run] = []
    for seed in range(options.seeds):
        for contestant in rotated(contestants(options), seed):
            for schedule in contestant.schedules:
                runs.append(measured(contestant, schedule, seed, options))
                report(runs, options)


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="a dataset with one question")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--target", type=float, default=85.0, help="percent of validation photos")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=usable_cores())
    parser.add_argument("--limit-seconds", type=float, default=1800.0, help="of one schedule")
    parser.add_argument(
        "--budgets", default="", help="of Lapel too, such as 3m,30m: how far it gets"
    )
    return parser.parse_args()


def contestants(options: argparse.Namespace) -> list[Contestant]:
    """Lapel, and the plain loop."""
    data = [str(options.data.resolve())]
    budgets = [f"--budget {budget}" for budget in options.budgets.split(",") if budget]
    return [
        Contestant(
            name="Lapel, heads on features computed once",
            module="benchmarks.contestants.lapel_transfer",
            schedules=[*LAPEL_SCHEDULES, *budgets],
            rest=data,
        ),
        Contestant(
            name="the whole network, plain loop",
            module="benchmarks.contestants.whole_network",
            schedules=RATES,
            rest=data,
        ),
    ]


def measured(contestant: Contestant, schedule: str, seed: int, options: argparse.Namespace) -> Run:
    """One schedule in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="transfer-") as scratch:
        workplace = Path(scratch) / "workplace"
        shutil.rmtree(workplace, ignore_errors=True)
        workplace.mkdir()
        order = Order(
            data=options.data.resolve(),
            scratch=workplace,
            seed=seed,
            stop_at=options.target,
            limit_seconds=options.limit_seconds,
            schedule=schedule,
            device="cpu",
            threads=options.threads,
            started=time.time(),
            rest=list(contestant.rest),
        )
        return run_order(contestant, order)


def seconds_to(run: Run, target: float) -> float:
    """Wall seconds of Lapel, seconds of steps alone of the plain loop."""
    train, wall = run.seconds_to(target)
    return wall if run.contestant.startswith("Lapel") else train


def report(runs: Sequence[Run], options: argparse.Namespace) -> None:
    """Write what is known so far."""
    given = environment(options.threads)
    content = {
        "settings": {key: str(value) for key, value in vars(options).items()},
        "surroundings": surroundings() | {"variables": {v: given.get(v) for v in VARIABLES}},
        "runs": [asdict(run) for run in runs],
    }
    names = list(dict.fromkeys((run.contestant, run.schedule) for run in runs))
    header = [
        "from the same weights",
        f"seconds until {options.target:g} %",
        "best %",
        "whole process, s",
    ]
    rows = [row_of(runs, *name, options.target) for name in names]
    table = markdown_table(header, rows) + sooner(runs, options.target)
    write_results(options.out, name="transfer", content=content, table=table)


def row_of(runs: Sequence[Run], contestant: str, schedule: str, target: float) -> list[str]:
    """Medians over seeds of one schedule."""
    own = [run for run in runs if (run.contestant, run.schedule) == (contestant, schedule)]
    until = median([seconds_to(run, target) for run in own])
    best = max((point.accuracy for run in own for point in run.points), default=0.0)
    wall = median([run.points[-1].wall_seconds if run.points else inf for run in own])
    return [
        f"{contestant} (`{schedule}`)",
        f"{until:.0f}" if until < inf else "not reached",
        f"{best:.2f}",
        f"{wall:.0f}" if wall < inf else "",
    ]


def sooner(runs: Sequence[Run], target: float) -> str:
    """How many times sooner Lapel's quickest schedule is than the others' quickest."""
    quickest = [
        min(
            (seconds_to(run, target) for run in runs if run.contestant.startswith("Lapel") is own),
            default=inf,
        )
        for own in (True, False)
    ]
    if max(quickest) == inf:
        return ""
    return f"\nLapel is {quickest[1] / quickest[0]:.1f} times sooner at {target:g} %.\n"


if __name__ == "__main__":
    main()
