"""Who learns the trials: processes of this machine, one trial at a time each.

Only the process that started them talks to the study. After each epoch a worker is told whether
its trial goes on. A worker that the system kills, such as for its memory, costs one trial; when
the whole is stopped, every trial that is being learned is saved, and taken up again by the same
command.
"""

from __future__ import annotations

import csv
import math
import selectors
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lapel.schema.errors import TrainingError
from lapel.training.comparing.pool import END_WITHIN, LOOK_EVERY, Worker
from lapel.training.run import LOG
from lapel.training.stopping import StopSignals
from lapel.training.tuning.records import Drawn, best_of
from lapel.training.tuning.standing import Bench, Limits, Onlooker, Standing
from lapel.training.tuning.trials import Trials

#: So many trials in a row that fail end the search: the fault is not in their values.
FAULTS = 4

#: Seconds between two looks at whether there is anything to learn, while there is not.
ASK_EVERY = 2.0

#: A worker that the system killed is replaced, and its trial gone on with, so often.
LIVES = 2


class Crew:
    """Learns trials until there are enough, time is up, or nothing is left to try.

    Args:
        trials: the study.
        bench: the folder.
        limits: when to end.
        onlooker: is told how it goes.
        stop: looked at between events.
        log: file for what processes print outside of runs.
    """

    def __init__(
        self,
        trials: Trials,
        bench: Bench,
        limits: Limits,
        onlooker: Onlooker,
        stop: StopSignals,
        log: Path,
    ) -> None:
        self._trials, self._bench, self._limits = trials, bench, limits
        self._onlooker, self._stop, self._log = onlooker, stop, log
        self._free = deque(limits.slots)
        self._selector = selectors.DefaultSelector()
        self._busy: dict[Worker, tuple[Drawn, float]] = {}
        self._workers: dict[Worker, tuple[str, Mapping[str, str]]] = {}
        self._again = deque(trials.unfinished())
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
        try:
            while not self._time_is_up():
                self._tend()
                self._give()
                if self._nothing_left() and not self._worth_waiting():
                    return
                for key, _ in self._selector.select(LOOK_EVERY):
                    self._listen(key.data)
                self._tell()
                self._stop.check()
        finally:
            self._close()

    @property
    def exhausted(self) -> bool:
        """Whether nothing is left that was not tried."""
        return self._exhausted

    # Giving out work

    def _give(self) -> None:
        """Give trials to who has none; a process is started where a device is free."""
        while (self._idle() or self._free) and time.monotonic() >= self._ask_from:
            drawn = self._next()
            if drawn is None:
                self._ask_from = time.monotonic() + ASK_EVERY
                return
            worker = next(iter(self._idle()), None) or self._start()
            self._busy[worker] = (drawn, time.monotonic())
            self._standing.here[drawn.number] = 0.0
            worker.begin(self._bench.job(drawn))

    def _idle(self) -> list[Worker]:
        return [one for one in self._workers if one not in self._busy and not one.leaving]

    def _start(self) -> Worker:
        slot = self._free.popleft()
        worker = Worker(slot[0], self._log, slot[1])
        self._workers[worker] = slot
        self._selector.register(worker.output, selectors.EVENT_READ, worker)
        return worker

    def _next(self) -> Drawn | None:
        if self._again:
            return self._again.popleft()
        if not self._wanted() or not self._fits():
            return None
        if self._exhausted and not self._trials.waiting():
            return None
        drawn = self._trials.draw()
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
        return not self._busy and time.monotonic() < self._ask_from

    def _worth_waiting(self) -> bool:
        """Whether others still learn what this search is to have: their work may get lost."""
        limit = self._limits.trials
        if limit is None or self._standing.ended >= limit:
            return False
        put_up = self._trials.waiting() and self._wanted() and self._fits()
        return self._standing.elsewhere > 0 or put_up

    # Hearing how it goes

    def _listen(self, worker: Worker) -> None:
        events = worker.events()
        if events is None:
            self._lose(worker)
            return
        for event in events:
            if worker not in self._busy:
                continue
            number = self._busy[worker][0].number
            if event["event"] == "step":
                self._standing.here[number] = event["step"] / max(event["steps"], 1)
            elif event["event"] == "epoch":
                self._epoch(worker, number, event)
            else:
                worker.leaving = event["event"] not in {"done", "pruned"}
                self._end(worker, event)

    def _epoch(self, worker: Worker, number: int, event: Mapping[str, Any]) -> None:
        epoch, score = int(event["epoch"]), event["score"]
        worse = False
        if score is not None and math.isfinite(score):
            worse = self._trials.report(number, epoch, score)
            self._standing.notes[number] = f"epoch {epoch}, {100 * score:.2f} %"
        worker.answer("end" if worse else "on")

    def _end(self, worker: Worker, event: Mapping[str, Any]) -> None:
        """A trial is at its end, one way or another; one that was stopped is gone on with."""
        drawn, began = self._busy.pop(worker)
        number, seconds = drawn.number, time.monotonic() - began
        self._standing.here.pop(number, None)
        self._standing.notes.pop(number, None)
        self._ask_from = self._tended = -math.inf
        if event["event"] == "stopped":
            self._again.append(drawn)
            return
        scores = read_scores(self._bench.folder(number) / LOG)
        if event["event"] == "pruned":
            self._trials.pruned(number, seconds)
        elif event["event"] == "done" and scores:
            self._trials.done(number, scores, seconds)
        else:
            self._trials.failed(number, event.get("fault") or "no epoch was judged", seconds)
        if event["event"] != "failed":
            self._spent.append(seconds)
        self._announce(number)
        self._count_faults(event)

    def _announce(self, number: int) -> None:
        """Let tables and page be written, and the onlooker know."""
        records = self._trials.records()
        self._bench.ended(records)
        record = next((one for one in records if one.number == number), None)
        if record is not None:  # else another machine took it for lost
            self._onlooker.ended(record, best_of(records))

    def _count_faults(self, event: Mapping[str, Any]) -> None:
        self._faults = self._faults + 1 if event["event"] == "failed" else 0
        if self._faults >= FAULTS:
            raise TrainingError(
                f"{FAULTS} trials in a row failed, the last: {event.get('fault')}. What was "
                "learned is kept; once that is mended, the same command goes on"
            )

    def _lose(self, worker: Worker) -> None:
        """A process ended, as it does after a trial that failed; another takes its device."""
        self._selector.unregister(worker.output)
        self._free.append(self._workers.pop(worker))
        log = worker.job.log if worker.job else self._log
        code = worker.close(within=END_WITHIN)
        if worker not in self._busy:
            return
        number = self._busy[worker][0].number
        self._lost[number] = self._lost.get(number, 0) + 1
        how = f"exit code {code}" if code >= 0 else f"signal {-code}"
        if self._lost[number] > LIVES:
            fault = f"its process ended {self._lost[number]} times, with {how}; look into {log}"
            self._end(worker, {"event": "failed", "fault": fault})
            return
        self._onlooker.say(f"trial {number}: its process ended with {how}; going on with it")
        self._standing.here.pop(number, None)
        self._ask_from = -math.inf
        self._again.append(self._busy.pop(worker)[0])

    # Looking after the study

    def _tend(self) -> None:
        """Give a sign of life, see to what others lost, and count; once in a while."""
        now = time.monotonic()
        if now - self._tended < min(5.0, self._limits.lost_after / 6):
            return
        self._tended = now
        self._trials.beat([drawn.number for drawn, _ in self._busy.values()])
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

    def _close(self) -> None:
        """End every process; who still learns saves first."""
        busy = [worker for worker in self._workers if worker in self._busy]
        try:
            for worker in busy:
                worker.stop()
            for worker in self._workers:
                worker.close(within=None if worker in busy else END_WITHIN)
        finally:
            for worker in self._workers:
                if worker.process.poll() is None:
                    worker.process.kill()
                    worker.process.wait()
            self._selector.close()


def read_scores(log: Path) -> dict[int, float]:
    """Epoch to score on validation, of a run's log; empty where there is none."""
    if not log.is_file():
        return {}
    with log.open(newline="", encoding="utf-8") as file:
        rows = [(row.get("epoch"), row.get("validation_accuracy")) for row in csv.DictReader(file)]
    scores = {int(float(epoch)): float(score) for epoch, score in rows if epoch and score}
    return {epoch: score for epoch, score in scores.items() if math.isfinite(score)}
