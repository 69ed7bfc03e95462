"""Shards that are fetched while those before them are learned from."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from types import TracebackType
from typing import Self

from lapel.schema.errors import LapelError
from lapel.storage.limited_cache import Kept, LimitedCache


class ShardsAhead:
    """A thread that brings shards into a cache in the order in which they will be needed.

    It goes on for as long as the shards that are still needed and the next one fit the cache
    together; so it throws out nothing that somebody waits for.
    """

    def __init__(
        self, cache: LimitedCache, shards: Sequence[Kept], batches: Sequence[set[int]]
    ) -> None:
        """Plan it.

        Args:
            cache: to fill.
            shards: all there are, by number.
            batches: the numbers of the shards that each batch needs, in order.
        """
        self._cache = cache
        self._shards = shards
        self._first: dict[int, int] = {}
        self._last: dict[int, int] = {}
        for place, numbers in enumerate(batches):
            for number in sorted(numbers):
                self._first.setdefault(number, place)
                self._last[number] = place
        self._held: list[int] = []
        self._at = 0
        self._ended = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="shards-ahead", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify()
        # A transfer that is under way is not waited for: it ends by itself, in a whole file.
        self._thread.join(timeout=0.1)

    def reached(self, batch: int) -> None:
        """Batches before this one are done with."""
        with self._changed:
            self._at = batch
            self._changed.notify()

    def _work(self) -> None:
        for number in self._first:  # in the order of their first batch
            with self._changed:
                self._changed.wait_for(partial(self._goes_on, number))
                if self._ended:
                    return
            try:
                self._cache.hold(self._shards[number])
            except LapelError:
                return  # whoever needs it meets the same fault, and says it
            self._held.append(number)

    def _goes_on(self, number: int) -> bool:
        """Whether waiting is over: by its end, or since there is room for a shard."""
        needed = [one for one in self._held if self._last[one] >= self._at]
        size = sum(self._shards[one].bytes for one in (*needed, number))
        return self._ended or size <= self._cache.limit or self._first[number] <= self._at
