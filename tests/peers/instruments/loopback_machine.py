"""A rented machine on this one: a real sshd and tmux, set up from the user data that EC2 was given.

cloud-init and systemd do not run here. This takes their place as far as files, keys and the
installation go: paths of the user data are put below a folder, and nothing outside it is touched.
"""

from __future__ import annotations

import base64
import getpass
import gzip
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

#: Seconds in which an sshd answers.
ANSWERS_WITHIN = 20.0


class Cable:
    """The network between two programs: may be cut, and cut again after so many bytes."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.cut_after: int | None = None
        self.cuts = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End every connection, at once."""
        self.cuts += 1
        for pair in self._pairs:
            for end in pair:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
        self._pairs.clear()

    def close(self) -> None:
        """End everything, and take no connection any more."""
        self._closed = True
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while not self._closed:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                continue
            self._pairs.append((near, far))
            for source, sink, counted in ((near, far, False), (far, near, True)):
                threading.Thread(
                    target=self._copy, args=(source, sink, counted), daemon=True
                ).start()

    def _copy(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:
        with source, suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
                if counted and self.cut_after is not None:
                    self.cut_after -= len(data)
                    if self.cut_after <= 0:
                        self.cut_after = None
                        self.cut()
            sink.shutdown(socket.SHUT_WR)


@dataclass
class LoopbackMachine:
    """What answers in place of a rented machine.

    Attributes:
        root: folder in which it lies; short, since tmux's socket lies there.
        user: its login: whoever runs the tests.
        environment: of whatever runs there, in place of the role that AWS gives a machine.
    """

    root: Path
    user: str = field(default_factory=getpass.getuser)
    environment: dict[str, str] = field(default_factory=dict)
    _sshd: subprocess.Popen[bytes] | None = None
    _port: int = 0
    cable: Cable | None = None

    @property
    def home(self) -> Path:
        """Where jobs lie."""
        return self.root / "opt/lapel"

    def boot(self, user_data: str, *, signs_in: str) -> None:
        """Do what cloud-init does: files, host key, who may sign in; then install.

        Args:
            user_data: as EC2 was given it.
            signs_in: the public key of EC2's key pair.
        """
        said: dict[str, Any] = yaml.safe_load(user_data)
        for one in said["write_files"]:
            text = one["content"]
            if one.get("encoding") == "gz+b64":
                text = gzip.decompress(base64.b64decode(text)).decode()
            path = self.root / one["path"].lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        for name in ("jobs", "work", "wheels"):
            (self.home / name).mkdir(parents=True, exist_ok=True)
        _secret(self.root / "host_key", said["ssh_keys"]["ed25519_private"])
        keys = [signs_in, *said.get("ssh_authorized_keys", [])]
        (self.root / "authorized_keys").write_text("\n".join(keys) + "\n", encoding="utf-8")
        self.answer()
        self.install()

    def install(self) -> None:
        """Install what it was told to, offline, beside this environment's packages."""
        subprocess.run(
            ["bash", str(self.programs / "install.sh")], env=os.environ | self._own(), check=False
        )

    @property
    def programs(self) -> Path:
        """Where its scripts lie."""
        return self.root / "usr/local/lib/lapel"

    def answer(self, *, host_key: Path | None = None) -> None:
        """Start its sshd, perhaps with the key of another machine."""
        sshd = shutil.which("sshd") or "/usr/sbin/sshd"
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # as its service makes it
        self._port = _free_port()
        settings = {
            "Port": self._port,
            "ListenAddress": "127.0.0.1",
            "HostKey": host_key or self.root / "host_key",
            "PidFile": "none",
            "AuthorizedKeysFile": self.root / "authorized_keys",
            "StrictModes": "no",
            "UsePAM": "no",
            "PasswordAuthentication": "no",
            "PermitRootLogin": "prohibit-password",
            "SetEnv": " ".join(f"{key}={value}" for key, value in self._own().items()),
        }
        config = self.root / "sshd_config"
        lines = "".join(f"{key} {value}\n" for key, value in settings.items())
        config.write_text(lines, encoding="utf-8")
        with (self.root / "sshd.txt").open("ab") as said:
            self._sshd = subprocess.Popen([sshd, "-D", "-e", "-f", str(config)], stderr=said)
        self.cable = Cable(self._port)
        _wait_for(self._port)

    def _own(self) -> dict[str, str]:
        return self.environment | {
            "LAPEL_MACHINE": str(self.home),
            "LAPEL_PROGRAMS": str(self.programs),
            # Its Python has torch beside it already, as AWS's images of PyTorch do.
            "LAPEL_PYTHONS": sys.executable,
            "PIP_NO_INDEX": "1",
            "OMP_NUM_THREADS": "1",
            "LAPEL_CACHE": str(self.root / "cache"),
        }

    def ssh(self, *, port: int | None = None) -> str:
        """For LAPEL_SSH: the user's own ssh with a configuration that leads here."""
        assert self.cable is not None
        config = self.root / "ssh_config"
        config.write_text(
            f"Host *\n  HostName 127.0.0.1\n  Port {port or self.cable.port}\n", encoding="utf-8"
        )
        return f"ssh -F {config}"

    def tmux(self, *words: str) -> str:
        """Ask the machine's tmux."""
        command = ["tmux", "-S", str(self.home / "tmux"), *words]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout

    def stop_answering(self) -> None:
        """End its sshd and every connection; jobs go on."""
        if self.cable is not None:
            self.cable.close()
        if self._sshd is not None:
            self._sshd.terminate()
            self._sshd.wait(20)
            self._sshd = None

    def end(self) -> None:
        """Shut it down, jobs and all."""
        self.stop_answering()
        for pid in self.home.glob("jobs/*/pid"):
            with suppress(OSError, ValueError):
                if not (pid.parent / "exit").exists():
                    os.kill(int(pid.read_text()), signal.SIGKILL)
        self.tmux("kill-server")


@contextmanager
def loopback_machine(root: Path, environment: dict[str, str]) -> Iterator[LoopbackMachine]:
    """A machine that does not answer yet, and is ended after the block."""
    machine = LoopbackMachine(root, environment=environment)
    try:
        yield machine
    finally:
        machine.end()


def _secret(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    latest = time.monotonic() + ANSWERS_WITHIN
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5):
                return
        except OSError:
            if time.monotonic() > latest:
                raise
            time.sleep(0.05)
