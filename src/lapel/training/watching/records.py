"""The tables that a watched run keeps: a row a look, a row an epoch."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from lapel.storage.local import write_atomically
from lapel.training.loop.clock import PHASES, Phase
from lapel.training.watching.look import Look

#: A row a look: step, loss, gradient, and the least and most of its layers and activations.
LOOKS_FILE, LOOKS = "looks.csv", ("step", "loss", "gradient", "least_relative", "most_silent")

#: A row an epoch: seconds of each phase.
TIMES_FILE = "times.csv"


class Records:
    """The rows so far, those before a step taken over from a former beginning of the run."""

    def __init__(self, run: Path, *, until: int) -> None:
        """Read what a run kept until a step."""
        self._run = run
        self.looks = [row for row in _rows(run / LOOKS_FILE) if float(row["step"]) <= until]
        self.times = _rows(run / TIMES_FILE) if until else []

    def looked(self, look: Look) -> None:
        """Add a look."""
        values = (
            look.step,
            "" if look.loss is None else f"{look.loss:.6g}",
            f"{look.gradient:.6g}",
            f"{min(look.relative.values(), default=0.0):.6g}",
            f"{max(look.silent.values(), default=0.0):.6g}",
        )
        self.looks.append(dict(zip(LOOKS, map(str, values), strict=True)))

    def timed(self, epoch: int, seconds: Mapping[Phase, float]) -> None:
        """Add an epoch's times."""
        self.times = [row for row in self.times if int(row["epoch"]) < epoch]
        self.times.append({"epoch": str(epoch)} | {p: f"{seconds[p]:.4f}" for p in PHASES})

    def write(self) -> None:
        """Write both tables.

        Raises:
            StorageError: the disk did not take them.
        """
        _write(self._run / LOOKS_FILE, LOOKS, self.looks)
        _write(self._run / TIMES_FILE, ("epoch", *PHASES), self.times)


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))


def _write(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(path, text.getvalue().encode())
