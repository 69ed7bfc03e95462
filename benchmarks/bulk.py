"""A hundred thousand pictures tagged by one command, killed twice on the way and gone on with.

    python -m benchmarks.bulk --out runs/bulk

Garments are drawn, a small network learns them (or `--bundle` names another model), and each
drawing is written as many times as it takes, every file with bytes of its own; one in a thousand is
torn. `lapel predict PHOTOS --out DIR` then works on them: on a tenth undisturbed, and on all with a
`kill -9` after a quarter and after a half. Each time: pictures a second, processor time a picture,
share of the cores that was used, and the most memory that was resident. In the end: is every
picture there once, none missing, and has the tenth the same rows in both folders? `--undisturbed`
goes through all of them without a kill, too.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image

from benchmarks.measuring import markdown_table, surroundings, write_results
from lapel.storage.machine import usable_cores

#: One file in so many is cut off in the middle.
TORN = 1_000

#: Files of one folder.
FOLDER = 1_000

#: What the small network learns, in a minute or two.
CHANGES = {
    "tasks": "[category,sleeve,tags]",
    "preprocess.height": "64",
    "preprocess.width": "64",
    "preprocess.crop_to_box": "false",
    "model.network": "plain",
    "model.options.widths": "[8,16,24,32]",
    "model.hidden": "64",
    "schedule.epochs": "6",
    "schedule.stages": "[]",
    "doubtful_labels.folds": "0",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one run of the command took.

    Attributes:
        pictures: that it answered.
        seconds: wall time, with loading and finding.
        processor_seconds: of user and system together.
        peak_mib: memory resident at most.
        ended: exit code; below 0 the signal that killed it.
    """

    pictures: int
    seconds: float
    processor_seconds: float
    peak_mib: float
    ended: int

    @property
    def busy(self) -> float:
        """Share of the cores that was used, 0 to 1."""
        return self.processor_seconds / self.seconds / usable_cores()


def main() -> None:
    """Draw, learn, predict, kill, compare; write the table."""
    options = parse_options()
    work: Path = options.out / "work"
    work.mkdir(parents=True, exist_ok=True)
    bundle = options.bundle or learned(work)
    photos = work / "photos"
    write_photos(work / "garments", photos, options.pictures)
    run = Commands(bundle, options)
    runs = {"a tenth": run.predict(tenth_of(photos), work / "answers-tenth")}
    if options.undisturbed:
        runs["all"] = run.predict(photos, work / "answers")
    killed = work / "answers-killed"
    for number, share in enumerate((0.25, 0.5)):
        kill_at = int(options.pictures * share)
        cost = run.predict(photos, killed, kill_at=kill_at, anew=number == 0)
        runs[f"all, killed at {share:.0%}"] = cost
    runs["all, gone on with"] = run.predict(photos, killed, anew=False)
    compared = compare(
        work / ("answers" if options.undisturbed else "answers-tenth"), killed, photos
    )
    content = {
        "surroundings": surroundings(),
        "bundle": str(options.bundle or "a small network of drawn garments"),
        "engine": options.engine,
        "runs": {name: asdict(cost) for name, cost in runs.items()},
        "compared": compared,
    }
    words = ", ".join(f"{count:,} {what}" for what, count in compared.items())
    table = table_of(runs) + f"\nIn the end: {words}.\n"
    write_results(options.out, name="bulk", content=content, table=table)


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for results and work")
    parser.add_argument("--pictures", type=int, default=100_000)
    parser.add_argument("--bundle", type=Path, help="a model; none: a small one learns first")
    parser.add_argument("--engine", default="auto")
    parser.add_argument(
        "--undisturbed", action="store_true", help="all of them without a kill, too"
    )
    parser.add_argument("--part-rows", type=int, default=5_000)
    return parser.parse_args()


def learned(work: Path) -> Path:
    """A small network of drawn garments; from a former run if there is one."""
    run = work / "model"
    if not (run / "bundle").exists():
        shutil.rmtree(run, ignore_errors=True)
        draw(work / "garments")
        settings = [word for key, value in CHANGES.items() for word in ("--set", f"{key}={value}")]
        lapel("train", "deepfashion-small", "--data", work / "garments", "--out", run, *settings)
    return run


def draw(folder: Path) -> None:
    """Two thousand drawn garments, once."""
    if not (folder / "dataset.json").exists():
        lapel("data", "import", "sketch", "2000", folder, "--size", "192", "--seed", "6")


