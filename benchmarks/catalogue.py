"""A shop's table with five uneven columns of labels: one command, and what fine-tuning adds.

Garments are drawn unevenly (most types are rare), their table ``catalogue.csv`` is imported with
its five columns of labels, and two models are trained on it: linear heads on the frozen features
alone, and the recipe as it is within a budget. Both are judged on the same held-out pictures.

    python -m benchmarks.catalogue --out runs/catalogue --pictures 4000 --budget 10m
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from benchmarks.measuring import markdown_table, surroundings, write_results
from lapel.data.importing import import_dataset
from lapel.data.sketch.picture import Options
from lapel.data.sketch.writing import sketch_dataset
from lapel.data.splitting.split import split_dataset
from lapel.evaluation.evaluate import evaluate
from lapel.evaluation.result import Evaluation
from lapel.training.train import train

COLUMNS = ("gender", "articleType", "baseColour", "season", "usage")
NUMBERS = ("accuracy", "macro_recall")


def main() -> None:
    """Draw, import, train twice, evaluate, write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pictures", type=int, default=4000)
    parser.add_argument("--budget", default="10m")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    work = options.out / "work"
    shutil.rmtree(work, ignore_errors=True)
    drawing = Options(seed=options.seed, uneven=True)
    sketch_dataset(work / "drawn", options.pictures, options=drawing, name="drawn")
    table = work / "drawn" / "catalogue.csv"
    images = work / "drawn" / "images"
    import_dataset("table", table, work / "data", images=images, single=COLUMNS)
    data = split_dataset(work / "data", validation=0.1, test=0.2, seed=options.seed)
    heads = judged(work, "heads", {"transfer.train": "heads", "schedule.epochs": 0})
    whole = judged(work, "whole", {"budget": options.budget})
    rows = [
        [
            f"{task}, {len(data.schema[task].labels)} labels: {number}",
            *(f"{100 * one.tasks[task].numbers[number].value:.1f}" for one in (whole, heads)),
            f"{100 * whole.tasks[task].majority.numbers[number]:.1f}",
        ]
        for task in COLUMNS
        for number in NUMBERS
    ]
    header = [
        f"{len(whole.images)} held-out pictures, %",
        f"photos, {options.budget}",
        "heads on frozen features",
        "majority answer",
    ]
    settings = {key: str(value) for key, value in vars(options).items()}
    content = {"surroundings": surroundings(), "settings": settings, "rows": rows}
    write_results(
        options.out, name="catalogue", content=content, table=markdown_table(header, rows)
    )


def judged(work: Path, name: str, changes: dict[str, object]) -> Evaluation:
    """A model trained with some changes to the recipe, and judged on the test split."""
    trained = train("photos", data=work / "data", out=work / name, changes=changes)
    return evaluate(trained.bundle, work / "data", split="test", out=work / f"{name}-report")


if __name__ == "__main__":
    main()
