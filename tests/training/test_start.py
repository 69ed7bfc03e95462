"""A run that goes on where sums end in other digits says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lapel.training.processes.group import Group
from lapel.training.recipe import load_recipe
from lapel.training.recorder import Quiet
from lapel.training.run.folder import RunFolder
from lapel.training.start import Start, keeping, say_elsewhere
from lapel.training.transfer.course import Room

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


#: The same features where there is memory for them, and where there is not.
ENOUGH, TOO_LITTLE = Room(needed=4000, free=10_000), Room(needed=4000, free=9_000)


@pytest.mark.parametrize(("first", "then"), [(ENOUGH, TOO_LITTLE), (TOO_LITTLE, ENOUGH)])
def test_memory_is_asked_once_whether_features_are_kept(
    first: Room, then: Room, tmp_path: Path
) -> None:
    run, start, reporter = RunFolder(tmp_path), Start(began=0.0), Listening()
    run.begin(load_recipe("photos"), {"precision": "float32"})
    assert keeping(run, start, reporter)(first) is first.is_enough
    assert keeping(run, start, reporter)(then) is first.is_enough
    kept = "features" if first.is_enough else "pictures"
    assert run.facts() == {"precision": "float32", "learns_from": kept}
    (said,) = reporter.said
    assert "need 4.0 KB, and 3.6 KB may be taken of the 9.0 KB that are free" in said
    assert said.startswith("The run began with features" if first.is_enough else "The schedule")


@pytest.mark.parametrize("kept", [True, False])
def test_what_the_first_process_decides_is_done_by_all(*, kept: bool, tmp_path: Path) -> None:
    class Second(Group):
        def told(self, value: Any) -> Any:
            assert value is None
            return kept

    run = RunFolder(tmp_path / "of another machine")
    start = Start(began=0.0, group=Second(rank=1, count=2))
    for room in (ENOUGH, TOO_LITTLE):
        assert keeping(run, start, Quiet())(room) is kept
