"""``--budget 10m``: what is trained, and for how long, from what this machine does in a second.

What pays comes first. Heads on features that are computed once cost one pass of the backbone,
forwards only. Upper stages, on what the resting ones made of each picture, cost a small part of
the whole network an epoch. The whole network is trained where a few epochs of it fit.
"""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass

import torch
from torch import Tensor

from lapel.models.heads.table import dense_tasks
from lapel.models.losses import MultiTaskLoss, label_counts
from lapel.models.multitask import Network
from lapel.models.upper import Lower, cut
from lapel.schema.errors import TrainingError
from lapel.training.compare_export import CHECKED
from lapel.training.loop.judging import known_of
from lapel.training.material import Material, first_pixels
from lapel.training.precision import Pace, pace_of, wait_for
from lapel.training.recipe import Recipe, seconds_of
from lapel.training.transfer.course import rest
from lapel.training.transfer.features import FEATURE_BATCH, Compute, extractor_of

#: Of the measured pace, so much is counted on: machines do other things too.
COUNTED_ON = 0.85

#: Seconds for what comes after learning beside the check of every validation picture: export,
#: calibration, the bundle; and as a share of the budget, for a machine that slows down meanwhile.
ENDING, ENDING_SHARE = 8.0, 0.04

#: Seconds for fitting heads on features, and as a share of computing them.
FITTING, FITTING_SHARE = 3.0, 0.05

#: The whole network is trained when at least so many epochs of it fit: until then, upper stages
#: learned more in the same time where it was tried.
WHOLE_FROM = 10.0
#: Upper stages are trained when so many of their epochs fit.
UPPER_FROM = 1.0

#: Of each picture, and the share of the time after the first that may go into further ones when
#: upper stages are trained: their epochs teach more.
MOST_VIEWS, VIEWS_SHARE = 6, 0.3

#: A view costs so many times the first one: mirror images and copies have to be made as well.
FURTHER_VIEW = 2.0

#: A forward pass takes about a third of a step.
JUDGING = 3.0

#: Pictures and steps of a trial.
TRIAL_PICTURES, TRIAL_STEPS = 16, 3

