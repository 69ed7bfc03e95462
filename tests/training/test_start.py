"""A run that goes on where sums end in other digits says so."""

from __future__ import annotations

from typing import Any

import pytest

from lapel.training.recorder import Quiet
from lapel.training.start import say_elsewhere

HERE = {"versions": {"torch": "2.15.0"}, "device": "cpu", "processor": "EPYC", "threads": 2}


class Listening(Quiet):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


@pytest.mark.parametrize(
    ("before", "told"),
    [
        ({}, None),
        ({"threads": 1}, "begun with other threads (1, here 2): it is learned on as well"),
        (
            {"versions": {"torch": "2.14.0"}, "processor": "Xeon"},
            "begun with other torch (2.14.0, here 2.15.0), processor (Xeon, here EPYC): it is",
        ),
        ({"device": "cuda"}, "other device (cuda, here cpu)"),
    ],
)
def test_what_is_other_than_where_a_run_was_begun_is_named(
    before: dict[str, Any], told: str | None
) -> None:
    reporter = Listening()
    say_elsewhere({**HERE, **before}, HERE, reporter)
    assert len(reporter.said) == (told is not None)
    assert told is None or told in reporter.said[0]
