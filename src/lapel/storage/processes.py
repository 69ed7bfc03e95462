"""Which processes of this machine are gone: what a killed one left may be taken away."""

from __future__ import annotations

import os
import socket
from functools import cache
from pathlib import Path


@cache
def surroundings() -> str:
    """What tells this machine since it started, and this container, from others; empty: unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{socket.gethostname()} {boot} {os.readlink('/proc/self/ns/pid')}"  # noqa: PTH115 - a name, no path
    except OSError:
        return ""


def is_gone(process: int, where: str) -> bool:
    """Whether a process ran in these very surroundings, and does not any more.

    Args:
        process: its number.
        where: its :func:`surroundings`; nothing is concluded of others.
    """
    if not where or where != surroundings():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):  # somebody else's, which lives; or no number of one
        return False
    return False
