"""What the serving image holds: little enough, and all that answering needs."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.serving_image import BASE_BYTES, MOST_BYTES, install, sizes_by_package
from lapel.cloud.container.serving import NO_RIGHTS


@pytest.fixture(scope="module")
def packages() -> Iterator[Path]:
    """What the Dockerfile's own command installs, in a folder that all may read, as in an image."""
    with tempfile.TemporaryDirectory(prefix="lapel-image-") as folder:
        Path(folder).chmod(0o755)
        yield install(Path(folder))


def test_it_is_under_400_megabytes(packages: Path) -> None:
    sizes = sizes_by_package(packages)
    assert sum(sizes.values()) + BASE_BYTES < MOST_BYTES, sizes.most_common(10)
    heavy = {"torch", "torchvision", "polars", "matplotlib", "boto3", "botocore"}
    assert not heavy & set(sizes)


def test_it_answers_with_nothing_else_installed(
    packages: Path, colour_bundle: Path, tmp_path: Path
) -> None:
    """An interpreter that has pip alone, and the image's packages: it serves the contract."""
    (tmp_path / "model").symlink_to(colour_bundle)
    python = packages.parents[3] / "builder" / "bin" / "python"
    port = 8642
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(packages),
        "SAGEMAKER_BASE_DIR": str(tmp_path),
        "SAGEMAKER_BIND_TO_PORT": str(port),
        "LAPEL_HOST": "127.0.0.1",
    }
    program = packages.parents[2] / "bin" / "lapel-container"
    with (tmp_path / "said.txt").open("wb") as said:
        process = subprocess.Popen(
            [python, program, "serve"], env=environment, stdout=said, stderr=said, cwd="/"
        )
    try:
        ping = [str(python), str(program), "ping"]
        until = time.monotonic() + 60
        while subprocess.run(ping, env=environment, check=False).returncode:
            assert process.poll() is None, (tmp_path / "said.txt").read_text("utf-8")
            assert time.monotonic() < until
            time.sleep(0.2)
        file = BytesIO()
        Image.new("RGB", (40, 30), (20, 20, 220)).save(file, "PNG")
        address = f"http://127.0.0.1:{port}/invocations"
        request = urllib.request.Request(address, file.getvalue(), {"Content-Type": "image/png"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            value = json.loads(answer.read())
        assert value["predictions"][0]["answers"]["colour"]["label"] == "blue"
        if os.geteuid() == 0:
            status = Path(f"/proc/{process.pid}/status").read_text("utf-8")
            assert f"Uid:\t{NO_RIGHTS}\t{NO_RIGHTS}" in status
        process.terminate()
        assert process.wait(30) == 0, (tmp_path / "said.txt").read_text("utf-8")
    finally:
        process.kill()
        process.wait()
