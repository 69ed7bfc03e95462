"""Work on a rented machine over a real ssh, sshd and tmux, through a network that is cut.

The machine is rented from moto, which boots nothing; in its place answers an sshd on loopback
with the very user data, host key and login key that EC2 was given.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
import shutil
import signal
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
from emulated_account import OWN_NETWORK, REGION, aws_server, set_environment
from loopback_machine import LoopbackMachine, loopback_machine
from machine_metadata import NOTICE, machine_metadata

from lapel.cloud.ec2 import watcher
from lapel.cloud.ec2.keys import machine_folder, new_key
from lapel.storage.local import sha256_of

__all__ = ["aws_server"]

NAME, NEXT = "trainer", "trainer-2"

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


def started(done: Done) -> int:
    """The number of the job that `run` says it has started."""
    found = re.search(r"^job (\d+) runs on", done.stdout, re.MULTILINE)
    assert found is not None, done.stdout
    return int(found[1])


#: Says twenty lines at a time, and waits until it is told to go on.
TALKING = """for part in 1 2 3; do
  for line in $(seq 20); do echo "$part-$line"; done
  until [ -e "go-$part" ]; do sleep 0.1; done
done
exit 7"""


def test_a_job_outlives_its_connection_and_is_followed_over_cuts(rented: Rented) -> None:
    machine = rented.machine
    said = rented.lapel("run", NAME, "--", TALKING)
    number = started(said)
    assert "sending the code that runs here" in said.stderr
    assert (machine.home / "setup.exit").read_text() == "0\n"
    heard = rented.folder / "heard.txt"
    with heard.open("wb") as file:
        following = subprocess.Popen(
            command("logs", NAME, "-f", "--job", str(number)),
            stdout=file,
            stderr=subprocess.PIPE,
            text=True,
        )
    for part in (1, 2, 3):
        until(lambda: f"{part}-20\n" in heard.read_text())  # noqa: B023 - called at once
        rented.cut()
        (machine.home / "work" / f"go-{part}").touch()
    _, complaints = following.communicate(timeout=120)
    lines = [f"{part}-{line}" for part in (1, 2, 3) for line in range(1, 21)]
    assert heard.read_text().splitlines() == lines, "each line once"
    assert complaints.count("trying again") >= 3
    assert f"job {number} ended with 7" in complaints
    assert following.returncode == 1
    assert (rented.job(number) / "exit").read_text() == "7\n"
    assert listed(rented)[number][:2] == ["ended", "7"]


def listed(rented: Rented) -> dict[int, list[str]]:
    """What `jobs` says: number to state, exit code, start and command."""
    lines = rented.lapel("jobs", NAME).stdout.splitlines()
    return {int(line.split("\t")[0]): line.split("\t")[1:] for line in lines}


class Terminal:
    """A terminal that somebody sits at: a tmux of the test's own."""

    def __init__(self, folder: Path) -> None:
        # A server that was told to end takes its time; the next test has one of its own.
        socket = folder / f"own-{secrets.token_hex(3)}"
        self.tmux = ["tmux", "-S", str(socket), "-f", "/dev/null"]
        self.begun = False

    def type(self, *keys: str) -> None:
        subprocess.run([*self.tmux, "send-keys", "-t", "0", *keys], check=True)

    def shows(self, text: str, *, within: float = 120) -> None:
        """Wait until something stands on the screen."""
        latest = time.monotonic() + within
        while text not in (seen := self.screen()):
            assert time.monotonic() < latest, f"{text!r} did not come up; there is:\n{seen}"
            time.sleep(0.1)

    def screen(self) -> str:
        words = [*self.tmux, "capture-pane", "-p", "-t", "0"]
        return subprocess.run(words, capture_output=True, text=True, check=False).stdout

    def run(self, words: list[str]) -> None:
        """Run a command there, in place of what ran before; says how it ended."""
        shell = ["bash", "-c", '"$@"; echo "over: $?"; sleep 300', "bash", *words]
        if not self.begun:
            size = ["-x", "120", "-y", "30"]
            subprocess.run([*self.tmux, "new-session", "-d", *size, *shell], check=True)
            self.begun = True
            return
        subprocess.run([*self.tmux, "respawn-pane", "-k", "-t", "0", *shell], check=True)

    def close(self) -> None:
        subprocess.run([*self.tmux, "kill-server"], check=False, capture_output=True)


