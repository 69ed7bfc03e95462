"""A run is a folder: its recipe, log, checkpoints, environment, and in the end its bundle.

- ``recipe.yaml``: the recipe as resolved
- ``run.json``: dataset, precision, what memory decided, versions, hardware
- ``log.csv``: a row an epoch; ``tensorboard/``: the same for TensorBoard
- ``checkpoints/``: the newest two
- ``bundle/``: the network of the best epoch
- ``out_of_sample.csv``: doubtful training labels, if they were looked for
- ``before.seen.*.bin``: which pictures the model has seen that it went on from, if any
"""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, Protocol

import torch
import yaml

from lapel.evaluation.run_files import LOG, OUT_OF_SAMPLE
from lapel.schema.errors import StorageError, TrainingError, UsageError
from lapel.storage.local import write_atomically
from lapel.storage.machine import processor
from lapel.training.recipe import Recipe, read_recipe_file

RECIPE = "recipe.yaml"
RUN = "run.json"
LOCK = "run.lock"
CHECKPOINTS = "checkpoints"
TENSORBOARD = "tensorboard"
BUNDLE = "bundle"

#: Columns that stand first in the log, where a row has them.
FIRST_COLUMNS = (
    "epoch",
    "step",
    "seconds",
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "learning_rate",
    "images_per_second",
)


class Mirror(Protocol):
    """Keeps a run's files elsewhere, too; ``lapel.training.run.mirroring`` does."""

    def changed(self) -> None:
        """Files of the run have changed."""
        ...

    def check(self) -> None:
        """End here if the run is another process's by now."""
        ...