def write_photos(garments: Path, photos: Path, count: int) -> None:
    """So many files of JPEG, no two with the same bytes; those that are there are kept."""
    if photos.exists() and sum(1 for _ in photos.rglob("*.jpg")) == count:
        return
    shutil.rmtree(photos, ignore_errors=True)
    draw(garments)
    found = sorted(path for path in garments.rglob("*") if path.suffix in {".png", ".jpg"})
    drawings = [as_jpeg(path) for path in found]
    for number, data in zip(range(count), itertools.cycle(drawings), strict=False):
        folder = photos / f"{number // FOLDER:04}"
        folder.mkdir(parents=True, exist_ok=True)
        comment = f"picture {number}".encode()
        segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
        whole = data[:2] + segment + data[2:]
        torn = number % TORN == TORN // 2
        (folder / f"{number:06}.jpg").write_bytes(whole[: len(whole) // 2] if torn else whole)


def as_jpeg(path: Path) -> bytes:
    """A drawing as a small JPEG."""
    file = io.BytesIO()
    with Image.open(path) as image:
        image.convert("RGB").save(file, "JPEG", quality=85)
    return file.getvalue()


def tenth_of(photos: Path) -> list[Path]:
    """Every tenth folder of the photos; at least one."""
    return sorted(photos.iterdir())[::10]


def lapel(*arguments: str | Path) -> None:
    """Run a command to its end."""
    subprocess.run([sys.executable, "-m", "lapel", *map(str, arguments)], check=True)


class Commands:
    """`lapel predict` as it is measured."""

    def __init__(self, bundle: Path, options: argparse.Namespace) -> None:
        self.bundle = bundle
        self.options = options

    def predict(
        self, photos: Path | list[Path], out: Path, *, kill_at: int | None = None, anew: bool = True
    ) -> Cost:
        """Run it, perhaps into a folder that was begun, perhaps killed on the way."""
        if anew:
            shutil.rmtree(out, ignore_errors=True)
        before = done_in(out)
        asked = [photos] if isinstance(photos, Path) else photos
        words = map(str, ("predict", self.bundle, *asked, "--out", out, "--keep-going"))
        more = ["--engine", self.options.engine, "--part-rows", str(self.options.part_rows)]
        print(f"\n$ lapel predict ... --out {out} {' '.join(more)}", flush=True)
        started = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-m", "lapel", *words, *more])
        watch = Watch(process, out, kill_at)
        watch.start()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        watch.join()
        if process.returncode not in {0, -signal.SIGKILL}:
            raise SystemExit(f"lapel predict ended with {process.returncode}")
        return Cost(
            pictures=done_in(out) - before,
            seconds=seconds,
            processor_seconds=usage.ru_utime + usage.ru_stime,
            peak_mib=watch.peak_mib,
            ended=process.returncode,
        )


class Watch(threading.Thread):
    """Looks at a process until it has ended; kills it, without a word, at a number of pictures.

    Attributes:
        peak_mib: the most memory that was resident, as the kernel of Linux tells it; 0 elsewhere.
    """

    def __init__(self, process: subprocess.Popen[bytes], out: Path, kill_at: int | None) -> None:
        super().__init__(daemon=True)
        self.peak_mib = 0.0
        self._process = process
        self._out = out
        self._kill_at = kill_at

    def run(self) -> None:
        """Look ten times a second."""
        # What wait4 tells of a child counts the memory of whoever started it, too.
        status = Path(f"/proc/{self._process.pid}/status")
        while self._process.returncode is None:
            with suppress(OSError):
                lines = status.read_text("utf-8").splitlines()
                peak = (line.split()[1] for line in lines if line.startswith("VmHWM:"))
                self.peak_mib = max(self.peak_mib, int(next(peak, "0")) / 1024)
            if self._kill_at is not None and done_in(self._out) >= self._kill_at:
                self._process.kill()
                return
            time.sleep(0.1)


def done_in(out: Path) -> int:
    """Pictures of the finished parts of a folder."""
    path = out / "progress.json"
    return int(json.loads(path.read_text("utf-8"))["done"]) if path.exists() else 0


def compare(undisturbed: Path, killed: Path, photos: Path) -> dict[str, int]:
    """What a folder holds beside what there is to hold, and beside the rows of another one."""
    import polars as pl

    whole, found = (
        pl.read_parquet(sorted(out.glob("part-*.parquet"))) for out in (undisturbed, killed)
    )
    there = {str(path) for path in names_in(photos)}
    images = found["image"].to_list()
    other = whole.join(found, on=whole.columns, how="anti", nulls_equal=True)
    return {
        "pictures": len(there),
        "rows": len(images),
        "missing": len(there - set(images)),
        "twice": len(images) - len(set(images)),
        "with an error": found.height - found["error"].null_count(),
        "rows compared": whole.height,
        "that differ": other.height,
    }


def names_in(photos: Path) -> Iterator[Path]:
    """All files of the photos."""
    return (path for path in photos.rglob("*") if path.is_file())


def table_of(runs: dict[str, Cost]) -> str:
    """A line a run."""
    header = ["run", "pictures kept", "seconds", "a second", "processor ms", "cores used", "MiB"]
    rows = [
        [
            name,
            f"{cost.pictures:,}",
            f"{cost.seconds:.0f}",
            f"{cost.pictures / cost.seconds:.0f}",
            f"{1000 * cost.processor_seconds / max(cost.pictures, 1):.1f}",
            f"{cost.busy:.0%}",
            f"{cost.peak_mib:.0f}",
        ]
        for name, cost in runs.items()
    ]
    return markdown_table(header, rows)


if __name__ == "__main__":
    main()
