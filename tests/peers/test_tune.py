"""Several processes search together: on a real PostgreSQL, and on a file that they share."""

from __future__ import annotations

import csv
import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from training_runs import SMALL, pattern_dataset

CHANGES: dict[str, Any] = {**SMALL, "schedule.epochs": 3, "model.options.widths": "[8]"}
RANGES = ["optimiser.filter_learning_rate=0.001..0.2:log", "model.dropout=0..0.3"]
TRIALS = 8

#: A search as a program of one's own writes it; arguments: data, out, study, seconds till lost.
PROGRAM = f"""
import sys
import lapel
data, out, study, lost_after = sys.argv[1:]
tuned = lapel.tune(
    "fashion-mnist-fast", data=data, out=out, study=study, trials={TRIALS}, ranges={RANGES!r},
    changes={CHANGES!r}, workers=1, lost_after=float(lost_after),
)
print(tuned.best.number, tuned.best.score)
"""


@pytest.fixture(scope="module")
def patterns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("datasets") / "patterns"
    return pattern_dataset(folder, {"train": 300, "validation": 60, "test": 60}).folder


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def as_user(words: list[str]) -> list[str]:
    """PostgreSQL refuses to run as root; its package brings a user for it."""
    return ["runuser", "-u", "postgres", "--", *words] if os.geteuid() == 0 else words


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL of our own, on loopback, with a password."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    found = shutil.which("postgres") or (str(programs[-1]) if programs else None)
    if found is None:
        pytest.skip("no PostgreSQL here: install it (Debian: apt install postgresql)")
    home = Path(tempfile.mkdtemp(prefix="lapel-postgres-"))
    secret = home / "password"
    secret.write_text("clothes\n")
    if os.geteuid() == 0:
        for path in (home, secret):
            shutil.chown(path, "postgres")
    tools, data, port = Path(found).parent, home / "data", free_port()
    made = [str(tools / "initdb"), "-D", str(data), "-U", "lapel", "-A", "scram-sha-256"]
    made += ["--pwfile", str(secret), "-N", "--locale=C", "-E", "UTF8"]
    subprocess.run(as_user(made), check=True, stdout=subprocess.DEVNULL, cwd="/")
    options = ["-c", "listen_addresses=127.0.0.1", "-p", str(port), "-k", str(home), "-F"]
    server = subprocess.Popen(
        as_user([found, "-D", str(data), *options]), stderr=subprocess.DEVNULL, cwd="/"
    )
    try:
        wait_for_postgres(port, server)
        yield f"postgresql://lapel:clothes@127.0.0.1:{port}/postgres"
    finally:
        stop = [str(tools / "pg_ctl"), "stop", "-D", str(data), "-m", "fast"]
        subprocess.run(as_user(stop), check=False, stdout=subprocess.DEVNULL, cwd="/")
        server.wait(60)
        shutil.rmtree(home, ignore_errors=True)


def wait_for_postgres(port: int, server: subprocess.Popen[bytes]) -> None:
    import pg8000.native

    latest = time.monotonic() + 90
    while True:
        assert server.poll() is None, f"PostgreSQL ended, as user {getpass.getuser()}"
        try:
            pg8000.native.Connection(
                "lapel", host="127.0.0.1", port=port, database="postgres", password="clothes"
            ).close()
            return
        except (pg8000.exceptions.InterfaceError, pg8000.exceptions.DatabaseError):
            # It answers before it is up: "the database system is starting up" (57P03).
            assert time.monotonic() < latest
            time.sleep(0.2)


def start(data: Path, out: Path, study: str, lost_after: float = 60) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(data), str(out), study, str(lost_after)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def rows_of(out: Path) -> list[dict[str, str]]:
    with (out / "tuned.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def learned_in(out: Path) -> set[int]:
    return {int(folder.name.removeprefix("trial-")) for folder in (out / "runs").iterdir()}


@pytest.fixture(params=["postgres", "journal"])
def study(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "journal":
        return str(tmp_path / "shared" / "study.journal")
    address: str = request.getfixturevalue("postgres")
    return address


def test_two_machines_share_the_work_and_find_the_same_best(
    patterns: Path, study: str, tmp_path: Path
) -> None:
    outs = [tmp_path / "first", tmp_path / "second"]
    processes = [start(patterns, out, study) for out in outs]
    said = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert said[0][0] == said[1][0]
    shares = [learned_in(out) for out in outs]
    assert all(shares), "one machine did all of it"
    assert not shares[0] & shares[1]
    rows = rows_of(outs[0])
    assert len(rows) == TRIALS
    assert Counter(row["state"] for row in rows).keys() <= {"done", "pruned"}
    values = [(row["optimiser.filter_learning_rate"], row["model.dropout"]) for row in rows]
    assert len(set(values)) == TRIALS
    assert (outs[0] / "best.yaml").read_bytes() == (outs[1] / "best.yaml").read_bytes()
    kept = "".join(
        path.read_text("utf-8") for out in outs for path in out.glob("*.*") if path.is_file()
    )
    assert "clothes" not in kept  # the password


def test_what_a_killed_machine_was_at_is_done_by_the_other(patterns: Path, tmp_path: Path) -> None:
    gone, stays, study = tmp_path / "gone", tmp_path / "stays", str(tmp_path / "study.journal")
    process = start(patterns, gone, study, lost_after=6)
    latest = time.monotonic() + 120
    while not any(gone.glob("runs/*/log.csv")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < latest
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    other = start(patterns, stays, study, lost_after=6)
    said = other.communicate(timeout=300)
    assert other.returncode == 0, said
    rows = rows_of(stays)
    assert len(rows) == TRIALS
    lost = learned_in(gone) - {int(row["trial"]) for row in rows}
    assert len(lost) == 1
    # Its values were tried by who was left.
    first = min(int(row["trial"]) for row in rows if float(row["model.dropout"]) == 0)
    assert first in learned_in(stays)
