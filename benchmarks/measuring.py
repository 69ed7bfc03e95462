"""What benchmarks share: the machine in words, medians, tables, results kept as they come."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from lapel.storage.machine import processor, usable_cores

PACKAGES = ("lapel", "torch", "torchvision", "timm", "onnxruntime", "numpy", "pillow")

#: Variables that change how fast threads are.
VARIABLES = ("OMP_NUM_THREADS", "GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "KMP_BLOCKTIME")


def surroundings() -> dict[str, Any]:
    """Machine, versions, variables and load, as kept beside every result."""
    return {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": processor(),
        "cores": usable_cores(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: installed_version(name) for name in PACKAGES},
        "variables": {name: os.environ.get(name) for name in VARIABLES},
        "load": os.getloadavg(),
    }


def installed_version(package: str) -> str | None:
    """Version of an installed package."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def median(values: Sequence[float]) -> float:
    """The median; infinity stands for what was not reached, and may be the median too."""
    return statistics.median(values)


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table as Markdown, numbers to the right."""
    ruler = [":--", *("--:" for _ in header[1:])]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [header, ruler, *rows]) + "\n"


def write_results(out: Path, *, name: str, content: dict[str, Any], table: str) -> None:
    """Write ``NAME.json`` and ``NAME.md`` and say where."""
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    (out / f"{name}.md").write_text(table, encoding="utf-8")
    print(f"\n{table}\nwritten: {out / name}.json and .md")
