"""A terminal that somebody sits at: what is typed, and what stands on the screen."""

from __future__ import annotations

import secrets
import subprocess
import time
from pathlib import Path


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
