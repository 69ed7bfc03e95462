"""``lapel train --processes N``: torchrun's own engine starts and watches the processes."""

from __future__ import annotations

import logging
import os
import signal
import sys
import uuid
from collections.abc import Sequence
from tempfile import TemporaryDirectory

from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from lapel.schema.errors import TrainingError
from lapel.storage.machine import usable_cores

#: Variables that say how many threads a process computes with.
THREADS = "OMP_NUM_THREADS"


def launch(arguments: Sequence[str], processes: int) -> int:
    """Run ``lapel`` in so many processes of this machine that learn together.

    Where one of them is lost, the others are ended. A signal goes on to all of them, and they have
    half a minute to save and end.

    Args:
        arguments: of each, as ``["train", "photos", ...]``.
        processes: how many.

    Returns:
        The exit code: 0, that of the process that failed first, or 128 and the number of the
        signal that ended the run.

    Raises:
        TrainingError: a process was killed.
    """
    # Threads of all processes together fill the cores, and no more.
    os.environ.setdefault(THREADS, str(max(1, usable_cores() // processes)))
    with TemporaryDirectory(prefix="lapel-processes-") as logs:
        return _launched(arguments, _config(processes, logs))


def _config(processes: int, logs: str) -> LaunchConfig:
    """How torchrun's engine starts and watches them.

    Args:
        processes: how many.
        logs: folder for what it leaves behind.
    """
    return LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        local_addr="localhost",
        max_restarts=0,
        logs_specs=DefaultLogsSpecs(log_dir=logs),
    )


def _launched(arguments: Sequence[str], config: LaunchConfig) -> int:
    """Let it start them, and wait for their end."""
    # What it logs of a failure is said in fewer words, here and by the processes themselves.
    logging.disable(logging.CRITICAL)
    try:
        elastic_launch(config, sys.executable)("-m", "lapel", *arguments)
    except SignalException as stopped:
        return 128 + int(stopped.sigval)
    except ChildFailedError as failed:
        return exit_code(failed)
    finally:
        logging.disable(logging.NOTSET)
    return 0


def exit_code(failed: ChildFailedError) -> int:
    """What a failure of some processes means for the command.

    Raises:
        TrainingError: one was killed.
    """
    codes = {rank: int(failure.exitcode) for rank, failure in failed.failures.items()}
    # Whoever is left over is ended by SIGTERM, which says nothing of what happened.
    killed = [rank for rank, code in codes.items() if code < 0 and code != -signal.SIGTERM]
    ended = [code for code in (codes.get(0, 0), *codes.values()) if code > 0]
    if ended and not killed:
        return ended[0]  # the first process's own, as it speaks for all
    rank = killed[0] if killed else next(iter(codes))
    raise TrainingError(
        f"process {rank} (from 0) was ended by {signal.Signals(-codes[rank]).name}, and the others "
        "with it; what was saved is kept: lapel train --resume RUN goes on from there"
    )
