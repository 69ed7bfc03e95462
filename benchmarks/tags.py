"""Tags of real street photos: a model beside the best answer that never looks.

The table of a folder such as Clothing Co-Parsing's (``tags.csv``, a column of images and one of
tags with ``|`` between them) is imported, a fifth of it held out for the test and a tenth for
validation, by one command each, as a user would; then `lapel train photos` and `lapel evaluate`.

    python -m benchmarks.tags --source FOLDER --out runs/tags --budget 5m
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from benchmarks.measuring import markdown_table, surroundings, write_results
from lapel.data.cleaning.clean import clean_dataset
from lapel.data.importing import import_dataset
from lapel.data.splitting.split import split_dataset
from lapel.evaluation.evaluate import evaluate
from lapel.training.train import train

#: Photos of people from head to foot are tall: a tall canvas shows them larger than a square one.
CANVAS = {"preprocess.height": 320, "preprocess.width": 224}

RULES = "tags:\n  drop: [hair, 'null', skin]\n"

NUMBERS = ("map", "mean_f1", "micro_f1", "macro_f1", "exact_match")


def main() -> None:
    """Import, split, train, evaluate, write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--source", type=Path, required=True, help="holds tags.csv and photos/")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--budget", default="5m")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    work = options.out / "work"
    shutil.rmtree(work, ignore_errors=True)
    table = options.source / "tags.csv"
    import_dataset("table", table, work / "raw", images=options.source, multi=["tags:|"])
    (work / "rules.yaml").write_text(RULES, "utf-8")
    clean_dataset(work / "raw", rules=work / "rules.yaml", out=work / "data")
    split_dataset(work / "data", validation=0.1, test=0.2, seed=options.seed)
    trained = train(
        "photos",
        data=work / "data",
        out=work / "run",
        changes={"budget": options.budget, "seed": options.seed, **CANVAS},
    )
    judged = evaluate(trained.bundle, work / "data", split="test", out=work / "report")
    tags = judged.tasks["tags"]
    rows = [
        [
            name,
            f"{100 * tags.numbers[name].value:.1f}",
            f"{100 * tags.numbers[name].low:.1f} to {100 * tags.numbers[name].high:.1f}",
            f"{100 * tags.majority.numbers[name]:.1f}",
        ]
        for name in NUMBERS
    ]
    header = [f"{len(judged.images)} held-out photos, %", "model", "95 %", "majority answer"]
    content = {
        "surroundings": surroundings(),
        "budget": options.budget,
        "seconds": trained.seconds,
        "majority": tags.majority.answer,
        "rows": rows,
    }
    write_results(options.out, name="tags", content=content, table=markdown_table(header, rows))


if __name__ == "__main__":
    main()
