"""SIGTERM and SIGINT: save, end, and say so; never in the middle of a step."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from lapel.schema.errors import TrainingError


class RunInterruptedError(TrainingError):
    """A run was asked to end, and what it had learned is saved.

    Attributes:
        signal_number: SIGTERM or SIGINT; a process ends with 128 and this number.
    """

    def __init__(self, signal_number: int, message: str) -> None:
        self.signal_number = signal_number
        super().__init__(message)


def way_on(interruption: RunInterruptedError) -> RunInterruptedError:
    """The interruption of several runs, which says what is saved and how to go on."""
    return RunInterruptedError(
        interruption.signal_number,
        f"{interruption}; what was learned is saved. The same command goes on",
    )


class StopSignals:
    """Remembers that a signal came; whoever works looks at its own safe points."""

    def __init__(self) -> None:
        self.received: int | None = None

    def check(self) -> None:
        """End here if a signal came.

        Raises:
            RunInterruptedError: one did.
        """
        if self.received is not None:
            name = signal.Signals(self.received).name
            raise RunInterruptedError(self.received, f"stopped by {name}")

    def remember(self, number: int, _frame: FrameType | None) -> None:
        """Take a signal, as Python hands it to its handler."""
        if self.received is not None:
            # Asked twice: whoever waits at the keyboard does not want to wait for a safe point.
            raise KeyboardInterrupt
        self.received = number


@contextmanager
def watching_signals() -> Iterator[StopSignals]:
    """Signals are remembered inside the block, and mean what they meant before after it.

    Outside the main thread Python hands out no signals; there nothing is ever received.
    """
    stop = StopSignals()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    handled = (signal.SIGTERM, signal.SIGINT)
    former = {number: signal.signal(number, stop.remember) for number in handled}
    try:
        yield stop
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
