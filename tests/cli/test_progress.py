from __future__ import annotations

import pytest

from lapel.cli.progress import track


def test_lines_tell_how_far_the_work_is_and_how_long_it_will_take(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter(range(0, 1000, 6))
    monkeypatch.setattr("time.monotonic", lambda: float(next(seconds)))
    assert list(track("abcde", total=5, description="Opening images")) == list("abcde")
    said = capsys.readouterr()
    assert said.err.splitlines() == [
        "Opening images: 2 of 5, about 18 s left",
        "Opening images: 4 of 5, about 6 s left",
    ]
    assert said.out == ""
    list(track("abc", total=None, description="Reading"))
    assert capsys.readouterr().err == "Reading: 2 in 12 s\n"


def test_short_work_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(track(range(1000), total=1000, description="Opening")) == list(range(1000))
    assert capsys.readouterr().err == ""


def test_a_terminal_gets_a_bar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert list(track("ab", total=2, description="Opening images")) == ["a", "b"]
    shown = capsys.readouterr().err
    assert "Opening images" in shown
    assert "2/2" in shown
