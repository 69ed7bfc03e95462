"""Signs of life: a process that hangs is noticed by the others, wherever they wait for it.

torch notices at once that another process has ended, but one that is there and gives nothing may do
honest work: read from a slow disk, write the bundle, take a long step. So it is not the waiting
that is timed. Each process says every few seconds that it lives, in a thread of its own, and hears
the others. One that is stopped, or whose machine or network is gone, is not heard any more; then
those who wait for it end, as torch's own watchdog ends who waits for a message between GPUs. A
thread does it, since whoever waits is deep inside torch, and cannot be woken from there.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from torch.distributed import TCPStore  # type: ignore[attr-defined] # not in its __all__

#: Seconds between two signs of life, and between two looks at those of the others.
EVERY = 5.0

#: After so many looks in a row at the same sign, a process hangs. Looks are counted and not
#: seconds: where all are stopped and go on, as by Ctrl-Z and `fg`, nobody is taken for lost.
LOOKS = 9

#: What a process says that has left the group in good order.
LEFT = b"left"

#: For an answer of who keeps the signs. Nobody waits so long: while none comes, all are silent.
PATIENCE = timedelta(minutes=10)


@contextmanager
def watched(rank: int, count: int) -> Iterator[None]:
    """Inside the block, this process lives and the others are watched.

    Where another one is not heard any more, this process ends with exit code 1, and the first of
    those that are left says why.

    Args:
        rank: number of this process, from 0.
        count: of processes, which have joined their group.
    """
    pulse = Pulse(rank, count)
    pulse.begin()
    well = False
    try:
        yield
        well = True
    finally:
        # After an error nothing is said any more: the others are to end, too.
        pulse.end(LEFT if well else None)


class Pulse:
    """Says that this process lives, and watches over the others.

    Args:
        rank: number of this process, from 0.
        count: of processes.
    """

    def __init__(self, rank: int, count: int) -> None:
        self._rank = rank
        self._others = [other for other in range(count) if other != rank]
        self._heard: dict[int, bytes] = {}
        self._last: bytes | None = None
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=work, daemon=True) for work in (self._live, self._watch)
        ]

    def begin(self) -> None:
        """Begin to live and to watch."""
        for thread in self._threads:
            thread.start()

    def end(self, last: bytes | None) -> None:
        """End both; the last sign of life, if any, is heard as long as the others look."""
        self._last = last
        self._over.set()
        for thread in self._threads:
            thread.join(EVERY)

    def _live(self) -> None:
        try:
            store = _store()
            beat = 0
            while not self._over.is_set():
                beat += 1
                store.set(_name(self._rank), str(beat))
                found = store.multi_get([_name(other) for other in self._others])
                self._heard = dict(zip(self._others, found, strict=True))
                self._over.wait(EVERY)
            if self._last is not None:
                store.set(_name(self._rank), self._last.decode())
        except RuntimeError:
            # Who keeps the signs has ended: there is nothing to hear, and torch notices that.
            self._over.set()

    def _watch(self) -> None:
        """Look at the signs that were heard; where none can be asked for, they stay as they are."""
        seen: dict[int, bytes] = {}
        same = dict.fromkeys(self._others, 0)
        while not self._over.wait(EVERY):
            heard = self._heard
            for other in self._others:
                sign = heard.get(other)
                silent = sign == seen.get(other) and sign != LEFT
                same[other] = same[other] + 1 if silent else 0
            seen = heard
            silent_ones = [other for other, looks in same.items() if looks >= LOOKS]
            if silent_ones:
                self._give_up(silent_ones)

    def _give_up(self, silent: Sequence[int]) -> None:
        """End this process, whatever it waits for."""
        count = len(self._others) + 1
        if self._rank == min(set(range(count)) - set(silent)):
            numbers = ", ".join(map(str, silent))
            who = f"process {numbers}" if len(silent) == 1 else f"processes {numbers}"
            if sys.stderr.isatty():
                sys.stderr.write("\x1b[?25h")  # the cursor, which a bar hides
            sys.stderr.write(
                f"lapel: process {self._rank} of {count} (from 0) ends, since {who} gave no sign "
                f"of life for {EVERY * LOOKS:.0f} s: stopped, or its machine or network is gone. "
                "What was saved is kept, and lapel train --resume RUN goes on\n"
            )
            sys.stderr.flush()
        os._exit(1)


def _store() -> TCPStore:
    """A connection of our own to the store by which the processes found each other."""
    return TCPStore(
        os.environ["MASTER_ADDR"],
        int(os.environ["MASTER_PORT"]),
        is_master=False,
        timeout=PATIENCE,
        wait_for_workers=False,
    )


def _name(rank: int) -> str:
    return f"lapel/alive/{rank}"
