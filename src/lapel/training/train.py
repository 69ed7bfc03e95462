"""Train: from a recipe and a dataset to a run with a bundle, or on from where a run stopped."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from lapel.data.dataset import Dataset
from lapel.inference.bundle import Bundle
from lapel.schema.errors import UsageError
from lapel.training.carry_out import carry_out
from lapel.training.checks import by_reason, left_out, schema_of
from lapel.training.fewer_tasks import without_unlearned
from lapel.training.going_on import former_of, open_former, recipe_to_go_on
from lapel.training.input.embedding import check_items
from lapel.training.input.shard_order import with_shard_window
from lapel.training.loop.judging import score_of
from lapel.training.processes.group import Group, joined
from lapel.training.recipe import Recipe, load_recipe, recipe_from
from lapel.training.recorder import Quiet, Reporter
from lapel.training.refusals import told_in_our_words
from lapel.training.repeatable import repeatable
from lapel.training.resolve import resolve
from lapel.training.run.folder import RunFolder
from lapel.training.run.mirroring import run_at
from lapel.training.start import Start
from lapel.training.stopping import watching_signals


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What a run ended with.

    Attributes:
        run: the run's folder.
        data: the dataset's folder.
        unseen_split: what to judge on: ``test``, or ``validation`` where there is no test split.
        bundle: its bundle, with the network of the best epoch.
        best_epoch: counted from 1.
        best_score: on validation.
        score_name: what that score is called, such as ``mean IoU``.
        seconds: spent learning.
    """

    run: Path
    data: Path
    unseen_split: str
    bundle: Path
    best_epoch: int
    best_score: float
    score_name: str
    seconds: float


def train(
    recipe: str | Path | None = None,
    *,
    data: str | Path | None = None,
    out: str | Path | None = None,
    changes: Mapping[str, Any] | None = None,
    from_: str | Path | None = None,
    resume: str | Path | None = None,
    reporter: Reporter | None = None,
    began: float | None = None,
    shard: bool = False,
) -> Trained:
    """Learn as a recipe says, or go on with a run that was stopped.

    Where torchrun started several processes, they learn together as one would, each from its
    share of every batch. The first one reads the recipe, writes the run, and speaks for all.

    Args:
        recipe: a shipped recipe's name, or a YAML file; with ``from_``, None: that model's own.
        data: a dataset with a train and a validation split: a folder, or an address in S3.
        out: the run's folder, to be made; or an address, such as ``s3://bucket/run``, at which it
            is kept while it is learned in a folder here.
        changes: values of the recipe to change, dotted key to value.
        from_: a bundle, or the run that holds one, to learn on from: its backbone, and its heads
            of tasks whose labels are the same.
        resume: a run to go on with, instead of the five above, wherever it was begun if it is kept
            at an address; with ``data``, where the same dataset lies elsewhere now.
        reporter: told how it goes.
        began: the moment (``time.monotonic``) from which a budget counts; none: now.
        shard: each of several processes holds a part of the network, for one that is large.

    Raises:
        UsageError: arguments that do not go together, a folder that holds a run already, or no
            model to learn on from.
        RecipeError: faults in the recipe, or a recipe that does not fit the dataset.
        DatasetError: no such dataset, or one without a train or validation split.
        CheckpointError: no checkpoint of the run is whole.
        TrainingError: the loss is no number any more, a worker was lost, another process
            trains in the folder, another process of the group was lost, an accelerator has no
            memory left, or an operation is not the same each time where the recipe asks for it.
        RunInterruptedError: SIGTERM or SIGINT came; the run is saved and can be resumed.
    """
    with joined() as group:
        if not group.first:
            return _follow(group, shard=shard)
        return _lead(
            recipe,
            data=data,
            out=out,
            changes=changes,
            from_=from_,
            resume=resume,
            reporter=reporter or Quiet(),
            start=Start(began=began or time.monotonic(), group=group, sharded=shard),
        )


def _lead(
    recipe: str | Path | None,
    *,
    data: str | Path | None,
    out: str | Path | None,
    changes: Mapping[str, Any] | None,
    from_: str | Path | None,
    resume: str | Path | None,
    reporter: Reporter,
    start: Start,
) -> Trained:
    """What the first process does, or the only one; see :func:`train`."""
    if resume is not None:
        if any(part is not None for part in (recipe, out, from_)) or changes:
            raise UsageError(
                "--resume goes on with a run as it is: give nothing else with it, but --data where "
                "the dataset lies elsewhere by now. To learn on from what it found, with other "
                "settings or data: lapel train --from RUN --data DATASET --out ANOTHER-RUN"
            )
        with run_at(resume, reporter.say) as run:
            resolved = run.recipe()
            start = replace(start, resuming=True, former=former_of(run))
            return _learn(run, recipe, resolved, data or run.facts()["data"], start, reporter)
    if (recipe is None and from_ is None) or data is None or out is None:
        raise _incomplete(recipe, data, out, from_)
    with run_at(out, reporter.say) as run:
        run.check_new()
        former = None if from_ is None else open_former(from_)
        resolved = resolve(
            load_recipe(str(recipe), changes)
            if former is None
            else recipe_to_go_on(former, recipe, changes)
        )
        return _learn(run, recipe, resolved, data, replace(start, former=former), reporter)


