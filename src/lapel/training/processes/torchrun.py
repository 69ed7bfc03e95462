"""What torchrun, or what speaks like it, tells each process by variables."""

from __future__ import annotations

import os

#: What torchrun tells each process.
VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


def started_together() -> bool:
    """Whether torchrun, or what speaks like it, started this process beside others."""
    told = all(name in os.environ for name in VARIABLES)
    return told and int(os.environ["WORLD_SIZE"]) > 1


def speaks_for_all() -> bool:
    """Whether this process is the one that prints: the first, or the only one."""
    return not started_together() or os.environ["RANK"] == "0"


def processes_here() -> int:
    """How many processes of the group share this machine's memory and cores."""
    return int(os.environ["LOCAL_WORLD_SIZE"]) if started_together() else 1
