"""Processes of one group on this machine, as torchrun starts them, without the seconds it takes.

They are forked from a server that has torch loaded, and end with the test that started them.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from training_runs import PRELOADED

from lapel.training.processes.group import Group, joined

#: Seconds that a group may take; then it hangs.
SECONDS = 120


def together(work: Callable[..., Any], *arguments: Any, count: int = 2) -> list[Any]:
    """What `work`, given the group and the arguments, returns in each of the processes; where it
    raised, the exception as words; where the process was killed, None.
    """
    return _collected(_in_group, work, arguments, count)


def apart(work: Callable[..., Any], *arguments: Any, count: int = 2) -> list[Any]:
    """The same for work that joins the group by itself; where it was stopped, ``"it hangs"``."""
    return _collected(_by_itself, work, arguments, count)


def _collected(
    start: Callable[..., Any], work: Callable[..., Any], arguments: tuple[Any, ...], count: int
) -> list[Any]:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    port = _free_port()
    ends, processes = [], []
    for rank in range(count):
        here, there = context.Pipe(duplex=False)
        process = context.Process(
            target=_begin, args=(start, work, arguments, rank, count, port, there)
        )
        process.start()
        there.close()
        ends.append(here)
        processes.append(process)
    try:
        return [_received(*pair) for pair in zip(ends, processes, strict=True)]
    finally:
        for process in processes:
            process.join(5)
            process.kill()
            process.join()


def _received(end: Connection, process: BaseProcess) -> Any:
    latest = time.monotonic() + SECONDS
    try:
        while not end.poll(0.2):
            if time.monotonic() > latest or _is_stopped(process):
                return "it hangs"
        return end.recv()
    except EOFError:  # it was killed
        return None


def _is_stopped(process: BaseProcess) -> bool:
    """Whether a signal stopped it; until it goes on, it does nothing."""
    stat = Path(f"/proc/{process.pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "T"


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _begin(
    start: Callable[..., Any],
    work: Callable[..., Any],
    arguments: tuple[Any, ...],
    rank: int,
    count: int,
    port: int,
    end: Connection,
) -> None:
    import torch

    torch.set_num_threads(1)
    os.environ |= {
        "RANK": str(rank),
        "WORLD_SIZE": str(count),
        "LOCAL_RANK": str(rank),
        "LOCAL_WORLD_SIZE": str(count),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    try:
        end.send(start(work, arguments))
    except Exception as error:  # noqa: BLE001 - the test is told of any
        end.send(f"{type(error).__name__}: {error}")
    end.close()


def _in_group(work: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    with joined() as group:
        return _of_group(work, group, arguments)


def _of_group(work: Callable[..., Any], group: Group, arguments: tuple[Any, ...]) -> Any:
    return work(group, *arguments)


def _by_itself(work: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    return work(*arguments)
