"""Jobs, logs and the way home, in tmux and bash, with a connection that leads back to here.

`make test-peers` does the same over a real ssh, through cuts.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lapel.cloud.ec2.bringing import bring
from lapel.cloud.ec2.following import LogFollower
from lapel.cloud.ec2.jobs import Job, attach_command, job, jobs, start
from lapel.cloud.ec2.keys import MachineFolder, new_key
from lapel.cloud.ec2.ready import wait_until_ready
from lapel.cloud.ec2.remote import ConnectionLostError, Reach
from lapel.schema.errors import CloudError, StorageError

#: In place of ssh: its last word is run here, by a shell, as a server does; or it is cut.
CONNECTION = """#!/bin/sh
for word; do :; done
[ -e "$LAPEL_MACHINE/cut" ] && exit 255
exec sh -c "$word"
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a machine that is ready."""
    if shutil.which("tmux") is None:
        pytest.skip("no tmux here (Debian: apt install tmux)")
    home = tmp_path / "m"
    (home / "work").mkdir(parents=True)
    (home / "setup.exit").write_text("0\n", encoding="utf-8")
    program = tmp_path / "connection"
    program.write_text(CONNECTION, encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("LAPEL_SSH", str(program))
    monkeypatch.setenv("LAPEL_MACHINE", str(home))
    monkeypatch.delenv("TMUX", raising=False)
    yield home
    subprocess.run(["tmux", "-S", home / "tmux", "kill-server"], check=False, capture_output=True)


@pytest.fixture
def reach(machine: Path, tmp_path: Path) -> Reach:
    folder = MachineFolder(tmp_path / "known", alias="trainer")
    folder.keep(host=new_key("host"), login=None, launch="1a2b3c")
    assert machine.is_dir()
    return Reach(name="trainer", host="203.0.113.9", user="ubuntu", folder=folder)


def heard(reach: Reach, number: int) -> tuple[Job, str]:
    """A job's end, and all that it said."""
    said: list[bytes] = []
    ended = LogFollower(reach, number, tell=said.append, say=print).follow()
    return ended, b"".join(said).decode()


def until(true: Callable[[], bool]) -> None:
    latest = time.monotonic() + 20
    while not true():
        assert time.monotonic() < latest, "it did not come about"
        time.sleep(0.02)


def test_words_reach_the_command_as_they_were_typed(reach: Reach, machine: Path) -> None:
    words = ["printf", "%s|", "two words", "$HOME", "'quoted'", "a;b", "*", ""]
    ended, said = heard(reach, start(reach, words))
    assert said == "two words|$HOME|'quoted'|a;b|*||"
    assert (ended.state, ended.code) == ("ended", 0)
    assert (machine / "jobs/1/exit").read_text() == "0\n"


def test_a_single_word_is_a_line_of_shell_and_jobs_are_counted(reach: Reach) -> None:
    assert start(reach, ["echo one && false; echo two; exit 7"]) == 1
    assert start(reach, ["pwd"]) == 2
    ended, said = heard(reach, 1)
    assert (said, ended.code) == ("one\ntwo\n", 7)
    assert heard(reach, 2)[1].rstrip().endswith("/work")
    assert [(one.number, one.code) for one in jobs(reach)] == [(1, 7), (2, 0)]
    assert job(reach).number == 2
    assert str(job(reach, 1)) == "job 1 ended with 7"


def test_a_job_ends_with_its_terminal(reach: Reach, machine: Path) -> None:
    number = start(reach, ["sleep", "60"])
    assert job(reach).state == "running"
    assert "attach-session -t job-1" in attach_command(reach, number)[-1]
    subprocess.run(["tmux", "-S", machine / "tmux", "kill-session", "-t", "job-1"], check=True)
    until(lambda: job(reach).state == "lost")
    pid = (machine / "jobs/1/pid").read_text().strip()
    until(lambda: not Path(f"/proc/{pid}").exists())


def test_a_job_whose_keeper_was_killed_is_lost(reach: Reach, machine: Path) -> None:
    start(reach, ["exec sleep 60"])
    keepers = [machine / "jobs/1" / name for name in ("shell", "pid")]
    until(lambda: all(keeper.is_file() and keeper.read_text().strip() for keeper in keepers))
    for keeper in keepers:
        os.kill(int(keeper.read_text()), signal.SIGKILL)
    until(lambda: job(reach).state == "lost")
    assert job(reach).code is None


