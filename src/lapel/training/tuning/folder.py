"""The folder of a search: its runs, and what is written about them."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import optuna

from lapel.schema.errors import TrainingError
from lapel.training.loop.judging import score_of
from lapel.training.many_runs.report import REPORT
from lapel.training.many_runs.worker import RUNS, Job, job_in
from lapel.training.run.folder import BUNDLE, CHECKPOINTS, TENSORBOARD, RunFolder
from lapel.training.tuning.plan import Search
from lapel.training.tuning.ranges import own_values
from lapel.training.tuning.records import Drawn, Record, best_of
from lapel.training.tuning.report import About, write_report
from lapel.training.tuning.study import Pruner, agree, importance_of, open_study, pruner_of
from lapel.training.tuning.tables import BEST, write_best, write_table
from lapel.training.tuning.trials import Trials

#: Seconds in which a worker whose search was killed has noticed it, and saved.
FREE_WITHIN = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """What a search ended with.

    Attributes:
        out: its folder.
        data: the dataset's folder.
        unseen_split: what to judge on: ``test``, or ``validation`` where there is no test split.
        best: the best trial.
        score_name: what its score is called.
        recipe: the best values, as a recipe.
        run: the best trial's run; None where another machine learned it.
        trials: all of them, of every machine.
        report: the page to look at.
    """

    out: Path
    data: Path
    unseen_split: str
    best: Record
    score_name: str
    recipe: Path
    run: Path | None
    trials: tuple[Record, ...]
    report: Path


class SearchFolder:
    """The folder of a search: its runs, and what is written about them.

    Args:
        search: what is searched.
        home: the folder's own name in the study.
        pruner: what ends trials early.
        keep_all: keep bundles and checkpoints of all trials, not of the best one alone.

    Attributes:
        trials: of the study, as this folder works on it.
    """

    def __init__(self, search: Search, home: str, pruner: Pruner, *, keep_all: bool) -> None:
        self._search, self._home, self._keep_all = search, home, keep_all
        self._pruner: Pruner = pruner
        self._study = self._open()
        self.trials = Trials(
            self._study,
            search.ranges,
            seed=search.base.seed,
            home=home,
            host=socket.gethostname(),
            alone=search.alone,
        )
        own = own_values(search.base, search.ranges)
        if own is not None:
            self.trials.begin_with(own)
        for drawn in self.trials.unfinished():
            _wait_until_free(RunFolder(self.folder(drawn.number)))

    def _open(self) -> optuna.Study:
        search = self._search
        study = open_study(search.study, search.name)
        agree(study, search.facts, search.study)
        study.pruner = pruner_of(self._pruner, search.base.schedule.epochs)
        return study

    def folder(self, number: int) -> Path:
        """Where a trial's run lies."""
        return self._search.out / RUNS / _name(number)

    def job(self, drawn: Drawn) -> Job:
        """What a worker is told to learn."""
        search = self._search
        return job_in(
            search.out,
            _name(drawn.number),
            recipe=search.recipe,
            data=str(search.dataset.folder),
            # Doubtful labels are looked for once, by who learns the best recipe.
            changes={**search.settings, **drawn.values, "doubtful_labels.folds": 0},
            asks=True,
        )

    def ended(self, records: Sequence[Record]) -> None:
        """Write tables, page and the best recipe, and keep of the runs what is to be kept."""
        search = self._search
        write_table(search.out, search.ranges, records)
        best = best_of(records)
        if best is not None:
            schema = search.dataset.schema
            write_best(search.out, search.recipe, search.settings, best, schema)
        write_report(search.out, self._about(), records, importance_of(self._study))
        if not self._keep_all:
            self._make_room(records)

    def _make_room(self, records: Sequence[Record]) -> None:
        """Of this folder's runs, keep the best one whole, and of the others how they went."""
        mine = [record for record in records if record.home == self._home]
        best = best_of(mine)
        for record in mine:
            if record.state == "running" or (best and record.number == best.number):
                continue
            for part in (BUNDLE, CHECKPOINTS, TENSORBOARD):
                shutil.rmtree(self.folder(record.number) / part, ignore_errors=True)

    def tuned(self) -> Tuned:
        """What the search ended with.

        Raises:
            TrainingError: no trial is done.
        """
        search, records = self._search, self.trials.records()
        best = best_of(records)
        if best is None:
            faults = [record.fault for record in records if record.fault]
            why = f"the last failed: {faults[-1]}" if faults else "give it more time"
            raise TrainingError(
                f"no trial is done; {why}. What was learned is saved, and the same command goes on"
            )
        return Tuned(
            out=search.out,
            data=search.dataset.folder,
            unseen_split="test" if "test" in search.dataset.splits() else "validation",
            best=best,
            score_name=score_of(search.base, search.learned),
            recipe=search.out / BEST,
            run=self.folder(best.number) if best.home == self._home else None,
            trials=tuple(records),
            report=search.out / REPORT,
        )

    def _about(self) -> About:
        search = self._search
        return About(
            recipe=search.base.name,
            dataset=search.dataset.name,
            fingerprint=search.dataset.fingerprint,
            settings=search.settings,
            score=f"{score_of(search.base, search.learned)} on validation, of each best epoch",
            ranges=search.ranges,
            pruner=self._pruner,
            seed=search.base.seed,
            home=self._home,
        )


def _name(number: int) -> str:
    return f"trial-{number:04d}"


def _wait_until_free(run: RunFolder) -> None:
    """Wait for a worker whose search was killed: it saves, and ends by itself.

    Raises:
        TrainingError: it does not.
    """
    latest = time.monotonic() + FREE_WITHIN
    while run.folder.is_dir():
        try:
            with run.locked():
                return
        except TrainingError:
            if time.monotonic() >= latest:
                raise
            time.sleep(0.2)
