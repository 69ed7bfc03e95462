"""Tokens that this program shows to a server."""

from __future__ import annotations

from lapel.schema.errors import UsageError


def bare_token(token: str | None) -> str:
    """A token as a header holds it; empty where there is none. No message ever shows it.

    Args:
        token: perhaps with white space around it, as files have it.

    Raises:
        UsageError: white space or letters within it that no header holds.
    """
    bare = (token or "").strip()
    if not all("!" <= letter <= "~" for letter in bare):
        raise UsageError(
            "the token holds a line break, a blank or a letter that is not ASCII; give the token "
            "alone, in one line"
        )
    return bare
