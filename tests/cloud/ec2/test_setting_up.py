"""A machine is set up once, whoever sends the code, and whatever its system does meanwhile."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from lapel.cloud.ec2 import sending
from lapel.cloud.ec2.keys import MachineFolder, new_key
from lapel.cloud.ec2.remote import Reach
from lapel.cloud.ec2.sending import send_wheel
from lapel.cloud.ec2.user_data import script
from lapel.schema.errors import CloudError

WHEEL = "lapel-0.1.0-py3-none-any.whl"

#: In place of ssh: its last word is run here, by a shell, as a server does.
CONNECTION = """#!/bin/sh
for word; do :; done
exec sh -c "$word"
"""

#: In place of the installation.
INSTALL = 'echo begun >> "$LAPEL_MACHINE/begun"\n'

#: Programs of the system that a machine's preparation calls as they are.
PLAIN = ("bash", "cut", "dirname", "env", "mkdir")

#: In place of apt-get: another program holds the lock, twice.
APT = """#!/bin/sh
echo "apt-get $*" >> "$LOG"
case "$*" in *install*) ;; *) exit 100;; esac
echo tried >> "$LOG.tries"
[ "$(grep -c tried "$LOG.tries")" -gt 2 ]
"""

#: In place of Python: new enough, and parted from ensurepip.
PYTHON = '#!/bin/sh\ncase "$*" in *ensurepip*) exit 1;; esac\n'


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a machine that waits for Lapel."""
    home, programs = tmp_path / "m", tmp_path / "programs"
    home.mkdir()
    programs.mkdir()
    (home / "setup.wants").touch()
    (programs / "install.sh").write_text(INSTALL, encoding="utf-8")
    program(tmp_path / "connection", CONNECTION)
    monkeypatch.setenv("LAPEL_SSH", str(tmp_path / "connection"))
    monkeypatch.setenv("LAPEL_MACHINE", str(home))
    monkeypatch.setenv("LAPEL_PROGRAMS", str(programs))
    return home


@pytest.fixture
def reach(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reach:
    """Leads to the machine."""
    folder = MachineFolder(tmp_path / "known", alias="trainer")
    folder.keep(host=new_key("host"), login=None, launch="1a2b3c")
    assert home.is_dir()

    def wheel_here(folder: Path) -> Path:
        (folder / WHEEL).write_bytes(b"code" * 100_000)
        return folder / WHEEL

    monkeypatch.setattr(sending, "wheel_here", wheel_here)
    return Reach(name="trainer", host="203.0.113.9", user="ubuntu", folder=folder)


def program(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def begun(home: Path) -> int:
    """How often an installation has begun, once all that was sent for has come about."""
    file = home / "begun"
    for _ in range(500):
        if file.exists():
            break
        threading.Event().wait(0.01)
    threading.Event().wait(0.2)
    return len(file.read_text(encoding="utf-8").splitlines())


def test_of_many_who_send_the_code_at_once_one_has_it_installed(reach: Reach, home: Path) -> None:
    faults: list[CloudError] = []
    together = threading.Barrier(6)

    def send() -> None:
        together.wait()
        try:
            send_wheel(reach)
        except CloudError as error:
            faults.append(error)

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert begun(home) == 1
    assert [path.name for path in (home / "wheels").iterdir()] == [WHEEL]


def test_who_sends_the_code_late_begins_no_second_installation(reach: Reach, home: Path) -> None:
    send_wheel(reach)
    send_wheel(reach)
    assert begun(home) == 1


def test_a_wheel_that_arrives_torn_is_not_kept(
    reach: Reach, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "sha256_of", lambda _: "0" * 64)
    with pytest.raises(CloudError, match="failed with 1"):
        send_wheel(reach)
    assert list((home / "wheels").iterdir()) == []
    assert (home / "setup.wants").exists(), "another may send it"


def test_a_second_installation_leaves_the_first_alone(home: Path) -> None:
    (home / "environment").write_text("export LAPEL_INSTALL=lapel\n", encoding="utf-8")
    (home / "setup.exit").write_text("0\n", encoding="utf-8")
    with (home / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(
            ["bash"],
            input=script("install.sh"),
            text=True,
            env=os.environ | {"LAPEL_PYTHONS": "false"},
            check=False,
        )
    assert done.returncode == 0
    assert (home / "setup.exit").read_text(encoding="utf-8") == "0\n"
    assert not (home / "setup.log").exists()


def test_packages_are_waited_for_while_the_system_looks_for_updates(tmp_path: Path) -> None:
    programs, log = tmp_path / "bin", tmp_path / "log"
    programs.mkdir()
    for name in (*PLAIN, "grep"):
        (programs / name).symlink_to(shutil.which(name) or name)
    for name in ("chown", "getent", "loginctl", "runuser", "sleep", "systemctl", "tmux"):
        program(programs / name, f'#!/bin/sh\necho "{name} $*" >> "$LOG"\n')
    program(programs / "apt-get", APT)
    program(programs / "python3", PYTHON)
    (tmp_path / "prepare.sh").write_text(script("prepare.sh"), encoding="utf-8")
    subprocess.run(
        [programs / "bash", tmp_path / "prepare.sh", "somebody", tmp_path / "home"],
        env={"PATH": str(programs), "LOG": str(log)},
        check=True,
    )
    said = log.read_text(encoding="utf-8").splitlines()
    asked = [line for line in said if line.startswith("apt-get")]
    assert sum("install python3-venv" in line for line in asked) == 3
    assert all("DPkg::Lock::Timeout=" in line for line in asked)
    stopped = next(line for line in said if line.startswith("systemctl stop"))
    assert said.index(stopped) < said.index(asked[0])
    assert "apt-daily.timer" in stopped
    assert said[-1].startswith("runuser"), "Lapel is installed after that"
