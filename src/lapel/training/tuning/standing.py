"""How far a search is, when it ends, and who is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lapel.training.many_runs.worker import Slot
from lapel.training.tuning.records import Record


@dataclass(slots=True, kw_only=True)
class Standing:
    """How far a search is.

    Attributes:
        ended: trials that are done, ended early or failed, of everybody.
        wanted: how many there are to be; None: as many as there is time for.
        here: number of each trial that this machine learns to how far it is, 0 to 1.
        notes: the same to its latest epoch in words.
        elsewhere: how many others learn.
        best: the best score so far.
        seconds_left: as if all trials took equally long; None while nothing can be said.
    """

    ended: int = 0
    wanted: int | None = None
    here: dict[int, float] = field(default_factory=dict)
    notes: dict[int, str] = field(default_factory=dict)
    elsewhere: int = 0
    best: float | None = None
    seconds_left: float | None = None


class Onlooker(Protocol):
    """Who is told how a search goes."""

    def say(self, text: str) -> None:
        """Something worth a line."""
        ...

    def progress(self, standing: Standing) -> None:
        """Something moved."""
        ...

    def ended(self, record: Record, best: Record | None) -> None:
        """A trial is at its end; and the best so far."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a search ends, and who works on it.

    Attributes:
        trials: how many there are to be in the whole study; None: no limit.
        until: the moment (``time.monotonic``) at which what is being learned is saved.
        slots: of each worker, the device and what its environment has beside ours.
        lost_after: seconds without a sign after which another machine's trial is tried again.
    """

    trials: int | None
    until: float | None
    slots: Sequence[Slot]
    lost_after: float
