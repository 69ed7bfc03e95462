"""A reader's workbench: what somebody has who did ``make demo`` and has some photos."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from emulated_account import OWN_NETWORK, aws_server, deep_learning_image, emulated

__all__ = ["aws_server", "deep_learning_image", "emulated"]

ROOT = Path(__file__).parents[2]

#: Stands in for `lapel` in the shell: the same, with training made short and data made small, and
#: with an address for who rents a machine, since nobody is reached who would tell it.
SHORTENED = """\
#!/usr/bin/env bash
short=(--set schedule.epochs=1 --set doubtful_labels.folds=0)
case "$*" in
  "train --"*|"compare --"*|"tune --"*) set -- "$@" ;;
  "tune "*) set -- "$@" "${short[@]}" --trials 2 ;;
  "train "*|"compare "*) set -- "$@" "${short[@]}" ;;
  "demo --help") ;;
  "demo"*) set -- "$@" --source idx --unverified "${short[@]}" ;;
  "cloud ec2 up "*) set -- "$@" --from %(network)s ;;
  "data import sketch 6000 "*) set -- data import sketch 60 "${@:5}" ;;
  "data import fashion-mnist "*) set -- "${@:1:3}" idx "${@:4}" --unverified ;;
esac
exec %(python)s -m lapel "$@"
"""

#: Stands in for `make`: says what it would do, which fails where there is no such target.
DRY_MAKE = """\
#!/usr/bin/env bash
exec %(make)s --directory %(root)s --dry-run "$@"
"""


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory, class_folders: Path, idx_folder: Path) -> Path:
    """The folder that pages start from. Not to be changed."""
    folder = tmp_path_factory.mktemp("reader")
    write_programs(folder / "bin")
    shutil.copytree(idx_folder, folder / "idx")
    lay_out_photos(class_folders, folder)
    run_in(["lapel", "demo"], folder, "what every reader has done")
    return folder


@pytest.fixture
def run() -> Callable[[list[str], Path, str], None]:
    """Runs a program as a reader would: program, folder, the place that shows it."""
    return run_in


def write_programs(folder: Path) -> None:
    folder.mkdir()
    words = {
        "python": sys.executable,
        "make": shutil.which("make"),
        "root": ROOT,
        "network": OWN_NETWORK,
    }
    for name, text in {"lapel": SHORTENED, "make": DRY_MAKE}.items():
        (folder / name).write_text(text % words, encoding="utf-8")
        (folder / name).chmod(0o755)


def lay_out_photos(class_folders: Path, folder: Path) -> None:
    rows = ["image,category"]
    for photo in sorted(class_folders.rglob("*.*")):
        name = Path(photo.parent.name) / photo.name
        (folder / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(photo, folder / "photos" / name)
        rows.append(f"{name},{photo.parent.name}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder / "new").mkdir()
    shutil.copy(next((folder / "photos" / "dress").glob("*.jpg")), folder / "new")


def run_in(program: list[str], folder: Path, place: str) -> None:
    """Run a program to its end; fail with all that it said."""
    done = subprocess.run(
        program,
        cwd=folder,
        env=os.environ | {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    said = f"{done.stdout}\n{done.stderr}"
    assert done.returncode == 0, f"{place}: {' '.join(program)}\n{said}"
    assert "Traceback" not in said, f"{place}: {' '.join(program)}\n{said}"
