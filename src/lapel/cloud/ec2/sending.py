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

    Raises:
        ConnectionLostError: the connection failed.
        CloudError: no wheel can be made here, or the machine could not keep it.
    """
    begin = f"nohup bash ${{LAPEL_PROGRAMS:-{PROGRAMS}}}/install.sh > /dev/null 2>&1 < /dev/null &"
    with tempfile.TemporaryDirectory(prefix="lapel-") as folder:
        wheel = wheel_here(Path(folder))
        # A connection that is cut looks to `cat` like the end of the file.
        whole = f"echo '{sha256_of(wheel)}  wheels/.sent' | sha256sum --check --status"
        keep = f"mkdir -p wheels && cat > wheels/.sent && {whole}"
        named = f"mv wheels/.sent wheels/{wheel.name} && rm -f setup.wants"
        script = f"{keep} && {named} && {{ {begin} }}"
        with wheel.open("rb") as file, reach.connected(script, stdin=file.fileno()) as stream:
            stream.read()
