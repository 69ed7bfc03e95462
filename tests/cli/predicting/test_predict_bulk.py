"""``lapel predict --out DIR``: killed and gone on with; and what a file that was stopped keeps."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from PIL import Image

from lapel.inference.predictor import Predictor

Run = Callable[..., tuple[int, str, str]]

#: Enough to be met in the middle, whatever the machine.
PHOTOS = 1_200


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for colour in ("red", "green", "blue"):
        Image.new("RGB", (64, 48), colour).save(folder / f"{colour}.jpg")
    for number in range(PHOTOS - 3):
        (folder / f"{number:05}.jpg").hardlink_to(folder / "red.jpg")
    return folder


def started(bundle: Path, photos: Path, out: Path, *options: str) -> subprocess.Popen[str]:
    words = map(str, ("predict", bundle, photos, "--out", out, *options))
    command = [sys.executable, "-m", "lapel", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(there: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 60
    while not there():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.005)


def test_killed_again_and_again_no_row_comes_twice_and_none_is_missing(
    colour_bundle: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "answers"
    for stop in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        before = len(list(out.glob("part-*")))
        process = started(colour_bundle, photos, out, "--part-rows", "100")
        wait_for(lambda: len(list(out.glob("part-*"))) > before, process)  # noqa: B023 - now
        process.send_signal(stop)
        said = process.communicate()[1]
        assert process.returncode == (-stop if stop == signal.SIGKILL else 128 + stop), said
        assert "Traceback" not in said
    assert 3 <= len(list(out.glob("part-*.parquet"))) < PHOTOS // 100
    process = started(colour_bundle, photos, out, "--part-rows", "100")
    printed, said = process.communicate()
    assert process.returncode == 0, said
    assert "were done before; going on with" in printed
    assert printed.endswith(f"{PHOTOS:,} pictures answered in {out}: 12 files, {PHOTOS:,} rows\n")
    images = pl.read_parquet(sorted(out.glob("*.parquet")))["image"].to_list()
    assert images == sorted(str(path) for path in photos.iterdir())


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_file_that_is_not_finished_keeps_what_was_answered(
    run: Run,
    colour_bundle: Path,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stop: signal.Signals,
    ending: str,
) -> None:
    prepare, prepared = Predictor.prepare, itertools.count()

    def stopped_on_the_way(self: Predictor, *arguments: Any, **options: Any) -> Any:
        if next(prepared) == 60:
            os.kill(os.getpid(), stop)
        return prepare(self, *arguments, **options)

    monkeypatch.setattr(Predictor, "prepare", stopped_on_the_way)
    out = tmp_path / f"answers.{ending}"
    out.write_text("of yesterday")
    code, printed, said = run("predict", colour_bundle, photos, "--out", out, "--batch", "8")
    assert (code, printed) == (128 + stop, "")
    kept = tmp_path / f"answers.stopped.{ending}"
    answered = int(said.split(": ")[1].split(" of ")[0])
    assert f"stopped by {stop.name}: {answered} of {PHOTOS} pictures answered in {kept}" in said
    rows = {
        "csv": lambda: len(kept.read_text().splitlines()) - 1,
        "jsonl": lambda: len(kept.read_text().splitlines()),
        "parquet": lambda: pl.read_parquet(kept).height,
    }[ending]()
    assert 0 < rows == answered < PHOTOS
    assert out.read_text() == "of yesterday"
    assert sorted(tmp_path.iterdir()) == sorted([out, kept])


def test_two_shares_are_the_whole(
    run: Run, colour_bundle: Path, photos: Path, tmp_path: Path
) -> None:
    for number in (1, 2):
        out = tmp_path / str(number)
        code, said, _ = run(
            "predict", colour_bundle, photos, "--out", out, "--share", f"{number}/2"
        )
        assert code == 0
        assert f"{PHOTOS // 2} pictures answered" in said
    images = [
        image
        for number in (1, 2)
        for image in pl.read_parquet(tmp_path / str(number) / "part-*.parquet")["image"]
    ]
    assert images == sorted(str(path) for path in photos.iterdir())


def test_pictures_that_cannot_be_read(run: Run, colour_bundle: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.new("RGB", (30, 40), "blue").save(folder / "blue.png")
    for number in range(30):
        (folder / f"{number}.jpg").write_bytes(b"")
    out = tmp_path / "answers"
    code, printed, said = run("predict", colour_bundle, folder, "--out", out)
    assert code == 1
    assert printed == f"1 picture answered in {out}: 1 file, 31 rows\n"
    assert said.count("the file is empty") == 20
    assert "30 of 31 pictures could not be read, and have rows that say why: column `error`" in said
    code, printed, said = run("predict", colour_bundle, folder, "--out", out, "--keep-going")
    assert code == 0
    assert printed.startswith("31 pictures were done before; going on with 0\n")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--out", "a.csv", "--ray"], "name a folder with --out"),
        (["--part-rows", "5"], "name a folder with --out"),
        (["--out", "answers", "--address", "auto"], "--address does not go with"),
        (["--out", "answers", "--workers", "2"], "add --ray"),
        (["--out", "answers", "--draw", "drawn"], "--draw does not go with answers in parts"),
        (["--out", "answers", "gs://bucket/photos"], "add --ray, which reads from there"),
        (["--out", "answers", "--tags", "x"], "--garments and --tags go together"),
    ],
)
def test_options_that_do_not_go_together(
    run: Run,
    colour_bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (30, 40), "blue").save("blue.png")
    code, _, err = run("predict", colour_bundle, "blue.png", *options)
    assert (code, said in err) == (2, True), err
    assert [path.name for path in Path.cwd().iterdir()] == ["blue.png"]


def test_ray_that_is_not_installed_says_how_to_have_it(
    run: Run, colour_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    Image.new("RGB", (30, 40), "blue").save("blue.png")
    for path in ("blue.png", "s3://bucket/photos"):
        code, _, err = run("predict", colour_bundle, path, "--out", "answers", "--ray")
        assert (code, "pip install 'lapel[ray]'" in err) == (1, True), err
