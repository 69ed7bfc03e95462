"""Train: from a recipe and a dataset to a run with a bundle, or on from where a run stopped."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lapel.data.dataset import Dataset
from lapel.inference.bundle import Bundle
from lapel.models.losses import label_counts
from lapel.models.multitask import Network
from lapel.models.networks import build_network
from lapel.models.weights import FormerModel
from lapel.schema.counting import counted
from lapel.schema.errors import UsageError
from lapel.schema.labels import Schema
from lapel.training.budget import within_budget
from lapel.training.checkpoint import Checkpoint, newest_checkpoint
from lapel.training.checks import by_reason, check_same_data, left_out, schema_of
from lapel.training.doubtful import find_doubtful_labels
from lapel.training.embedding import check_items
from lapel.training.fewer_tasks import without_unlearned
from lapel.training.finish import finish
from lapel.training.going_on import (
    FROM,
    former_of,
    go_on,
    keep_seen,
    open_former,
    recipe_to_go_on,
)
from lapel.training.judging import score_of
from lapel.training.learner import Learner
from lapel.training.loop import learn
from lapel.training.material import Material, first_pixels, gather, learned_rows
from lapel.training.plan import seed_of
from lapel.training.precision import choose_precision
from lapel.training.recipe import Recipe, load_recipe
from lapel.training.recorder import OnlyStops, Quiet, Recorder, Reporter
from lapel.training.resolve import resolve
from lapel.training.run import RunFolder, environment
from lapel.training.stopping import RunInterruptedError, StopSignals, watching_signals
from lapel.training.transfer import Course, begin_with_heads, lay_out, rest


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
) -> Trained:
    """Learn as a recipe says, or go on with a run that was stopped.

    Args:
        recipe: a shipped recipe's name, or a YAML file; with ``from_``, None: that model's own.
        data: a dataset folder with a train and a validation split.
        out: the run's folder, to be made.
        changes: values of the recipe to change, dotted key to value.
        from_: a bundle, or the run that holds one, to learn on from: its backbone, and its heads
            of tasks whose labels are the same.
        resume: a run to go on with, instead of the five above.
        reporter: told how it goes.
        began: the moment (``time.monotonic``) from which a budget counts; none: now.

    Raises:
        UsageError: arguments that do not go together, a folder that holds a run already, or no
            model to learn on from.
        RecipeError: faults in the recipe, or a recipe that does not fit the dataset.
        DatasetError: no such dataset, or one without a train or validation split.
        CheckpointError: no checkpoint of the run is whole.
        TrainingError: the loss is no number any more, a worker was lost, another process
            trains in the folder.
        RunInterruptedError: SIGTERM or SIGINT came; the run is saved and can be resumed.
    """
    reporter = reporter or Quiet()
    if resume is not None:
        if any(part is not None for part in (recipe, data, out, from_)) or changes:
            raise UsageError("--resume goes on with a run as it is: give nothing else with it")
        run = RunFolder(Path(resume))
        resolved = run.recipe()
        data = run.facts()["data"]
        former = former_of(run)
    else:
        if (recipe is None and from_ is None) or data is None or out is None:
            raise _incomplete(recipe, data, out, from_)
        run = RunFolder(Path(out))
        run.check_new()
        former = None if from_ is None else open_former(from_)
        resolved = resolve(
            load_recipe(str(recipe), changes)
            if former is None
            else recipe_to_go_on(former, recipe, changes)
        )
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
    with run.locked(), watching_signals() as stop:
        if run.is_complete(resolved):
            reporter.say(f"The run {run.folder} is finished already")
            return _outcome(run, dataset)
        start = _Start(resuming=resume is not None, began=began or time.monotonic(), former=former)
        return _train(run, resolved, dataset, schema, start, reporter, stop)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Start:
    """How a run begins.

    Attributes:
        resuming: it goes on where it was stopped.
        began: the moment from which a budget counts.
        former: the model that it goes on from.
    """

    resuming: bool
    began: float
    former: FormerModel | None = None


def _train(
    run: RunFolder,
    recipe: Recipe,
    dataset: Dataset,
    schema: Schema,
    start: _Start,
    reporter: Reporter,
    stop: StopSignals,
) -> Trained:
    torch.use_deterministic_algorithms(recipe.deterministic)
    if start.resuming:
        check_same_data(run, dataset)
    material = gather(recipe, dataset, schema, reporter)
    torch.manual_seed(seed_of(recipe.seed, "start", 0))
    network = build_network(material.schema, material.architecture).to(material.device)
    network.check_canvas(material.preprocess.height, material.preprocess.width)
    network.fit_to(first_pixels(material.train))
    checkpoint = _checkpoint(run, reporter) if start.resuming else None
    went = {}
    if start.former is not None and checkpoint is None:
        went = {FROM: go_on(network, start.former, material.schema, recipe, reporter)}
    if start.resuming:
        precision = getattr(torch, run.facts()["precision"])
    else:
        recipe, precision = _choose(recipe, network, material, start, reporter)
        run.begin(recipe, _facts(material, precision) | went)
    if start.former is not None:
        keep_seen(run, start.former)
    rest(network, recipe.transfer)
    try:
        course = lay_out(
            network,
            material,
            recipe,
            fit_heads_first=recipe.transfer.heads_first and checkpoint is None,
            reporter=reporter,
            watcher=OnlyStops(stop),
        )
    except RunInterruptedError as interruption:
        saved = "nothing has been learned yet; what was prepared for it is kept"
        raise _with_way_on(interruption, saved, run) from None
    counts = label_counts(material.schema, material.train.targets, material.train.weights)
    learner = Learner(
        network, material.schema, recipe, precision, counts, items=material.train.items
    )
    if checkpoint is not None:
        learner.restore(checkpoint)
        reporter.say(f"Going on from step {learner.progress.step:,}")
    reporter.say(_announcement(learner, material))
    _say_unjudged(learner, reporter)
    _learn_and_save(learner, course, run, reporter, stop)
    _finish(learner, material, run, reporter)
    if recipe.doubtful_labels.folds:
        count = find_doubtful_labels(
            learner,
            material.architecture,
            learned_rows(dataset, "train", recipe, material.schema),
            material.train,
            run,
            reporter,
            stop,
        )
        reporter.say(f"{count:,} training labels are doubtful; the report shows the most doubtful")
    return _outcome(run, dataset)


def _choose(
    recipe: Recipe, network: Network, material: Material, start: _Start, reporter: Reporter
) -> tuple[Recipe, torch.dtype]:
    """What a budget leaves open, and the precision."""
    if recipe.budget is not None:
        recipe, precision, words = within_budget(recipe, network, material, start.began)
        reporter.say(words)
        return recipe, precision
    if not recipe.schedule.epochs:
        return recipe, torch.float32  # nothing is learned step by step
    return recipe, choose_precision(network, first_pixels(material.train), recipe.precision)


def _finish(learner: Learner, material: Material, run: RunFolder, reporter: Reporter) -> None:
    """Write the bundle of the best epoch, and say how the export compares."""
    parity = finish(
        learner,
        material.architecture,
        material.preprocess,
        material.dataset,
        material.validation,
        run,
    )
    reporter.say(
        f"Exported and checked on {parity.pictures:,} validation pictures: largest difference "
        f"{parity.largest_difference:.1e}, {parity.changed_answers} answers changed"
    )
    learner.network.to(material.device)


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


def _facts(material: Material, precision: torch.dtype) -> dict[str, Any]:
    return {
        "data": str(material.dataset.folder.resolve()),
        "fingerprint": material.dataset.fingerprint,
        "precision": str(precision).removeprefix("torch."),
        "environment": environment(material.device),
    }


def _checkpoint(run: RunFolder, reporter: Reporter) -> Checkpoint | None:
    checkpoint, notes = newest_checkpoint(run.checkpoints)
    for note in notes:
        reporter.say(note)
    if checkpoint is None:
        reporter.say(
            "The run was stopped before its first checkpoint: learning begins anew; what was "
            "prepared is taken again"
        )
    return checkpoint


def _announcement(learner: Learner, material: Material) -> str:
    return (
        f"{learner.recipe.name}: {learner.network.parameter_count:,} parameters, "
        f"{len(material.train):,} training and {len(material.validation):,} validation pictures, "
        f"{material.device.type}, {str(learner.precision).removeprefix('torch.')}"
    )


def _say_unjudged(learner: Learner, reporter: Reporter) -> None:
    """Name the tasks that do not take part in choosing the best epoch."""
    others = [spec.name for spec in learner.schema if spec.name not in learner.judged]
    if others and learner.recipe.select is None:
        reporter.say(
            f"The best epoch is chosen without {', '.join(others)}: all training pictures have the "
            "same answer, so that its score says nothing"
        )


def _learn_and_save(
    learner: Learner, course: Course, run: RunFolder, reporter: Reporter, stop: StopSignals
) -> None:
    recorder = Recorder(run, reporter, stop)
    try:
        if course.pooled is not None and not learner.progress.history:
            fitted = begin_with_heads(learner, course, recorder)
            reporter.say(f"Heads fitted on features, with decay {fitted.decay:g}")
            recorder.epoch(learner, learner.progress.history[-1])
            recorder.save(learner)
        if course.answer is not None:
            learner.answer = course.answer
        if not learner.progress.finished:
            learn(learner, course.train, course.validation, recorder, views=course.views)
    except RunInterruptedError as interruption:
        steps = learner.progress.step
        saved = "nothing has been learned yet"
        if learner.progress.history or steps:
            recorder.save(learner)
            saved = f"{counted(steps, 'step')} learned and saved"
        raise _with_way_on(interruption, saved, run) from None
    finally:
        recorder.close()


def _with_way_on(
    interruption: RunInterruptedError, saved: str, run: RunFolder
) -> RunInterruptedError:
    """An interruption that says what is saved and how to go on."""
    return RunInterruptedError(
        interruption.signal_number,
        f"{interruption}; {saved}. Go on with: lapel train --resume {run.folder}",
    )
