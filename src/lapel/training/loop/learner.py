"""All that changes while a network learns, and how it is saved and brought back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import torch
from torch import Tensor

from lapel.models.heads.base import LabelCounts, Raw
from lapel.models.heads.table import spatial_tasks
from lapel.models.losses import MultiTaskLoss
from lapel.models.multitask import Network
from lapel.schema.errors import CheckpointError
from lapel.schema.labels import Schema
from lapel.training.loop.clock import StepClock
from lapel.training.loop.embedding import metric_loss
from lapel.training.loop.optimise import AveragedWeights, build_optimisers
from lapel.training.processes.gradients import Gradients
from lapel.training.processes.group import ALONE, Group
from lapel.training.processes.sharding import is_sharded, like, put_together
from lapel.training.recipe import Recipe
from lapel.training.run.checkpoint import (
    Checkpoint,
    copy_of,
    optimiser_tensors,
    restore_optimisers,
    with_prefix,
    without_prefix,
)


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far a run is, as plain values.

    Attributes:
        step: steps done.
        seconds: spent learning, over all its parts if it was resumed.
        judging_seconds: spent judging epochs, likewise.
        best_epoch: epoch of the best score so far, counted from 1; 0 before the first.
        best_score: that score.
        history: a row of the log an epoch.
        finished: nothing is left to learn.
    """

    step: int = 0
    seconds: float = 0.0
    best_epoch: int = 0
    best_score: float = float("-inf")
    history: list[dict[str, float]] = field(default_factory=list)
    finished: bool = False
    judging_seconds: float = 0.0

    @property
    def epochs(self) -> int:
        """Epochs done; a row of heads fitted before the first is none."""
        return int(self.history[-1]["epoch"]) if self.history else 0


