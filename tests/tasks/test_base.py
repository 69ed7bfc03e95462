"""Counts that are added up."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from lapel.tasks.base import CountsInTurn


@dataclass
class Names:
    """Counts that remember of what, in their order, and how much was copied to add them."""

    names: tuple[int, ...]
    copied: int = 0

    def __add__(self, other: Names) -> Names:
        together = (*self.names, *other.names)
        return Names(together, self.copied + other.copied + len(together))

    def numbers(self) -> dict[str, float]:
        return {}


@pytest.mark.parametrize("count", [1, 2, 7, 64, 1000])
def test_counts_of_many_batches_stay_in_order_and_are_copied_a_few_times(count: int) -> None:
    in_turn = CountsInTurn()
    for number in range(count):
        in_turn.add(Names((number,)))
    total = in_turn.total()
    assert isinstance(total, Names)
    assert total.names == tuple(range(count))
    assert total.copied <= 12 * count  # each added to all before it: a half of count * count
