"""Memory and seconds that masks of photos take, whatever their size and the number of classes.

    python -m benchmarks.masks_memory --out runs/masks-memory

Random logits of a canvas of 512 x 512 become masks of photos, as a whole and of tiles. Each line
is measured in a process of its own: by how much the memory that it held resident at most, as the
kernel counted, grew over what it held before with photo and logits.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measuring import markdown_table, surroundings, write_results

MEBIBYTE = 1 << 20
CANVAS, OUTPUTS = 512, 128
SIZES = ((1, 1), (1000, 1000), (4000, 3000), (6000, 6600))
CLASSES = (4, 20, 60)
TILE = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One line of the table.

    Attributes:
        width: of the photo, in pixels.
        height: likewise.
        classes: of the task.
        tile: longer side of a tile, in pixels of the photo; 0: the photo is seen as a whole.
    """

    width: int
    height: int
    classes: int
    tile: int


def main() -> None:
    """Measure each case in a process of its own; write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, help="folder for the results")
    parser.add_argument("--case", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case is not None:
        print(json.dumps(measured(Case(**options.case))))
        return
    if options.out is None:
        parser.error("--out names the folder for the results")
    cases = [
        Case(width=width, height=height, classes=classes, tile=tile)
        for tile, (width, height), classes in product((0, TILE), SIZES, CLASSES)
        if not tile or max(width, height) > tile
    ]
    found = [{**asdict(case), **in_own_process(case)} for case in cases]
    content = {"surroundings": surroundings(), "cases": found}
    header = ["photo", "classes", "tiles", "mask, MiB", "besides, MiB", "bytes a pixel", "seconds"]
    table = markdown_table(header, [row_of(one) for one in found])
    write_results(options.out, name="masks_memory", content=content, table=table)


def in_own_process(case: Case) -> dict[str, float]:
    """What a case took."""
    command = [sys.executable, "-m", "benchmarks.masks_memory", "--case", json.dumps(asdict(case))]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def measured(case: Case) -> dict[str, float]:
    """Make a mask; seconds, and bytes beside photo, logits and mask."""
    from lapel.schema.labels import TaskSpec
    from lapel.tasks.segmentation import SegmentationTask

    labels = tuple(f"class {place}" for place in range(case.classes))
    task = SegmentationTask(TaskSpec(name="parsing", kind="segmentation", labels=labels))
    random = np.random.default_rng(0)
    shape = (1, case.classes, OUTPUTS, OUTPUTS)
    logits = random.normal(size=shape).astype(np.float32)
    pixels = np.full((case.height, case.width, 3), 128, np.uint8)
    tiny = shown().frame(64, 64)
    task.decode(logits, frames=[tiny])  # loads what is loaded once
    before, started = most_held(), time.perf_counter()
    if case.tile:
        logits, frame = tiled(case, pixels, logits)
    else:
        frame = shown().frame(case.width, case.height)
    (answer,) = task.decode(logits, frames=[frame])
    seconds = time.perf_counter() - started
    mask: Any = answer
    if mask.mask.shape != (case.height, case.width):
        raise SystemExit(f"a mask of {mask.mask.shape} for {case}")
    return {"seconds": seconds, "besides": most_held() - before - case.width * case.height}


def shown() -> Any:  # noqa: ANN401 - imported late, so that the parent process stays small
    """How pictures are shown on the canvas."""
    from lapel.imaging.preprocess import Preprocess

    return Preprocess(
        height=CANVAS, width=CANVAS, channels=3, fit="letterbox", mean=(0.5,) * 3, std=(0.5,) * 3
    )


def tiled(case: Case, pixels: Any, logits: Any) -> tuple[Any, Any]:  # noqa: ANN401 - as above
    """The blended logits of all tiles, of which the same is said of each, and their canvas."""
    from lapel.inference.tiles import Tiling, look_in_tiles

    tiling = Tiling.of(case.tile, (OUTPUTS, OUTPUTS))
    said = look_in_tiles(
        pixels, tiling, lambda tiles: {"parsing": logits[[0] * len(tiles)]}, batch=4, fill=128
    )
    return said["parsing"], tiling.frame(case.width, case.height)


def most_held() -> int:
    """The most bytes that this process has held resident so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def row_of(found: dict[str, Any]) -> list[str]:
    """A case as a row."""
    pixels = found["width"] * found["height"]
    return [
        f"{found['width']} x {found['height']}",
        str(found["classes"]),
        str(found["tile"] or "no"),
        f"{pixels / MEBIBYTE:.1f}",
        f"{found['besides'] / MEBIBYTE:.1f}",
        f"{found['besides'] / pixels:.2f}" if pixels > MEBIBYTE else "",
        f"{found['seconds']:.2f}",
    ]


if __name__ == "__main__":
    main()