def _learn(
    run: RunFolder,
    recipe: str | Path | None,
    resolved: Recipe,
    data: str | Path,
    start: Start,
    reporter: Reporter,
) -> Trained:
    """Learn a resolved recipe from a dataset, or go on with learning it.

    Args:
        run: where it is kept.
        recipe: as it was named, if it was.
        resolved: with nothing left open but what a budget decides.
        data: the dataset.
        start: how the run begins.
        reporter: told how it goes.
    """
    # Before the run's folder is made: a wrong path leaves nothing behind.
    dataset = Dataset.open(data)
    resolved, unlearned = without_unlearned(resolved, recipe, dataset.schema)
    schema = schema_of(resolved, dataset)
    check_items(resolved, dataset, tuple(spec.name for spec in schema))
    if unlearned:
        reporter.say(
            f"Leaving out what the recipe says of {', '.join(unlearned)}, which are not learned "
            "here (their weights, and stages of theirs alone)"
        )
    for reason, tasks in by_reason(left_out(resolved, dataset.schema)).items():
        reporter.say(f"Leaving out {', '.join(tasks)}: {reason}")
    start.check(resolved)
    resolved = with_shard_window(resolved, dataset, reporter.say)
    with run.locked(), watching_signals() as stop:
        learns = not run.is_complete(resolved)
        start.group.told(
            {
                "learns": learns,
                "recipe": resolved.model_dump(mode="json"),
                "data": str(data),
                "run": str(run.folder),
            }
        )
        if learns:
            with start.group.machine_first():
                pass  # the others open the dataset now, which this process has opened
            with repeatable(wanted=resolved.deterministic), told_in_our_words(resolved):
                carry_out(run, resolved, dataset, schema, start, reporter, stop)
        else:
            reporter.say(f"The run {run.shown} is finished already")
        return _tell(start.group, _outcome(run, dataset))


def _follow(group: Group, *, shard: bool) -> Trained:
    """What every process but the first does: what that one tells it."""
    told = group.told(None)
    if told["learns"]:
        with group.machine_first():
            dataset = Dataset.open(told["data"])
        recipe = recipe_from(told["recipe"], origin="what the first process told")
        start = Start(began=time.monotonic(), group=group, sharded=shard)
        # Nothing is written there: the folder is the first process's, maybe on another machine.
        run = RunFolder(Path(told["run"]))
        with (
            watching_signals() as stop,
            repeatable(wanted=recipe.deterministic),
            told_in_our_words(recipe),
        ):
            carry_out(run, recipe, dataset, schema_of(recipe, dataset), start, Quiet(), stop)
    ended = group.told(None)
    paths = {name: Path(ended[name]) for name in ("run", "data", "bundle")}
    return Trained(**{**ended, **paths})


def _tell(group: Group, trained: Trained) -> Trained:
    """Let all processes know how the run ended; they wait for it."""
    group.told(
        {
            name: str(value) if isinstance(value, Path) else value
            for name, value in asdict(trained).items()
        }
    )
    return trained


def _incomplete(
    recipe: str | Path | None,
    data: str | Path | None,
    out: str | Path | None,
    from_: str | Path | None,
) -> UsageError:
    """What is missing, and the whole of what to type."""
    learned = recipe or ("RECIPE" if from_ is None else f"--from {from_}")
    given = {"RECIPE": recipe or from_, "--data DATASET": data, "--out RUN": out}
    missing = [what for what, value in given.items() if value is None]
    typed = f"lapel train {learned} --data {data or 'DATASET'} --out {out or 'RUN'}"
    return UsageError(
        f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing; type: {typed} "
        "(lapel train --recipes lists the recipes; lapel train --resume RUN goes on with a run)"
    )


def _outcome(run: RunFolder, dataset: Dataset) -> Trained:
    bundle = Bundle.load(run.bundle)
    chosen, learning = bundle.provenance["chosen"], bundle.provenance["learning"]
    return Trained(
        run=run.folder,
        data=dataset.folder,
        unseen_split="test" if "test" in dataset.splits() else "validation",
        bundle=bundle.folder,
        best_epoch=chosen["epoch"],
        best_score=chosen["score"],
        score_name=score_of(run.recipe(), bundle.schema),
        seconds=learning["seconds"],
    )
