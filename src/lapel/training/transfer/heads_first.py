"""Heads fitted on features of a resting backbone: what pays first, in seconds.

For a linear head this is logistic regression: convex, so it is solved rather than learned step by
step, by L-BFGS on all features at once, from strong to weak decay of the weights; the decay is
chosen on validation (as Radford et al. 2021, arXiv 2103.00020, section 3.2, fit their probes).
Features are brought to mean 0 and deviation 1 for it, and the change is folded into the heads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lapel.models.heads.base import Raw
from lapel.models.multitask import Network
from lapel.training.input.examples import Examples
from lapel.training.loop.judging import Known, Pausing, judge, total_loss
from lapel.training.loop.learner import Learner
from lapel.training.run.checkpoint import copy_of

#: Decays of the weights of standardised features, tried from the strongest on: tags that few photos
#: bear want strong ones, a category with hundreds of photos a label weak ones.
DECAYS = (10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)

#: The strongest for heads with a hidden layer: more makes that layer nothing, and weaker ones do
#: not bring it back, since their problem is not convex.
STRONGEST_WITH_HIDDEN = 0.3

#: Weaker decays in a row that score less before the rest is left out.
PATIENCE = 2

#: Steps of L-BFGS a decay; each begins where the one before ended.
STEPS = 40

#: Added to the deviation of a feature, as a share of the mean one: features that are almost
#: always 0 would otherwise be blown up.
SMALLEST_SHARE = 1e-2
SMALLEST = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """How heads were fitted.

    Attributes:
        decay: chosen of ``DECAYS``.
        row: numbers on validation, as of an epoch.
    """

    decay: float
    row: dict[str, float]


def fit_heads(
    learner: Learner,
    train: Examples,
    validation: Examples,
    watcher: Pausing,
    *,
    seconds: float | None = None,
) -> Fitted:
    """Fit all heads of a learner's network on features, and leave the best in it.

    Args:
        learner: its network's heads are fitted, nothing else of it changes.
        train: with pooled features for pictures, float32 (N, width, 1, 1), resident.
        validation: likewise; the decay is chosen on it.
        watcher: may end it between two decays.
        seconds: after which no further decay is tried.
    """
    started = time.perf_counter()
    network = learner.network
    spread = _spread_of(_pooled(train), _entrances(network, _pooled(validation)))
    tries: list[tuple[Fitted, dict[str, Tensor]]] = []
    with _answering(learner, lambda pooled: network.answers(spread.standard(pooled))):
        for decay in _decays(learner):
            _solve(learner, train, decay)
            fitted = Fitted(decay=decay, row=judge(learner, validation, watcher))
            tries.append((fitted, copy_of(network.heads.state_dict())))
            late = seconds is not None and time.perf_counter() - started > seconds
            if late or len(tries) - _place_of_best(tries) > PATIENCE:
                break
    fitted, state = tries[_place_of_best(tries)]
    network.heads.load_state_dict(state)
    spread.fold_into_heads()
    return fitted


def _decays(learner: Learner) -> tuple[float, ...]:
    """Those to try, from the strongest on."""
    if not learner.recipe.model.hidden:
        return DECAYS
    return tuple(decay for decay in DECAYS if decay <= STRONGEST_WITH_HIDDEN)


def _place_of_best(tries: Sequence[tuple[Fitted, object]]) -> int:
    """Which try ranks first; of equal ones the earlier, with the stronger decay."""
    return max(range(len(tries)), key=lambda place: _rank(tries[place][0]))


def _rank(fitted: Fitted) -> tuple[float, float]:
    """Of two with the same score, the one with the smaller loss is the better."""
    return fitted.row["validation_accuracy"], -fitted.row["validation_loss"]


def _solve(learner: Learner, train: Examples, decay: float) -> None:
    """Move the heads to where the loss with this decay is least."""
    heads = learner.network.heads.eval()
    weights = [parameter for parameter in heads.parameters() if parameter.ndim > 1]
    everything = Known(train.targets, train.weights)
    pooled = _pooled(train)
    solver = torch.optim.LBFGS(
        heads.parameters(), max_iter=STEPS, history_size=10, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        solver.zero_grad()
        fit = total_loss(learner, learner.answer(pooled), everything)
        size = torch.stack([weight.square().sum() for weight in weights]).sum()
        whole: Tensor = fit + decay / 2 * size
        whole.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
        return whole

    solver.step(loss)  # type: ignore[no-untyped-call] # torch leaves it untyped
    learner.loss.zero_grad()


@contextmanager
def _answering(learner: Learner, answer: Callable[[Tensor], dict[str, Raw]]) -> Iterator[None]:
    """In the block, a learner answers another way."""
    former, learner.answer = learner.answer, answer
    try:
        yield
    finally:
        learner.answer = former


def _pooled(examples: Examples) -> Tensor:
    """The features that examples have for pictures."""
    return next(examples.pictures.batches([torch.arange(len(examples))]))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spread:
    """How features are spread, and the layers that take them.

    Attributes:
        mean: of each feature, float32 (width,).
        deviation: of each feature, above 0.
        entrances: layers of the heads that features go into.
    """

    mean: Tensor
    deviation: Tensor
    entrances: tuple[nn.Linear, ...]

    def standard(self, pooled: Tensor) -> Tensor:
        """Features (N, width, 1, 1) of mean 0 and deviation 1."""
        if not self.entrances:
            return pooled
        return (pooled - self.mean[:, None, None]) / self.deviation[:, None, None]

    @torch.no_grad()
    def fold_into_heads(self) -> None:
        """Have the heads take features as they are and answer as for standardised ones."""
        for linear in self.entrances:
            linear.weight.div_(self.deviation)
            linear.bias.sub_(linear.weight @ self.mean)


def _spread_of(pooled: Tensor, entrances: Sequence[nn.Linear]) -> _Spread:
    values = pooled.flatten(1)
    deviation = values.std(0, correction=0)
    deviation = deviation + SMALLEST_SHARE * deviation.mean() + SMALLEST
    return _Spread(mean=values.mean(0), deviation=deviation, entrances=tuple(entrances))


@torch.no_grad()
def _entrances(network: Network, pooled: Tensor) -> list[nn.Linear]:
    """The layers of a network's heads that take the features themselves, found by watching."""
    few = pooled[:2]
    found: list[nn.Linear] = []

    def watch(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if isinstance(layer, nn.Linear) and torch.equal(inputs[0], few.flatten(1)):
            found.append(layer)

    layers = [module for module in network.heads.modules() if isinstance(module, nn.Linear)]
    hooks = [layer.register_forward_pre_hook(watch) for layer in layers]
    network.heads.eval()
    network.answers(few)
    for hook in hooks:
        hook.remove()
    return found
