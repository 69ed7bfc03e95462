"""What a user installs: the wheel holds all that Lapel needs, and nothing of the workshop."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "lapel"


@pytest.fixture(scope="module", name="wheel")
def built_wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"),
            *("--no-build-isolation", "--disable-pip-version-check", "--wheel-dir", folder, ROOT),
        ],
        check=True,
    )
    (path,) = folder.glob("lapel-*.whl")
    return zipfile.ZipFile(path)


def test_every_module_and_every_shipped_file_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    shipped = {
        path.relative_to(PACKAGE.parent).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    in_wheel = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert in_wheel == shipped
    assert "lapel/py.typed" in in_wheel


def test_recipes_are_shipped(wheel: zipfile.ZipFile) -> None:
    names = {Path(name).name for name in wheel.namelist() if name.startswith("lapel/recipes/")}
    assert {"fashion-mnist-fast.yaml", "fashion-mnist.yaml"} <= names


def test_the_command_and_the_licence_are_declared(wheel: zipfile.ZipFile) -> None:
    (points,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert "lapel = lapel.cli.main:main" in wheel.read(points).decode()
    assert any(name.endswith("LICENSE") for name in wheel.namelist())


def test_prediction_alone_asks_for_no_heavy_package(wheel: zipfile.ZipFile) -> None:
    (metadata,) = (name for name in wheel.namelist() if name.endswith("METADATA"))
    needed = {
        line.removeprefix("Requires-Dist: ").split(">")[0]
        for line in wheel.read(metadata).decode().splitlines()
        if line.startswith("Requires-Dist: ") and "extra ==" not in line
    }
    assert needed == {"numpy", "onnxruntime", "pillow", "pydantic", "rich", "typer"}
