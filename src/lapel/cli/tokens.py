"""Tokens that lie in files, so that they are no part of a command that others see."""

from __future__ import annotations

import os
from pathlib import Path

#: The environment's name for the token of `lapel serve`, where no file is named.
TOKEN = "LAPEL_TOKEN"  # noqa: S105 - the name of a variable


def read_token(file: Path | None) -> str | None:
    """The token in a file, without white space around it; None where no file is named.

    Raises:
        UsageError: there is no such file, no text in it, or nothing.
    """
    from lapel.schema.errors import UsageError

    if file is None:
        return None
    try:
        # Editors of Windows begin a file with a mark that is no part of the token.
        token = file.read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no text"
        raise UsageError(f"the token in {file} could not be read: {reason}") from error
    if not token:
        raise UsageError(f"{file} is empty; write the token into it, or do not name the file")
    return token


def token_of(file: Path | None) -> str | None:
    """The token of ``lapel serve``, of a file or of the environment; None where neither has one.

    Raises:
        UsageError: as :func:`read_token`.
    """
    return read_token(file) or os.environ.get(TOKEN) or None
