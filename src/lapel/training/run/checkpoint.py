"""Checkpoints: one file each, whole or absent, whose name carries its own hash.

A checkpoint holds everything that the next step depends on: weights, their average, the state
of the optimisers, the best weights so far, and the place in the run. Randomness is not in it:
what a step draws depends on the seed and the step's number alone.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import Tensor
from torch.optim.optimizer import Optimizer

from lapel.schema.errors import CheckpointError, StorageError
from lapel.storage.local import PARTIAL_SUFFIX, sha256_of, write_atomically
from lapel.training.processes.sharding import moments_like

#: The newest, and the one before it in case the newest is damaged later.
KEPT = 2

_NAME = re.compile(r"step-(\d{9})\.([0-9a-f]{64})\.safetensors")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What a run goes on from.

    Attributes:
        tensors: flat name to tensor.
        state: everything that is no tensor, as plain values.
    """

    tensors: dict[str, Tensor]
    state: dict[str, Any]


def save_checkpoint(folder: Path, step: int, checkpoint: Checkpoint) -> Path:
    """Write a checkpoint, then forget all but the newest two.

    Raises:
        StorageError: the disk did not take it; the former checkpoints are untouched.
    """
    tensors = {name: value.contiguous() for name, value in checkpoint.tensors.items()}
    data = save(tensors, metadata={"state": json.dumps(checkpoint.state)})
    path = folder / f"step-{step:09d}.{hashlib.sha256(data).hexdigest()}.safetensors"
    write_atomically(path, data)
    _forget(folder)
    return path


def newest_checkpoint(folder: Path) -> tuple[Checkpoint | None, list[str]]:
    """The newest checkpoint that is whole, and a sentence for each damaged one before it.

    Raises:
        CheckpointError: there are checkpoints and none is whole.
    """
    notes: list[str] = []
    for path in _newest_first(folder):
        try:
            return _read(path), notes
        except (CheckpointError, StorageError) as error:
            notes.append(f"{error}; falling back to the one before")
    if notes:
        raise CheckpointError(
            f"no checkpoint in {folder} is whole: {notes[0]}; start again in a new folder"
        )
    return None, notes


def _read(path: Path) -> Checkpoint:
    match = _NAME.fullmatch(path.name)
    expected = match.group(2) if match else ""
    found = sha256_of(path)
    if found != expected:
        raise CheckpointError(
            f"{path.name} is damaged: its SHA-256 is {found[:12]}..., its name says "
            f"{expected[:12]}..."
        )
    try:
        with safe_open(path, "pt") as file:
            state = json.loads((file.metadata() or {})["state"])
        return Checkpoint(tensors=load(path.read_bytes()), state=state)
    except (SafetensorError, KeyError, ValueError) as error:
        raise CheckpointError(f"{path.name} is no checkpoint of Lapel's: {error}") from error


def _newest_first(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted((path for path in folder.iterdir() if _NAME.fullmatch(path.name)), reverse=True)


def _forget(folder: Path) -> None:
    for path in _newest_first(folder)[KEPT:]:
        path.unlink(missing_ok=True)
    for path in folder.glob(f"*{PARTIAL_SUFFIX}"):  # left by a run that was killed
        path.unlink(missing_ok=True)


def optimiser_tensors(optimisers: list[Optimizer]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The state of optimisers as flat tensors, and what is no tensor."""
    tensors: dict[str, Tensor] = {}
    plain: dict[str, Any] = {}
    for number, optimiser in enumerate(optimisers):
        for index, name, value in _entries(optimiser):
            key = f"optimiser.{number}.{index}.{name}"
            if isinstance(value, Tensor):
                tensors[key] = value.detach()
            else:
                plain[key] = value
    return tensors, plain


def restore_optimisers(
    optimisers: list[Optimizer], tensors: dict[str, Tensor], plain: dict[str, Any]
) -> None:
    """Give optimisers back the state that :func:`optimiser_tensors` took."""
    entries = {**plain, **tensors}
    for number, optimiser in enumerate(optimisers):
        prefix = f"optimiser.{number}."
        state: dict[int, dict[str, Any]] = {}
        for key, value in entries.items():
            if key.startswith(prefix):
                index, name = key.removeprefix(prefix).split(".", 1)
                state.setdefault(int(index), {})[name] = value
        moments_like(optimiser, state)
        optimiser.load_state_dict({**optimiser.state_dict(), "state": state})


def _entries(optimiser: Optimizer) -> Iterator[tuple[int, str, object]]:
    for index, values in optimiser.state_dict()["state"].items():
        for name, value in values.items():
            yield index, name, value


def with_prefix(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors under longer names, on the CPU."""
    return {f"{prefix}{name}": value.detach().to("cpu") for name, value in tensors.items()}


def without_prefix(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under a prefix, by their shorter names."""
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def copy_of(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Copies on the CPU, which later steps do not change."""
    return {
        name: value.detach().to("cpu", copy=True).contiguous() for name, value in tensors.items()
    }
