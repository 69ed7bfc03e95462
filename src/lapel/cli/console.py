"""How commands speak: faults on stderr, tables on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from contextlib import suppress

from lapel.schema.errors import LapelError, UsageError
from lapel.storage.places import in_addresses

EXIT_FAILED = 1
EXIT_USAGE = 2


def shown(text: str) -> str:
    """Text that a file or a stranger gave, safe to show: control characters are spelled out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def complain(message: str) -> None:
    """One message on stderr, line by line as given.

    A terminal that was closed is no fault: what is being taken back must still be taken back.
    """
    with suppress(OSError):
        for line in message.splitlines() or [""]:
            print(shown(line), file=sys.stderr)


def report_error(error: LapelError) -> int:
    """Say what went wrong, without a traceback.

    Returns:
        The exit code: 2 for a wrong command, else 1.
    """
    complain(f"lapel: {in_addresses(error)}")
    return EXIT_USAGE if isinstance(error, UsageError) else EXIT_FAILED
