"""What targets of the Makefile do, with other programs in the place of those that they call."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

#: Notes what it was asked, and ends badly where that begins as told.
RUFF = """\
#!/bin/sh
echo "$*" >> '{asked}'
case "$1" in {failing}) exit 1 ;; esac
"""


@pytest.mark.parametrize(
    ("failing", "mended"), [("none", True), ("check", False), ("format", False)]
)
def test_fix_formats_whatever_is_left_and_says_that_something_is(
    tmp_path: Path, failing: str, mended: bool
) -> None:
    asked = tmp_path / "asked"
    ruff = tmp_path / "ruff"
    ruff.write_text(RUFF.format(asked=asked, failing=failing), encoding="utf-8")
    ruff.chmod(0o755)
    # Newer than the lock: nothing is installed.
    installed = tmp_path / "installed"
    installed.touch()
    make = ["make", "--directory", str(ROOT), "fix", f"BIN={tmp_path}", f"INSTALLED={installed}"]
    done = subprocess.run(make, capture_output=True, text=True, check=False)
    assert asked.read_text(encoding="utf-8").splitlines() == ["check --fix .", "format ."]
    assert (done.returncode == 0) is mended, done.stderr
