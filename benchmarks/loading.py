"""Photos a second of learning, by where the photos come from: does the network ever wait for them?

The whole network learns for a part of an epoch: from pictures in memory, from the packed cache on
the disk, and from the files with so many workers, in turns. In memory is what the network itself
can do; the share of it says what loading costs.

    python -m benchmarks.loading --data clothing-small --out runs/loading
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.measuring import markdown_table, median, surroundings, write_results
from lapel.training.train import train

#: The whole network from the first step on, and nothing that a short run has no use for.
WHOLE: Mapping[str, Any] = {"transfer.heads_first": False, "transfer.train": "all"}

WAYS: Mapping[str, Mapping[str, Any]] = {
    "in memory": {"data.resident": "always"},
    "packed on the disk": {"data.resident": "never"},
    "files, chosen by itself": {"data.resident": "never", "data.cache": False},
    "files, no worker": {"data.resident": "never", "data.cache": False, "data.workers": 0},
    "files, 2 workers": {"data.resident": "never", "data.cache": False, "data.workers": 2},
}


def main() -> None:
    """Train each way in turn, some times over, and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="a dataset of photos")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--backbone", default="tf_efficientnet_lite0")
    parser.add_argument("--epochs", type=float, default=0.2)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    measured: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(options.turns):
        for way, changes in WAYS.items():
            measured[way].append(photos_a_second(options, changes))
            print(f"{way}: {measured[way][-1]:.1f} photos/s", flush=True)
    alone = median(measured["in memory"])
    rows = [
        [way, f"{median(found):.1f}", f"{median(found) / alone:.2f}"]
        for way, found in measured.items()
    ]
    table = markdown_table(["photos come from", "photos a second", "of the network's own"], rows)
    settings = {key: str(value) for key, value in vars(options).items()}
    content = {"surroundings": surroundings(), "settings": settings, "measured": measured}
    write_results(options.out, name="loading", content=content, table=table)


def photos_a_second(options: argparse.Namespace, changes: Mapping[str, Any]) -> float:
    """Of the learning alone, as the run's own log tells it."""
    with tempfile.TemporaryDirectory(prefix="loading-") as scratch:
        run = Path(scratch) / "run"
        train(
            "photos",
            data=options.data,
            out=run,
            changes={
                **WHOLE,
                "model.backbone": options.backbone,
                "schedule.epochs": options.epochs,
                **changes,
            },
        )
        with (run / "log.csv").open(encoding="utf-8") as file:
            return float(list(csv.DictReader(file))[-1]["images_per_second"])


if __name__ == "__main__":
    main()
