"""Prediction needs nothing but the small install: whatever else is missing, it answers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

#: Runs code in a process where some packages cannot be found, as if not installed.
REFUSE = """
import sys
from importlib.machinery import PathFinder

class Without:
    def __init__(self, refused):
        self.refused = refused

    def find_spec(self, name, path=None, target=None):
        refused = name.partition(".")[0] in self.refused
        return None if refused else PathFinder.find_spec(name, path, target)

    def __getattr__(self, name):
        return getattr(PathFinder, name)

sys.meta_path[sys.meta_path.index(PathFinder)] = Without(set(sys.argv[1].split(",")))
sys.argv = sys.argv[2:]
"""

RUN_COMMAND = REFUSE + "from lapel.cli.main import main\nmain()\n"

LEARNING = "torch,torchvision,timm,safetensors,tensorboard,onnx,sklearn"
DATA = "polars,matplotlib,yaml"
ALL = f"{LEARNING},{DATA}"


def run(refused: str, *command: str | Path) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, "-c", RUN_COMMAND, refused, "lapel", *map(str, command)]
    return subprocess.run(arguments, capture_output=True, text=True, check=False)


def python(refused: str, code: str) -> str:
    arguments = [sys.executable, "-c", REFUSE + code, refused]
    return subprocess.run(arguments, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    Image.new("RGB", (60, 40), (20, 30, 230)).save(tmp_path / "blue.jpg")
    return tmp_path / "blue.jpg"


@pytest.mark.parametrize("refused", [LEARNING, DATA, ALL])
def test_predict_answers(refused: str, colour_bundle: Path, photo: Path, tmp_path: Path) -> None:
    for name in ("a.csv", "a.jsonl"):
        done = run(refused, "predict", colour_bundle, photo, "--out", tmp_path / name)
        assert (done.returncode, done.stderr) == (0, "")
        assert "blue" in (tmp_path / name).read_text().splitlines()[-1]


def test_help_and_version_answer() -> None:
    for option in ("--help", "--version"):
        assert run(ALL, option).returncode == 0


def test_parquet_names_the_extra_before_any_work(
    colour_bundle: Path, photo: Path, tmp_path: Path
) -> None:
    done = run(ALL, "predict", colour_bundle, photo, "--out", tmp_path / "a.parquet")
    assert done.returncode == 1
    assert "writing Parquet needs the extra 'data': pip install 'lapel[data]'" in done.stderr
    assert not (tmp_path / "a.parquet").exists()


@pytest.mark.parametrize(
    ("command", "refused", "extra"),
    [
        (["evaluate", "BUNDLE", "DATA", "--out", "OUT"], DATA, "data"),
        (["data", "check", "DATA"], DATA, "data"),
        (["train", "fashion-mnist-fast", "--data", "DATA", "--out", "OUT"], LEARNING, "train"),
    ],
)
def test_other_commands_name_their_extra(
    command: list[str], refused: str, extra: str, tmp_path: Path
) -> None:
    done = run(refused, *(tmp_path / word if word.isupper() else word for word in command))
    assert done.returncode == 1
    assert f"pip install 'lapel[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "refused", "extra"), [("train", LEARNING, "train"), ("Dataset", DATA, "data")]
)
def test_the_python_face_names_the_extra(name: str, refused: str, extra: str) -> None:
    code = f"""
import lapel
try:
    lapel.{name}
except ImportError as error:
    print(type(error).__name__, error)
"""
    said = python(refused, code)
    assert said.startswith("MissingExtraError ")
    assert f"pip install 'lapel[{extra}]'" in said


def test_the_python_face_predicts(colour_bundle: Path, photo: Path) -> None:
    code = f"""
import lapel
(answer,) = lapel.Predictor.load({str(colour_bundle)!r}).predict([{str(photo)!r}])
print(answer.answers["colour"].label)
"""
    assert python(ALL, code) == "blue\n"
