"""What each trick of the small network is worth: the demo's recipe with one thing changed.

Every variation is trained for the same short schedule, seed after seed in turn, and judged on
the validation pictures; the test set is not touched. Rates of the other optimisers are the best
of a few, so that nothing loses for want of tuning.

    python -m benchmarks.tricks --data demo/fashion-mnist --out runs/tricks
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.measuring import markdown_table, median, surroundings, write_results
from lapel.training.train import train

RECIPE = "fashion-mnist-fast"

VARIATIONS: Mapping[str, Mapping[str, Any]] = {
    "as shipped": {},
    "first layer learned, not whitening": {"model.options.whitening": False},
    "SGD, rate 0.05": {"optimiser.name": "sgd", "optimiser.learning_rate": 0.05},
    "SGD, rate 0.2": {"optimiser.name": "sgd", "optimiser.learning_rate": 0.2},
    "AdamW, rate 0.003": {"optimiser.name": "adamw", "optimiser.learning_rate": 0.003},
    "AdamW, rate 0.01": {"optimiser.name": "adamw", "optimiser.learning_rate": 0.01},
    "no label smoothing": {"loss.label_smoothing": 0},
    "average pooling before the head": {"model.pool": "average"},
    "no flips": {"augment.flip": 0},
    "shifts of a pixel": {"augment.shift": 1},
    "erasing, two of five": {"augment.erase": 0.4},
    "average of the weights": {"average": 0.98},
    "cosine": {"schedule.kind": "cosine"},
    "constant rate": {"schedule.kind": "constant"},
    "batches of 128": {"batch": 128},
    "batches of 512": {"batch": 512},
    "float32": {"precision": "float32"},
    "three convolutions a stage, residual": {
        "model.options.depth": 3,
        "model.options.residual": True,
    },
}


def main() -> None:
    """Train all variations and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="Fashion-MNIST as a dataset")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default="", help="parts of names, as flips,smoothing")
    options = parser.parse_args()
    parts = [part for part in options.only.split(",") if part]
    chosen = {
        name: changes
        for name, changes in VARIATIONS.items()
        if not changes or not parts or any(part in name for part in parts)
    }
    measured: dict[str, list[dict[str, float]]] = {name: [] for name in chosen}
    for seed in range(options.seeds):
        for name, changes in chosen.items():
            result = measure(options.data, {**changes, "seed": seed}, options.epochs)
            measured[name].append(result)
            print(f"{name}, seed {seed}: {result}", flush=True)
    content = {"surroundings": surroundings(), "epochs": options.epochs, "runs": measured}
    write_results(options.out, name="tricks", content=content, table=table_of(measured))


def measure(data: Path, changes: Mapping[str, Any], epochs: float) -> dict[str, float]:
    """Validation accuracy in per cent, and seconds of learning, of one run."""
    fixed = {"schedule.epochs": epochs, "doubtful_labels.folds": 0, "precision": "bfloat16"}
    with tempfile.TemporaryDirectory() as folder:
        trained = train(RECIPE, data=data, out=Path(folder) / "run", changes={**fixed, **changes})
    return {"accuracy": 100 * trained.best_score, "seconds": trained.seconds}


def table_of(measured: Mapping[str, list[dict[str, float]]]) -> str:
    """Medians over the seeds, and the differences to what is shipped, seed by seed."""
    medians = {
        name: {key: median([run[key] for run in runs]) for key in ("accuracy", "seconds")}
        for name, runs in measured.items()
    }
    shipped = medians["as shipped"]
    rows = []
    for name, values in medians.items():
        pairs = zip(measured[name], measured["as shipped"], strict=False)
        differences = [own["accuracy"] - theirs["accuracy"] for own, theirs in pairs]
        rows.append(
            [
                name,
                f"{values['accuracy']:.2f}",
                f"{min(differences):+.2f} to {max(differences):+.2f}",
                f"{values['seconds'] / shipped['seconds']:.2f}",
            ]
        )
    header = ["variation", "accuracy %", "difference, seed by seed", "time, shipped = 1"]
    return markdown_table(header, rows)


if __name__ == "__main__":
    main()
