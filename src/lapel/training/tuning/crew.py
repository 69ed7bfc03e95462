"""Who learns the trials: processes of this machine, one trial at a time each.

Only the process that started them talks to the study. After each epoch a worker is told whether
its trial goes on. A worker that the system kills, such as for its memory, or that hangs, costs no
trial: another one goes on with it. When the whole is stopped, every trial that is being learned is
saved, and taken up again by the same command.
"""

from __future__ import annotations

import csv
import math
import time
from collections import deque
from pathlib import Path

from lapel.evaluation.run_files import LOG
from lapel.schema.errors import TrainingError
from lapel.training.many_runs.pool import Ending, Pool
from lapel.training.many_runs.worker import Job
from lapel.training.stopping import StopSignals
from lapel.training.tuning.folder import SearchFolder
from lapel.training.tuning.records import Drawn, best_of
from lapel.training.tuning.standing import Limits, Onlooker, Standing

#: So many trials in a row that fail end the search: the fault is not in their values.
FAULTS = 4

#: Seconds between two looks at whether there is anything to learn, while there is not.
ASK_EVERY = 2.0

#: A worker that the system killed is replaced, and its trial gone on with, so often.
LIVES = 2


class Crew:
    """Learns trials until there are enough, time is up, or nothing is left to try.

    Args:
        folder: of the search, with the study's trials.
        limits: when to end.
        onlooker: is told how it goes.
        stop: looked at between events.
        log: file for what processes print outside of runs.
    """

    def __init__(
        self,
        folder: SearchFolder,
        limits: Limits,
        onlooker: Onlooker,
        stop: StopSignals,
        log: Path,
    ) -> None:
        self._folder, self._trials, self._limits = folder, folder.trials, limits
        self._onlooker, self._stop, self._log = onlooker, stop, log
        self._learned: dict[str, tuple[Drawn, float]] = {}
        self._again = deque(folder.trials.unfinished())
        self._lost: dict[int, int] = {}
        self._spent: list[float] = []
        self._faults = 0
        self._exhausted = False
        self._tended = -math.inf
        self._ask_from = -math.inf
        self._standing = Standing(wanted=limits.trials)

    def work(self) -> None:
        """Learn; what is being learned when time is up is saved.

        Raises:
            TrainingError: one trial after another failed.
            RunInterruptedError: a signal came; the trials that learned are saved.
        """
        with Pool(self._limits.slots, self, self._log) as pool:
            while not self._time_is_up():
                self._tend()
                pool.give()
                if self._nothing_left() and not self._worth_waiting():
                    return
                pool.listen()
                self._tell()
                self._stop.check()

    @property
    def exhausted(self) -> bool:
        """Whether nothing is left that was not tried."""
        return self._exhausted

    # Giving out work

    def next_job(self) -> Job | None:
        """The next trial; where there is none, it is asked again in a while."""
        if time.monotonic() < self._ask_from:
            return None
        drawn = self._next()
        if drawn is None:
            self._ask_from = time.monotonic() + ASK_EVERY
            return None
        job = self._folder.job(drawn)
        self._learned[job.name] = (drawn, time.monotonic())
        self._standing.here[drawn.number] = 0.0
        return job

    def _next(self) -> Drawn | None:
        if self._again:
            return self._again.popleft()
        if not self._wanted() or not self._fits():
            return None
        if self._exhausted and not self._trials.waiting():
            return None
        drawn = self._trials.draw(self._limits.trials)
        self._exhausted = drawn is None
        return drawn

    def _wanted(self) -> bool:
        """Whether the study is to have more trials."""
        limit = self._limits.trials
        return limit is None or self._trials.count() < limit

    def _fits(self) -> bool:
        """Whether half a trial at least fits into what is left of the time."""
        until = self._limits.until
        if until is None or not self._spent:
            return True
        return time.monotonic() + sorted(self._spent)[len(self._spent) // 2] / 2 < until

    def _time_is_up(self) -> bool:
        return self._limits.until is not None and time.monotonic() >= self._limits.until

    def _nothing_left(self) -> bool:
        """Whether nobody learns, and there was nothing to learn when somebody last could."""
        return not self._learned and time.monotonic() < self._ask_from

    def _worth_waiting(self) -> bool:
        """Whether others still learn what this search is to have: their work may get lost."""
        limit = self._limits.trials
        if limit is None or self._standing.ended >= limit:
            return False
        put_up = self._trials.waiting() and self._wanted() and self._fits()
        return self._standing.elsewhere > 0 or put_up

    # Hearing how it goes

    def moved(self, name: str, share: float) -> None:
        """A trial is so far."""
        self._standing.here[self._number(name)] = share

    def judged(self, name: str, epoch: int, score: float | None) -> bool:
        """An epoch of a trial was judged; whether it goes on."""
        if score is None or not math.isfinite(score):
            return True
        number = self._number(name)
        worse = self._trials.report(number, epoch, score)
        self._standing.notes[number] = f"epoch {epoch}, {100 * score:.2f} %"
        return not worse

    def ended(self, name: str, ending: Ending) -> None:
        """A trial is at its end, or is gone on with: one that was stopped, or whose process was
        lost.
        """
        drawn, began = self._learned.pop(name)
        self._standing.here.pop(drawn.number, None)
        self._standing.notes.pop(drawn.number, None)
        self._ask_from = self._tended = -math.inf
        if ending.how == "lost":
            ending = self._after_loss(drawn.number, ending)
        if ending.how == "stopped":
            self._again.append(drawn)
            return
        self._write_down(drawn.number, ending, time.monotonic() - began)
        self._announce(drawn.number)
        self._count_faults(ending)

    def _number(self, name: str) -> int:
        return self._learned[name][0].number

    def _after_loss(self, number: int, ending: Ending) -> Ending:
        """A trial whose process was lost was only stopped, unless that came too often."""
        self._lost[number] = self._lost.get(number, 0) + 1
        if self._lost[number] > LIVES:
            fault = f"{ending.fault} (so it went {self._lost[number]} times)"
            return Ending(how="failed", fault=fault)
        self._onlooker.say(f"trial {number}: {ending.fault}; going on with it")
        return Ending(how="stopped", fault=ending.fault)

    def _write_down(self, number: int, ending: Ending, seconds: float) -> None:
        """Let the study know how a trial ended."""
        scores = read_scores(self._folder.folder(number) / LOG)
        if ending.how == "pruned":
            self._trials.pruned(number, seconds)
        elif ending.how == "done" and scores:
            self._trials.done(number, scores, seconds)
        else:
            self._trials.failed(number, ending.fault or "no epoch was judged", seconds)
        if ending.how != "failed":
            self._spent.append(seconds)

    def _announce(self, number: int) -> None:
        """Let tables and page be written, and the onlooker know."""
        records = self._trials.records()
        self._folder.ended(records)
        record = next((one for one in records if one.number == number), None)
        if record is not None:  # else another machine took it for lost
            self._onlooker.ended(record, best_of(records))

    def _count_faults(self, ending: Ending) -> None:
        self._faults = self._faults + 1 if ending.how == "failed" else 0
        if self._faults >= FAULTS:
            raise TrainingError(
                f"{FAULTS} trials in a row failed, the last: {ending.fault}. What was "
                "learned is kept; once that is mended, the same command goes on"
            )

    # Looking after the study

    def _tend(self) -> None:
        """Give a sign of life, see to what others lost, and count; once in a while."""
        now = time.monotonic()
        if now - self._tended < min(5.0, self._limits.lost_after / 6):
            return
        self._tended = now
        self._trials.beat([drawn.number for drawn, _ in self._learned.values()])
        for number in self._trials.take_over(self._limits.lost_after):
            self._onlooker.say(f"trial {number} was lost by another machine; it is tried again")
        records = self._trials.records()
        self._standing.ended = sum(record.state != "running" for record in records)
        self._standing.elsewhere = self._trials.elsewhere()
        self._standing.best = max((r.score for r in records if r.score is not None), default=None)

    def _tell(self) -> None:
        self._standing.seconds_left = self._seconds_left()
        self._onlooker.progress(self._standing)

    def _seconds_left(self) -> float | None:
        left: list[float] = []
        if self._limits.until is not None:
            left.append(max(0.0, self._limits.until - time.monotonic()))
        if self._limits.trials is not None and self._spent:
            each = sum(self._spent) / len(self._spent)
            rest = self._limits.trials - self._standing.ended - sum(self._standing.here.values())
            workers = len(self._limits.slots) + self._standing.elsewhere
            left.append(max(0.0, each * rest / workers))
        return min(left, default=None)


def read_scores(log: Path) -> dict[int, float]:
    """Epoch to score on validation, of a run's log; empty where there is none."""
    if not log.is_file():
        return {}
    with log.open(newline="", encoding="utf-8") as file:
        rows = [(row.get("epoch"), row.get("validation_accuracy")) for row in csv.DictReader(file)]
    scores = {int(float(epoch)): float(score) for epoch, score in rows if epoch and score}
    return {epoch: score for epoch, score in scores.items() if math.isfinite(score)}
