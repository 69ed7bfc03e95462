"""The Dockerfiles as hadolint sees them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "containers").glob("*/Dockerfile"))


@pytest.fixture(scope="module")
def hadolint(peer: Callable[[str], Path]) -> Path:
    """The linter."""
    return peer("hadolint") / "hadolint"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_it_has_no_fault_of_any_weight(hadolint: Path, file: Path) -> None:
    done = subprocess.run(
        [hadolint, "--failure-threshold", "style", file],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_fault_would_be_seen(hadolint: Path, tmp_path: Path) -> None:
    file = tmp_path / "Dockerfile"
    file.write_text("FROM python:latest\nUSER root\nRUN pip install lapel\n", encoding="utf-8")
    done = subprocess.run([hadolint, file], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    for fault in ("DL3007", "DL3002", "DL3013"):
        assert fault in done.stdout
