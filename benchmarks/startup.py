"""How soon Lapel answers, and how much it takes: help, one cold prediction, a fresh environment.

    python -m benchmarks.startup --bundle demo/run --picture demo/photos/tee.jpg --out runs/startup

Every time is that of a process of its own, from start to end; memory is the peak of what it held
resident, as the kernel counted. The disk's cache is warm, as it is from the second use on. The
environment is measured as ``pip install .`` leaves it, in bytes that its files take up on disk.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.measuring import markdown_table, median, surroundings, write_results

ROOT = Path(__file__).parents[1]
MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one process took.

    Attributes:
        seconds: wall time.
        processor_seconds: of user and system together.
        peak_bytes: resident at most.
    """

    seconds: float
    processor_seconds: float
    peak_bytes: int


def main() -> None:
    """Measure and write the table."""
    options = parse_options()
    if options.fresh:
        with tempfile.TemporaryDirectory(prefix="lapel-environment-") as folder:
            python = install_fresh(Path(folder), options.extras)
            measure(python, options, environment=Path(folder))
    else:
        measure(Path(sys.executable), options, environment=None)


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", type=Path, required=True, help="a bundle, or a run with one")
    parser.add_argument("--picture", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--runs", type=int, default=7, help="of which the median is taken")
    parser.add_argument(
        "--fresh", action="store_true", help="install into an environment of its own, and weigh it"
    )
    parser.add_argument("--extras", default="", help="with --fresh: 'data', 'data,train', ...")
    return parser.parse_args()


def install_fresh(folder: Path, extras: str) -> Path:
    """An environment with Lapel as a user installs it; returns its interpreter."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    project = f"{ROOT}[{extras}]" if extras else str(ROOT)
    subprocess.run([python, "-m", "pip", "install", "--quiet", project], check=True)
    return python


def measure(python: Path, options: argparse.Namespace, *, environment: Path | None) -> None:
    """Run each command so many times; write medians."""
    bundle, picture = options.bundle.resolve(), options.picture.resolve()
    commands = {
        "python -c pass": ["-c", "pass"],
        "lapel --help": ["-m", "lapel", "--help"],
        "lapel predict, one picture": ["-m", "lapel", "predict", str(bundle), str(picture)],
    }
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(options.runs):
        for name, arguments in commands.items():
            costs[name].append(cost_of([str(python), *arguments]))
    rows = [row_of(name, found) for name, found in costs.items()]
    content = {
        "surroundings": surroundings(),
        "costs": {name: [asdict(cost) for cost in found] for name, found in costs.items()},
        "environment_bytes": bytes_on_disk(environment) if environment else None,
    }
    header = ["command", "seconds", "processor seconds", "peak MiB"]
    table = markdown_table(header, rows)
    if environment:
        size = bytes_on_disk(environment) / MEBIBYTE
        table += f"\nA fresh environment with `pip install .` takes {size:.0f} MiB on disk.\n"
    write_results(options.out, name="startup", content=content, table=table)


def cost_of(command: Sequence[str]) -> Cost:
    """Run a command to its end.

    Raises:
        SystemExit: it failed; there is nothing to measure.
    """
    with tempfile.TemporaryFile() as said:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said, cwd="/")
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"{' '.join(command)} failed:\n{said.read().decode()}")
    kibibytes = usage.ru_maxrss if sys.platform != "darwin" else usage.ru_maxrss // 1024
    return Cost(
        seconds=seconds,
        processor_seconds=usage.ru_utime + usage.ru_stime,
        peak_bytes=kibibytes * 1024,
    )


def row_of(name: str, costs: Sequence[Cost]) -> list[str]:
    """Medians as a row."""
    return [
        f"`{name}`",
        f"{median([cost.seconds for cost in costs]):.2f}",
        f"{median([cost.processor_seconds for cost in costs]):.2f}",
        f"{median([float(cost.peak_bytes) for cost in costs]) / MEBIBYTE:.0f}",
    ]


def bytes_on_disk(folder: Path) -> int:
    """What the files of a folder take up, counted in blocks as ``du`` does."""
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*"))


if __name__ == "__main__":
    main()
