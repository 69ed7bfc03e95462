"""Compare: many runs of one recipe, with every combination of some of its values.

The folder that it fills:

- ``compare.json``: what is compared, so that going on goes on with the same
- ``runs/NAME/``: a run each, as ``lapel train`` makes them; ``logs/NAME.txt``: what it said
- ``table.md``, ``runs.csv``, ``epochs.csv``, ``report.html``: written anew after each run
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lapel.storage.places import puts
from lapel.training.comparing.grid import Grid
from lapel.training.comparing.learning import Onlooker, Standing, learn_all
from lapel.training.comparing.plan import ComparisonPlan, check_folder, keep, make_plan
from lapel.training.comparing.report import About, write_report
from lapel.training.comparing.results import Outcome, Result, outcomes_of, read_result
from lapel.training.comparing.tables import write_markdown, write_tables
from lapel.training.many_runs.devices import available_devices
from lapel.training.many_runs.report import REPORT
from lapel.training.many_runs.worker import LOGS, OUTSIDE, Job, job_in
from lapel.training.run.folder import RunFolder
from lapel.training.stopping import RunInterruptedError, watching_signals, way_on


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What a comparison ended with.

    Attributes:
        out: its folder.
        grid: the combinations.
        results: every run's, in the order of the grid, seed by seed.
        outcomes: the same by combination.
        report: the page to look at.
    """

    out: Path
    grid: Grid
    results: tuple[Result, ...]
    outcomes: tuple[Outcome, ...]
    report: Path


class Silent:
    """Tells nobody."""

    def say(self, text: str) -> None:
        """Tell nobody."""

    def progress(self, standing: Standing) -> None:
        """Tell nobody."""

    def ended(self, name: str, fault: str | None) -> None:
        """Tell nobody."""


@puts("out", even_if_cut=True)
def compare(
    recipe: str | Path,
    *,
    data: str | Path,
    out: str | Path,
    vary: Sequence[str],
    changes: Mapping[str, str] | None = None,
    seeds: int = 1,
    onlooker: Onlooker | None = None,
    devices: Sequence[str] | None = None,
) -> Comparison:
    """Learn every combination of some values, and write tables and a page about them.

    Called again with the same arguments it goes on: runs that are done are kept, broken ones
    are resumed, failed ones tried again. Further values, keys' order apart, and more seeds may
    be added.

    Args:
        recipe: a shipped recipe's name, or a YAML file.
        data: a dataset folder with a train and a validation split.
        out: the folder to fill.
        vary: ``KEY=A,B,C`` each; see :mod:`lapel.training.comparing.grid`.
        changes: values of the recipe that all runs change, dotted key to value as typed.
        seeds: runs of each combination, with the recipe's seed and the ones after it.
        onlooker: is told how it goes.
        devices: one run at a time on each; none: every accelerator there is, else the processor.

    Raises:
        UsageError: nothing to compare, or a folder that holds something else.
        RecipeError: combinations with faults; all of them are listed, and none was begun.
        DatasetError: no such dataset, or one without a train or validation split.
        TrainingError: another process works in the folder.
        RunInterruptedError: SIGTERM or SIGINT came; the same call goes on.
    """
    plan = make_plan(str(recipe), data, Path(out), vary, dict(changes or {}), seeds)
    check_folder(plan)
    onlooker = onlooker or Silent()
    with RunFolder(plan.out).locked(), watching_signals() as stop:
        keep(plan)
        keeper = _Keeper(plan, onlooker)
        jobs = keeper.jobs()
        if len(jobs) < len(plan.runs):
            onlooker.say(f"{len(plan.runs) - len(jobs):,} of {len(plan.runs):,} runs are done")
        log = plan.out / LOGS / OUTSIDE
        try:
            learn_all(jobs, devices or available_devices(), keeper, stop, log)
        except RunInterruptedError as interruption:
            keeper.look_again()
            raise way_on(interruption) from None
        return keeper.comparison()


class _Keeper:
    """Keeps tables and page up to date while runs end, and passes on how it goes."""

    def __init__(self, plan: ComparisonPlan, onlooker: Onlooker) -> None:
        self._plan = plan
        self._onlooker = onlooker
        self._results = {run.name: read_result(run, plan.folder(run)) for run in plan.runs}
        self.write()

    def jobs(self) -> list[Job]:
        """The runs that are not done."""
        plan = self._plan
        return [
            job_in(
                plan.out,
                run.name,
                recipe=plan.recipe,
                data=plan.dataset.place,
                changes=run.changes,
            )
            for run in plan.runs
            if self._results[run.name].state != "done"
        ]

    def say(self, text: str) -> None:
        """Pass it on."""
        self._onlooker.say(text)

    def progress(self, standing: Standing) -> None:
        """Pass it on."""
        self._onlooker.progress(standing)

    def ended(self, name: str, fault: str | None) -> None:
        """Take a run's result into the tables."""
        run = self._results[name].run
        self._results[name] = read_result(run, self._plan.folder(run), fault or "")
        self.write()
        self._onlooker.ended(name, fault)

    def look_again(self) -> None:
        """Take in how far the runs came that were stopped."""
        for name, former in self._results.items():
            if former.state in {"waiting", "unfinished"}:
                self._results[name] = read_result(former.run, former.folder)
        self.write()

    def write(self) -> None:
        """Write tables and page from what is known."""
        plan, results = self._plan, tuple(self._results.values())
        outcomes = outcomes_of(results)
        write_tables(plan.out, plan.grid.keys, results)
        write_markdown(plan.out, plan.grid.keys, outcomes)
        write_report(plan.out, _about(plan), plan.grid, outcomes)

    def comparison(self) -> Comparison:
        """The whole."""
        results = tuple(self._results.values())
        return Comparison(
            out=self._plan.out,
            grid=self._plan.grid,
            results=results,
            outcomes=tuple(outcomes_of(results)),
            report=self._plan.out / REPORT,
        )


def _about(plan: ComparisonPlan) -> About:
    select = plan.resolved.select
    return About(
        recipe=plan.resolved.name,
        dataset=plan.dataset.name,
        fingerprint=plan.dataset.fingerprint,
        settings=plan.settings,
        seeds=plan.seeds,
        score=(
            f"{select} on validation, by which each run's best epoch was chosen"
            if select
            else "on validation, the mean of each task's own number, by which each run's best "
            "epoch was chosen"
        ),
    )
