"""Numbers in sentences."""

from __future__ import annotations


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number and what is counted: ``1 fault``, ``1,200 faults``, ``0 faults``.

    Args:
        number: how many.
        one: what a single one is called.
        many: what several are called; by default ``one`` with an s.
    """
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
