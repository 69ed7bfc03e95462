"""Waiting for a rented machine until it has started and Lapel is installed on it."""

from __future__ import annotations

import time
from collections.abc import Callable

from lapel.cloud.ec2.remote import ConnectionLostError, Reach
from lapel.cloud.ec2.sending import send_wheel
from lapel.schema.errors import CloudError

#: Seconds in which a machine starts and installs: torch alone is some gigabytes.
PATIENCE = 1800.0

#: Seconds between two looks.
EVERY = 5.0

#: Lines of the installation's log that are shown where it failed.
SHOWN = 20

INSTALLING = "Lapel is being installed"

#: Of a machine that was told to install what is sent.
WANTS = "the machine waits for Lapel"

_LOOK = f"""
if [ -e setup.exit ] && [ "$(cat setup.exit)" = 0 ]; then echo ready
elif [ -e setup.exit ]; then echo failed; tail -n {SHOWN} setup.log
elif [ -e setup.wants ]; then echo wants
elif [ -e setup.log ]; then echo installing
else echo starting; fi
"""


def wait_until_ready(
    reach: Reach,
    *,
    say: Callable[[str], None],
    patience: float = PATIENCE,
    every: float = EVERY,
) -> None:
    """Wait until jobs can be started on a machine.

    Args:
        reach: the machine.
        say: told once of each thing that is waited for.
        patience: seconds, all together.
        every: seconds between two looks.

    Raises:
        CloudError: another machine answers, the installation failed, or patience ran out.
    """
    latest = time.monotonic() + patience
    said = ""
    while True:
        state = _state(reach)
        if state == WANTS:
            state = _sent(reach, say)
        if state == "ready":
            return
        if state != said:
            said = state
            say(f"{reach.name}: {state}; waiting")
        if time.monotonic() > latest:
            raise CloudError(
                f"{reach.name} was not ready within {patience / 60:.0f} minutes: {state}. It goes "
                f"on costing money: `lapel cloud ec2 down {reach.named}` ends it"
            )
        time.sleep(every)


def _sent(reach: Reach, say: Callable[[str], None]) -> str:
    say(f"{reach.name}: sending the code that runs here")
    try:
        send_wheel(reach)
    except ConnectionLostError as error:
        return str(error)
    return INSTALLING


def _state(reach: Reach) -> str:
    try:
        answer = reach.ask(_LOOK, timeout=60)
    except ConnectionLostError as error:
        return str(error)
    state, _, rest = answer.strip().partition("\n")
    if state == "failed":
        raise CloudError(
            f"Lapel could not be installed on {reach.name}; the end of its setup.log:\n{rest}\n"
            f"Mend it by hand (`lapel cloud ec2 attach {reach.named} --shell`), or end the machine "
            f"by `lapel cloud ec2 down {reach.named}`"
        )
    return {
        "wants": WANTS,
        "ready": "ready",
        "installing": INSTALLING,
        "starting": "the machine is starting",
    }[state]
