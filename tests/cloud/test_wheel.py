"""The wheel that is sent to machines is the code that runs here."""

from __future__ import annotations

import base64
import csv
import hashlib
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import lapel
from lapel.cloud.wheel import needs_here, wheel_here

PACKAGE = Path(lapel.__file__).parent


@pytest.fixture(scope="module", name="wheel")
def made_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheel_here(tmp_path_factory.mktemp("wheel"))


def test_it_holds_every_file_as_it_is_here(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {
            name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name
        }
    here = {
        f"lapel/{path.relative_to(PACKAGE).as_posix()}": path.read_bytes()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert held == here
    assert "lapel/cloud/ec2/machine/job.sh" in held


def test_its_record_names_every_file_with_its_hash(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (record,) = (name for name in archive.namelist() if name.endswith("/RECORD"))
        rows = {
            name: (digest, size)
            for name, digest, size in csv.reader(archive.read(record).decode().splitlines())
        }
        assert set(rows) == set(archive.namelist())
        for name, (digest, size) in rows.items():
            if name == record:
                continue
            data = archive.read(name)
            found = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
            assert (digest, size) == (f"sha256={found}", str(len(data)))


def test_the_same_code_gives_the_same_bytes(wheel: Path, tmp_path: Path) -> None:
    assert wheel_here(tmp_path).read_bytes() == wheel.read_bytes()


def test_pip_installs_it_with_its_command(wheel: Path, tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run(
        [*pip, "--no-deps", "--no-index", "--no-compile", "--target", tmp_path, wheel], check=True
    )
    assert (tmp_path / "bin" / "lapel").is_file()
    assert (tmp_path / "lapel" / "recipes").is_dir()


def test_what_it_needs_is_named_without_itself() -> None:
    needs = needs_here(("train", "aws"))
    names = {re.split("[<>=~!]", one)[0] for one in needs}
    assert {"numpy", "typer", "torch", "boto3", "polars"} <= names, "of an extra's extra too"
    assert "lapel" not in names
    assert "fastapi" not in names
    assert " " not in "".join(needs)
    assert {re.split("[<>=~!]", one)[0] for one in needs_here(())} < names
