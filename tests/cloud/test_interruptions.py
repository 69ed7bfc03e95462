"""Who makes something that costs money and is ended from outside takes it back first."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import threading

import pytest

from lapel.cli.console import complain
from lapel.cloud.interruptions import interrupted_when_ended

ALL = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def end(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", ALL)
def test_a_signal_is_as_ctrl_c_and_the_next_ones_leave_the_taking_back_alone(number: int) -> None:
    before = [signal.getsignal(one) for one in ALL]
    taken_back = False

    def make_and_take_back() -> None:
        nonlocal taken_back
        with interrupted_when_ended():
            try:
                end(number)
            finally:
                for one in (signal.SIGTERM, signal.SIGHUP):
                    end(one)
                taken_back = True

    with pytest.raises(KeyboardInterrupt, match=signal.Signals(number).name):
        make_and_take_back()
    assert taken_back
    assert [signal.getsignal(one) for one in ALL] == before


def test_who_presses_ctrl_c_twice_does_not_want_to_wait() -> None:
    taken_back = False

    def make_and_take_back() -> None:
        nonlocal taken_back
        with interrupted_when_ended():
            try:
                end(signal.SIGTERM)
            finally:
                end(signal.SIGINT)
                taken_back = True

    with pytest.raises(KeyboardInterrupt, match="SIGINT"):
        make_and_take_back()
    assert not taken_back


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
            seen.extend(signal.getsignal(one) for one in ALL)

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(one) for one in ALL]


class ClosedTerminal(io.StringIO):
    """What is written to it reaches nobody."""

    def write(self, _text: str) -> int:
        raise OSError(errno.EIO, "Input/output error")


def test_what_is_said_to_a_terminal_that_is_gone_stops_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stderr", ClosedTerminal())
    complain("removing what was made")
