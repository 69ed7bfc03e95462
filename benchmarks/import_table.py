"""How long a large table of labels takes to become a dataset, and how much memory.

    python -m benchmarks.import_table --out runs/import-table --rows 300000

A CSV of so many rows with ten columns of labels (eight single, two of tags), some of them missing,
and free text with stray commas is written, and imported in a process of its own. Its images are
all the same tiny PNG under names of their own (hard links). Opening and hashing them is measured
as well, and given apart: it costs the same whatever the table looks like.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.measuring import markdown_table, median, surroundings, write_results

MEBIBYTE = 1 << 20
#: Labels of each of the single columns; the tags have 60 and 200.
SINGLE = {"gender": 5, "master": 7, "part": 45, "type": 140, "colour": 46, "season": 4}
SINGLE |= {"use": 8, "brand": 900}
MULTI = {"tags": 60, "details": 200}
FOLDER_FILES = 1000


def main() -> None:
    """Write the table, import it, say what it took."""
    options = parse_options()
    if options.worker:
        print(json.dumps(one_import(options.out)))
        return
    with tempfile.TemporaryDirectory(dir=options.out.parent, prefix=".import-table-") as folder:
        write_source(Path(folder), options.rows)
        command = [sys.executable, "-m", "benchmarks.import_table", "--worker", "--out", folder]
        runs = []
        for number in range(options.runs):
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            runs.append(json.loads(done.stdout))
            print(f"run {number + 1}: {runs[-1]}")
    rows = [
        [name, f"{median([run[name] for run in runs]):.1f}"]
        for name in ("table, s", "table, processor s", "images, s", "peak memory, MiB")
    ]
    table = markdown_table([f"{options.rows:,} rows, 10 columns of labels", "median"], rows)
    content = {"surroundings": surroundings(), "rows": options.rows, "runs": runs}
    write_results(options.out, name="import_table", content=content, table=table)


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--runs", type=int, default=3, help="of which the median is taken")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    return options


def write_source(folder: Path, rows: int) -> None:
    """``labels.csv`` and ``images/``."""
    draw = random.Random(0)  # noqa: S311 - data for a benchmark
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        write = csv.writer(file)
        write.writerow(["image", *SINGLE, *MULTI, "price", "title"])
        for row in range(rows):
            name = f"{row // FOLDER_FILES:04d}/{row:07d}.png"
            image = folder / "images" / name
            if row % FOLDER_FILES == 0:
                # One file a folder: file systems bear only so many links to one.
                image.parent.mkdir(parents=True)
                Image.fromarray(np.full((8, 8, 3), 200, np.uint8)).save(image)
                first = image
            else:
                os.link(first, image)
            write.writerow([name, *cells(draw), str(draw.randint(1, 999)), title(draw, row)])
    # Stray commas, as they stand in tables that were put together by hand.
    text = (folder / "labels.csv").read_text("utf-8").replace('"', "")
    (folder / "labels.csv").write_text(text, encoding="utf-8")


def cells(draw: random.Random) -> list[str]:
    """Label cells of a row, uneven as catalogues are, one in twenty empty."""
    single = [
        "" if draw.random() < 0.05 else f"{name} {int(count * draw.random() ** 3)}"
        for name, count in SINGLE.items()
    ]
    tags = []
    for name, count in MULTI.items():
        drawn = dict.fromkeys(int(count * draw.random() ** 2) for _ in range(draw.randint(0, 6)))
        tags.append("|".join(f"{name} {number}" for number in drawn))
    return single + tags


def title(draw: random.Random, row: int) -> str:
    """Free text; every hundredth has a comma."""
    return f"Shirt no {row} by brand {draw.randint(0, 900)}{', slim fit' if row % 100 == 0 else ''}"


def one_import(folder: Path) -> dict[str, float]:
    """Import once, in this process."""
    from lapel.data import creating
    from lapel.data.importing import import_dataset
    from lapel.data.measuring import measure_all

    spent = worked = 0.0

    def timed(*arguments: object, **options: object) -> object:
        nonlocal spent, worked
        started, before = time.perf_counter(), time.process_time()
        found = measure_all(*arguments, **options)  # type: ignore[arg-type]  # passed on as given
        spent += time.perf_counter() - started
        worked += time.process_time() - before
        return found

    creating.measure_all = timed  # type: ignore[assignment,attr-defined]  # the same, with a clock
    started, before = time.perf_counter(), time.process_time()
    import_dataset(
        "table",
        folder / "labels.csv",
        folder / "dataset",
        images=folder / "images",
        single=list(SINGLE),
        multi=[f"{name}:|" for name in MULTI],
        replace=True,
    )
    whole, processor = time.perf_counter() - started, time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak_bytes = peak if sys.platform == "darwin" else peak * 1024
    return {
        "table, s": round(whole - spent, 2),
        "table, processor s": round(processor - worked, 2),
        "images, s": round(spent, 2),
        "peak memory, MiB": round(peak_bytes / MEBIBYTE),
    }


if __name__ == "__main__":
    main()
