"""``lapel predict --ray`` on a real cluster of two workers: the same rows, whoever dies."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from object_store import object_store
from PIL import Image

ROOT = Path(__file__).parents[2]

#: Photos that take some milliseconds each, so that there is a middle to be met in.
PHOTOS, PART = 480, 20

#: How Ray calls the processes that answer.
WORKER = b"ray::MapWorker"

#: The mark by which processes are told from those of anybody else on this machine.
MARK = "LAPEL_TESTS_RAY"


@pytest.fixture(scope="module")
def python(peer: Callable[[str], Path]) -> Path:
    """An interpreter that has Ray."""
    return peer("ray") / "python"


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(4)
    for number in range(PHOTOS):
        colour = tuple(int(level) for level in random.integers(0, 256, 3))
        Image.new("RGB", (1600, 1200), colour).save(folder / f"{number:04}.jpg", quality=60)
    (folder / "0100-torn.jpg").write_bytes((folder / "0100.jpg").read_bytes()[:900])
    return folder


@pytest.fixture
def start(python: Path, colour_bundle: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts ``lapel predict``; in the end nothing that it started is left."""
    mark = secrets.token_hex(8)
    environment = {
        **os.environ,
        MARK: mark,
        "PYTHONPATH": str(ROOT / "src"),
        "OMP_NUM_THREADS": "1",
        "AWS_ACCESS_KEY_ID": "anybody",
        "AWS_SECRET_ACCESS_KEY": "anything",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str | Path) -> subprocess.Popen[str]:
        words = [str(python), "-m", "lapel", "predict", str(colour_bundle), *map(str, arguments)]
        pipe = subprocess.PIPE
        process = subprocess.Popen(words, env=environment, stdout=pipe, stderr=pipe, text=True)
        started.append(process)
        return process

    start.mark = mark  # type: ignore[attr-defined] # whoever looks for workers needs it
    yield start
    for process in started:
        process.kill()
        process.communicate()
    for process_id in marked(mark):
        os.kill(process_id, signal.SIGKILL)


def marked(mark: str, title: bytes = b"") -> list[int]:
    """Processes that a test started, however far down; of a title where one is asked for."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            ours = f"{MARK}={mark}".encode() in (folder / "environ").read_bytes().split(b"\0")
            if ours and (folder / "cmdline").read_bytes().startswith(title):
                found.append(int(folder.name))
        except OSError:  # it has ended, or is somebody else's
            continue
    return found


def table(out: Path) -> pl.DataFrame:
    return pl.read_parquet(sorted(out.glob("part-*.parquet")))


def wait_for(there: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 180
    while not there():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)


def parts(out: Path) -> int:
    return len(list(out.glob("part-*.parquet")))


def test_the_same_rows_with_a_worker_killed_on_the_way(
    start: Callable[..., subprocess.Popen[str]], photos: Path, tmp_path: Path
) -> None:
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    process = start(photos, "--out", alone, "--part-rows", str(PART), "--keep-going")
    said = process.communicate()
    assert process.returncode == 0, said
    process = start(
        photos, "--out", shared, "--part-rows", str(PART), "--keep-going", "--ray", "--workers", "2"
    )
    wait_for(lambda: parts(shared) >= 3, process)
    workers = marked(start.mark, WORKER)  # type: ignore[attr-defined] # as above
    assert len(workers) == 2
    os.kill(workers[0], signal.SIGKILL)
    assert parts(shared) < PHOTOS // PART
    said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert "0100-torn.jpg: torn or damaged" in said[1]
    assert said[0].endswith(
        f"{PHOTOS:,} pictures answered in {shared}: 25 files, {PHOTOS + 1:,} rows\n"
    )
    assert table(shared).equals(table(alone))
    for part in alone.glob("part-*"):
        assert (shared / part.name).read_bytes() == part.read_bytes()


def test_what_ray_began_goes_on_without_it(
    start: Callable[..., subprocess.Popen[str]], photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "answers"
    options = (photos, "--out", out, "--part-rows", PART, "--keep-going")
    process = start(*options, "--ray", "--workers", "2")
    wait_for(lambda: parts(out) >= 2, process)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGINT, said
    assert "the same command goes on" in said[1]
    assert parts(out) < PHOTOS // PART
    process = start(*options)
    said = process.communicate()
    assert process.returncode == 0, said
    assert "were done before; going on with" in said[0]
    images = table(out)["image"].to_list()
    assert images == sorted(str(path) for path in photos.iterdir())


def test_pictures_in_a_store(
    start: Callable[..., subprocess.Popen[str]], photos: Path, tmp_path: Path
) -> None:
    near, far = tmp_path / "near", tmp_path / "far"
    few = sorted(photos.iterdir())[90:130]
    process = start(*few, "--out", near, "--part-rows", 10, "--keep-going")
    said = process.communicate()
    assert process.returncode == 0, said
    objects = {f"shop/{path.name}": path.read_bytes() for path in few} | {"shop/list.csv": b"a"}
    with object_store("photos", objects) as address:
        root = f"s3://photos/shop?endpoint_override={address}&scheme=http&region=us-east-1"
        process = start(root, "--out", far, "--part-rows", 10, "--keep-going", "--ray")
        said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    found, expected = table(far), table(near)
    assert found["image"].to_list() == [f"s3://photos/shop/{path.name}" for path in few]
    assert found.drop("image").equals(expected.drop("image"))
    assert found["error"].null_count() == len(few) - 1


def test_a_cluster_that_is_not_there(
    start: Callable[..., subprocess.Popen[str]], photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "answers"
    process = start(photos, "--out", out, "--ray", "--address", "127.0.0.1:9")
    said = process.communicate(timeout=180)[1]
    assert process.returncode == 1
    assert "the Ray cluster 127.0.0.1:9 cannot be reached" in said
    assert "Traceback" not in said
