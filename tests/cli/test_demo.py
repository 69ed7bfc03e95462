"""The demo: every step once, whatever happens in between, and photos that are like photos."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typed_commands import lapel

from lapel.cli.demo_pictures import GARMENTS, Garment, draw_photos
from lapel.imaging.decode import decode
from lapel.training.recorder import Recorder

SHORT = ("--set", "schedule.epochs=1", "--set", "doubtful_labels.folds=0")


def test_a_demo_that_was_interrupted_goes_on_and_does_nothing_twice(
    idx_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "demo"
    command = ("demo", folder, "--source", idx_folder, "--unverified", *SHORT)
    step = Recorder.step

    def interrupted(*arguments: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        step(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "step", interrupted)
        first = lapel(*command)
    assert first.returncode == 130, first.stderr
    assert not (folder / "run" / "bundle").exists()

    second = lapel(*command)
    assert second.returncode == 0, second.stderr
    assert f"$ lapel train --resume {folder / 'run'}" in second.stdout
    assert second.stdout.count("done already") == 1  # the import
    assert (folder / "report" / "report.html").exists()
    assert f"Report  {folder / 'report' / 'report.html'}" in second.stdout
    assert f"Bundle  {folder / 'run' / 'bundle'}" in second.stdout
    assert "test-picture-ankle-boot.png" in second.stdout

    report = (folder / "report" / "report.html").stat().st_mtime_ns
    third = lapel(*command)
    assert third.returncode == 0, third.stderr
    assert third.stdout.count("done already") == 3
    assert (folder / "report" / "report.html").stat().st_mtime_ns == report


def test_without_torch_the_demo_says_what_to_install_before_it_begins(tmp_path: Path) -> None:
    program = (
        "import importlib.util as util\n"
        "find = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name == 'torch' else find(name, *rest)\n"
        "from lapel.cli.main import main\nmain()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "demo", str(tmp_path / "demo")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "pip install 'lapel[train]'" in done.stderr
    assert "Traceback" not in done.stderr
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
