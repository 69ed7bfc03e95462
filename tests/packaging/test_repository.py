"""What is kept in the repository: pins that pin, and nothing that ties it to one machine."""

import itertools
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements.lock"

#: Spelled so that this file does not hold what it looks for.
REGISTRY_HOSTS = [".".join(parts) for parts in (("pypi", "org"), ("pythonhosted", "org"))]
HOMES = ["/" + folder + "/" for folder in ("work", "root", "home", "Users")]

#: Weights, data and compiled files: made, never kept.
MADE = re.compile(r"\.(safetensors|onnx|pth?|npy|parquet|gz|zip|whl|pyc)$")


def tracked_files() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("this copy of the project is no git repository")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]


def text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""  # a picture


def test_the_lock_is_plain_pins() -> None:
    for line in LOCK.read_text(encoding="utf-8").splitlines():
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line), line


def test_the_lock_holds_every_package_that_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    asked = [*project["dependencies"], *itertools.chain.from_iterable(extras)]
    names = {normal(re.split(r"[\[<>=;]", requirement)[0]) for requirement in asked}
    # What `make test-peers` alone needs is pinned beside those tests.
    locks = [LOCK, *(ROOT / "tests" / "peers").glob("*.lock")]
    lines = itertools.chain.from_iterable(lock.read_text("utf-8").splitlines() for lock in locks)
    pinned = {normal(line.split("==")[0]) for line in lines}
    assert names - pinned == {"lapel"}


def normal(name: str) -> str:
    """A package's name in its normal form (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_no_file_names_a_registry_or_a_folder_of_one_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {tie}"
        for path in tracked_files()
        for tie in [*REGISTRY_HOSTS, *HOMES]
        if tie in text_of(path)
    ]
    assert found == []


def test_nothing_made_is_kept() -> None:
    assert [path for path in tracked_files() if MADE.search(path.name)] == []