@pytest.fixture
def terminal(rented: Rented) -> Iterator[Terminal]:
    found = Terminal(rented.machine.root)
    yield found
    found.close()


def test_a_terminal_is_attached_to_left_and_attached_to_again(
    rented: Rented, terminal: Terminal
) -> None:
    asking = "echo ready; read -r word; echo got $word; sleep 2; exit 0"
    number = started(rented.lapel("run", NAME, "--", asking))
    attach = command("attach", NAME, "--job", str(number))
    terminal.run(attach)
    terminal.shows("ready")
    rented.cut()
    terminal.shows("over: 1")
    terminal.shows("attach again")

    terminal.run(attach)
    terminal.shows("ready")
    terminal.type("C-b", "d")
    terminal.shows("over: 0")
    terminal.shows(f"job {number} runs")

    terminal.run(attach)
    terminal.shows("ready")
    terminal.type("hello", "Enter")
    terminal.shows(f"job {number} ended with 0")
    assert "got hello" in rented.lapel("logs", NAME, "--job", str(number)).stdout


def test_a_shell_outlives_its_connection_too(rented: Rented, terminal: Terminal) -> None:
    terminal.run(command("attach", NAME, "--shell"))
    terminal.type("word=kept; which lapel", "Enter")
    terminal.shows("venv/bin/lapel")
    rented.cut()
    terminal.shows("over: 1")
    terminal.run(command("attach", NAME, "--shell"))
    terminal.type("clear; echo it was $word", "Enter")
    terminal.shows("it was kept")
    terminal.type("exit", "Enter")
    terminal.shows("over: 0")


def test_another_machine_at_the_address_is_not_believed(rented: Rented, tmp_path: Path) -> None:
    machine = rented.machine
    machine.stop_answering()
    other = tmp_path / "other_host_key"
    other.write_text(new_key("another").private, encoding="utf-8")
    other.chmod(0o600)
    machine.answer(host_key=other)
    machine.ssh()
    done = rented.lapel("run", NAME, "--", "touch was-here", code=1)
    machine.stop_answering()
    machine.answer()
    machine.ssh()
    assert "does not hold the key" in done.stderr
    assert not (machine.home / "work" / "was-here").exists()


def test_what_was_killed_is_told_from_what_ended(rented: Rented) -> None:
    killed = started(rented.lapel("run", NAME, "--", "exec sleep 300"))
    ended = started(rented.lapel("run", NAME, "--", "sh", "-c", "exit 3"))
    until((rented.job(ended) / "exit").exists)
    for name in ("shell", "pid"):
        os.kill(int((rented.job(killed) / name).read_text()), signal.SIGKILL)
    until(lambda: listed(rented)[killed][0] == "lost")
    assert listed(rented)[ended][:2] == ["ended", "3"]
    assert listed(rented)[ended][3] == "sh -c 'exit 3'"
    assert "has no job 99" in rented.lapel("logs", NAME, "--job", "99", code=1).stderr


def test_an_installation_that_fails_says_why(rented: Rented) -> None:
    home = rented.machine.home
    facts = (home / "environment").read_text()
    (home / "environment").write_text(f"{facts}export LAPEL_INSTALL=no-such-package\n")
    jobs_before = len(list((home / "jobs").iterdir()))
    rented.machine.install()
    done = rented.lapel("run", NAME, "--", "true", code=1)
    assert "No matching distribution found for no-such-package" in done.stderr
    assert len(list((home / "jobs").iterdir())) == jobs_before
    (home / "environment").write_text(facts)
    (home / "setup.exit").write_text("0\n")


