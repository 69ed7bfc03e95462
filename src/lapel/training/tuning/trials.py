"""The trials of a search: which values come next, how each went, and whose work is lost.

A trial belongs to the folder in which its run lies. A folder whose process was killed takes its
own trials up again, exactly where they stopped. One that gives no sign of life for a while, such
as on a machine that is gone, loses them: the values are tried again by whoever sees it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from lapel.training.tuning.ranges import Range, Value, every_combination
from lapel.training.tuning.records import (
    ATTEMPT,
    BEAT,
    DUPLICATE,
    FAULT,
    HOME,
    HOST,
    SECONDS,
    Drawn,
    Record,
    record_of,
)
from lapel.training.tuning.study import distributions, sampler_of

#: Draws of values that were tried already, after which others are taken; and after which the
#: search is at its end.
DRAWS, LAST_DRAWS = 8, 64

#: Values whose machine was lost are tried so often in all.
ATTEMPTS = 3

#: What counts as tried: not what was drawn twice, nor what was lost.
TRIED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING)


class Trials:
    """A study, as one folder works on it.

    Args:
        study: that may be shared with other folders and machines.
        ranges: what is varied.
        seed: of the search.
        home: the folder's own name in the study.
        host: the machine's.
        alone: whether nobody else can work on the study.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        study: optuna.Study,
        ranges: Sequence[Range],
        *,
        seed: int,
        home: str,
        host: str,
        alone: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._study = study
        self._distributions = distributions(ranges)
        self._ranges = {one.key: one for one in ranges}
        self._combinations = every_combination(ranges)
        self._seed = seed
        self._home, self._host = home, host
        self._alone = alone
        self._clock = clock
        self._beats: dict[int, tuple[int, float]] = {}

    # What comes next

    def begin_with(self, values: Mapping[str, Value]) -> None:
        """Let the first trial be of these values, where nothing was tried yet."""
        if not self._all():
            self._study.enqueue_trial(dict(values), user_attrs={ATTEMPT: 1})

    def unfinished(self) -> list[Drawn]:
        """This folder's trials that nobody learns any more."""
        mine = []
        for trial in self._all():
            if trial.state != TrialState.RUNNING:
                continue
            if trial.user_attrs.get(HOME) == self._home:
                mine.append(Drawn(number=trial.number, values=self._values(trial)))
            elif self._alone:  # killed while its values were drawn
                self._study.tell(trial.number, state=TrialState.FAIL)
        return mine

    def draw(self, most: int | None = None) -> Drawn | None:
        """Values that were not tried yet; None where there are no others.

        Args:
            most: trials that all machines learn together. Two that draw at once may both find one
                left; then the trial that was begun first is it, and the other draws nothing.
        """
        if self._combinations is not None and not self._untried() and not self.waiting():
            return None
        for attempt in range(LAST_DRAWS):
            if attempt >= DRAWS and self._combinations is not None:
                rest = self._untried()
                if not rest:
                    return None
                chosen = random.Random(f"{self._seed} {len(self._all())}").choice(rest)  # noqa: S311 - no secret
                self._study.enqueue_trial(chosen)
            draw = len(self._all())
            self._study.sampler = sampler_of(self._seed, draw, search=attempt < DRAWS)
            trial = self._study.ask(self._distributions)
            trial.set_user_attr(HOME, self._home)
            trial.set_user_attr(HOST, self._host)
            same = self._same(trial)
            if same is None and most is not None and self._before(trial) >= most:
                self._study.tell(trial, state=TrialState.FAIL)
                return None
            if same is None:
                return Drawn(number=trial.number, values=self._values(trial))
            trial.set_user_attr(DUPLICATE, same.number)
            self._study.tell(trial, state=TrialState.FAIL)
        return None

    def _before(self, drawn: optuna.Trial) -> int:
        """How many trials were begun earlier, by whomever, and count."""
        return sum(one.number < drawn.number for one in self._all() if one.state in TRIED)

    def _same(self, drawn: optuna.Trial) -> FrozenTrial | None:
        """An earlier trial of the same values; of two drawn at once, the first is learned."""
        values = self._values(drawn)
        return next(
            (
                trial
                for trial in self._all()
                if trial.number < drawn.number
                and trial.state in TRIED
                and self._values(trial) == values
            ),
            None,
        )

    def _untried(self) -> list[dict[str, Value]]:
        tried = [self._values(trial) for trial in self._all() if trial.state in TRIED]
        return [values for values in self._combinations or [] if values not in tried]

    def _values(self, trial: FrozenTrial | optuna.Trial) -> dict[str, Value]:
        return {key: self._ranges[key].as_written(value) for key, value in trial.params.items()}

    # How it goes

    def report(self, number: int, epoch: int, score: float) -> bool:
        """Take down a score; whether the trial had better end here."""
        try:
            trial = self._live(number)
            if epoch not in self._frozen(number).intermediate_values:
                trial.report(score, epoch)
            return trial.should_prune()
        except UpdateFinishedTrialError:  # another machine took it for lost, and tries it itself
            return True

    def done(self, number: int, scores: Mapping[int, float], seconds: float) -> None:
        """A trial learned to its end."""
        for epoch in sorted(scores):
            self.report(number, epoch, scores[epoch])
        self._end(number, TrialState.COMPLETE, {SECONDS: seconds}, max(scores.values()))

    def pruned(self, number: int, seconds: float) -> None:
        """A trial was ended early."""
        self._end(number, TrialState.PRUNED, {SECONDS: seconds})

    def failed(self, number: int, fault: str, seconds: float = 0.0) -> None:
        """A trial failed: the search keeps away from such values, as from those ended early."""
        self._end(number, TrialState.PRUNED, {FAULT: fault[:1000], SECONDS: seconds})

    def _end(
        self, number: int, state: TrialState, facts: Mapping[str, Any], score: float | None = None
    ) -> None:
        try:
            trial = self._live(number)
            for name, value in facts.items():
                trial.set_user_attr(name, value)
            self._study.tell(trial, score, state, skip_if_finished=True)
        except UpdateFinishedTrialError:
            return

    # Who is still alive

    def beat(self, numbers: Sequence[int]) -> None:
        """Tell the others that these trials are being learned."""
        for number in numbers:
            try:
                beat = self._frozen(number).user_attrs.get(BEAT, 0)
                self._live(number).set_user_attr(BEAT, beat + 1)
            except UpdateFinishedTrialError:
                continue

    def take_over(self, lost_after: float) -> list[int]:
        """Put up again what others have not given a sign of for a while; the numbers of those.

        No clock of another machine is asked: what counts is how long a sign has not changed here.
        """
        now, lost = self._clock(), []
        for trial in self._elsewhere():
            beat = trial.user_attrs.get(BEAT, 0)
            seen, since = self._beats.get(trial.number, (-1, now))
            if seen != beat:
                self._beats[trial.number] = (beat, now)
            elif now - since > lost_after and self._give_up(trial):
                lost.append(trial.number)
        return lost

    def _give_up(self, trial: FrozenTrial) -> bool:
        """Whether it was this folder that ended it: of several, one puts it up again."""
        attempt = trial.user_attrs.get(ATTEMPT, 1)
        if attempt >= ATTEMPTS:
            self.failed(trial.number, f"its machine was lost {ATTEMPTS} times while it was learned")
            return True
        try:
            self._study.tell(trial.number, state=TrialState.FAIL)
        except (UpdateFinishedTrialError, ValueError):
            return False
        self._study.enqueue_trial(dict(trial.params), user_attrs={ATTEMPT: attempt + 1})
        return True

    def waiting(self) -> bool:
        """Whether values were put up that nobody learns."""
        return any(trial.state == TrialState.WAITING for trial in self._all())

    def elsewhere(self) -> int:
        """How many trials other folders learn now."""
        return len(self._elsewhere())

    def _elsewhere(self) -> list[FrozenTrial]:
        return [
            trial
            for trial in self._all()
            if trial.state == TrialState.RUNNING and trial.user_attrs.get(HOME) != self._home
        ]

    # What is known

    def records(self) -> list[Record]:
        """Every trial that was begun, but for values drawn twice and those that were lost."""
        kept = [trial for trial in self._all() if trial.state in TRIED]
        return [record_of(trial, self._values(trial)) for trial in kept]

    def count(self) -> int:
        """How many trials are done, ended early, failed or learned now."""
        return sum(trial.state in TRIED for trial in self._all())

    def _all(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)

    def _frozen(self, number: int) -> FrozenTrial:
        return next(trial for trial in self._all() if trial.number == number)

    def _live(self, number: int) -> optuna.Trial:
        """The same trial again, as Optuna's own integrations for clusters make it."""
        return optuna.Trial(self._study, self._frozen(number)._trial_id)  # noqa: SLF001 - it has no other name
