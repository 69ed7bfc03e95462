"""One step of learning, taken by one process or by several together."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from lapel.models.heads.base import Raw
from lapel.training.loop.batches import Batch, own_part
from lapel.training.loop.embedding import embedding_loss
from lapel.training.loop.judging import autocast, total_loss
from lapel.training.loop.learner import Learner
from lapel.training.loop.optimise import rate_at, stage_at
from lapel.training.loop.plan import Plan
from lapel.training.processes.gradients import mean_of, take_mean
from lapel.training.processes.said import around, is_apart
from lapel.training.processes.sharding import is_sharded
from lapel.training.processes.whole_batch import WholeBatch


def take_step(learner: Learner, plan: Plan, batch: Batch) -> tuple[Tensor, dict[str, Raw]]:
    """One step: forward, backward, clip, move, average.

    Returns:
        The loss of the whole batch, and what the heads said of what ``batch.known`` tells of.
    """
    recipe, network = learner.recipe, learner.network
    learner.clock.begin("forward")
    begin_step(learner, plan)
    network.train()
    with autocast(learner):
        raw = heads_say(learner, batch)
        apart = not learner.group.alone and is_apart(raw)
        if not learner.group.alone and not apart:
            raw = around(learner.group, raw)
        own = learner.group.own(len(batch.known))
        loss = loss_of(learner, own_part(batch, own) if apart else batch, raw)
    learner.clock.begin("backward")
    for optimiser in learner.optimisers:
        optimiser.zero_grad()
    find_gradients(learner, loss, apart=apart)
    learner.clock.begin("step")
    if recipe.optimiser.clip:
        clip = recipe.optimiser.clip
        learner.norm = torch.nn.utils.clip_grad_norm_(network.parameters(), clip)
    # Each optimiser moves the parameters of its own that have a gradient.
    for optimiser in learner.optimisers:
        optimiser.step()
    if learner.average is not None:
        learner.average.update(network, learner.progress.step)
    return mean_of(learner.group, loss) if apart else loss.detach(), raw


def heads_say(learner: Learner, batch: Batch) -> dict[str, Raw]:
    """What the heads say of the pictures that this process looks at."""
    if learner.group.alone:
        return learner.answer(batch.mixture.inputs)
    with WholeBatch(learner.group, len(batch.known)):
        return learner.answer(batch.mixture.inputs)


def loss_of(learner: Learner, batch: Batch, raw: Mapping[str, Raw]) -> Tensor:
    """The loss of what the heads say, of pictures that may each be two in one."""
    share = batch.mixture.share
    loss = total_loss(learner, raw, batch.known)
    if batch.partners_known is not None:
        others = total_loss(learner, raw, batch.partners_known)
        loss = share * loss + (1 - share) * others
    options = learner.recipe.embedding
    return loss + embedding_loss(learner.loss.vectors, raw, batch.items, options)


def find_gradients(learner: Learner, loss: Tensor, *, apart: bool) -> None:
    """The gradient of the loss of the whole batch, in every process.

    Args:
        learner: whose parameters take it.
        loss: of the whole batch, or with `apart` of the pictures alone that this process looks
            at: then the mean over the processes is learned from.
        apart: see there.
    """
    group = learner.group
    own: Tensor = loss / group.count if apart else loss
    if group.alone or is_sharded(learner.network):  # parts are added up by torch, on the way
        own.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
    else:
        with learner.gradients.added_up(uneven=apart):
            own.backward()  # type: ignore[no-untyped-call] # likewise
    take_mean(group, learner.loss.parameters())


def begin_step(learner: Learner, plan: Plan) -> None:
    """Set the learning rate and the weights of the tasks to those of this step."""
    recipe, step = learner.recipe, learner.progress.step
    stage = stage_at(step, plan.steps, recipe.schedule)
    rate = rate_at(step, plan.steps, recipe.schedule)
    learner.set_rate(rate * (stage.learning_rate if stage else 1.0))
    learner.loss.weigh({**recipe.loss.task_weights, **(stage.task_weights if stage else {})})
