"""The watcher is the file that runs on machines, as a process: notices, limits, idleness."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from machine_metadata import NOTICE, Metadata, machine_metadata

from lapel.cloud.ec2 import watcher
from lapel.cloud.ec2.user_data import script

SOURCE = Path(watcher.__file__)


@pytest.fixture
def metadata() -> Iterator[Metadata]:
    with machine_metadata() as state:
        yield state


@dataclass
class Machine:
    """A machine's home, its jobs and its watcher."""

    home: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def down(self) -> Path:
        """Is there when the machine was shut down."""
        return self.home / "was-shut-down"

    def job(self, number: int, command: str) -> Path:
        """A job as `run` starts it, without tmux."""
        folder = self.home / "jobs" / str(number)
        folder.mkdir(parents=True)
        (folder / "command").write_text(command + "\n", encoding="utf-8")
        (folder / "job.sh").write_text(script("job.sh"), encoding="utf-8")
        (folder / "log").touch()
        self._start(["bash", str(folder / "job.sh"), str(folder)])
        until((folder / "pid").exists)
        return folder

    def watch(self, *options: str) -> subprocess.Popen[bytes]:
        """The watcher, looking many times a second; its shutdown only leaves a mark."""
        return self._start(
            [
                *(sys.executable, "-I", str(SOURCE), "--home", str(self.home)),
                *("--every", "0.05", "--look-every", "0.1", "--saves-within", "5"),
                *("--shutdown", f"touch {self.down}"),
                *options,
            ]
        )

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.processes.append(process)
        return process


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    (tmp_path / "work").mkdir()
    (tmp_path / "setup.exit").write_text("0\n", encoding="utf-8")
    found = Machine(tmp_path)
    yield found
    for process in found.processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def until(true: Callable[[], bool], *, within: float = 20) -> None:
    latest = time.monotonic() + within
    while not true():
        assert time.monotonic() < latest, "it did not come about"
        time.sleep(0.02)


#: Saves on SIGTERM and ends as a training does; counts how often it was told.
TRAINING = """exec bash -c '
told=0
trap "told=\\$((told + 1)); echo told \\$told" TERM
echo learning
for _ in $(seq 1000); do
  [ $told -gt 0 ] && { sleep 0.5; echo saved; exit 143; }
  sleep 0.05
done'"""


def test_a_notice_is_passed_on_once_and_the_job_saves(machine: Machine, metadata: Metadata) -> None:
    folder = machine.job(1, TRAINING)
    until(lambda: "learning" in (folder / "log").read_text())
    machine.watch("--spot", "--metadata", metadata.url)
    until(lambda: metadata.asked >= 3)
    assert "told" not in (folder / "log").read_text()
    metadata.notice = NOTICE
    until((folder / "exit").exists)
    log = (folder / "log").read_text()
    assert (folder / "exit").read_text() == "143\n"
    assert log.count("told 1") == 1
    assert "told 2" not in log
    assert log.rstrip().endswith("saved")
    assert "AWS takes this machine at 2026-11-22T18:00:00Z" in log
    assert (machine.home / "notice").read_text().strip() == NOTICE
    assert not machine.down.exists()


#: As above, for a line of shell: another program saves, and the next command must not begin.
LINE = """python3 -c '
import signal, sys, time
def end(*_):
    time.sleep(1)
    print("saved", flush=True)
    sys.exit(143)
signal.signal(signal.SIGTERM, end)
print("learning", flush=True)
time.sleep(60)'; echo next"""


def test_a_line_of_shell_begins_nothing_more_and_what_it_waits_for_saves(
    machine: Machine, metadata: Metadata
) -> None:
    folder = machine.job(1, LINE)
    until(lambda: "learning" in (folder / "log").read_text())
    metadata.notice = NOTICE
    machine.watch("--spot", "--metadata", metadata.url)
    until((folder / "exit").exists)
    assert (folder / "exit").read_text() == "143\n"
    log = (folder / "log").read_text()
    assert "saved" in log
    assert "next" not in log


def test_a_token_that_ran_out_is_asked_for_again(machine: Machine, metadata: Metadata) -> None:
    machine.watch("--spot", "--metadata", metadata.url)
    until(lambda: metadata.asked >= 2)
    metadata.tokens.clear()
    metadata.notice = NOTICE
    until((machine.home / "notice").exists)
    assert metadata.refused >= 1


