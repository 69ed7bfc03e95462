"""A machine that our command rents from moto, and another that answers in its place."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
from cloud_account import ObjectStore
from emulated_account import OWN_NETWORK, REGION, set_environment
from loopback_machine import LoopbackMachine, loopback_machine

from lapel.cloud.ec2.keys import machine_folder

NAME = "trainer"

Done = subprocess.CompletedProcess[str]


@dataclass
class Rented:
    """A machine that was rented by our command, and answers."""

    machine: LoopbackMachine
    folder: Path

    def lapel(self, *arguments: str | Path, code: int | None = 0, timeout: float = 240) -> Done:
        """Run ``lapel cloud ec2 ...`` as a user does."""
        done = subprocess.run(
            command(*arguments),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            env=os.environ | {"LAPEL_SSH": self.machine.ssh()},
        )
        assert code is None or done.returncode == code, f"{done.stdout}\n{done.stderr}"
        return done

    def cut(self) -> None:
        """Cut every connection to it."""
        assert self.machine.cable is not None
        self.machine.cable.cut()

    def job(self, number: int) -> Path:
        """A job's folder on the machine."""
        return self.machine.home / "jobs" / str(number)


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "lapel", "cloud", "ec2", *map(str, arguments)]


def rent(name: str, folder: Path, user: str) -> str:
    """Rent a machine; gives the user data that EC2 was given."""
    ec2 = boto3.client("ec2", region_name=REGION)
    images = ec2.describe_images(
        Filters=[
            {"Name": "name", "Values": ["*ubuntu*"]},
            {"Name": "architecture", "Values": ["x86_64"]},
        ]
    )["Images"]
    done = subprocess.run(
        command(
            *("up", name, "--kind", "g4dn.xlarge", "--image", images[0]["ImageId"]),
            *("--user", user, "--from", OWN_NETWORK, "--spot", "--yes"),
        ),
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    ((instance,),) = (
        one["Instances"]
        for one in ec2.describe_instances(
            Filters=[
                {"Name": "tag:lapel", "Values": [f"ec2/{name}"]},
                {"Name": "instance-state-name", "Values": ["pending", "running"]},
            ]
        )["Reservations"]
    )
    given = ec2.describe_instance_attribute(InstanceId=instance["InstanceId"], Attribute="userData")
    return base64.b64decode(given["UserData"]["Value"]).decode()


def public_key(name: str) -> str:
    """Public half of the key that was made to sign in to the rented machine."""
    identity = machine_folder(REGION, name).identity
    done = subprocess.run(
        ["ssh-keygen", "-y", "-f", identity], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@contextmanager
def rented_machine(name: str, folder: Path, store: ObjectStore) -> Iterator[Rented]:
    """Rent a machine, let another answer in its place, and end both."""
    # tmux's socket lies in it, whose path may have no more than 107 characters.
    with (
        tempfile.TemporaryDirectory(prefix="lapel-") as short,
        loopback_machine(Path(short), store.environment) as machine,
    ):
        machine.boot(rent(name, folder, machine.user), signs_in=public_key(name))
        yield Rented(machine, folder)
        done = subprocess.run(command("down", name), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def rented(
    aws_server: str, object_store: ObjectStore, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Rented]:
    """A rented machine that answers; nothing is installed on it yet."""
    for program in ("tmux", "sshd"):
        if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin") is None:
            pytest.skip(f"no {program} here: `make test-peers` installs it (Debian: apt)")
    folder = tmp_path_factory.mktemp("rented")
    with pytest.MonkeyPatch.context() as patch:
        set_environment(patch, aws_server, folder)
        for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
            patch.setenv(key, object_store.environment[key])
        patch.setenv("AWS_ENDPOINT_URL_S3", object_store.endpoint)
        patch.setenv("OMP_NUM_THREADS", "1")
        with rented_machine(NAME, folder, object_store) as machine:
            patch.setenv("LAPEL_SSH", machine.machine.ssh())
            yield machine


def until(true: Callable[[], bool], *, within: float = 120) -> None:
    latest = time.monotonic() + within
    while not true():
        assert time.monotonic() < latest, "it did not come about"
        time.sleep(0.05)