def told_of_a_notice(rented: Rented, job: Path) -> None:
    """Let AWS take the machine, and wait until the job has saved and ended."""
    home = rented.machine.home
    with machine_metadata() as metadata:
        watch = [sys.executable, "-I", watcher.__file__, "--home", str(home), "--spot"]
        watching = subprocess.Popen([*watch, "--every", "0.2", "--metadata", metadata.url])
        try:
            until(lambda: metadata.asked > 1)
            metadata.notice = NOTICE
            noticed = time.monotonic()
            until((job / "exit").exists)
            assert time.monotonic() - noticed < 30
        finally:
            watching.terminate()
            watching.wait(20)
    assert (job / "exit").read_text() == "143\n"
    assert "AWS takes this machine at 2026-11-22T18:00:00Z" in (job / "log").read_text()


@pytest.fixture(scope="module")
def trained(
    rented: Rented,
    small_dataset: Path,
    object_store: ObjectStore,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A run of a machine that AWS took in the middle; gone on with by the next, brought home."""
    place = f"s3://{object_store.bucket()}/run"
    train = [
        *("lapel", "train", "fashion-mnist-tiny", "--data", str(small_dataset), "--out", place),
        *("--set", "batch=32", "--set", "schedule.epochs=60", "--set", "doubtful_labels.folds=0"),
    ]
    number = started(rented.lapel("run", NAME, "--", *train))
    job = rented.job(number)
    until(lambda: "epoch=2 " in (job / "log").read_text())
    told_of_a_notice(rented, job)
    folder = tmp_path_factory.mktemp("next")
    with rented_machine(NEXT, folder, object_store) as following:
        resumed = following.lapel("run", NEXT, "-f", "--", "lapel", "train", "--resume", place)
    assert "epoch=60 " in resumed.stdout
    assert "epoch=1 " not in resumed.stdout
    # Both machines are gone, or may be: what was learned is in S3.
    home = folder / "home"
    done = rented.lapel("pull", NEXT, place, home)
    assert "it answers on this computer" in done.stdout
    return home


def test_a_run_that_was_taken_comes_home_over_a_cut_and_answers(
    rented: Rented, trained: Path, tmp_path: Path
) -> None:
    there = rented.machine.home / "work" / "run"
    shutil.copytree(trained, there)
    # Something that takes a while, and is torn in the middle.
    (there / "weight.bin").write_bytes(os.urandom(20_000_000))
    assert rented.machine.cable is not None
    rented.machine.cable.cut_after = 12_000_000
    out = tmp_path / "home"
    done = rented.lapel("pull", NAME, "run", out)
    assert "going on" in done.stderr
    assert "it answers on this computer" in done.stdout
    assert "category:" in done.stdout
    assert contents(out) == contents(there)
    assert not list(tmp_path.glob(".*")), "nothing is left beside it"
    assert "is not empty" in rented.lapel("pull", NAME, "run", out, code=1).stderr


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): sha256_of(path)
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(".partial")
    }


def test_a_pull_that_was_killed_goes_on(rented: Rented, tmp_path: Path) -> None:
    there = rented.machine.home / "work" / "large"
    there.mkdir()
    for number in range(4):
        (there / f"{number}.bin").write_bytes(os.urandom(10_000_000))
    out = tmp_path / "home"
    pulling = subprocess.Popen(command("pull", NAME, "large", out), stderr=subprocess.DEVNULL)
    until((tmp_path / ".home.pulled.partial" / "0.bin").exists)
    pulling.kill()
    pulling.wait()
    assert not out.exists()
    done = rented.lapel("pull", NAME, "large", out)
    assert contents(out) == contents(there)
    assert "holds no bundle" in done.stderr
    assert not list(tmp_path.glob(".*"))


def test_what_is_not_there_is_said(rented: Rented, tmp_path: Path) -> None:
    assert (
        "there is no folder nothing"
        in rented.lapel("pull", NAME, "nothing", tmp_path / "out", code=1).stderr
    )
    assert "is no option" in rented.lapel("run", NAME, "--folow", "true", code=2).stderr
    assert "needs a terminal" in rented.lapel("attach", NAME, code=2).stderr
