"""What is known of a trial, whoever learned it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from optuna.trial import FrozenTrial, TrialState

from lapel.training.tuning.ranges import Value

State = Literal["done", "pruned", "failed", "running"]

#: What a trial is known by in the database.
HOME, HOST, BEAT, FAULT, SECONDS = "home", "host", "beat", "fault", "seconds"
DUPLICATE, ATTEMPT = "duplicate_of", "attempt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A trial to learn.

    Attributes:
        number: of the trial.
        values: dotted key to the value that it tries.
    """

    number: int
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One trial, as far as it came.

    Attributes:
        number: of the trial.
        state: ``pruned``: ended early, as worse than others; ``failed``: it has a fault.
        values: dotted key to the value that it tried.
        scores: epoch to score on validation.
        fault: why it failed; empty unless it did.
        seconds: that it took; 0 where that is not known.
        home: of the folder in which its run lies.
        host: name of the machine that learned it.
    """

    number: int
    state: State
    values: Mapping[str, Value]
    scores: Mapping[int, float]
    fault: str = ""
    seconds: float = 0.0
    home: str = ""
    host: str = ""

    @property
    def score(self) -> float | None:
        """Of its best epoch; None unless it is done."""
        return max(self.scores.values(), default=None) if self.state == "done" else None

    @property
    def best_epoch(self) -> int:
        """The first epoch with the best score; 0 where there is none."""
        return max(self.scores, key=lambda epoch: (self.scores[epoch], -epoch), default=0)

    @property
    def last_epoch(self) -> int:
        """The last that was judged."""
        return max(self.scores, default=0)


def record_of(trial: FrozenTrial, values: Mapping[str, Value]) -> Record:
    """What the study knows of a trial of some values that is done, ended early or learned now."""
    told = trial.user_attrs
    states: dict[TrialState, State] = {
        TrialState.COMPLETE: "done",
        TrialState.PRUNED: "failed" if told.get(FAULT) else "pruned",
        TrialState.RUNNING: "running",
    }
    return Record(
        number=trial.number,
        state=states[trial.state],
        values=values,
        scores=dict(sorted(trial.intermediate_values.items())),
        fault=told.get(FAULT, ""),
        seconds=float(told.get(SECONDS, 0.0)),
        home=told.get(HOME, ""),
        host=told.get(HOST, ""),
    )


def best_of(records: Sequence[Record]) -> Record | None:
    """The trial with the best score; the first of several."""
    done = [record for record in records if record.score is not None]
    return max(done, key=lambda record: (record.score or 0.0, -record.number), default=None)
