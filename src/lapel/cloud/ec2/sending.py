"""The code that runs here to a machine that shall run the same, over SSH."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from lapel.cloud.ec2.remote import Reach, refuse_failed
from lapel.cloud.ec2.user_data import PROGRAMS
from lapel.cloud.wheel import wheel_here
from lapel.schema.errors import CloudError

#: Seconds in which a wheel of some megabytes is sent.
SENT_WITHIN = 600.0


def send_wheel(reach: Reach) -> None:
    """Send the code that runs here over SSH, and let the machine begin to install it.

    Raises:
        LostError: the connection failed.
        CloudError: no wheel can be made here, or the machine could not keep it.
    """
    begin = f"nohup bash ${{LAPEL_PROGRAMS:-{PROGRAMS}}}/install.sh > /dev/null 2>&1 < /dev/null &"
    with tempfile.TemporaryDirectory(prefix="lapel-") as folder:
        wheel = wheel_here(Path(folder))
        keep = f"mkdir -p wheels && cat > wheels/.sent && mv wheels/.sent wheels/{wheel.name}"
        with wheel.open("rb") as file, tempfile.TemporaryFile() as complaints:
            process = reach.start(
                f"{keep} && rm -f setup.wants && {{ {begin} }}",
                stdin=file.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=complaints.fileno(),
            )
            try:
                code = process.wait(SENT_WITHIN)
            except subprocess.TimeoutExpired as error:
                raise CloudError(f"{wheel.name} could not be sent in time") from error
            finally:
                process.kill()
                process.wait()
            complaints.seek(0)
            said = complaints.read().decode(errors="replace").strip()
    refuse_failed(reach, code, said)
    if code != 0:
        raise CloudError(f"on {reach.name}: {said or f'failed with {code}'}")
