"""``lapel train --processes N``: the same command, in several processes that learn together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import typer


def train_in_processes(
    processes: int,
    recipe: str | None,
    *,
    options: Mapping[str, str | Path | None],
    settings: Sequence[str],
    flags: Mapping[str, bool],
) -> NoReturn:
    """Run ``lapel train`` in so many processes, and end as they end.

    Args:
        processes: how many.
        recipe: the argument of the command, if there was one.
        options: of the command, with their values; those without one are left out.
        settings: values of ``--set``.
        flags: options without values; only those that were given are handed on.

    Raises:
        UsageError: these are such processes already, or there would be none.
        TrainingError: one of them was killed.
        typer.Exit: always, with the exit code of the whole.
    """
    from lapel.schema.errors import UsageError
    from lapel.training.processes.launch import launch
    from lapel.training.processes.torchrun import started_together

    if processes < 1:
        raise UsageError(f"--processes is 1 or more, found {processes}")
    if started_together():
        raise UsageError(
            "torchrun has started the processes already, and says how many there are: leave out "
            "--processes"
        )
    given = [f"{name}={value}" for name, value in options.items() if value is not None]
    given += [f"--set={setting}" for setting in settings]
    given += [name for name, wanted in flags.items() if wanted]
    raise typer.Exit(launch(["train", *([recipe] if recipe else []), *given], processes))