class Learner:
    """A network with its loss, its optimisers, the average of its weights, and the best so far.

    Args:
        network: on the device where it learns.
        schema: its tasks.
        recipe: as resolved.
        precision: of what goes through the network.
        counts: of each task's labels among the training pictures.
        items: of the training pictures, int64 (N,), where vectors may be learned.
        group: the processes that learn this network together, each with a learner of its own.
    """

    def __init__(
        self,
        network: Network,
        schema: Schema,
        recipe: Recipe,
        precision: torch.dtype,
        counts: Mapping[str, LabelCounts],
        items: Tensor | None = None,
        *,
        group: Group = ALONE,
    ) -> None:
        self.network = network
        self.group = group
        self.schema = schema
        self.recipe = recipe
        self.precision = precision
        options = {**recipe.loss.model_dump(), "heads": recipe.model.heads}
        self.loss = MultiTaskLoss(schema, counts, options)
        #: The tasks whose scores tell one epoch from another.
        self.judged = telling_tasks(schema, counts)
        self.loss.vectors = metric_loss(recipe.embedding, items)
        self.loss.to(self.device)
        self.optimisers = build_optimisers(
            network, recipe.optimiser, others=tuple(self.loss.parameters())
        )
        self.base_rates = [
            [group["lr"] for group in optimiser.param_groups] for optimiser in self.optimisers
        ]
        self.average = AveragedWeights(network, recipe.average) if recipe.average else None
        self.best: dict[str, Tensor] = {}
        self.progress = Progress()
        #: Losses of the epoch's steps so far, added up, float32 (): the log says their mean. Where
        #: the network is, as adding there does not wait for an accelerator.
        self.epoch_loss = torch.zeros((), device=self.device)
        #: Of the network, where it is whole and others learn it, too.
        apart = group.alone or is_sharded(network)
        self.gradients = Gradients(group, [] if apart else network.parameters())
        #: Norm of the last step's gradient before it was clipped; None where none is.
        self.norm: Tensor | None = None
        #: Told by the loop what begins; runs where somebody wants to know where the time goes.
        self.clock = StepClock(self.device)
        #: From what examples have for pictures to what the heads say; less than the whole network
        #: where what its resting part makes of them was computed before.
        self.answer: Callable[[Tensor], dict[str, Raw]] = network.raw

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.network.parameters()).device

    def set_rate(self, share: float) -> None:
        """Set every learning rate to a share of its full value."""
        for optimiser, rates in zip(self.optimisers, self.base_rates, strict=True):
            for group, rate in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = rate * share

    @contextmanager
    def judged_weights(self) -> Iterator[None]:
        """The weights that are judged and shipped: the average, where one is kept."""
        if self.average is None:
            yield
            return
        learned = {name: value.clone() for name, value in self.network.state_dict().items()}
        self.network.load_state_dict(self.average.values)
        try:
            yield
        finally:
            self.network.load_state_dict(learned)

    def keep_best(self, epoch: int, score: float) -> None:
        """Remember the judged weights of an epoch as the best so far."""
        with self.judged_weights():
            self.best = copy_of(self._together(self.network.state_dict()))
        self.progress.best_epoch = epoch
        self.progress.best_score = score

    def checkpoint(self) -> Checkpoint:
        """Everything that the next step depends on.

        Where each process holds a part of the network, all of them ask for it together, and the
        first one has it.
        """
        tensors = with_prefix("network.", self._together(self.network.state_dict()))
        if self.average is not None:
            tensors |= with_prefix("average.", self._together(self.average.values))
        tensors |= with_prefix("loss.", self.loss.state_dict())
        moments, plain = optimiser_tensors(self.optimisers)
        tensors |= self._together(moments)
        tensors |= with_prefix("best.", self.best)
        tensors["epoch_loss"] = self.epoch_loss.to("cpu")
        state: dict[str, Any] = {"progress": asdict(self.progress), "optimisers": plain}
        state["precision"] = str(self.precision).removeprefix("torch.")
        return Checkpoint(tensors=tensors, state=state)

    def _together(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Tensors as wholes on the CPU; see :func:`put_together`."""
        return put_together(tensors, kept=self._keeps)

    @property
    def _keeps(self) -> bool:
        """Whether this process keeps what is put together: of parts the first one alone does."""
        return self.group.first or not is_sharded(self.network)

    def restore(self, checkpoint: Checkpoint) -> Self:
        """Go on from a checkpoint.

        Raises:
            CheckpointError: it is of another network.
            torch.OutOfMemoryError: it does not fit the accelerator.
        """
        tensors, state = checkpoint.tensors, checkpoint.state
        try:
            network = without_prefix("network.", tensors)
            self.network.load_state_dict(like(self.network.state_dict(), network))
            self.loss.load_state_dict(without_prefix("loss.", tensors))
            restore_optimisers(self.optimisers, named(tensors, "optimiser."), state["optimisers"])
            if self.average is not None:
                average = like(self.network.state_dict(), without_prefix("average.", tensors))
                self.average.values = {
                    name: value.to(self.device) for name, value in average.items()
                }
            self.best = without_prefix("best.", tensors) if self._keeps else {}
            # Checkpoints of former versions have none: the log then says the rest's mean too low.
            self.epoch_loss = tensors.get("epoch_loss", torch.zeros(())).to(self.device)
            self.progress = Progress(**state["progress"])
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, KeyError, TypeError, ValueError) as error:
            raise CheckpointError(
                f"the checkpoint does not fit the network of this recipe: {error}"
            ) from error
        return self


def telling_tasks(schema: Schema, counts: Mapping[str, LabelCounts]) -> tuple[str, ...]:
    """The tasks that are asked for more than one answer among the training pictures; all of them
    if none is.

    Whoever always gives the same answer to such a question is right, so that its score would only
    lift the mean, and hide what the others do. Tasks of places always have more than one answer.
    """
    places = spatial_tasks(schema)
    telling = tuple(
        spec.name
        for spec in schema
        if spec.name in places
        or ((counts[spec.name].yes > 0) & (counts[spec.name].yes < counts[spec.name].known)).any()
    )
    return telling or tuple(spec.name for spec in schema)


def named(tensors: dict[str, Tensor], prefix: str) -> dict[str, Any]:
    """The tensors whose names begin with a prefix, names unchanged."""
    return {name: value for name, value in tensors.items() if name.startswith(prefix)}
