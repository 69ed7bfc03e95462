"""Tune: many runs of one recipe, each with values that the runs before it make likely to be good.

As :mod:`lapel.training.comparing.compare` does, it goes on where it was stopped, and leaves a page
and tables. What is searched, and what the folder holds: :mod:`lapel.training.tuning.plan`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lapel.schema.errors import UsageError
from lapel.storage.holding import held
from lapel.training.many_runs.worker import LOGS, OUTSIDE
from lapel.training.run.folder import LOCK
from lapel.training.stopping import RunInterruptedError, watching_signals, way_on
from lapel.training.tuning.crew import Crew
from lapel.training.tuning.folder import SearchFolder, Tuned
from lapel.training.tuning.plan import (
    check_folder,
    keep,
    make_search,
    seconds_of_budget,
    slots_of,
)
from lapel.training.tuning.records import Record
from lapel.training.tuning.standing import Limits, Onlooker, Standing
from lapel.training.tuning.study import STUDY, Pruner, reaching


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
        folder = SearchFolder(search, home, pruner, keep_all=keep_all)
        keep(search, home)
        crew = Crew(folder, limits, onlooker or Silent(), stop, search.out / LOGS / OUTSIDE)
        try:
            crew.work()
        except RunInterruptedError as interruption:
            raise way_on(interruption) from None
        finally:
            folder.ended(folder.trials.records())
        if crew.exhausted and onlooker is not None:
            onlooker.say("Every combination of the values was tried")
        return folder.tuned()
