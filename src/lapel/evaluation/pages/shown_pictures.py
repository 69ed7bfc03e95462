"""Which pictures of a judged task a report shows: the worst, and what to expect."""

from __future__ import annotations

from collections.abc import Sequence


def worst_and_middle(
    order: Sequence[int], *, worst: int, middle: int
) -> tuple[list[int], list[int]]:
    """The worst pictures, and those around the median that are not among them.

    Args:
        order: pictures, the worst first.
        worst: how many of the worst.
        middle: how many around the median; fewer where the worst reach so far.
    """
    start = max(0, len(order) // 2 - middle // 2)
    return list(order[:worst]), list(order[max(start, worst) : start + middle])
