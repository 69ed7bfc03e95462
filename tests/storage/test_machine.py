"""How much memory there is: what Linux says is available, and what a container may have of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from lapel.storage.machine import available_memory

#: Files fill most of the memory of this machine, and hardly any is free.
MEMINFO = "MemTotal:       16000000 kB\nMemFree:          200000 kB\nMemAvailable:    8000000 kB\n"
AVAILABLE = 1024 * 8_000_000

GROUPS = "sys/fs/cgroup"
OLD_GROUPS = f"{GROUPS}/memory"

#: As Linux says that a group of the former version has no limit.
NO_OLD_LIMIT = "9223372036854771712\n"


def linux(root: Path, groups: str, files: Mapping[str, str]) -> Path:
    """What Linux tells of itself, below a folder."""
    told = {"proc/meminfo": MEMINFO, "proc/self/cgroup": groups, **files}
    for name, text in told.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def group(folder: str, limit: str, used: int, stat: str = "") -> dict[str, str]:
    """A control group's files."""
    return {
        f"{folder}/memory.max": f"{limit}\n",
        f"{folder}/memory.current": f"{used}\n",
        f"{folder}/memory.stat": stat,
    }


def test_memory_that_holds_files_is_available(tmp_path: Path) -> None:
    assert available_memory(linux(tmp_path, "0::/\n", {})) == AVAILABLE


def test_a_container_has_what_its_limit_leaves(tmp_path: Path) -> None:
    stat = "anon 1500000\nfile 7500000\nactive_file 3000000\ninactive_file 4000000\nshmem 500000\n"
    files = group(GROUPS, "10000000", 9_000_000, stat)
    assert available_memory(linux(tmp_path, "0::/\n", files)) == 8_000_000


def test_the_limit_of_a_group_around_holds_too(tmp_path: Path) -> None:
    files = group(f"{GROUPS}/user.slice", "5000000", 2_000_000)
    files |= group(f"{GROUPS}/user.slice/job.scope", "max", 1_000_000)
    files |= group(f"{GROUPS}/user.slice/other.scope", "10", 9)
    root = linux(tmp_path, "0::/user.slice/job.scope\n", files)
    assert available_memory(root) == 3_000_000


@pytest.mark.parametrize("folder", ["", "/docker/abc"], ids=["in it", "around it"])
def test_the_former_version_of_groups_is_read_in_a_container_and_around_it(
    folder: str, tmp_path: Path
) -> None:
    stat = "inactive_file 1\ntotal_inactive_file 4000000\ntotal_active_file 3000000\n"
    files = {
        f"{OLD_GROUPS}{folder}/memory.limit_in_bytes": "10000000\n",
        f"{OLD_GROUPS}{folder}/memory.usage_in_bytes": "9000000\n",
        f"{OLD_GROUPS}{folder}/memory.stat": stat,
    }
    root = linux(tmp_path, "9:cpu,cpuacct:/other\n4:memory:/docker/abc\n0::/\n", files)
    assert available_memory(root) == 8_000_000


def test_without_a_limit_a_group_has_what_the_machine_has(tmp_path: Path) -> None:
    files = group(f"{GROUPS}/job", "max", 1_000_000) | {
        f"{OLD_GROUPS}/memory.limit_in_bytes": NO_OLD_LIMIT,
        f"{OLD_GROUPS}/memory.usage_in_bytes": "9000000\n",
    }
    assert available_memory(linux(tmp_path, "4:memory:/\n0::/job\n", files)) == AVAILABLE


def test_a_group_that_is_full_has_nothing(tmp_path: Path) -> None:
    files = group(GROUPS, "1000000", 1_000_100, "inactive_file 50\n")
    assert available_memory(linux(tmp_path, "0::/\n", files)) == 0


def test_where_nothing_is_told_of_it_memory_is_counted_all_the_same(tmp_path: Path) -> None:
    assert available_memory(tmp_path) > 0
    assert available_memory() > 0
