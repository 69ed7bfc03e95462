"""Keys of a machine, and the folder here that keeps them.

The machine's host key is made here and handed to it, so that the first connection already knows
whom it speaks to: nobody is trusted on first contact. What signs in is a key of this machine
alone, which is thrown away with it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from lapel.cloud.ec2.plan import checked_machine_name
from lapel.schema.errors import CloudError, StorageError
from lapel.storage.local import write_atomically

#: Names another folder for what is known of rented machines.
VARIABLE = "LAPEL_STATE"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """An ed25519 key as OpenSSH writes it.

    Attributes:
        private: of the file ``id_ed25519``; secret.
        public: of the file ``id_ed25519.pub``, one line without its end.
    """

    private: str
    public: str

    def __repr__(self) -> str:
        return f"KeyPair(public={self.public!r})"


@dataclass(frozen=True, slots=True)
class MachineFolder:
    """What this computer keeps of one rented machine; readable by its user alone.

    Attributes:
        path: ``ec2/REGION/NAME`` below ``LAPEL_STATE``, or else ``~/.local/state/lapel``.
        alias: the name under which ``known_hosts`` holds the machine's key, for
            ``-o HostKeyAlias=``: addresses change, the machine does not.
    """

    path: Path
    alias: str

    @property
    def known_hosts(self) -> Path:
        """Holds the machine's own host key, and nothing else."""
        return self.path / "known_hosts"

    @property
    def identity(self) -> Path:
        """The private key that signs in; absent where the user named a key of their own."""
        return self.path / "id_ed25519"

    @property
    def launch(self) -> str:
        """Token of the launch whose keys lie here; empty where none do."""
        try:
            return self._token.read_text(encoding="utf-8").strip()
        except OSError:
            return ""

    @property
    def _token(self) -> Path:
        return self.path / "launch"

    def keep(self, *, host: KeyPair, login: KeyPair | None, launch: str) -> None:
        """Write what a connection needs, in place of what an earlier machine left.

        Args:
            host: the machine's own key.
            login: that signs in; none: a key of the user's own does.
            launch: token of the launch that they are for.

        Raises:
            StorageError: the folder cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StorageError(f"{self.path} cannot be made: {error.strerror}") from error
        write_atomically(self.known_hosts, f"{self.alias} {host.public}\n".encode())
        write_atomically(self._token, f"{launch}\n".encode())
        self.identity.unlink(missing_ok=True)
        if login is not None:
            _write_secret(self.identity, login.private)

    def forget(self, launches: Collection[str] | None = None) -> None:
        """Remove the folder, keys and all; where launches are named, only if it is of one of them.

        Args:
            launches: tokens.
        """
        if launches is None or self.launch in launches:
            shutil.rmtree(self.path, ignore_errors=True)


def machine_folder(region: str, name: str) -> MachineFolder:
    """The folder of a machine, there or not.

    Raises:
        UsageError: there can be no machine of that name.
    """
    checked_machine_name(name)
    own = os.environ.get(VARIABLE, "")
    state = os.environ.get("XDG_STATE_HOME", "")
    root = Path(own) if own else (Path(state) if state else Path.home() / ".local/state") / "lapel"
    return MachineFolder(root / "ec2" / region / name, alias=f"{name}.{region}.lapel")


def new_key(comment: str) -> KeyPair:
    """A fresh ed25519 key, by OpenSSH's own ``ssh-keygen``.

    Raises:
        CloudError: there is no ssh-keygen, or it failed.
    """
    with tempfile.TemporaryDirectory(prefix="lapel-") as folder:
        path = Path(folder) / "key"
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
        except FileNotFoundError as error:
            raise CloudError(
                "ssh-keygen was not found; install OpenSSH's client (apt install openssh-client)"
            ) from error
        except subprocess.SubprocessError as error:
            raise CloudError(f"ssh-keygen failed: {error}") from error
        return KeyPair(
            private=path.read_text(encoding="utf-8"),
            public=path.with_suffix(".pub").read_text(encoding="utf-8").strip(),
        )


def _write_secret(path: Path, text: str) -> None:
    """A file that is its user's alone from its first byte on."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
