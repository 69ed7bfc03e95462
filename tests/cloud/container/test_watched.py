"""A command that runs as if it were the container: its code, its signals, and why it failed."""

from __future__ import annotations

import os
import signal
import sys
import threading

import pytest

from lapel.cloud.container.watched import Ended, run_watched


def python(text: str) -> Ended:
    return run_watched([sys.executable, "-c", text], os.environ)


def test_what_it_says_goes_on_and_its_code_is_kept(capfd: pytest.CaptureFixture[str]) -> None:
    ended = python("import sys; print('a line', file=sys.stderr); sys.exit(3)")
    assert (ended.code, ended.asked, ended.last) == (3, False, ("a line",))
    assert "a line" in capfd.readouterr().err


def test_sigterm_reaches_it_and_it_may_end_in_its_own_way() -> None:
    text = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
print("ready", file=sys.stderr, flush=True)
time.sleep(60)
"""
    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGTERM)).start()
    before = signal.getsignal(signal.SIGTERM)
    ended = python(text)
    assert ended.asked
    assert ended.code == 143
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_process_that_was_killed_has_its_code() -> None:
    ended = python("import os; os.kill(os.getpid(), 9)")
    assert (ended.code, ended.asked) == (137, False)
    assert ended.reason() == "lapel train ended with 137"


def test_why_it_failed_is_our_own_error_whatever_launchers_say_after_it() -> None:
    last = ("Traceback", "lapel: recipe x has a fault:", "  a: no such key", *["torchrun"] * 100)
    reason = Ended(code=1, asked=False, last=last).reason()
    assert reason.startswith("recipe x has a fault:\n  a: no such key\ntorchrun")
    assert len(reason) <= 1024
    assert Ended(code=1, asked=False, last=("one", "two")).reason() == "one\ntwo"
