"""Runs in processes of their own: whoever asks is answered, whatever becomes of who decides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lapel.training.many_runs.pool import Pool
from lapel.training.many_runs.worker import Job


class Unreachable:
    """Decides by a database that is away."""

    def judged(self, *_: object) -> bool:
        raise ConnectionError("the database is away")


class Asking:
    """A worker that waits after each epoch."""

    def __init__(self) -> None:
        self.answers: list[str] = []

    def answer(self, text: str) -> None:
        self.answers.append(text)


def test_who_asks_is_answered_even_if_nobody_can_decide() -> None:
    """Else it would wait for ever, and with it everybody who waits for its end."""
    pool: Any = Pool.__new__(Pool)
    pool._boss = Unreachable()
    worker = Asking()
    job = Job(name="one", arguments={}, log=Path("one.txt"), asks=True)
    with pytest.raises(ConnectionError):
        pool._pass_on(worker, job, {"event": "epoch", "epoch": 1, "score": 0.5})
    assert worker.answers == ["on"]
