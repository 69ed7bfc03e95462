"""The loop: what happens at each step and at the end of each epoch, in that order.

Everything random in a step (the order of the pictures, augmentation, dropout) is drawn from
generators seeded by the recipe's seed and the step's or epoch's number. So a run that was
killed anywhere and resumed from a checkpoint takes exactly the steps that it would have taken.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor

from lapel.models.heads.base import Raw
from lapel.models.heads.table import HEADS
from lapel.schema.errors import TrainingError
from lapel.tasks.base import Counts
from lapel.training.input.balance import row_weights
from lapel.training.input.examples import Examples
from lapel.training.input.targets import tensor_of
from lapel.training.loop.batches import changed
from lapel.training.loop.judging import Known, judge, main_score, score_task
from lapel.training.loop.learner import Learner
from lapel.training.loop.plan import Plan, plan_of, seed_of
from lapel.training.loop.step import take_step
from lapel.training.recipe import Recipe

#: Training outputs are scored on about so many steps an epoch; all would cost time.
SCORED_STEPS = 32

#: On an accelerator, looking at the loss waits for it; so it is looked at each so many steps.
LOOK_EVERY = 50


class Watcher(Protocol):
    """Who is told how a run goes, and may end it by raising."""

    def step(self, learner: Learner, plan: Plan, tally: Tally) -> None:
        """A step was taken; everything is in a state that can be saved."""
        ...

    def epoch(self, learner: Learner, row: dict[str, float]) -> None:
        """An epoch was judged and its row added to the history."""
        ...

    def pause(self) -> None:
        """Judging goes on; nothing has changed since the last step."""
        ...


class Watchers:
    """Several watchers, told one after another; whoever ends the run stands last.

    Where several processes learn together, all of them step together: a watcher that ends a run
    by raising has to do so in each of them, or to let ``StopSignals`` do it.
    """

    def __init__(self, *watchers: Watcher) -> None:
        self._watchers = watchers

    def step(self, learner: Learner, plan: Plan, tally: Tally) -> None:
        """A step was taken."""
        for watcher in self._watchers:
            watcher.step(learner, plan, tally)

    def epoch(self, learner: Learner, row: dict[str, float]) -> None:
        """An epoch was judged."""
        for watcher in self._watchers:
            watcher.epoch(learner, row)

    def pause(self) -> None:
        """Judging goes on."""
        for watcher in self._watchers:
            watcher.pause()


def learn(
    learner: Learner,
    train: Examples,
    validation: Examples | None,
    watcher: Watcher,
    *,
    views: int = 1,
) -> None:
    """Learn until the recipe's end, or until the watcher raises.

    Args:
        learner: goes on from its progress.
        train: each picture in so many views, all of the first before all of the second.
        validation: judged after each epoch; without it no epoch is the best.
        watcher: told of every step and epoch.
        views: of each training picture; an epoch takes one of them, by chance.

    Raises:
        TrainingError: the loss is no number any more.
    """
    recipe, progress = learner.recipe, learner.progress
    count = len(train) // views
    plan = plan_of(recipe, count, views, _drawn(recipe, train, count), train.items, train.shards)
    own = learner.group.own(plan.batch)
    while not progress.finished:
        tally = Tally(learner, plan)
        rest = plan.rest_of_epoch(progress.epochs, progress.step)
        if out_of_time(learner):  # stopped between an epoch's last step and its judgement
            rest = []
        clock, started = learner.clock, time.perf_counter()
        clock.begin("input")
        at_hand = train.batches([rows[own] for rows in rest])
        for rows, (_, pixels) in zip(rest, at_hand, strict=True):
            clock.begin("change")
            torch.manual_seed(seed_of(recipe.seed, "network", progress.step))
            batch = changed(learner, train, rows, pixels)
            loss, raw = take_step(learner, plan, batch)
            clock.begin("rest")
            progress.step += 1
            tally.add(loss, raw, batch.known, started)
            watcher.step(learner, plan, tally)
            if out_of_time(learner):
                break
            clock.begin("input")
            started = time.perf_counter()  # what the watcher did was not learning
        clock.begin("rest")
        tally.end()
        finish_epoch(learner, plan, tally, validation, watcher)


def _drawn(recipe: Recipe, train: Examples, count: int) -> Tensor | None:
    """How often each picture is drawn, where a recipe balances the labels of a task."""
    task = recipe.data.balance
    if task is None:
        return None
    return row_weights(tensor_of(train.targets[task])[:count], train.weights[task][:count])


def out_of_time(learner: Learner) -> bool:
    """Whether a run has learned for as long as it may, by the clock of any of its processes."""
    seconds, progress = learner.recipe.schedule.seconds, learner.progress
    if seconds is None:
        return False
    return learner.group.agree(progress.seconds + progress.judging_seconds >= seconds)


class Tally:
    """What the log says of an epoch's training: the mean loss, and a sample of the scores.

    The loss is that of the whole epoch, wherever the run was resumed; scores, speed and time are
    of the steps since then.
    """

    def __init__(self, learner: Learner, plan: Plan) -> None:
        self._learner = learner
        self._score_every = max(1, plan.steps_per_epoch // SCORED_STEPS)
        self._steps = learner.progress.step - learner.progress.epochs * plan.steps_per_epoch
        if not self._steps:
            learner.epoch_loss.zero_()
        self._counts: dict[str, Counts] = {}
        self.latest_loss: float | None = None
        self.pictures = 0
        self.seconds = 0.0

    def add(self, loss: Tensor, raw: Mapping[str, Raw], known: Known, started: float) -> None:
        """Count one step.

        Its time ends here. Only an accelerator is still at work on it, and is waited for where
        something of the step is looked at: that is learning, too.

        Args:
            loss: of the whole batch, float32 ().
            raw: what the heads said.
            known: of the pictures that they said it of.
            started: when the step began, by `time.perf_counter`.
        """
        seconds = time.perf_counter() - started
        self._learner.epoch_loss += loss
        self._steps += 1
        self.pictures += len(known)
        behind = _is_behind(loss.device)
        if not behind or self._steps % LOOK_EVERY == 0:
            self.latest_loss = float(loss)
            self.check_loss()
        if self._steps % self._score_every == 0:
            self._score(raw, known)
        self._took(time.perf_counter() - started if behind else seconds)

    def end(self) -> None:
        """Wait for the last step, and see that the loss of all is still a number.

        Raises:
            TrainingError: it is not.
        """
        started = time.perf_counter()
        self.check_loss()
        if _is_behind(self._learner.device):
            self._took(time.perf_counter() - started)

    def _took(self, seconds: float) -> None:
        self.seconds += seconds
        self._learner.progress.seconds += seconds

    @torch.no_grad()
    def _score(self, raw: Mapping[str, Raw], known: Known) -> None:
        """Add the scores of a step; dense outputs are not even made, they cost more than it."""
        for spec in self._learner.schema:
            learned = HEADS[spec.kind]
            if not learned.dense:
                found = score_task(spec, learned.answer(raw[spec.name]), known)
                before = self._counts.get(spec.name)
                self._counts[spec.name] = found if before is None else before + found

    def check_loss(self) -> None:
        """See that the loss is still a number.

        Raises:
            TrainingError: it is not; names the step and the learning rate.
        """
        total = float(self._learner.epoch_loss)
        if math.isfinite(total):
            return
        step = self._learner.progress.step
        rates = ", ".join(f"{o.param_groups[0]['lr']:.3g}" for o in self._learner.optimisers)
        raise TrainingError(
            f"the loss is {total} by step {step}, at learning rate {rates}; the "
            "checkpoint before it is kept. Try --set optimiser.clip=1, a lower "
            "optimiser.learning_rate, or --set precision=float32"
        )

    def row(self) -> dict[str, float]:
        """Speed, mean loss, and the score on the sampled steps."""
        row = {}
        if self._steps:  # else time was up before the first
            row["train_loss"] = float(self._learner.epoch_loss) / self._steps
        if self.pictures:  # else resumed between an epoch's last step and its judgement
            row["images_per_second"] = self.pictures / max(self.seconds, 1e-9)
        if self._counts:
            row["train_accuracy"] = main_score(self._learner, self._counts)
        return row


def _is_behind(device: torch.device) -> bool:
    """Whether a device may still be at work on what the program has left behind."""
    return device.type != "cpu"


def finish_epoch(
    learner: Learner, plan: Plan, tally: Tally, validation: Examples | None, watcher: Watcher
) -> None:
    """Judge an epoch on validation, keep it if it is the best, write its row, maybe stop."""
    progress, recipe = learner.progress, learner.recipe
    epoch = progress.epochs + 1
    last = progress.step >= plan.steps or out_of_time(learner)
    row: dict[str, float] = {
        "epoch": epoch,
        "step": progress.step,
        "seconds": progress.seconds,
        "learning_rate": learner.optimisers[-1].param_groups[0]["lr"],
        **tally.row(),
    }
    judged = last or epoch % recipe.validate_every == 0
    if validation is not None and judged:
        started = time.perf_counter()
        with learner.judged_weights():
            row |= judge(learner, validation, watcher)
        progress.judging_seconds += time.perf_counter() - started
        if row["validation_accuracy"] > progress.best_score:
            learner.keep_best(epoch, row["validation_accuracy"])
    # Only an epoch that was judged can be said to be no better.
    judged = judged and validation is not None
    stalled = judged and 0 < recipe.early_stopping.patience <= epoch - progress.best_epoch
    progress.history.append(row)
    # Judging may have taken the last of the time.
    progress.finished = last or stalled or (judged and out_of_time(learner))
    watcher.epoch(learner, row)
