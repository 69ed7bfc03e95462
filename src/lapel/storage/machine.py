"""The machine: in words, as results and runs name it, and how much of it may be used."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def machine() -> str:
    """Where this runs, in words: processor, cores that may be used, system."""
    return f"{processor()}, {usable_cores()} cores, {platform.system()}"


def processor() -> str:
    """The processor's name, as far as the system tells it."""
    facts = Path("/proc/cpuinfo")  # Linux; elsewhere Python's own answer has to do
    lines = facts.read_text("utf-8").splitlines() if facts.is_file() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
