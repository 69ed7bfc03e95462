"""A dataset to learn from, and processes that can be killed."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Iterator, Mapping
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

import pytest
from training_runs import PRELOADED, SMALL, Start, pattern_dataset


@pytest.fixture(scope="session", autouse=True)
def own_temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What processes leave behind lies where pytest tidies up; a short name, since sockets lie
    there too.
    """
    folder = str(tmp_path_factory.mktemp("t"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", folder)
        yield


@pytest.fixture(scope="session")
def patterns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of patterns: 300 to train, 60 to validate, 60 to test. Not to be changed."""
    folder = tmp_path_factory.mktemp("datasets") / "patterns"
    return pattern_dataset(folder, {"train": 300, "validation": 60, "test": 60}).folder


@pytest.fixture(scope="session")
def start_run() -> Iterator[Start]:
    """Starts or goes on with a run in a process that has torch loaded before it begins."""
    from lapel.training.train import train

    context: ForkServerContext = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"

    def start(
        folder: Path, data: Path, changes: Mapping[str, Any] | None = None
    ) -> ForkServerProcess:
        begun = (folder / "run.json").exists()
        arguments: dict[str, Any] = {"resume": folder}
        if not begun:
            arguments = {"data": data, "out": folder, "changes": {**SMALL, **(changes or {})}}
            arguments["recipe"] = "fashion-mnist-fast"
        process = context.Process(target=train, kwargs=arguments)
        process.start()
        return process

    yield start
    if before is None:
        del os.environ["OMP_NUM_THREADS"]
    else:
        os.environ["OMP_NUM_THREADS"] = before
