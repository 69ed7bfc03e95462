"""An endpoint rehearsed on this machine: the archive and the container's program that AWS would
run, with the variables that it would set, without Docker.
"""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from lapel.cloud.archives import pack, unpack
from lapel.cloud.container.layout import ROOT_VARIABLE as BASE
from lapel.cloud.container.serving import HOST, PORT, STAY, ping
from lapel.cloud.interruptions import interrupted_when_ended
from lapel.cloud.sagemaker.hosting.archive import ARCHIVE
from lapel.inference.bundle import Bundle
from lapel.schema.errors import CloudError

#: Seconds until the first answer to ``/ping``, and from SIGTERM to SIGKILL; the first is shorter
#: than AWS's own, so that a slow start is seen here.
STARTS_WITHIN, ENDS_WITHIN = 120.0, 30.0

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A server that answers as an endpoint's container would.

    Attributes:
        url: its address.
        process: its process.
        log: the file of what it says.
    """

    url: str
    process: subprocess.Popen[bytes]
    log: Path


@contextmanager
def rehearsed(
    bundle: str | Path, *, port: int = 0, environment: Mapping[str, str] | None = None
) -> Iterator[Rehearsal]:
    """A bundle, packed and unpacked as on its way to AWS, and served from a read-only folder.

    Args:
        bundle: a bundle or a run.
        port: to listen at on this machine alone; 0: any that is free.
        environment: variables of the container, beside SageMaker's own.

    Raises:
        BundleError: no bundle, or one that is not whole.
        CloudError: the server does not start, or does not end in time; with what it said.
    """
    with tempfile.TemporaryDirectory(prefix="lapel-opt-ml-") as folder:
        base = Path(folder)
        base.chmod(0o755)  # whoever serves owns nothing, and has to get in
        pack(Bundle.load(Path(bundle)).folder, base / ARCHIVE)
        unpack(base / ARCHIVE, base / "model")
        _make_read_only(base / "model")
        variables = {
            BASE: str(base),
            HOST: LOOPBACK,
            PORT: str(port or _free_port()),
            **({STAY: "1"} if _is_hidden() else {}),
            **(environment or {}),
        }
        try:
            with _started(variables, base / "log.txt") as process:
                yield Rehearsal(f"http://{LOOPBACK}:{variables[PORT]}", process, base / "log.txt")
        finally:
            (base / "model").chmod(0o755)


def rehearse(bundle: str | Path, *, port: int = 8080) -> None:
    """Serve a bundle as an endpoint's container would, until Ctrl+C, SIGTERM or SIGHUP.

    Raises:
        BundleError, CloudError: as :func:`rehearsed`.
    """
    # The server is a process of its own, which only we end.
    with (
        suppress(KeyboardInterrupt),
        interrupted_when_ended(),
        rehearsed(bundle, port=port) as rehearsal,
    ):
        lines = (
            f"Rehearsing an endpoint at {rehearsal.url}; Ctrl+C ends",
            f"curl --data-binary @PHOTO -H 'Content-Type: image/jpeg' {rehearsal.url}/invocations",
        )
        print("\n".join(lines), flush=True)  # noqa: T201 - a command's own words
        code = rehearsal.process.wait()
        raise CloudError(f"the server ended with {code}; it said:\n{_said(rehearsal.log)}")


@contextmanager
def _started(variables: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "lapel.cloud.container", "serve"]
    with log.open("wb") as said:
        process = subprocess.Popen(
            command, env={**os.environ, **variables}, stdout=said, stderr=subprocess.STDOUT
        )
    try:
        _wait_until_ready(process, variables, log)
        yield process
    finally:
        _end(process)


def _wait_until_ready(
    process: subprocess.Popen[bytes], variables: Mapping[str, str], log: Path
) -> None:
    until = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < until and process.poll() is None:
        if ping(variables):
            return
        time.sleep(0.1)
    code = process.poll()
    state = f"ended with {code}" if code is not None else f"was silent for {STARTS_WITHIN:.0f} s"
    raise CloudError(f"the server {state}; it said:\n{_said(log)}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """As AWS does: SIGTERM, and SIGKILL after half a minute."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(ENDS_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise CloudError(f"the server did not end within {ENDS_WITHIN:.0f} s of SIGTERM") from None


def _make_read_only(folder: Path) -> None:
    for path in [*folder.rglob("*"), folder]:
        path.chmod(0o555 if path.is_dir() else 0o444)


def _is_hidden() -> bool:
    """Whether this program lies where nobody but its user may read, such as in root's home."""
    files = [Path(file).resolve() for file in (os.__file__, __file__, sys.executable)]
    folders = {folder for file in files for folder in file.parents}
    return any(not folder.stat().st_mode & stat.S_IXOTH for folder in folders)


def _free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as taken:
        return int(taken.getsockname()[1])


def _said(log: Path) -> str:
    return "\n".join(log.read_text("utf-8", "replace").splitlines()[-20:])
