"""Tune: many runs of one recipe, each with values that the runs before it make likely to be good.

As :mod:`lapel.training.compare` does, it goes on where it was stopped, and leaves a page and
tables. What is searched, and what the folder holds: :mod:`lapel.training.tuning.plan`.
"""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna

from lapel.schema.errors import TrainingError, UsageError
from lapel.storage.holding import held
from lapel.training.comparing.pool import Job
from lapel.training.judging import score_of
from lapel.training.run import BUNDLE, CHECKPOINTS, LOCK, RUN, TENSORBOARD, RunFolder
from lapel.training.stopping import RunInterruptedError, watching_signals, way_on
from lapel.training.tuning.crew import Crew
from lapel.training.tuning.plan import (
    Search,
    check_folder,
    keep,
    make_search,
    seconds_of_budget,
    slots_of,
)
from lapel.training.tuning.ranges import own_values
from lapel.training.tuning.records import Drawn, Record, best_of
from lapel.training.tuning.report import REPORT, About, write_report
from lapel.training.tuning.standing import Limits, Onlooker, Standing
from lapel.training.tuning.study import (
    STUDY,
    Pruner,
    agree,
    importance_of,
    open_study,
    pruner_of,
    reaching,
)
from lapel.training.tuning.tables import BEST, write_best, write_table
from lapel.training.tuning.trials import Trials

RUNS, LOGS = "runs", "logs"

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


class Silent:
    """Tells nobody."""

    def say(self, text: str) -> None:
        """Tell nobody."""

    def progress(self, standing: Standing) -> None:
        """Tell nobody."""

    def ended(self, record: Record, best: Record | None) -> None:
        """Tell nobody."""


def tune(
    recipe: str | Path,
    *,
    data: str | Path,
    out: str | Path,
    trials: int | None = None,
    budget: str | None = None,
    ranges: Sequence[str] = (),
    changes: Mapping[str, Any] | None = None,
    study: str | Path | None = None,
    name: str = STUDY,
    workers: int | None = None,
    pruner: Pruner = "median",
    keep_all: bool = False,
    lost_after: float = 120.0,
    onlooker: Onlooker | None = None,
) -> Tuned:
    """Search for the best values of a recipe, and write them as a recipe.

    Called again with the same arguments it goes on: what was being learned is taken up where it
    stopped. More trials may be asked for later. The first trial is the recipe as it is, where its
    values lie within the ranges. The test split is not looked at.

    Args:
        recipe: a shipped recipe's name, or a YAML file; its ``tune`` part says what is varied.
        data: a dataset folder with a train and a validation split.
        out: the folder to fill.
        trials: how many there are to be in the study, those of other machines among them.
        budget: time as ``90s``, ``10m`` or ``8h``, after which what is being learned is saved.
        ranges: ``KEY=LOW..HIGH[:log][:step=S]`` or ``KEY=A,B,C`` each, beside the recipe's.
        changes: values of the recipe that all trials change, dotted key to value.
        study: where trials are kept: a URL such as ``postgresql://user@host/name`` or a file, to
            be shared by several machines; None: a file in the folder.
        name: of the study, of which a database may hold several.
        workers: trials that are learned at once; None: one an accelerator, or one.
        pruner: what ends trials early that are worse than others: ``median``, ``hyperband``,
            ``none``.
        keep_all: keep bundles and checkpoints of all trials, not of the best one alone.
        lost_after: seconds without a sign after which another machine's trial is tried again.
        onlooker: is told how it goes.

    Raises:
        UsageError: nothing to search or no end, or a folder or study that holds something else.
        RecipeError: a recipe with faults, or one that does not take all values of a range.
        DatasetError: no such dataset, or one without a train or validation split.
        StorageError: the study cannot be reached, or another process works in the folder.
        TrainingError: one trial after another failed, or none was done in time.
        RunInterruptedError: SIGTERM or SIGINT came; the same call goes on.
    """
    began = time.monotonic()
    if trials is None and budget is None:
        raise UsageError("say when the search ends: --trials 30, --budget 2h, or both")
    if trials is not None and trials < 1:
        raise UsageError(f"--trials takes a number from 1 on, found {trials}")
    seconds = seconds_of_budget(budget)
    limits = Limits(
        trials=trials,
        until=None if seconds is None else began + seconds,
        slots=slots_of(workers),
        lost_after=lost_after,
    )
    search = make_search(
        str(recipe),
        data,
        Path(out),
        ranges=ranges,
        changes=dict(changes or {}),
        study=None if study is None else str(study),
        name=name,
    )
    home = check_folder(search)
    busy = f"another process tunes in {search.out}; wait for it, or name another --out"
    with held(search.out / LOCK, busy=busy), watching_signals() as stop, reaching(search.study):
        bench = _Bench(search, home, pruner, keep_all=keep_all)
        keep(search, home)
        crew = Crew(
            bench.trials,
            bench,
            limits,
            onlooker or Silent(),
            stop,
            search.out / LOGS / "processes.txt",
        )
        try:
            crew.work()
        except RunInterruptedError as interruption:
            raise way_on(interruption) from None
        finally:
            bench.ended(bench.trials.records())
        if crew.exhausted and onlooker is not None:
            onlooker.say("Every combination of the values was tried")
        return bench.tuned()


class _Bench:
    """The folder of a search: its runs, and what is written about them."""

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
        return self._search.out / RUNS / f"trial-{number:04d}"

    def job(self, drawn: Drawn) -> Job:
        """What a worker is told to learn."""
        folder, search = self.folder(drawn.number), self._search
        arguments: dict[str, Any] = {"resume": str(folder)}
        if not (folder / RUN).is_file():
            # Doubtful labels are looked for once, by who learns the best recipe.
            changes = {**search.settings, **drawn.values, "doubtful_labels.folds": 0}
            arguments = {
                "recipe": search.recipe,
                "data": str(search.dataset.folder),
                "out": str(folder),
                "changes": changes,
            }
        log = search.out / LOGS / f"{folder.name}.txt"
        return Job(name=folder.name, arguments=arguments, log=log, asks=True)

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
