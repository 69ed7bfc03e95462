"""The demo: every step once, whatever happens in between, and photos that are like photos."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lapel.cli.demo_pictures import GARMENTS, Garment, draw_photos
from lapel.imaging.decode import decode

SHORT = ("--set", "schedule.epochs=1", "--set", "doubtful_labels.folds=0")
#: Stops the first training at once, as Ctrl-C would.
INTERRUPTED = """
import lapel.training.recorder as recorder, os, signal, sys
from lapel.cli.main import main
original = recorder.Recorder.step
def step(self, *arguments):
    os.kill(os.getpid(), signal.SIGINT)
    return original(self, *arguments)
recorder.Recorder.step = step
main()
"""


def demo(folder: Path, *options: str, program: tuple[str, ...] = ("-m", "lapel")) -> str:
    """Run the demo in a folder; its output, exit code first."""
    done = subprocess.run(
        [sys.executable, *program, "demo", str(folder), *options],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return f"{done.returncode}\n{done.stdout}\n{done.stderr}"


def test_a_demo_that_was_interrupted_goes_on_and_does_nothing_twice(
    idx_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "demo"
    source = ("--source", str(idx_folder), "--unverified", *SHORT)

    first = demo(folder, *source, program=("-c", INTERRUPTED))
    assert first.startswith("130")
    assert not (folder / "run" / "bundle").exists()

    second = demo(folder, *source)
    assert second.startswith("0")
    assert f"$ lapel train --resume {folder / 'run'}" in second
    assert second.count("done already") == 1  # the import
    assert (folder / "report" / "report.html").exists()
    assert "test-picture-ankle-boot.png" in second

    report = (folder / "report" / "report.html").stat().st_mtime_ns
    third = demo(folder, *source)
    assert third.startswith("0")
    assert third.count("done already") == 3
    assert (folder / "report" / "report.html").stat().st_mtime_ns == report


def test_without_torch_the_demo_says_what_to_install_before_it_begins(tmp_path: Path) -> None:
    program = (
        "import importlib.util as util\n"
        "find = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name == 'torch' else find(name, *rest)\n"
        "from lapel.cli.main import main\nmain()\n"
    )
    said = demo(tmp_path / "demo", program=("-c", program))
    assert said.startswith("1")
    assert "pip install 'lapel[train]'" in said
    assert not (tmp_path / "demo").exists()


def test_drawn_photos_are_garments_on_bright_paper_and_always_the_same(tmp_path: Path) -> None:
    photos = draw_photos(tmp_path / "one")
    again = draw_photos(tmp_path / "two")
    assert [photo.stem for photo in photos] == list(GARMENTS)
    for photo, copy in zip(photos, again, strict=True):
        assert photo.read_bytes() == copy.read_bytes()
        pixels = decode(photo.read_bytes(), name=photo.name)
        border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
        assert border.mean() > 225
        assert pixels[pixels.shape[0] // 2].min() < 150  # there is something to see


@pytest.mark.parametrize("garment", GARMENTS.values(), ids=list(GARMENTS))
def test_outlines_stay_in_their_square(garment: Garment) -> None:
    for outline in garment.parts + garment.seams + garment.holes:
        assert all(0 <= value <= 100 for point in outline for value in point)
