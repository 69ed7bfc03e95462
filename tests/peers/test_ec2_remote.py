"""Work on a rented machine over a real ssh, sshd and tmux, through a network that is cut.

The machine is rented from moto, which boots nothing; in its place answers an sshd on loopback
with the very user data, host key and login key that EC2 was given.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cloud_account import ObjectStore
from emulated_account import aws_server
from machine_metadata import NOTICE, machine_metadata
from rented_machine import NAME, Done, Rented, command, rented, rented_machine, until
from terminal import Terminal

from lapel.cloud.ec2 import watcher
from lapel.cloud.ec2.keys import new_key
from lapel.storage.local import sha256_of

__all__ = ["aws_server", "rented"]

NEXT = "trainer-2"


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
    terminal.shows("[shell]")  # what is typed before is typed to nobody
    terminal.type("word=kept; which python", "Enter")
    terminal.shows("venv/bin/python")
    rented.cut()
    terminal.shows("over: 1")
    terminal.run(command("attach", NAME, "--shell"))
    terminal.shows("[shell]")  # what is typed before is typed to nobody
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
