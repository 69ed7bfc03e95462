"""The layers are a test: a planted import is found, by the contract meant for it."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """An import that must not be, and the contract that says so."""

    module: str
    line: str
    contract: str


PLANTS = [
    Plant(
        module="lapel/schema/planted.py",
        line="import lapel.storage.local",
        contract="A module imports from layers below its own",
    ),
    Plant(
        module="lapel/models/planted.py",
        line="import lapel.inference",
        contract="A module imports from layers below its own",
    ),
    Plant(
        module="lapel/newcomer/__init__.py",
        line="",
        contract="A module imports from layers below its own",
    ),
    Plant(
        module="lapel/data/planted.py",
        line="def late():\n    import torch",
        contract="torch learns; nothing else needs it",
    ),
    Plant(
        module="lapel/evaluation/planted.py",
        line="import lapel.models.backbones",
        contract="torch learns; nothing else needs it",
    ),
    Plant(
        module="lapel/cli/planted.py",
        line="import torch",
        contract="torch is imported in models and training alone",
    ),
    Plant(
        module="lapel/training/planted.py",
        line="import timm",
        contract="timm is known to backbones alone",
    ),
    Plant(
        module="lapel/tasks/planted.py",
        line="import polars",
        contract="The heavy extras stay out of prediction",
    ),
    Plant(
        module="lapel/data/planted.py",
        line="import onnxruntime",
        contract="Nothing below prediction, and no data work, runs a network",
    ),
    Plant(
        module="lapel/inference/planted.py",
        line="import lapel.evaluation",
        contract="Prediction and serving know no datasets, networks or judges",
    ),
    Plant(
        module="lapel/data/readers/planted.py",
        line="import lapel.data.readers.other",
        contract="Readers do not import one another",
    ),
    Plant(
        module="lapel/data/readers/planted.py",
        line="import lapel.tasks.base",
        contract="Readers know no tasks",
    ),
    Plant(
        module="lapel/evaluation/planted.py",
        line="import fastapi",
        contract="Only the server knows web frameworks",
    ),
    Plant(
        module="lapel/evaluation/planted.py",
        line="import typer",
        contract="Only commands know the command line",
    ),
    Plant(
        module="lapel/storage/planted.py",
        line="import boto3",
        contract="AWS is known to the cloud and to its store alone",
    ),
    Plant(
        module="lapel/training/planted.py",
        line="import optuna",
        contract="Optuna is known to tuning alone",
    ),
    Plant(
        module="lapel/metrics/planted.py",
        line="import lapel.metrics.other",
        contract="Siblings do not import each other in a loop",
    ),
]

#: What a planted line needs beside it to be a violation.
COMPANIONS = {
    "import lapel.data.readers.other": ("lapel/data/readers/other.py", ""),
    "import lapel.metrics.other": ("lapel/metrics/other.py", "import lapel.metrics.planted"),
}


def broken_contracts(folder: Path) -> list[str]:
    """Names of the contracts that the package under ``folder/src`` breaks."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder / "src"), "COLUMNS": "300"},
        capture_output=True,
        text=True,
        check=False,
    )
    broken = re.findall(r"^(.+) BROKEN", done.stdout, re.MULTILINE)
    assert (done.returncode != 0) == bool(broken), done.stdout + done.stderr
    return broken


@pytest.fixture(name="copy")
def copied_package(tmp_path: Path) -> Path:
    shutil.copytree(
        ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
    )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_contract_has_its_plant() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    assert {plant.contract for plant in PLANTS} == {one["name"] for one in contracts["contracts"]}


def test_the_package_as_it_is_breaks_no_contract(copy: Path) -> None:
    assert broken_contracts(copy) == []


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: f"{plant.module}: {plant.line}")
def test_a_planted_import_is_found(copy: Path, plant: Plant) -> None:
    for module, text in [(plant.module, plant.line), COMPANIONS.get(plant.line, ("", ""))]:
        if module:
            path = copy / "src" / module
            path.parent.mkdir(exist_ok=True)
            path.write_text(text + "\n", encoding="utf-8")
    assert plant.contract in broken_contracts(copy)
