"""The code that runs here to a machine that shall run the same, over SSH."""

from __future__ import annotations

import tempfile
from pathlib import Path

from lapel.cloud.ec2.remote import Reach
from lapel.cloud.ec2.user_data import PROGRAMS
from lapel.cloud.wheel import wheel_here
from lapel.storage.local import sha256_of


def send_wheel(reach: Reach) -> None:
    """Send the code that runs here over SSH, and let the machine begin to install it.

    Several may do so at once: whose code is whole first is installed, and the others' is left.

    Raises:
        ConnectionLostError: the connection failed.
        CloudError: no wheel can be made here, or the machine could not keep it.
    """
    with tempfile.TemporaryDirectory(prefix="lapel-") as folder:
        wheel = wheel_here(Path(folder))
        script = _receiving(wheel.name, sha256_of(wheel))
        with wheel.open("rb") as file, reach.connected(script, stdin=file.fileno()) as stream:
            stream.read()


def _receiving(name: str, digest: str) -> str:
    """A line of shell for the machine: a wheel from stdin, and its installation."""
    own = """mkdir -p wheels && sent=$(mktemp wheels/.sent.XXXXXX) && trap 'rm -f "$sent"' EXIT"""
    # A connection that is cut looks to `cat` like the end of the file.
    whole = f"""cat > "$sent" && echo "{digest}  $sent" | sha256sum --check --status"""
    # The file is moved away for one alone; who comes later finds the installation under way.
    first = "{ mv setup.wants setup.taken 2> /dev/null || exit 0; }"
    begin = f"nohup bash ${{LAPEL_PROGRAMS:-{PROGRAMS}}}/install.sh > /dev/null 2>&1 < /dev/null &"
    return f"""{own} && {whole} && {first} && mv "$sent" wheels/{name} && {{ {begin} }}"""
