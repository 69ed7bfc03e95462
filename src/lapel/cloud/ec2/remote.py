"""A rented machine over SSH: the system's own ``ssh``, with the user's own configuration.

So agents, hardware keys, jump hosts and ``ProxyCommand`` work as they do by hand. What is ours
is whom to trust: the machine's host key was made here and stands in a file of its own, and no
other is believed, on the first connection or later.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import cast

from lapel.cloud.ec2.keys import MachineFolder
from lapel.schema.errors import CloudError

#: Names another program than ``ssh``, with words of its own, as GIT_SSH_COMMAND does for git.
VARIABLE = "LAPEL_SSH"

#: What ssh ends with where the connection, and not the command, failed.
CONNECTION_FAILED = 255

#: Where everything of ours lies on a machine; by the words of its shell.
HOME = '"${LAPEL_MACHINE:-/opt/lapel}"'

#: Printed by the machine before its answer, so that greetings of its shell are no part of it.
MARK = "@lapel"

OPTIONS = {
    "StrictHostKeyChecking": "yes",
    "GlobalKnownHostsFile": "/dev/null",
    "HostKeyAlgorithms": "ssh-ed25519",
    "UpdateHostKeys": "no",
    "CheckHostIP": "no",
    "ConnectTimeout": "15",
    # A connection that was cut is known to be cut within a minute.
    "ServerAliveInterval": "15",
    "ServerAliveCountMax": "4",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How to reach a machine.

    Attributes:
        name: of the machine, as the user gave it.
        host: its address.
        user: its login.
        folder: what this computer keeps of it: whom to trust, and the key that signs in.
        region: where it stands; empty where that goes without saying.
    """

    name: str
    host: str
    user: str
    folder: MachineFolder
    region: str = ""

    @property
    def named(self) -> str:
        """The machine as commands take it, wherever the user's own region is."""
        return f"{self.name} --region {self.region}" if self.region else self.name

    def command(self, *words: str, terminal: bool = False) -> list[str]:
        """The words of an ``ssh`` that runs a command there.

        Args:
            words: one text for the machine's shell, or none for a login shell.
            terminal: of one's own, for programs that draw on it.

        Raises:
            CloudError: this computer does not know the machine's host key.
        """
        known = self.folder.known_hosts
        if not known.is_file():
            raise CloudError(
                f"this computer does not know the host key of {self.name}, and trusts no machine "
                f"on first contact; {known} is written where `lapel cloud ec2 up` was run: copy "
                f"its folder from there"
            )
        options = dict(OPTIONS) | {"HostKeyAlias": self.folder.alias}
        if not sys.stdin.isatty():
            options["BatchMode"] = "yes"  # nobody is there to be asked
        if self.folder.identity.is_file():
            options["IdentitiesOnly"] = "yes"
        command = shlex.split(os.environ.get(VARIABLE, "")) or ["ssh"]
        command += ["-o", f"UserKnownHostsFile={_quoted(known)}"]
        for key, value in options.items():
            command += ["-o", f"{key}={value}"]
        if self.folder.identity.is_file():
            command += ["-i", str(self.folder.identity)]
        command += ["-l", self.user, "-t" if terminal else "-T", self.host, *words]
        return command

    def ask(self, script: str, *, timeout: float = 120) -> str:
        """Run a script of bash there, and give what it says.

        Args:
            script: for bash; begins in the machine's folder of ours.
            timeout: seconds.

        Returns:
            Its standard output.

        Raises:
            ConnectionLostError: the connection failed; trying again may help.
            CloudError: the script failed, the host key is another one, or there is no ssh.
        """
        text = f"printf '{MARK}\\n'\ncd {HOME} || exit 1\n{script}"
        try:
            done = subprocess.run(
                self.command("bash -s"),
                input=text.encode(),
                capture_output=True,
                timeout=timeout,
                check=False,
            )
        except FileNotFoundError as error:
            raise _no_ssh(error) from error
        except subprocess.TimeoutExpired as error:
            raise ConnectionLostError(
                f"{self.name} did not answer within {timeout:.0f} s"
            ) from error
        said = done.stderr.decode(errors="replace").strip()
        refuse_failed(self, done.returncode, said)
        if done.returncode != 0:
            raise CloudError(f"on {self.name}: {said or f'failed with {done.returncode}'}")
        return done.stdout.decode(errors="replace").partition(f"{MARK}\n")[2]

    @contextmanager
    def connected(
        self, script: str, *, stdin: int = subprocess.DEVNULL
    ) -> Iterator[BufferedReader]:
        """Run a line of shell there, whose output the block reads as it comes.

        Args:
            script: for the machine's shell; begins in the machine's folder of ours.
            stdin: descriptor that it reads from.

        Raises:
            ConnectionLostError: the connection failed, or was cut.
            CloudError: the script failed, the host key is another one, or there is no ssh.
        """
        command = self.command(f"printf '{MARK}\\n'; cd {HOME} || exit 1; {script}")
        with tempfile.TemporaryFile() as complaints:
            try:
                process = subprocess.Popen(
                    command, stdin=stdin, stdout=subprocess.PIPE, stderr=complaints
                )
            except FileNotFoundError as error:
                raise _no_ssh(error) from error
            stream = cast("BufferedReader", process.stdout)
            try:
                answers = any(line == f"{MARK}\n".encode() for line in iter(stream.readline, b""))
                if answers:
                    yield stream
                code = process.wait()
            finally:
                process.kill()
                process.wait()
                stream.close()
            complaints.seek(0)
            said = complaints.read().decode(errors="replace").strip()
        refuse_failed(self, code, said)
        if code < 0:  # somebody here ended ssh: as good as a cut cable
            raise ConnectionLostError(f"the connection to {self.name} was ended by signal {-code}")
        if code != 0 or not answers:
            raise CloudError(f"on {self.name}: {said or f'failed with {code}'}")


class ConnectionLostError(CloudError):
    """The connection to a machine failed; what runs there goes on."""


def refuse_failed(reach: Reach, code: int, said: str) -> None:
    """Tell a connection that failed from one that must not be made.

    Raises:
        CloudError: the machine that answers is another one.
        ConnectionLostError: there was no connection, or it was cut.
    """
    if code != CONNECTION_FAILED:
        return
    if "Host key verification failed" in said or "IDENTIFICATION HAS CHANGED" in said:
        raise CloudError(
            f"the machine that answers at {reach.host} does not hold the key that {reach.name} "
            "was given when it was rented; nothing was sent to it. If the address was taken over "
            f"by another machine, `lapel cloud ec2 list` shows whether {reach.name} still runs"
        )
    words = said.splitlines()[-1] if said else "no answer"
    raise ConnectionLostError(f"{reach.name} ({reach.host}) cannot be reached: {words}")


def _no_ssh(error: FileNotFoundError) -> CloudError:
    return CloudError(
        f"{error.filename} was not found; install OpenSSH's client (apt install openssh-client)"
    )


def _quoted(path: Path) -> str:
    """A path as ssh's configuration takes it: with spaces, and with its own % escaped."""
    text = str(path).replace("%", "%%")
    return f'"{text}"'
