"""A run from its pictures to its bundle, in one process or in several that learn together."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from lapel.data.dataset import Dataset
from lapel.models.heads.base import LabelCounts
from lapel.models.losses import label_counts
from lapel.models.multitask import Network
from lapel.models.networks import build_network
from lapel.schema.counting import counted
from lapel.schema.labels import Schema
from lapel.training.beside_former import beside_former
from lapel.training.checks import check_same_data
from lapel.training.compare_export import CHECKED
from lapel.training.doubtful import find_doubtful_labels
from lapel.training.finish import finish
from lapel.training.following import Follower, StopTogether
from lapel.training.loop.judging import Pausing
from lapel.training.loop.learn import Watchers, learn
from lapel.training.loop.learner import Learner
from lapel.training.loop.plan import seed_of
from lapel.training.material import Material, first_pixels, gather, learned_rows
from lapel.training.processes.group import ALONE, Group
from lapel.training.processes.sharding import is_sharded, shard
from lapel.training.recipe import Recipe
from lapel.training.recorder import OnlyStops, Recorder, Reporter, StoppedBetween
from lapel.training.run.folder import RunFolder
from lapel.training.start import Start, begin, found_checkpoint, keeping, told_checkpoint
from lapel.training.stopping import RunInterruptedError, StopSignals
from lapel.training.transfer.course import Course, begin_with_heads, lay_out, rest
from lapel.training.watching.crew import who_watches, write_down

#: Validation pictures below which it is said what a score on them is worth.
FEW = 100


def carry_out(
    run: RunFolder,
    recipe: Recipe,
    dataset: Dataset,
    schema: Schema,
    start: Start,
    reporter: Reporter,
    stop: StopSignals,
) -> None:
    """Read the pictures, learn, and write the bundle.

    Every process of a group does this; the run's folder is read and written by the first alone.

    Args:
        run: its folder, held by this process.
        recipe: as resolved.
        dataset: the whole of it.
        schema: the tasks that are learned.
        start: from where, and by which processes.
        reporter: told how it goes.
        stop: looked at in between.
    """
    group = start.group
    if start.resuming:
        check_same_data(run, dataset)
    with group.machine_first():
        material = _gathered(recipe, dataset, schema, run, StoppedBetween(reporter, stop), start)
    group.own(min(recipe.batch, len(material.train)))  # refused before anything is written
    network = _network(material, recipe)
    checkpoint = told_checkpoint(group, found_checkpoint(run, reporter) if start.resuming else None)
    precision = torch.float32
    if group.first:
        recipe, precision = begin(run, recipe, network, material, start, checkpoint, reporter)
    precision = getattr(torch, group.told(str(precision).removeprefix("torch.")))
    group.make_same(network.state_dict())
    rest(network, recipe.transfer)
    fit_heads = recipe.transfer.heads_first and checkpoint is None
    course = _laid_out(network, material, recipe, run, start, reporter, stop, fit_heads=fit_heads)
    if start.sharded:
        shard(network)
    learner = _learner(network, material, recipe, precision, group)
    group.make_same(learner.loss.state_dict())  # what losses draw when they begin
    if checkpoint is not None:
        learner.restore(checkpoint)
        reporter.say(f"Going on from step {learner.progress.step:,}")
    reporter.say(_announcement(learner, material))
    _say_unjudged(learner, reporter)
    _say_few(len(material.validation), reporter)
    counts = label_counts(material.schema, material.train.targets, material.train.weights)
    _learn_and_save(learner, course, counts, run, reporter, stop)
    if group.first:
        _end(learner, material, run, reporter, stop)
        if start.former is not None:
            former = start.former.folder
            reporter.say(beside_former(run.bundle, former, dataset, recipe, reporter.track))


def _gathered(
    recipe: Recipe,
    dataset: Dataset,
    schema: Schema,
    run: RunFolder,
    reporter: StoppedBetween,
    start: Start,
) -> Material:
    """The pictures and their targets; reading them may take longer than learning."""
    try:
        return gather(recipe, dataset, schema, reporter)
    except RunInterruptedError as interruption:
        if start.resuming:
            raise _with_way_on(interruption, "nothing more was learned", run) from None
        raise RunInterruptedError(
            interruption.signal_number,
            f"{interruption} while pictures were read; the same command begins again",
        ) from None


def _network(material: Material, recipe: Recipe) -> Network:
    """The network as it begins."""
    torch.manual_seed(seed_of(recipe.seed, "start", 0))
    network = build_network(material.schema, material.architecture).to(material.device)
    network.check_canvas(material.preprocess.height, material.preprocess.width)
    if network.is_to_be_fitted:
        network.fit_to(first_pixels(material.train))
    return network


def _laid_out(
    network: Network,
    material: Material,
    recipe: Recipe,
    run: RunFolder,
    start: Start,
    reporter: Reporter,
    stop: StopSignals,
    *,
    fit_heads: bool,
) -> Course:
    """What is computed once, computed."""
    try:
        return lay_out(
            network,
            material,
            recipe,
            fit_heads_first=fit_heads,
            keeps=keeping(run, start, reporter),
            reporter=reporter,
            watcher=OnlyStops(stop),
        )
    except RunInterruptedError as interruption:
        saved = "nothing has been learned yet; what was prepared for it is kept"
        raise _with_way_on(interruption, saved, run) from None


def _learner(
    network: Network,
    material: Material,
    recipe: Recipe,
    precision: torch.dtype,
    group: Group,
) -> Learner:
    train = material.train
    counts = label_counts(material.schema, train.targets, train.weights)
    return Learner(
        network, material.schema, recipe, precision, counts, items=train.items, group=group
    )


def _announcement(learner: Learner, material: Material) -> str:
    count = learner.group.count
    together = "" if count == 1 else f", {count} processes of {learner.recipe.batch // count} each"
    return (
        f"{learner.recipe.name}: {learner.network.parameter_count:,} parameters, "
        f"{len(material.train):,} training and {len(material.validation):,} validation pictures, "
        f"{material.device.type}, {str(learner.precision).removeprefix('torch.')}{together}"
    )


def _say_unjudged(learner: Learner, reporter: Reporter) -> None:
    """Name the tasks that do not take part in choosing the best epoch."""
    others = [spec.name for spec in learner.schema if spec.name not in learner.judged]
    if others and learner.recipe.select is None:
        reporter.say(
            f"The best epoch is chosen without {', '.join(others)}: all training pictures have the "
            "same answer, so that its score says nothing"
        )


def _say_few(count: int, reporter: Reporter) -> None:
    """Say what a score on few pictures is worth: of a share p, 1.96 sqrt(p (1 - p) / n) of it."""
    if count < FEW:
        reporter.say(
            f"Only {counted(count, 'validation picture')}: by chance alone a score of 80 % comes "
            f"out {100 * 1.96 * (0.8 * 0.2 / max(count, 1)) ** 0.5:.0f} points higher or lower; "
            "the best epoch is chosen by it. Label more of them before you compare models"
        )


def _learn_and_save(
    learner: Learner,
    course: Course,
    counts: Mapping[str, LabelCounts],
    run: RunFolder,
    reporter: Reporter,
    stop: StopSignals,
) -> None:
    own, stop = stop, StopTogether(stop, learner.group)
    recorder = Recorder(run, reporter, stop) if learner.group.first else Follower(stop)
    watcher = Watchers(*who_watches(learner, run, counts, reporter.say), recorder)
    try:
        if course.pooled is not None and not learner.progress.history:
            _fit_heads(learner, course, reporter, OnlyStops(own))
            recorder.epoch(learner, learner.progress.history[-1])
            recorder.save(learner)
        if course.answer is not None:
            learner.answer = course.answer
        if not learner.progress.finished:
            learn(learner, course.train, course.validation, watcher, views=course.views)
    except RunInterruptedError as interruption:
        steps = learner.progress.step
        saved = "nothing has been learned yet"
        if learner.progress.history or steps:
            saved = (
                f"{counted(steps, 'step')} learned and saved"
                if recorder.save_if_sound(learner)
                else "the network holds numbers that are none and was not saved; the checkpoint "
                "before it is kept"
            )
        raise _with_way_on(interruption, saved, run) from None
    finally:
        recorder.close()
    write_down(learner, run, reporter.say)


def _fit_heads(learner: Learner, course: Course, reporter: Reporter, watcher: Pausing) -> None:
    """Fit the heads: each process by itself, and then all go on with what the first one found."""
    group, learner.group = learner.group, ALONE
    try:
        fitted = begin_with_heads(learner, course, watcher)
    finally:
        learner.group = group
    found = told_checkpoint(group, None if group.alone else learner.checkpoint())
    if found is not None:
        learner.restore(found)
    reporter.say(f"Heads fitted on features, with decay {fitted.decay:g}")


def _with_way_on(
    interruption: RunInterruptedError, saved: str, run: RunFolder
) -> RunInterruptedError:
    """An interruption that says what is saved and how to go on."""
    return RunInterruptedError(
        interruption.signal_number,
        f"{interruption}; {saved}. Go on with: lapel train --resume {run.shown}",
    )


def _end(
    learner: Learner, material: Material, run: RunFolder, reporter: Reporter, stop: StopSignals
) -> None:
    """What comes after learning: the bundle, and what is doubtful."""
    if is_sharded(learner.network):
        learner.network = build_network(material.schema, material.architecture)
    try:
        _finish(learner, material, run, reporter, OnlyStops(stop))
        if learner.recipe.doubtful_labels.folds:
            _doubt(learner, material, run, reporter, stop)
    except RunInterruptedError as interruption:
        raise _with_way_on(interruption, "all steps are learned and saved", run) from None


def _doubt(
    learner: Learner, material: Material, run: RunFolder, reporter: Reporter, stop: StopSignals
) -> None:
    count = find_doubtful_labels(
        learner,
        material.architecture,
        learned_rows(material.dataset, "train", learner.recipe, material.schema),
        material.train,
        run,
        reporter,
        stop,
    )
    reporter.say(f"{count:,} training labels are doubtful; the report shows the most doubtful")


def _finish(
    learner: Learner, material: Material, run: RunFolder, reporter: Reporter, watcher: Pausing
) -> None:
    """Write the bundle of the best epoch, and say how the export compares."""
    parity = finish(
        learner,
        material.architecture,
        material.preprocess,
        material.dataset,
        material.validation,
        run,
        watcher,
        checked=None if material.device.type == "cpu" else CHECKED,
    )
    reporter.say(
        f"Exported and checked on {parity.pictures:,} validation pictures: largest difference "
        f"{parity.largest_difference:.1e}, {parity.changed_answers} answers changed"
    )
    learner.network.to(material.device)
