"""The machine: in words, as results and runs name it, and how much of it may be used."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

#: Below it Linux tells of itself, in ``proc`` and ``sys``.
ROOT = Path("/")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Version:
    """How a version of Linux's control groups tells of memory.

    Attributes:
        controller: by which ``/proc/self/cgroup`` names the group of a process.
        folder: where groups lie.
        limit: a group's file with the most bytes that it may take.
        used: and with those that it takes.
        cache: in its ``memory.stat``, bytes of files among them, which are given back on demand.
    """

    controller: str
    folder: str
    limit: str
    used: str
    cache: tuple[str, ...]


#: https://docs.kernel.org/admin-guide/cgroup-v2.html, and cgroup-v1/memory.html beside it.
_VERSIONS = (
    _Version(
        controller="",
        folder="sys/fs/cgroup",
        limit="memory.max",
        used="memory.current",
        cache=("active_file", "inactive_file"),
    ),
    _Version(
        controller="memory",
        folder="sys/fs/cgroup/memory",
        limit="memory.limit_in_bytes",
        used="memory.usage_in_bytes",
        cache=("total_active_file", "total_inactive_file"),
    ),
)


def available_memory(root: Path = ROOT) -> int:
    """Bytes of memory that may still be taken.

    On Linux that is what the kernel says is available, files that it holds and need not among it,
    and no more than is left to the control groups of this process: a container, a pod or a job has
    a limit of its own. Elsewhere it is what is free, or all that there is if that is not told.

    Args:
        root: below which ``proc`` and ``sys`` lie.
    """
    available = _numbers(root / "proc" / "meminfo").get("MemAvailable")
    of_machine = _free_bytes() if available is None else 1024 * available
    return min([of_machine, *_left_to_groups(root)])


def _free_bytes() -> int:
    """Bytes that are free, or all that there are, as POSIX has them."""
    name = "SC_AVPHYS_PAGES" if "SC_AVPHYS_PAGES" in os.sysconf_names else "SC_PHYS_PAGES"
    return os.sysconf(name) * os.sysconf("SC_PAGE_SIZE")


def _left_to_groups(root: Path) -> Iterator[int]:
    """Bytes that are left to each control group of this process that has a limit."""
    for version in _VERSIONS:
        for group in _groups(root, version):
            limit, used = (_text(group / name).strip() for name in (version.limit, version.used))
            if limit.isdigit() and used.isdigit():  # no limit is `max`, or more than any machine
                stat = _numbers(group / "memory.stat")
                cached = sum(stat.get(name, 0) for name in version.cache)
                yield max(0, int(limit) - max(0, int(used) - cached))


def _groups(root: Path, version: _Version) -> Iterator[Path]:
    """The folders of this process's control group and of those around it, whose limits hold too.

    The outermost may be a container's own, whatever it is called outside.
    """
    yield root / version.folder
    for line in _text(root / "proc" / "self" / "cgroup").splitlines():
        _, controllers, own = [*line.split(":", 2), "", ""][:3]
        if version.controller in controllers.split(","):
            folder = root / version.folder
            for part in PurePosixPath(own).parts[1:]:
                folder /= part
                yield folder


def _numbers(path: Path) -> dict[str, int]:
    """A name and a number a line, as the kernel writes them; none where there is no such file."""
    lines = [line.split() for line in _text(path).splitlines()]
    return {
        words[0].rstrip(":"): int(words[1])
        for words in lines
        if len(words) > 1 and words[1].isdigit()
    }


def _text(path: Path) -> str:
    """What a file of the kernel says; nothing where there is none."""
    try:
        return path.read_text("utf-8", "surrogateescape")
    except OSError:
        return ""
