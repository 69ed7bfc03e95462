"""How long DeepFashion's lists take to become a dataset, and how much memory, at full size.

    python -m benchmarks.import_deepfashion --out runs/import-deepfashion

Lists of 289,222 images are written as the coarse benchmark has them, ``list_attr_img.txt`` with its
900 MB included, and imported in a process of its own. The images are all one small JPEG under names
of their own (hard links). Opening and hashing them is measured as well, and given apart: it costs
the same whatever the lists look like. Attributes repeat within a garment's pictures, as
DeepFashion's do; ``--unknown`` makes a share of the answers 0 at random, which nothing repeats.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.measuring import markdown_table, median, surroundings, write_results
from lapel.data.deepfashion.lists import PARTITION_FILE
from lapel.data.deepfashion.names import official_attributes, official_categories
from lapel.data.deepfashion.text import clothes_landmarks
from lapel.data.deepfashion.writing import (
    ATTRIBUTE_WIDTH,
    CATEGORY_WIDTH,
    IMAGE_WIDTH,
    LANDMARKS_HEADER,
    name_list,
    padded,
    write_lines,
)

MEBIBYTE = 1 << 20
IMAGES = 289_222
#: Pictures of one garment, which share a folder and their attributes.
GARMENT = 51
#: Share of the attributes that hold; DeepFashion has some three to four a picture.
HELD = 0.0035


def main() -> None:
    """Write the lists, import them, say what it took."""
    options = parse_options()
    if options.worker:
        print(json.dumps(one_import(options.out, opened=not options.unopened)))
        return
    with tempfile.TemporaryDirectory(dir=options.out, prefix=".lists-") as folder:
        write_source(Path(folder) / "Benchmark", options.rows, options.unknown)
        command = [sys.executable, "-m", "benchmarks.import_deepfashion"]
        runs = []
        for number in range(options.runs):
            worker = [*command, "--worker", "--out", folder]
            worker += ["--unopened"] if options.unopened else []
            done = subprocess.run(worker, capture_output=True, text=True, check=True)
            runs.append(json.loads(done.stdout))
            print(f"run {number + 1}: {runs[-1]}", flush=True)
    rows = [[name, f"{median([run[name] for run in runs]):.1f}"] for name in runs[0]]
    header = [f"{options.rows:,} images, 1,000 attributes, {options.unknown:.1%} unknown", "median"]
    settings = {"rows": options.rows, "unknown": options.unknown}
    content = {"surroundings": surroundings(), "settings": settings, "runs": runs}
    write_results(
        options.out, name="import_deepfashion", content=content, table=markdown_table(header, rows)
    )


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--rows", type=int, default=IMAGES)
    parser.add_argument("--unknown", type=float, default=0.0, help="share of answers that are 0")
    parser.add_argument("--runs", type=int, default=3, help="of which the median is taken")
    parser.add_argument("--unopened", action="store_true", help="take all images as opened before")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    return options


def write_source(source: Path, rows: int, unknown: float) -> None:
    """All lists of the coarse benchmark, and its pictures."""
    draw = np.random.default_rng(0)
    names = [
        f"img/Sheer_Pleated-Front_Blouse_{row // GARMENT:04d}/img_{row % GARMENT + 1:08d}.jpg"
        for row in range(rows)
    ]
    link_images(source / "Img", names)
    lists = source / "Anno_coarse"
    categories, attributes = official_categories(), official_attributes()
    kinds = draw.integers(0, len(categories), rows // GARMENT + 1)[np.arange(rows) // GARMENT]
    splits = draw.choice(["train", "val", "test"], rows, p=[0.72, 0.14, 0.14])
    boxes = draw.integers((1, 1, 150, 150), (140, 140, 240, 300), (rows, 4))
    values = {
        lists / "list_category_img.txt": map(str, (kinds + 1).tolist()),
        lists / "list_bbox.txt": (" ".join(f"{n:03d}" for n in box) for box in boxes.tolist()),
        lists / "list_landmarks.txt": landmark_rows(draw, [categories[n].type for n in kinds]),
        lists / "list_attr_img.txt": answer_rows(draw, rows, len(attributes), unknown),
        source / PARTITION_FILE: iter(splits.tolist()),
    }
    headers = {"list_landmarks.txt": LANDMARKS_HEADER}
    for path, its in values.items():
        header = headers.get(path.name, "image_name  value")
        pairs = zip(names, its, strict=True)
        listed = (padded(name, IMAGE_WIDTH) + value for name, value in pairs)
        write_lines(path, (line for part in ([str(rows), header], listed) for line in part))
    named = name_list(categories, "category", CATEGORY_WIDTH)
    write_lines(lists / "list_category_cloth.txt", named)
    named = name_list(attributes, "attribute", ATTRIBUTE_WIDTH)
    write_lines(lists / "list_attr_cloth.txt", named)


def link_images(root: Path, names: list[str]) -> None:
    """One small JPEG a folder; the others are links, since disks bear only so many to one file."""
    picture = Image.fromarray(np.full((300, 240, 3), 200, np.uint8))
    first: dict[Path, Path] = {}
    for name in names:
        path = root / name
        if path.parent in first:
            os.link(first[path.parent], path)
        else:
            path.parent.mkdir(parents=True)
            picture.save(path)
            first[path.parent] = path


def landmark_rows(draw: np.random.Generator, clothes: list[int]) -> Iterator[str]:
    """A type of clothes and its triples, most of them visible."""
    for number in clothes:
        count = len(clothes_landmarks(number))
        codes = draw.choice(3, count, p=[0.8, 0.15, 0.05]).tolist()
        places = draw.integers(1, 300, (count, 2)).tolist()
        words = (f"{code:2d} {x:03d} {y:03d} " for code, (x, y) in zip(codes, places, strict=True))
        yield f" {number} " + "".join(words)


def answer_rows(draw: np.random.Generator, rows: int, width: int, unknown: float) -> Iterator[str]:
    """A thousand answers a row, three characters each, as bytes rather than as numbers."""
    words = np.frombuffer(b" -1  0  1", np.uint8).reshape(3, 3)
    for start in range(0, rows, GARMENT):
        answers = np.repeat((draw.random((1, width)) < HELD) * 2, min(GARMENT, rows - start), 0)
        if unknown:
            answers[draw.random(answers.shape) < unknown] = 1
        for line in words[answers].reshape(len(answers), -1):
            yield line[1:].tobytes().decode()


def as_opened(rows: object) -> object:
    """Rows of images with what would have been measured."""
    from lapel.data.measuring import Measured

    assert isinstance(rows, list)
    return [
        (row, Measured(width=240, height=300, sha256=f"{number:064x}", gray=True))
        for number, row in enumerate(rows)
    ]


def one_import(folder: Path, *, opened: bool) -> dict[str, float]:
    """Import once, in this process."""
    from lapel.data import creating
    from lapel.data.importing import import_dataset
    from lapel.data.measuring import measure_all

    spent = worked = 0.0

    def timed(*arguments: object, **options: object) -> object:
        nonlocal spent, worked
        started, before = time.perf_counter(), time.process_time()
        found = (
            measure_all(*arguments, **options)  # type: ignore[arg-type]  # passed on as given
            if opened
            else as_opened(arguments[1])
        )
        spent += time.perf_counter() - started
        worked += time.process_time() - before
        return found

    creating.measure_all = timed  # type: ignore[assignment,attr-defined]  # the same, with a clock
    started, before = time.perf_counter(), time.process_time()
    import_dataset("deepfashion-coarse", folder / "Benchmark", folder / "dataset", replace=True)
    whole, processor = time.perf_counter() - started, time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak_bytes = peak if sys.platform == "darwin" else peak * 1024
    return {
        "lists, s": round(whole - spent, 2),
        "lists, processor s": round(processor - worked, 2),
        "images, s": round(spent, 2),
        "peak memory, MiB": round(peak_bytes / MEBIBYTE),
    }


if __name__ == "__main__":
    main()
