"""SageMaker's hosting contract, kept by a real process on port 8080 from a read-only model."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile

import pytest
from PIL import Image

from lapel.cloud.container.__main__ import main
from lapel.cloud.container.serving import NO_RIGHTS, Hosting, ping
from lapel.schema.errors import UsageError

#: SageMaker's own port.
PORT = 8080

#: Seconds until the server is given up, and that SageMaker leaves it to end.
STARTS, ENDS = 60.0, 30.0


def png(colour: tuple[int, int, int] = (220, 20, 20)) -> bytes:
    file = BytesIO()
    Image.new("RGB", (40, 30), colour).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def base(colour_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """``/opt/ml`` with a model that nobody may write, and that its owner alone may read."""
    folder = tmp_path_factory.mktemp("opt-ml")
    shutil.copytree(colour_bundle, folder / "model")
    for path in [*(folder / "model").iterdir(), folder / "model"]:
        path.chmod(0o500 if path.is_dir() else 0o400)
    yield folder
    (folder / "model").chmod(0o700)


@contextmanager
def serving(
    base: Path, *, before: Sequence[str] = (), **variables: str
) -> Iterator[subprocess.Popen[bytes]]:
    """``lapel-container serve`` in a folder and with a home that it cannot write.

    Words of ``before`` stand before the command.
    """
    surroundings: Mapping[str, str] = {
        **{key: os.environ[key] for key in ("PATH", "PYTHONPATH") if key in os.environ},
        "OMP_NUM_THREADS": "1",
        "HOME": "/nonexistent",
        "LAPEL_HOST": "127.0.0.1",
        "SAGEMAKER_BASE_DIR": str(base),
        **variables,
    }
    command = [*before, sys.executable, "-m", "lapel.cloud.container", "serve"]
    with TemporaryFile() as said:
        process = subprocess.Popen(
            command, env=surroundings, cwd="/", stdout=said, stderr=subprocess.STDOUT
        )
        try:
            until = time.monotonic() + STARTS
            while not ping(surroundings):
                ended = process.poll() is not None or time.monotonic() > until
                assert not ended, said.seek(0) or said.read().decode()
                time.sleep(0.05)
            yield process
        finally:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def server(base: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The container's program on SageMaker's port."""
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", PORT))
        except OSError:
            pytest.skip(f"port {PORT} is taken on this machine, and SageMaker knows no other")
    with serving(base) as process:
        yield process