class RunFolder:
    """The files of one run.

    Attributes:
        folder: where they are on this machine.
        shown: what the run is called: that folder, or the address that it is kept at.
    """

    def __init__(self, folder: Path, *, place: str = "", mirror: Mirror | None = None) -> None:
        """Take a folder, which may not be there yet.

        Args:
            folder: where the files are on this machine.
            place: the address that they are kept at, too; empty: none.
            mirror: keeps them there.
        """
        self.folder = folder
        self.shown = place or str(folder)
        self._mirror = mirror

    def saved(self) -> None:
        """Let whoever keeps the run elsewhere know that its files have changed."""
        if self._mirror is not None:
            self._mirror.changed()

    def check_own(self) -> None:
        """End here if another process has taken the run over.

        Raises:
            TrainingError: one has.
        """
        if self._mirror is not None:
            self._mirror.check()

    @property
    def checkpoints(self) -> Path:
        """Where checkpoints lie."""
        return self.folder / CHECKPOINTS

    @property
    def bundle(self) -> Path:
        """Where the bundle lies in the end."""
        return self.folder / BUNDLE

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for one process; the lock goes with the process, however it ends.

        Where the run was refused before anything was written, its folder is not left there.

        Raises:
            TrainingError: another process holds it.
            StorageError: the folder cannot be written to.
        """
        new = not self.folder.exists()
        with self._held():
            try:
                yield
            finally:
                if new:
                    self._leave_nothing()

    def _held(self) -> IO[str]:
        """The lock, held until it is closed."""
        while True:
            file = self._lock()
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.close()
                raise TrainingError(
                    f"another process is training in {self.shown}; wait for it, stop it, or "
                    "train into another folder with --out"
                ) from None
            if self._is_still_there(file):
                return file
            file.close()

    def _is_still_there(self, lock: IO[str]) -> bool:
        """Whether nobody took the lock's file away between its opening and its holding."""
        try:
            return os.path.samestat(os.fstat(lock.fileno()), (self.folder / LOCK).stat())
        except FileNotFoundError:
            return False

    def _leave_nothing(self) -> None:
        """Take the folder away if it holds the lock alone."""
        with suppress(OSError):  # somebody else has taken it away, or put something there
            if [path.name for path in self.folder.iterdir()] == [LOCK]:
                (self.folder / LOCK).unlink()
                self.folder.rmdir()

    def _lock(self) -> IO[str]:
        path = self.folder / LOCK
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            # Made where there is none and not replaced while somebody holds it: of two processes
            # that come together, both would hold a file of their own.
            return path.open("a+")
        except OSError as error:
            raise StorageError(f"{path} could not be made: {error.strerror or error}") from error

    def check_new(self) -> None:
        """See that a run can begin here.

        Raises:
            UsageError: the folder holds a run already, or files of somebody else.
        """
        if (self.folder / RUN).exists():
            raise UsageError(
                f"{self.shown} holds a run already; go on with it (lapel train --resume "
                f"{self.shown}), train into another folder with --out, or remove it first"
            )
        there = list(self.folder.iterdir()) if self.folder.is_dir() else []
        strangers = [path.name for path in there if path.name not in {LOCK, RECIPE}]
        if strangers:
            raise UsageError(
                f"{self.shown} is not empty (it holds {strangers[0]}); name a new folder "
                "with --out, or empty this one"
            )

    def begin(self, recipe: Recipe, facts: Mapping[str, Any]) -> None:
        """Write what a new run is.

        Raises:
            UsageError: as :meth:`check_new`.
        """
        self.check_new()
        text = yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
        write_atomically(self.folder / RECIPE, text.encode())
        self._keep(facts)

    def note(self, facts: Mapping[str, Any]) -> None:
        """Keep more beside what :meth:`begin` kept."""
        self._keep(self.facts() | dict(facts))

    def _keep(self, facts: Mapping[str, Any]) -> None:
        text = json.dumps(facts, indent=2, ensure_ascii=False)
        write_atomically(self.folder / RUN, text.encode())

    def is_complete(self, recipe: Recipe) -> bool:
        """Whether nothing is left to do."""
        looked = not recipe.doubtful_labels.folds or (self.folder / OUT_OF_SAMPLE).is_file()
        return looked and (self.bundle / "lapel.json").is_file()

    def recipe(self) -> Recipe:
        """The recipe as resolved.

        Raises:
            UsageError: the folder holds no run.
            RecipeError: the recipe was changed into one with faults.
        """
        path = self.folder / RECIPE
        if not path.is_file() or not (self.folder / RUN).is_file():
            raise UsageError(f"{self.shown} holds no run to resume; start one with lapel train")
        return read_recipe_file(path)

    def facts(self) -> dict[str, Any]:
        """What :meth:`begin` and :meth:`note` kept beside the recipe."""
        facts: dict[str, Any] = json.loads((self.folder / RUN).read_text("utf-8"))
        return facts

    def write_log(self, history: Sequence[Mapping[str, float]]) -> None:
        """Write the log anew from all rows, so that a resumed run has each epoch once."""
        columns = [name for name in FIRST_COLUMNS if any(name in row for row in history)]
        others = {name: None for row in history for name in row if name not in columns}
        text = io.StringIO()
        writer = csv.DictWriter(text, [*columns, *others], restval="")
        writer.writeheader()
        writer.writerows(history)
        write_atomically(self.folder / LOG, text.getvalue().encode())


def environment(device: torch.device) -> dict[str, Any]:
    """Versions and hardware, as kept with a run and in its bundle."""
    packages = ("lapel", "torch", "torchvision", "timm", "numpy", "onnxruntime", "pillow")
    return {
        "versions": {"python": platform.python_version()} | {p: version(p) for p in packages},
        "git_commit": _git_commit(),
        "platform": platform.platform(),
        "processor": processor(),
        "threads": torch.get_num_threads(),
        "device": device.type,
        "accelerator": torch.cuda.get_device_name(device) if device.type == "cuda" else None,
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
    }


def _git_commit() -> str | None:
    """Commit of the checkout that Lapel runs from; None for an installed package."""
    try:
        result = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip()
