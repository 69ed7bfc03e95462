"""How a run begins: with what, from where, and by which processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from lapel.models.multitask import Network
from lapel.models.weights import FormerModel
from lapel.schema.counting import size
from lapel.schema.errors import UsageError
from lapel.training.going_on import FROM, go_on, keep_seen
from lapel.training.material import Material, first_pixels
from lapel.training.precision import choose_precision, measured_on
from lapel.training.processes.group import ALONE, Group
from lapel.training.recipe import Recipe
from lapel.training.recorder import Reporter
from lapel.training.run.checkpoint import Checkpoint, newest_checkpoint
from lapel.training.run.folder import RunFolder, environment
from lapel.training.transfer.budget import within_budget
from lapel.training.transfer.course import Room

#: Key of ``run.json`` that says what a schedule learns from, where memory decided it: ``features``,
#: which are computed once, or ``pictures``.
LEARNS_FROM = "learns_from"


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How a run begins.

    Attributes:
        began: the moment from which a budget counts.
        resuming: it goes on where it was stopped.
        former: the model that it goes on from.
        group: the processes that learn together.
        sharded: each holds a part of the network.
    """

    began: float
    resuming: bool = False
    former: FormerModel | None = None
    group: Group = ALONE
    sharded: bool = False

    def check(self, recipe: Recipe) -> None:
        """See that a recipe can be learned by these processes.

        Raises:
            UsageError: it cannot.
        """
        if recipe.budget is not None and not self.group.alone and not self.resuming:
            raise UsageError(
                "--budget measures what one process does in a second: with several, say how long "
                "with --set schedule.epochs=N, or schedule.seconds"
            )
        if not self.sharded:
            return
        if self.group.alone:
            raise UsageError("--shard parts a network among processes: add --processes 2 or more")
        if recipe.transfer.train != "all" or recipe.transfer.heads_first:
            raise UsageError(
                "--shard is for learning the whole network: --set transfer.train=all --set "
                "transfer.heads_first=false, or leave it out"
            )
        if recipe.optimiser.name == "muon":
            raise UsageError(
                "muon looks at whole filters, of which --shard leaves each process a part: "
                "--set optimiser.name=adamw, or leave it out"
            )


def begin(
    run: RunFolder,
    recipe: Recipe,
    network: Network,
    material: Material,
    start: Start,
    checkpoint: Checkpoint | None,
    reporter: Reporter,
) -> tuple[Recipe, torch.dtype]:
    """Begin a run's folder, or go on with it; with which recipe and precision it learns."""
    went = {}
    if start.former is not None and checkpoint is None:
        went = {FROM: go_on(network, start.former, material.schema, recipe, reporter)}
    if start.resuming:
        precision = getattr(torch, run.facts()["precision"])
        say_elsewhere(run.facts()["environment"], environment(material.device), reporter)
    else:
        recipe, precision = _choose(recipe, network, material, start, reporter)
        run.begin(recipe, _facts(material, precision) | went)
    if start.former is not None:
        keep_seen(run, start.former)
    return recipe, precision


def _choose(
    recipe: Recipe, network: Network, material: Material, start: Start, reporter: Reporter
) -> tuple[Recipe, torch.dtype]:
    """What a budget leaves open, and the precision."""
    if recipe.budget is not None:
        recipe, precision, words = within_budget(recipe, network, material, start.began)
        reporter.say(words)
        return recipe, precision
    if not recipe.schedule.epochs:
        return recipe, torch.float32  # nothing is learned step by step
    shown = material.preprocess
    pixels = first_pixels(material.train, measured_on(shown.height, shown.width))
    return recipe, choose_precision(network, pixels, recipe.precision)


def say_elsewhere(before: Mapping[str, Any], now: Mapping[str, Any], reporter: Reporter) -> None:
    """Say what makes sums end in other digits here than where the run was begun."""
    torches = [facts["versions"]["torch"] for facts in (before, now)]
    apart = [
        f"{name} ({former}, here {own})"
        for name, former, own in (
            ("torch", *torches),
            *((name, before[name], now[name]) for name in ("device", "processor", "threads")),
        )
        if former != own
    ]
    if apart:
        reporter.say(
            f"The run was begun with other {', '.join(apart)}: it is learned on as well, and its "
            "weights will differ in their last digits from those of a run that was not cut"
        )


def _facts(material: Material, precision: torch.dtype) -> dict[str, Any]:
    return {
        "data": material.dataset.place,
        "fingerprint": material.dataset.fingerprint,
        "precision": str(precision).removeprefix("torch."),
        "environment": environment(material.device),
    }


def keeping(run: RunFolder, start: Start, reporter: Reporter) -> Callable[[Room], bool]:
    """Who says whether a schedule learns from what is computed once.

    What is learned depends on it. So the first process decides it by the memory that there is when
    the run begins; the others do as it does, and so does whoever goes on with the run.
    """

    def keeps(room: Room) -> bool:
        kept = _is_kept(run, room, reporter) if start.group.first else None
        return bool(start.group.told(kept))

    return keeps


def _is_kept(run: RunFolder, room: Room, reporter: Reporter) -> bool:
    """What the run's record says, or else what memory says, which is then recorded."""
    known = run.facts().get(LEARNS_FROM)
    if known is None:
        run.note({LEARNS_FROM: "features" if room.is_enough else "pictures"})
        if not room.is_enough:
            reporter.say(
                f"The schedule learns from the pictures, which takes longer: {_too_much(room)}"
            )
        return room.is_enough
    if known == "features" and not room.is_enough:
        reporter.say(
            "The run began with features that are computed once, and goes on with them, though "
            f"memory may run out: {_too_much(room)}"
        )
    return bool(known == "features")


def _too_much(room: Room) -> str:
    return (
        f"features that are computed once need {size(room.needed)}, and {size(room.allowed)} may "
        f"be taken of the {size(room.free)} that are free"
    )


def found_checkpoint(run: RunFolder, reporter: Reporter) -> Checkpoint | None:
    """The newest checkpoint of a run that is whole, if it came to one.

    Raises:
        CheckpointError: there are checkpoints and none is whole.
    """
    checkpoint, notes = newest_checkpoint(run.checkpoints)
    for note in notes:
        reporter.say(note)
    if checkpoint is None:
        reporter.say(
            "The run was stopped before its first checkpoint: learning begins anew; what was "
            "prepared is taken again"
        )
    return checkpoint


def told_checkpoint(group: Group, checkpoint: Checkpoint | None) -> Checkpoint | None:
    """The checkpoint that the first process found, in every process."""
    if group.alone:
        return checkpoint
    state = group.told(None if checkpoint is None else checkpoint.state)
    if state is None:
        return None
    tensors = group.told_tensors({} if checkpoint is None else checkpoint.tensors)
    return Checkpoint(tensors=tensors, state=state)
