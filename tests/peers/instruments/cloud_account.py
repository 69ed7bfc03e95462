"""Accounts of AWS on this machine: moto's server, and SeaweedFS, a real S3 server."""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: Keys that exist in tests alone; SeaweedFS refuses others, moto takes any.
ACCESS_KEY, SECRET_KEY = "AKIATESTSALONE000000", "known-to-these-tests-alone"
REGION = "eu-central-1"

STARTS_WITHIN = 90.0
#: SeaweedFS takes its time to end; it keeps nothing that is needed.
ENDS_WITHIN = 5.0


@dataclass(frozen=True)
class ObjectStore:
    """A server that speaks S3's protocol.

    Attributes:
        endpoint: its address.
        environment: what leads boto3's chain there, for processes and ``monkeypatch.setenv``.
    """

    endpoint: str
    environment: dict[str, str]
    _numbers: Iterator[int] = field(default_factory=itertools.count, repr=False)
    _clients: dict[str, Any] = field(default_factory=dict, repr=False)

    def client(self, service: str = "s3") -> Any:
        """boto3's plain client, none of ours; made once, since that takes its time."""
        if service not in self._clients:
            self._clients[service] = self._made(service)
        return self._clients[service]

    def _made(self, service: str) -> Any:
        import boto3
        from botocore.config import Config

        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=Config(s3={"addressing_style": "path"}),
        )

    def bucket(self) -> str:
        """The name of a new, empty bucket."""
        name = f"lapel-{os.getpid()}-{next(self._numbers)}"
        where = {"LocationConstraint": REGION}
        self.client().create_bucket(Bucket=name, CreateBucketConfiguration=where)
        return name


def store_at(endpoint: str) -> ObjectStore:
    """The server at an address; no file of the user's is looked into for keys."""
    return ObjectStore(
        endpoint=endpoint,
        environment={
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        },
    )


@contextmanager
def moto_account(folder: Path) -> Iterator[ObjectStore]:
    """An empty account of AWS, as moto's server plays it: S3, EC2, IAM, SageMaker and more."""
    port = free_ports(1)[0]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    endpoint = f"http://127.0.0.1:{port}"
    with _running(command, f"{endpoint}/moto-api/", folder / "moto.txt"):
        yield store_at(endpoint)


def emptied(account: ObjectStore) -> None:
    """Leave nothing in moto's account."""
    request = urllib.request.Request(f"{account.endpoint}/moto-api/reset", method="POST")
    with urllib.request.urlopen(request, timeout=30):
        pass


@contextmanager
def seaweedfs(weed: Path, folder: Path) -> Iterator[ObjectStore]:
    """A real S3 server, which checks signatures, checksums and conditions.

    Args:
        weed: SeaweedFS's program.
        folder: for its data, logs and sockets.
    """
    ports = dict(zip(("master", "volume", "filer", "s3"), free_ports(4), strict=True))
    identities = folder / "identities.json"
    keys = {"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}
    rights = ["Admin", "Read", "List", "Tagging", "Write"]
    known = [{"name": "tests", "credentials": [keys], "actions": rights}]
    identities.write_text(json.dumps({"identities": known}), encoding="utf-8")
    data = folder / "data"
    data.mkdir()
    command = [
        str(weed), f"-logdir={folder}",
        "server", f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
        f"-master.port={ports['master']}", f"-volume.port={ports['volume']}",
        "-filer", f"-filer.port={ports['filer']}",
        "-s3", f"-s3.port={ports['s3']}", f"-s3.config={identities}",
        f"-filer.localSocket={folder}/filer.sock", f"-s3.localSocket={folder}/s3.sock",
        "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false",
        "-master.volumeSizeLimitMB=64", "-volume.max=300",
    ]  # fmt: skip
    endpoint = f"http://127.0.0.1:{ports['s3']}"
    try:
        with _running(command, endpoint, folder / "seaweedfs.txt", TMPDIR=str(folder)):
            store = store_at(endpoint)
            _wait_until_it_keeps(store)
            yield store
    finally:
        for name, port in ports.items():  # no option leads these elsewhere
            Path(f"/tmp/seaweedfs-{name}-grpc-{port + 10_000}.sock").unlink(missing_ok=True)


def _wait_until_it_keeps(store: ObjectStore) -> None:
    # It answers before its disk has joined.
    latest = time.monotonic() + STARTS_WITHIN
    client, bucket = store.client(), store.bucket()
    while True:
        try:
            client.put_object(Bucket=bucket, Key="first", Body=b"1")
            return
        except Exception:  # whatever it says before it is ready
            if time.monotonic() > latest:
                raise
            time.sleep(0.5)


@contextmanager
def _running(command: list[str], address: str, said: Path, **changes: str) -> Iterator[None]:
    with said.open("wb") as file:
        process = subprocess.Popen(
            command,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=said.parent,
            env=os.environ | changes,
            start_new_session=True,
        )
    try:
        _wait_for(process, address, said)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(process: subprocess.Popen[bytes], address: str, said: Path) -> None:
    latest = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < latest and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except urllib.error.HTTPError as error:
            error.close()
            return  # it refuses who asks without a key: it listens
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    text = said.read_text("utf-8", errors="replace")
    raise RuntimeError(f"{command_of(process)} did not start; it said:\n{text[-4000:]}")


def command_of(process: subprocess.Popen[bytes]) -> str:
    """The program that a process runs."""
    return str(process.args[0]) if isinstance(process.args, list) else str(process.args)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens at, each with the one 10,000 above, which SeaweedFS takes too."""
    found: list[int] = []
    while len(found) < count:
        with socket.socket() as low, socket.socket() as high:
            low.bind(("127.0.0.1", 0))
            port: int = low.getsockname()[1]
            if port > 55_000:
                port -= 20_000
            try:
                high.bind(("127.0.0.1", port + 10_000))
            except OSError:
                continue
        if port not in found and _is_free(port):
            found.append(port)
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