def ask(
    path: str,
    data: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    port: int = PORT,
) -> tuple[int, str, bytes]:
    """Status, type and body of an answer."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, dict(headers or {}))
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read()


@pytest.mark.usefixtures("server")
def test_it_says_that_it_is_well_within_two_seconds_whatever_the_load() -> None:
    stop = threading.Event()

    def keep_busy() -> None:
        while not stop.is_set():
            ask("/invocations", png(), {"Content-Type": "image/png"})

    callers = [threading.Thread(target=keep_busy) for _ in range(4)]
    for caller in callers:
        caller.start()
    slowest = 0.0
    for _ in range(10):
        begun = time.monotonic()
        assert ask("/ping")[0] == 200
        slowest = max(slowest, time.monotonic() - begun)
    stop.set()
    for caller in callers:
        caller.join()
    assert slowest < 2


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("kind", ["image/png", "application/octet-stream", "application/x-image"])
def test_it_answers_as_the_caller_wants(kind: str) -> None:
    headers = {"X-Amzn-SageMaker-Custom-Attributes": "top=1", "Content-Type": kind}
    status, form, body = ask("/invocations", png(), headers)
    assert (status, form) == (200, "application/json")
    answer = json.loads(body)["predictions"][0]["answers"]["colour"]
    assert answer["label"] == "red"
    assert len(answer["top"]) == 1
    for wanted in ("application/jsonlines", "text/csv"):
        status, form, body = ask("/invocations", png(), {"Content-Type": kind, "Accept": wanted})
        assert (status, form.partition(";")[0]) == (200, wanted)
        assert b"red" in body


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"no picture", {"Content-Type": "image/png"}, 415),
        (b"{}", {"Content-Type": "application/json"}, 415),
        (png(), {"Content-Type": "image/png", "Accept": "image/gif"}, 406),
        (png(), {"Content-Type": "image/png", "X-Amzn-SageMaker-Custom-Attributes": "top"}, 422),
    ],
)
def test_what_it_refuses_it_explains(body: bytes, headers: dict[str, str], status: int) -> None:
    found, form, said = ask("/invocations", body, headers)
    assert (found, form) == (status, "application/json")
    assert json.loads(said)["error"]["message"]


def test_strangers_bytes_are_read_by_a_user_who_owns_nothing(
    server: subprocess.Popen[bytes], base: Path
) -> None:
    status = Path(f"/proc/{server.pid}/status").read_text("utf-8")
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert facts["NoNewPrivs"] == "1"
    if os.geteuid() != 0:
        pytest.skip("whoever is not root has no rights to give up")
    assert facts["Uid"].split() == facts["Gid"].split() == [str(NO_RIGHTS)] * 4
    assert facts["Groups"].strip() == ""
    assert int(facts["CapEff"], 16) == int(facts["CapPrm"], 16) == 0
    owners = {path.stat().st_uid for path in (base / "model").iterdir()}
    assert NO_RIGHTS not in owners


def test_nothing_was_written(server: subprocess.Popen[bytes], base: Path) -> None:
    assert server.poll() is None
    assert [path.name for path in base.iterdir()] == ["model"]
    opened = [path.readlink() for path in Path(f"/proc/{server.pid}/fd").iterdir()]
    assert not [path for path in opened if path.is_relative_to(base)]


#: A machine of its own as far as folders go, in which ``/opt/ml/model`` is mounted read-only.
MOUNTED = """
mount -t tmpfs -o mode=755 none /opt && mkdir -p /opt/ml/model &&
mount --bind "$1" /opt/ml/model && mount -o remount,bind,ro /opt/ml/model && shift && exec "$@"
"""


def may_mount() -> bool:
    tried = ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/opt"]
    return (
        shutil.which("unshare") is not None
        and not subprocess.run(tried, capture_output=True, check=False).returncode
    )


def test_it_answers_from_a_read_only_mount_at_the_very_path(
    colour_bundle: Path, unused_port: int
) -> None:
    if not may_mount():
        pytest.skip("this user may mount nothing, not even in a namespace of its own")
    told = {"SAGEMAKER_BIND_TO_PORT": str(unused_port), "SAGEMAKER_BASE_DIR": ""}
    before = ["unshare", "--mount", "sh", "-c", MOUNTED, "sh", str(colour_bundle)]
    with serving(colour_bundle, before=before, **told) as process:
        seen = Path("/proc", str(process.pid), "root", "opt", "ml", "model")
        with pytest.raises(OSError, match="Read-only file system"):
            (seen / "more").touch()
        status, _, body = ask(
            "/invocations", png((20, 220, 20)), {"Content-Type": "image/png"}, port=unused_port
        )
        assert (status, b"green" in body) == (200, True)


def test_a_batchs_server_answers_bad_photos_in_place_and_ends_losing_nothing_it_took_on(
    base: Path, unused_port: int
) -> None:
    """Within half a minute, as SageMaker leaves it."""
    told = {"SAGEMAKER_BIND_TO_PORT": str(unused_port), "LAPEL_ERRORS_IN_PLACE": "1"}
    with serving(base, **told) as process:
        for wanted in ("application/jsonlines", "text/csv"):
            headers = {"Content-Type": "application/octet-stream", "Accept": wanted}
            status, _, body = ask("/invocations", b"torn", headers, port=unused_port)
            assert status == 200
            assert b"error" in body
        assert status_while_it_ends(process, unused_port) == 200


def status_while_it_ends(process: subprocess.Popen[bytes], port: int) -> int:
    """The status of a request of which SIGTERM leaves the last byte to come."""
    photo = png()
    head = (
        "POST /invocations HTTP/1.1\r\nHost: container\r\nContent-Type: image/png\r\n"
        f"Content-Length: {len(photo)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=20) as caller:
        caller.sendall(head.encode() + photo[:-1])
        time.sleep(0.3)
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        caller.sendall(photo[-1:])
        status = int(caller.makefile("rb").readline().split()[1])
    assert process.wait(ENDS) == 0
    assert time.monotonic() - begun < 15
    return status


@pytest.fixture
def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def test_a_model_that_is_not_whole_ends_it_with_a_reason(
    own_colour_bundle: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "opt").mkdir()
    own_colour_bundle.rename(tmp_path / "opt" / "model")
    network = tmp_path / "opt" / "model" / "model.onnx"
    network.write_bytes(network.read_bytes()[:-1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path / "opt"))
        assert main(["serve"]) == 1
    assert "is not the file that was bundled" in capfd.readouterr().err


def test_another_word_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deploy"]) == 2
    assert "expected lapel-container train|serve|ping" in capsys.readouterr().err
    assert main([]) == 2


def test_a_variable_that_is_no_number_is_told() -> None:
    with pytest.raises(UsageError, match="SAGEMAKER_BIND_TO_PORT: found 'http', expected a number"):
        Hosting.of({"SAGEMAKER_BIND_TO_PORT": "http"})


def test_nobody_there_is_no_ping(unused_port: int) -> None:
    told = {"SAGEMAKER_BIND_TO_PORT": str(unused_port), "LAPEL_HOST": "127.0.0.1"}
    assert not ping(told)


def test_what_serves_needs_neither_torch_nor_aws() -> None:
    code = (
        "import sys, lapel.cloud.container.__main__, lapel.cloud.container.serving, "
        "lapel.serving.run, lapel.serving.models; "
        "print([m for m in ('torch', 'boto3', 'botocore', 'polars', 'yaml') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
