"""One network with four heads beside four networks with one each, on drawn garments.

The category, the tags, the landmarks and a class for each pixel are learned by one network, then
each by a network of its own, all from the same weights. The one network learns for as long as the
four together: the same work is spent, and a quarter of it when they answer.

    python -m benchmarks.four_in_one --out runs/four-in-one --pictures 3000 --minutes 5
"""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

from benchmarks.measuring import markdown_table, surroundings, write_results
from lapel.data.sketch.picture import Options
from lapel.data.sketch.writing import sketch_dataset
from lapel.evaluation.evaluate import evaluate
from lapel.evaluation.result import Evaluation
from lapel.schema.labels import Schema
from lapel.tasks.kinds import task_of
from lapel.training.recipe import parse_changes
from lapel.training.train import Trained, train

TASKS = ("category", "tags", "landmarks", "parsing")
RECIPE = "everything"


def main() -> None:
    """Draw, train five times, judge, write the table."""
    options = parse_options()
    work: Path = options.out / "work"
    shutil.rmtree(work, ignore_errors=True)
    drawing = Options(seed=options.seed, size=options.size, tasks=("landmarks", "parsing"))
    data = sketch_dataset(
        work / "data", options.pictures, options=drawing, jobs=os.cpu_count() or 1
    )
    schema = data.schema.select(TASKS)
    minutes = options.minutes * len(TASKS)
    together = judged(options, work, "together", TASKS, minutes)
    alone = {
        task: judged(options, work, f"alone-{task}", (task,), options.minutes) for task in TASKS
    }
    header = [
        f"{len(together.images)} held-out pictures",
        f"one network, {minutes:g} min",
        f"four networks, {options.minutes:g} min each",
        "majority",
    ]
    rows = table(schema, together, alone)
    settings = {key: str(value) for key, value in vars(options).items()}
    content = {"surroundings": surroundings(), "settings": settings, "rows": rows}
    name = "four-in-one"
    write_results(options.out, name=name, content=content, table=markdown_table(header, rows))


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pictures", type=int, default=3000)
    parser.add_argument("--size", type=int, default=160, help="of the pictures, in pixels")
    parser.add_argument(
        "--minutes", type=float, default=5, help="of each of the four; four times for the one"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], help="KEY=VALUE of the recipe")
    return parser.parse_args()


def judged(
    options: argparse.Namespace, work: Path, name: str, tasks: tuple[str, ...], minutes: float
) -> Evaluation:
    """Train some tasks within the time, and judge them on the test pictures."""
    side = options.size // 16 * 16
    changes = {
        "preprocess.height": side,
        "preprocess.width": side,
        **parse_changes(options.set),
        "tasks": list(tasks),
        "budget": f"{minutes:g}m",
    }
    trained: Trained = train(RECIPE, data=work / "data", out=work / name, changes=changes)
    return evaluate(trained.bundle, work / "data", out=options.out / name)


def table(schema: Schema, together: Evaluation, alone: dict[str, Evaluation]) -> list[list[str]]:
    """A row a task: the number by which its epochs are chosen."""
    rows = []
    for spec in schema:
        metric = task_of(spec).metric
        one, own = together.tasks[spec.name], alone[spec.name].tasks[spec.name]
        values = (
            one.numbers[metric].value,
            own.numbers[metric].value,
            one.majority.numbers[metric],
        )
        rows.append([f"{spec.name}: {metric}", *(f"{value:.4f}" for value in values)])
    return rows


if __name__ == "__main__":
    main()