def test_metadata_that_does_not_answer_ends_nothing(machine: Machine) -> None:
    process = machine.watch("--spot", "--metadata", "http://127.0.0.1:9")
    time.sleep(0.5)
    assert process.poll() is None
    assert not machine.down.exists()


def test_when_time_is_up_jobs_save_before_the_shutdown(machine: Machine) -> None:
    folder = machine.job(1, TRAINING)
    until(lambda: "learning" in (folder / "log").read_text())
    (machine.home / "ends").write_text(f"{time.time() + 5.5:.1f}\n", encoding="utf-8")
    machine.watch()
    until(machine.down.exists)
    assert (folder / "exit").read_text() == "143\n"
    assert "time is up" in (folder / "log").read_text()


def test_a_job_that_does_not_end_does_not_keep_the_machine(machine: Machine) -> None:
    machine.job(1, "trap '' TERM; for _ in $(seq 500); do sleep 0.1; done")
    (machine.home / "ends").write_text("1\n", encoding="utf-8")
    machine.watch("--saves-within", "1")
    until(machine.down.exists)


class Load(watcher.Load):
    """Processors as a test says."""

    def __init__(self) -> None:
        self.idle = True

    def is_idle(self) -> bool:
        return self.idle


def test_a_machine_without_work_ends_itself(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    # In this process, since idleness is the whole machine's, and this one has other tests to run.
    monkeypatch.setattr(watcher, "Load", Load)
    monkeypatch.setattr(watcher, "last_typed", lambda: 0.0)
    folder = machine.job(1, "exec sleep 1")
    words = ["--home", str(machine.home), "--idle", "0.7", "--every", "0.05", "--look-every", "0"]
    monkeypatch.setattr(sys, "argv", ["watcher", *words, "--shutdown", f"touch {machine.down}"])
    watcher.main()
    assert machine.down.exists()
    assert machine.down.stat().st_mtime - (folder / "exit").stat().st_mtime > 0.5
    assert "no work" in (machine.home / "shutdown").read_text()


def test_work_of_jobs_and_processors_puts_the_end_off(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher, "last_typed", lambda: 0.0)
    jobs = watcher.Jobs(machine.home)
    idleness = watcher.Idleness(machine.home, jobs)
    idleness.load = Load()
    time.sleep(0.3)
    assert idleness.seconds(0) >= 0.3
    folder = machine.job(1, "exec sleep 0.6")
    assert idleness.seconds(0) == 0
    until((folder / "exit").exists)
    idleness.load.idle = False
    assert idleness.seconds(0) == 0
    idleness.load.idle = True
    time.sleep(0.1)
    assert 0.1 <= idleness.seconds(0) < 5


def test_somebody_who_types_is_work(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    idleness = watcher.Idleness(machine.home, watcher.Jobs(machine.home))
    idleness.load = Load()
    time.sleep(0.3)
    monkeypatch.setattr(watcher, "last_typed", time.time)
    assert idleness.seconds(0) < 0.2


def test_installing_is_work_until_it_hangs(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher, "last_typed", lambda: 0.0)
    (machine.home / "setup.exit").unlink()
    idleness = watcher.Idleness(machine.home, watcher.Jobs(machine.home))
    idleness.load = Load()
    time.sleep(0.2)
    assert idleness.seconds(0) == 0
    monkeypatch.setattr(watcher, "INSTALLS_WITHIN", 0.0)
    time.sleep(0.2)
    assert idleness.seconds(0) >= 0.2


def test_processors_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([(1000, 2000), (2000, 3000), (2400, 4000)])
    monkeypatch.setattr(watcher, "processor_times", lambda: next(times))
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    load = watcher.Load()
    assert load.is_idle()  # 1,000 ticks, all of them idle
    assert not load.is_idle()  # 600 of 1,000 ticks of four cores
    monkeypatch.undo()
    idle, whole = watcher.processor_times()
    assert 0 < idle < whole


def test_a_lock_is_held_by_the_living_alone(machine: Machine) -> None:
    folder = machine.job(1, "exec sleep 30")
    jobs = watcher.Jobs(machine.home)
    assert jobs.running() == [folder]
    os.killpg(machine.processes[-1].pid, signal.SIGKILL)
    machine.processes[-1].wait()
    until(lambda: jobs.running() == [])


def test_it_runs_on_images_with_an_older_python() -> None:
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"), feature_version=(3, 9))
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else name.name) or ""
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    assert {name.split(".")[0] for name in imported} <= sys.stdlib_module_names
