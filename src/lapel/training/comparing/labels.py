"""What cleaning labels is worth, measured the fair way.

A recipe learns a dataset as it was and as it is after a cleaning. Their scores do not compare:
they answer other questions. So the model of before is also judged on the labels of after, by its
surest answer to any of the labels that became one (:mod:`lapel.evaluation.merged`), and *that* is
what the model of after is compared with: same images, same labels.

The folder that it fills:

- ``compare-labels.json``: what is compared, so that going on goes on with the same
- ``runs/before/``, ``runs/after/``: the runs, as ``lapel train`` makes them; ``logs/``
- ``reports/``: the evaluations, three for each seed
- ``labels.csv``, ``labels.md``: the table
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from lapel.evaluation.evaluate import evaluate
from lapel.evaluation.paired import gains
from lapel.evaluation.result import Evaluation
from lapel.inference.bundle import Bundle
from lapel.metrics.bootstrap import RESAMPLES, Interval
from lapel.schema.errors import DatasetError, TrainingError
from lapel.storage.places import puts
from lapel.training.comparing.grid import PlannedRun
from lapel.training.comparing.label_plan import (
    AFTER,
    BEFORE,
    LabelPlan,
    check_label_folder,
    keep_label_plan,
    make_label_plan,
)
from lapel.training.comparing.label_tables import LabelComparison, write_label_tables
from lapel.training.comparing.learning import Onlooker, learn_all
from lapel.training.comparing.recipes_apart import recipe_remark
from lapel.training.comparing.results import read_result
from lapel.training.many_runs.worker import LOGS, OUTSIDE, RUNS, Job, job_in
from lapel.training.run.folder import RunFolder
from lapel.training.stopping import (
    RunInterruptedError,
    StopSignals,
    watching_signals,
    way_on,
)

REPORTS = "reports"

#: Numbers that are compared, of tasks of each kind.
NUMBERS = ("recall_at_3", "recall_at_5", "map", "mean_f1", "accuracy", "macro_f1")

#: Resamples behind the interval of a difference; each costs two judgements.
GAIN_RESAMPLES = 200


@puts("out", even_if_cut=True)
def compare_labels(
    recipe: str | Path,
    *,
    data: str | Path,
    cleaned: str | Path,
    out: str | Path,
    changes: Mapping[str, str] | None = None,
    seeds: int = 1,
    before: str | Path | None = None,
    after: str | Path | None = None,
    split: str = "test",
    onlooker: Onlooker,
    devices: Sequence[str] = ("",),
    resamples: int = RESAMPLES,
) -> LabelComparison:
    """Learn a dataset as it was and as it is after a cleaning, and tell what that is worth.

    Called again with the same arguments it goes on.

    Args:
        recipe: a shipped recipe's name, or a YAML file.
        data: the dataset with the labels of before.
        cleaned: what ``lapel data clean`` made of it, with its mapping beside the table.
        out: the folder to fill.
        changes: values of the recipe that both runs change, dotted key to value as typed.
        seeds: pairs of runs, with the recipe's seed and the ones after it.
        before: a bundle or run that has learned ``data``, which is then not learned again.
        after: likewise of ``cleaned``.
        split: the rows to judge.
        onlooker: is told how it goes.
        devices: one run at a time on each, see :func:`lapel.training.comparing.compare.compare`.
        resamples: of the bootstrap behind the intervals.

    Raises:
        UsageError: datasets that do not belong together, a folder that holds something else, or
            several seeds of a model that is given.
        RecipeError: a recipe with faults.
        DatasetError: no such dataset or split.
        TrainingError: a run failed, or another process works in the folder.
        RunInterruptedError: SIGTERM or SIGINT came; the same call goes on.
    """
    given = {BEFORE: before, AFTER: after}
    plan = make_label_plan(
        str(recipe), dict(changes or {}), Path(data), Path(cleaned), seeds, given, split, Path(out)
    )
    check_label_folder(plan)
    with RunFolder(plan.out).locked(), watching_signals() as stop:
        keep_label_plan(plan)
        jobs = [
            _job(plan, which, run)
            for which, run in plan.runs()
            if read_result(run, plan.out / RUNS / run.name).state != "done"
        ]
        if remark := recipe_remark(plan.recipes.get(BEFORE), plan.recipes.get(AFTER)):
            onlooker.say(remark)
        keeper = _FaultKeeper(onlooker)
        try:
            learn_all(jobs, devices, keeper, stop, plan.out / LOGS / OUTSIDE)
            _check_done(plan, keeper.faults)
            return _judged(plan, onlooker, resamples, stop)
        except RunInterruptedError as interruption:
            raise way_on(interruption) from None


def _job(plan: LabelPlan, which: str, run: PlannedRun) -> Job:
    dataset = plan.data if which == BEFORE else plan.cleaned
    return job_in(plan.out, run.name, recipe=plan.recipe, data=dataset.place, changes=run.changes)


class _FaultKeeper:
    """Passes on how it goes, and keeps why runs failed."""

    def __init__(self, onlooker: Onlooker) -> None:
        self.faults: dict[str, str] = {}
        self.say = onlooker.say
        self.progress = onlooker.progress
        self._ended = onlooker.ended

    def ended(self, name: str, fault: str | None) -> None:
        """Keep the fault, and pass it on."""
        if fault is not None:
            self.faults[name] = fault
        self._ended(name, fault)


def _check_done(plan: LabelPlan, faults: Mapping[str, str]) -> None:
    for _, run in plan.runs():
        result = read_result(run, plan.out / RUNS / run.name, faults.get(run.name, ""))
        if result.state != "done":
            raise TrainingError(
                f"the run {run.name} is {result.state}, so that nothing can be compared"
                + (f": {result.fault}" if result.fault else "")
                + f". More is in {plan.out / LOGS / run.name}.txt; the same command goes on"
            )


def _judged(
    plan: LabelPlan, onlooker: Onlooker, resamples: int, stop: StopSignals
) -> LabelComparison:
    tasks = _changed_tasks(plan)
    rows: dict[str, list[Evaluation]] = {"original": [], "merged": [], "after": []}
    differences: list[dict[str, Interval]] = []
    for seed in plan.seeds:
        old, new = plan.model(BEFORE, seed), plan.model(AFTER, seed)
        for key, model, data, mapping in (
            ("original", old, plan.data, None),
            ("merged", old, plan.cleaned, plan.mapping),
            ("after", new, plan.cleaned, None),
        ):
            ending = "" if seed == plan.seeds[0] else f"_seed-{seed}"
            stop.check()
            onlooker.say(f"judging: {key}{ending}")
            rows[key].append(
                evaluate(
                    model,
                    data,
                    split=plan.split,
                    out=plan.out / REPORTS / f"{key}{ending}",
                    mapping=mapping,
                    resamples=resamples,
                )
            )
        stop.check()
        pair = rows["merged"][-1], rows["after"][-1]
        differences.append(gains(*pair, tasks, NUMBERS, resamples=min(resamples, GAIN_RESAMPLES)))
    comparison = LabelComparison(
        out=plan.out,
        rules=plan.mapping.rules,
        tasks=tuple(tasks),
        numbers={key: tuple(_numbers(one, tasks) for one in each) for key, each in rows.items()},
        gains=tuple(differences),
        seeds=plan.seeds,
        split=plan.split,
        remarks=tuple(filter(None, [recipe_remark(*_learned_recipes(plan))])),
    )
    write_label_tables(comparison)
    return comparison


def _learned_recipes(plan: LabelPlan) -> tuple[object, object]:
    """What the two models of the first seed were learned by."""
    before, after = (
        Bundle.load(plan.model(which, plan.seeds[0])).provenance.get("recipe")
        for which in (BEFORE, AFTER)
    )
    return before, after


def _changed_tasks(plan: LabelPlan) -> list[str]:
    """The tasks whose labels are others after the cleaning, and that can be judged.

    Raises:
        DatasetError: there are none.
    """
    there = {task.name for task in plan.cleaned.schema}
    changed = [
        one.after.name
        for one in plan.mapping.tasks
        if one.after.name in there and (one.before != one.after or one.implies)
    ]
    if not changed:
        raise DatasetError(
            f"{plan.cleaned.folder} has the labels of {plan.data.folder}; there is nothing to "
            "compare"
        )
    return changed


def _numbers(evaluation: Evaluation, tasks: Sequence[str]) -> dict[str, float]:
    """``TASK.NUMBER`` to value, of the numbers that are compared."""
    return {
        f"{task}.{name}": evaluation.tasks[task].numbers[name].value
        for task in tasks
        for name in NUMBERS
        if task in evaluation.tasks and name in evaluation.tasks[task].numbers
    }