#: Pictures on which a CPU is tried that checks what an accelerator learned.
CHECK_PICTURES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Paces:
    """Pictures a second on this machine.

    Attributes:
        features: through the resting backbone, forwards; where outputs are dense, to those.
        upper: learning of the upper stages from what was kept; None where they cannot be parted.
        whole: learning of the whole network.
        train: what of it learned meanwhile, as in a recipe's ``transfer``.
    """

    features: float
    upper: Pace | None
    whole: Pace
    train: str = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a budget allows.

    Attributes:
        train: ``heads``, ``upper`` or ``all``.
        views: of each picture, features of which are computed.
        epochs: of the schedule.
        precision: of learning.
        words: the choice as a line.
    """

    train: str
    views: int
    epochs: float
    precision: torch.dtype
    words: str


def within_budget(
    recipe: Recipe, network: Network, material: Material, began: float
) -> tuple[Recipe, torch.dtype, str]:
    """A recipe that keeps its budget on this machine, its precision, and the choice in words.

    Args:
        recipe: as resolved, with a budget.
        network: as it begins; not changed.
        material: what is learned from.
        began: the moment (``time.monotonic``) from which the budget counts.

    Raises:
        TrainingError: not even the least fits.
    """
    paces = measure(recipe, network, material)
    checking = _check_seconds(network, material, paces)
    budget = seconds_of(recipe.budget or "")
    left = budget - (time.monotonic() - began)
    count, judged = len(material.train), len(material.validation)
    ending = ENDING + ENDING_SHARE * budget + checking
    seconds = left - ending
    # What must be done anyhow is tried where it just fits; what may be added is planned with room.
    choice = choose(recipe, paces, seconds * COUNTED_ON, count=count, judged=judged) or choose(
        recipe, paces, seconds, count=count, judged=judged
    )
    if choice is None:
        raise _too_little(recipe, paces, budget - seconds, count + judged)
    transfer = {"train": choice.train, "views": choice.views}
    schedule = {"epochs": choice.epochs, "seconds": round(seconds, 1)}
    resolved = recipe.model_copy(
        update={
            "transfer": recipe.transfer.model_copy(update=transfer),
            "schedule": recipe.schedule.model_copy(update=schedule),
        }
    )
    return resolved, choice.precision, f"Budget {recipe.budget}: {choice.words}"


def _too_little(recipe: Recipe, paces: Paces, before: float, count: int) -> TrainingError:
    """The error that says what the least would take, beside what comes before and after it."""
    if recipe.transfer.heads_first:
        what, least = "computing features once", count / paces.features + FITTING
    else:
        what, least = "a tenth of an epoch", count / paces.whole.pictures_per_second / 10
    needed = before + least / COUNTED_ON
    enough = (int(needed * 1.1) // 10 + 1) * 10
    return TrainingError(
        f"--budget {recipe.budget} is too little here: with {what}, the whole would need about "
        f"{needed:.0f}s; give --budget {enough}s or more"
    )


@torch.no_grad()
def _features_pace(compute: Compute, pixels: torch.Tensor) -> float:
    compute(pixels)  # the first one warms up
    wait_for(pixels)
    started = time.perf_counter()
    compute(pixels)
    wait_for(pixels)
    return len(pixels) / (time.perf_counter() - started)


def _check_seconds(network: Network, material: Material, paces: Paces) -> float:
    """Seconds that the check of the exported network takes at the end: on the CPU in any case."""
    judged = len(material.validation)
    if material.device.type == "cpu":
        # The exported network looks at each validation picture, and torch's beside it.
        return judged * (JUDGING / COUNTED_ON) / paces.features
    pixels = first_pixels(material.validation, CHECK_PICTURES).to("cpu")
    pace = _features_pace(copy.deepcopy(network).to("cpu").eval(), pixels)
    # Torch's looks at some of them alone; the exported one takes no longer for a picture.
    return (judged + min(judged, CHECKED)) / (COUNTED_ON * pace)


def measure(recipe: Recipe, network: Network, material: Material) -> Paces:
    """Try everything that a budget might choose, for some seconds in all."""
    if dense_tasks(material.schema):
        return _measure_dense(recipe, network, material)
    trial = copy.deepcopy(network)
    pixels = first_pixels(material.train, TRIAL_PICTURES)
    upper: Pace | None = None
    lower = Lower(trial, None)
    if recipe.transfer.heads_first:
        rest(trial, recipe.transfer.model_copy(update={"train": "upper"}))
        parts = cut(trial, pixels[:2])
        if parts is not None:
            lower = parts.lower
            with torch.no_grad():
                _, maps = lower.eval()(pixels)
            trial.train()
            upper = pace_of(parts.upper, maps, recipe.precision, TRIAL_STEPS)
    more = first_pixels(material.train, FEATURE_BATCH)
    features = _features_pace(extractor_of(trial, lower, recipe, pixels).compute, more)
    trial.freeze(0)
    whole = pace_of(trial.train(), pixels, recipe.precision, TRIAL_STEPS)
    return Paces(features=features, upper=upper, whole=whole)


def _measure_dense(recipe: Recipe, network: Network, material: Material) -> Paces:
    """Of a network that finds garments or tells classes of pixels: its loss is a large part of a
    step, and its answers take far longer than its features.
    """
    trial = copy.deepcopy(network).train()
    rest(trial, recipe.transfer)
    pixels = first_pixels(material.train, TRIAL_PICTURES)
    known = known_of(material.train, torch.arange(len(pixels), device=pixels.device))
    counts = label_counts(material.schema, known.targets, known.weights)
    options = {**recipe.loss.model_dump(), "heads": recipe.model.heads}
    loss = MultiTaskLoss(material.schema, counts, options).to(pixels.device)

    def wrong(pictures: Tensor) -> dict[str, Tensor]:
        return {"loss": loss(trial.raw(pictures), known.targets, known.weights)}

    whole = pace_of(wrong, pixels, recipe.precision, TRIAL_STEPS)
    features = _features_pace(trial.eval(), pixels)
    return Paces(features=features, upper=None, whole=whole, train=recipe.transfer.train)


def choose(
    recipe: Recipe, paces: Paces, seconds: float, *, count: int, judged: int
) -> Choice | None:
    """What so many seconds of learning are best spent on; None where nothing fits.

    Args:
        recipe: its epochs are the most that are chosen.
        paces: of this machine.
        seconds: for features, fitting and learning.
        count: of training pictures.
        judged: validation pictures.
    """
    most = recipe.schedule.epochs
    if not recipe.transfer.heads_first:
        epochs = min(_epochs(paces.whole, seconds, count, judged), most)
        what = "the whole network" if paces.train == "all" else "what does not rest"
        return _all(paces, epochs, f"{_counted(epochs)} of {what}") if epochs > 0 else None
    once = (count + judged) / paces.features
    left = seconds - once * (1 + FITTING_SHARE) - FITTING
    if left < 0:
        return None
    whole = min(_epochs(paces.whole, left, count, judged), most)
    if whole >= min(WHOLE_FROM, most):
        return _all(paces, whole, f"heads first, then all stages for {_counted(whole)}")
    upper = _upper(paces, left, most, count, judged)
    if upper is not None:
        return upper
    views = min(MOST_VIEWS, 1 + int(left / _view_seconds(paces, count)))
    many = "once" if views == 1 else f"of {views} views of each picture once"
    return Choice(
        train="heads",
        views=views,
        epochs=0,
        precision=torch.float32,
        words=f"features {many}, and heads on them",
    )


def _all(paces: Paces, epochs: float, words: str) -> Choice:
    precision = paces.whole.precision
    return Choice(train=paces.train, views=1, epochs=epochs, precision=precision, words=words)


def _upper(paces: Paces, seconds: float, most: float, count: int, judged: int) -> Choice | None:
    """Some of the time for further views, the rest for learning; None: not worth it."""
    if paces.upper is None:
        return None
    a_view = _view_seconds(paces, count)
    views = min(MOST_VIEWS, 1 + int(VIEWS_SHARE * seconds / a_view))
    left = seconds - (views - 1) * a_view
    epochs = min(_epochs(paces.upper, left, count, judged), most)
    if epochs < min(UPPER_FROM, most):
        return None
    many = "once" if views == 1 else f"of {views} views of each picture once"
    return Choice(
        train="upper",
        views=views,
        epochs=epochs,
        precision=paces.upper.precision,
        words=f"features {many}, heads on them, then the upper stages for {_counted(epochs)}",
    )


def _view_seconds(paces: Paces, count: int) -> float:
    """What one more view of each picture costs, fitting heads on it included."""
    return (FURTHER_VIEW + FITTING_SHARE) * count / paces.features


def _counted(epochs: float) -> str:
    return "1 epoch" if epochs == 1 else f"{epochs:g} epochs"


def _epochs(pace: Pace, seconds: float, count: int, judged: int) -> float:
    """Epochs that fit, with a look at validation after each; whole ones, or tenths of the first."""
    one = (count + judged / JUDGING) / pace.pictures_per_second
    fitting = seconds / one
    return float(int(fitting)) if fitting >= 1 else int(10 * fitting) / 10
