"""What is made at AWS and costs money is taken back, however the program that makes it is ended."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

#: Ctrl-C, being told to end, and a terminal that is closed; Windows has no SIGHUP.
ENDING = ("SIGINT", "SIGTERM", "SIGHUP")


def exit_code(interruption: KeyboardInterrupt) -> int:
    """What a shell says of a program that a signal ended: 128 and the signal's number.

    Args:
        interruption: its word is the signal's name; without one it was Ctrl-C.
    """
    return 128 + getattr(signal, str(interruption) or "SIGINT", signal.SIGINT)


@contextmanager
def interrupted_when_ended() -> Iterator[None]:
    """Within the block, SIGTERM and SIGHUP raise ``KeyboardInterrupt``, as Ctrl-C does.

    The first of the three raises; later ones are passed over, so that none cuts short what the
    block takes back (a closed terminal sends SIGHUP twice: from the kernel and from the shell).
    Only a second Ctrl-C raises again: somebody is there who does not want to wait. A signal that is
    ignored already, as by ``nohup``, stays ignored. After the block, signals mean what they meant
    before. Outside the main thread, where Python hands out no signals, nothing changes.

    Raises:
        KeyboardInterrupt: one of them came; its word is the signal's name.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []

    def interrupt(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        if len(came) == 1 or number == signal.SIGINT:
            raise KeyboardInterrupt(signal.Signals(number).name)

    numbers = [getattr(signal, name) for name in ENDING if hasattr(signal, name)]
    former = {number: signal.getsignal(number) for number in numbers}
    handled = {n: old for n, old in former.items() if old not in (signal.SIG_IGN, None)}
    for number in handled:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, old in handled.items():
            signal.signal(number, old)