def test_a_log_goes_on_where_it_was_cut(reach: Reach, machine: Path) -> None:
    number = start(reach, ["echo first; sleep 0.3; echo second"])
    said: list[bytes] = []
    cuts: list[str] = []

    def tell(data: bytes) -> None:
        said.append(data)
        if b"first" in data:
            (machine / "cut").touch()

    def say(text: str) -> None:
        cuts.append(text)
        (machine / "cut").unlink(missing_ok=True)

    assert LogFollower(reach, number, tell=tell, say=say).follow().code == 0
    assert b"".join(said) == b"first\nsecond\n"
    assert len(cuts) == 1


def test_patience_with_a_machine_that_is_gone_ends(reach: Reach, machine: Path) -> None:
    number = start(reach, ["true"])
    (machine / "cut").touch()
    with pytest.raises(ConnectionLostError, match="cannot be reached"):
        LogFollower(reach, number, tell=print, say=print, patience=0).follow()


def test_a_folder_comes_home_whole_or_not_at_all(
    reach: Reach, machine: Path, tmp_path: Path
) -> None:
    run = machine / "work" / "a run"
    names = ["model.onnx", "deep/er/file", "with space", "-dash", "new\nline"]
    for name in names:
        path = run / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(5000))
    (run / "half.partial").touch()
    brought = bring(reach, "a run", tmp_path / "home", say=print)
    assert (brought.files, brought.fetched) == (5, 5)
    for name in names:
        assert (tmp_path / "home" / name).read_bytes() == (run / name).read_bytes()
    assert not (tmp_path / "home" / "half.partial").exists()
    with pytest.raises(StorageError, match="not empty"):
        bring(reach, "a run", tmp_path / "home", say=print)
    with pytest.raises(CloudError, match="there is no folder elsewhere"):
        bring(reach, "elsewhere", tmp_path / "other", say=print)


def test_what_arrived_before_is_not_sent_again_and_a_changed_file_is(
    reach: Reach, machine: Path, tmp_path: Path
) -> None:
    run = machine / "work" / "run"
    run.mkdir()
    for number in range(3):
        (run / f"{number}").write_bytes(os.urandom(1000))
    beside = tmp_path / ".home.pulled.partial"
    beside.mkdir()
    (beside / "0").write_bytes((run / "0").read_bytes())
    (beside / "1").write_bytes(b"torn")
    (beside / "of another run").touch()
    brought = bring(reach, "run", tmp_path / "home", say=print)
    assert (brought.files, brought.fetched) == (3, 2)
    assert sorted(path.name for path in (tmp_path / "home").iterdir()) == ["0", "1", "2"]


def test_a_machine_that_is_not_ready_is_waited_for(reach: Reach, machine: Path) -> None:
    (machine / "setup.exit").unlink()
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        if "starting" in text:
            (machine / "setup.log").write_text("Collecting torch\n", encoding="utf-8")
        elif "installed" in text:
            (machine / "cut").touch()
        else:
            (machine / "cut").unlink()
            (machine / "setup.exit").write_text("0\n", encoding="utf-8")

    wait_until_ready(reach, say=say, every=0)
    assert [text.split(";")[0] for text in said[:2]] == [
        "trainer: the machine is starting",
        "trainer: Lapel is being installed",
    ]
    assert "cannot be reached" in said[2]


def test_an_installation_that_failed_is_shown(reach: Reach, machine: Path) -> None:
    (machine / "setup.exit").write_text("1\n", encoding="utf-8")
    (machine / "setup.log").write_text("No space left on device\n", encoding="utf-8")
    with pytest.raises(CloudError, match="No space left on device"):
        wait_until_ready(reach, say=print)


def test_patience_with_a_machine_that_never_starts_ends(reach: Reach, machine: Path) -> None:
    (machine / "cut").touch()
    with pytest.raises(CloudError, match="goes on costing money"):
        wait_until_ready(reach, say=print, patience=0)
