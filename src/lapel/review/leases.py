"""Who looks at which picture at this moment, so that two people are not given the same one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from threading import Lock

#: A picture stays with somebody so many seconds after the last that was heard of their page; one
#: that was closed gives its pictures back.
LEASE_SECONDS = 120.0


class Leases:
    """Pictures that were given out.

    They are held in memory: after a restart two people may be given one picture, and the second
    answer is then a conflict, which the store finds.
    """

    def __init__(
        self, *, seconds: float = LEASE_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._until: dict[int, dict[str, float]] = {}
        self._lock = Lock()

    def take(
        self,
        annotator: str,
        items: Iterable[int],
        *,
        count: int,
        room: Callable[[int], int],
        held: Iterable[int] = (),
    ) -> list[int]:
        """Give somebody pictures that not enough others look at.

        Args:
            annotator: who.
            items: what they may be asked about, in order.
            count: how many at most.
            room: how many more people a picture is to be answered by.
            held: pictures that they look at already: theirs a while longer, and not given again.

        Returns:
            Those given, in order.
        """
        with self._lock:
            now = self._clock()
            kept = set(held)
            for item in kept & self._until.keys():
                if annotator in self._until[item]:
                    self._until[item][annotator] = now + self._seconds
            taken: list[int] = []
            for item in items:
                if len(taken) == count:
                    break
                if item not in kept and self._others(item, annotator, now) < room(item):
                    self._until.setdefault(item, {})[annotator] = now + self._seconds
                    taken.append(item)
            return taken

    def let_go(self, annotator: str, item: int) -> None:
        """A picture was answered, or is not looked at any more."""
        with self._lock:
            holders = self._until.get(item, {})
            holders.pop(annotator, None)
            if not holders:
                self._until.pop(item, None)

    def _others(self, item: int, annotator: str, now: float) -> int:
        holders = self._until.get(item, {})
        for name in [name for name, until in holders.items() if until < now]:
            del holders[name]
        return sum(name != annotator for name in holders)
