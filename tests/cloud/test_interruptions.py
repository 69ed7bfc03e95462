"""Who makes something that costs money and is ended from outside takes it back first."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from lapel.cloud.interruptions import interrupted_when_ended

BOTH = (signal.SIGTERM, signal.SIGHUP)


def end(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", BOTH)
def test_a_signal_is_as_ctrl_c_and_the_next_ones_leave_the_taking_back_alone(number: int) -> None:
    before = [signal.getsignal(one) for one in BOTH]
    taken_back = False
    with pytest.raises(KeyboardInterrupt, match=signal.Signals(number).name):  # noqa: PT012 - the block is what is tested
        with interrupted_when_ended():
            try:
                end(number)
            finally:
                for one in BOTH:
                    end(one)
                taken_back = True
    assert taken_back
    assert [signal.getsignal(one) for one in BOTH] == before


def test_what_was_told_to_outlive_its_terminal_does() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interrupted_when_ended():
            end(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_beside_the_main_thread_nothing_changes() -> None:
    seen: list[object] = []

    def look() -> None:
        with interrupted_when_ended():
            seen.extend(signal.getsignal(one) for one in BOTH)

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(one) for one in BOTH]
