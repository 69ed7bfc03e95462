"""A share of a list, for one of several machines that know nothing of each other."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lapel.schema.errors import UsageError


def share_of(names: Sequence[str], share: str) -> list[str]:
    """The names that are one machine's: a stretch of the list, each name in one share alone.

    Args:
        names: in the same order on all machines.
        share: as ``2/8``, the second of eight.

    Raises:
        UsageError: no such share, or nothing in it.
    """
    match = re.fullmatch(r"(\d+)/(\d+)", share)
    number, count = (int(part) for part in match.groups()) if match else (0, 0)
    if not 1 <= number <= count:
        raise UsageError(f"a share is as 2/8, the second of eight; found {share!r}")
    if count > len(names):
        raise UsageError(f"{len(names)} pictures are no {count} shares; ask for fewer")
    each, more = divmod(len(names), count)
    start = (number - 1) * each + min(number - 1, more)
    return list(names[start : start + each + (number <= more)])
