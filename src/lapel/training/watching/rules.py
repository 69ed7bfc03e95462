"""The rules: what each watches for, when it speaks up, and what it advises.

They are what SageMaker Debugger's built-in rules of the same meaning watched (docs.aws.amazon.com,
"List of Debugger built-in rules"), which is closed to new customers; thresholds are theirs where
one fits any network, and relative to the run itself where none does.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Protocol

from lapel.models.heads.base import LabelCounts
from lapel.schema.labels import Schema
from lapel.training.loop.clock import PHASES, Phase
from lapel.training.watching.look import Look

#: A gradient so small beside the weights moves them by nothing that a float32 can hold.
VANISHED = 1e-7

#: Looks in a row that have to agree before a rule speaks up.
LOOKS = 3

#: A gradient so many times as large as usual explodes.
EXPLODED = 30.0

#: Share of an activation's units that may be silent.
SILENT = 0.5

#: A loss that fell by less than this share did not fall.
FELL = 0.01

#: Epochs without a fall of the loss, or of rising validation loss.
EPOCHS = 3

#: The most frequent label may come so many times as often as the rarest: Debugger's figure.
IMBALANCE = 10.0

#: Share of a step's time that may be spent waiting for pictures.
STARVED = 0.3

#: Below this share of its full height, a learning rate is coming to its end, and so is learning.
RATE_ENDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochSeen:
    """What is known at the end of an epoch.

    Attributes:
        history: rows of the log so far, the newest last.
        seconds: of each phase of its steps.
        rate: the learning rate as a share of its full height.
    """

    history: Sequence[Mapping[str, float]]
    seconds: Mapping[Phase, float]
    rate: float


class Rule(Protocol):
    """Watches a run for one thing. Says what is wrong, or nothing; once said is enough."""

    def begin(self, schema: Schema, counts: Mapping[str, LabelCounts]) -> str | None:
        """Before the first step."""
        ...

    def look(self, look: Look) -> str | None:
        """After a step that was looked at."""
        ...

    def epoch(self, seen: EpochSeen) -> str | None:
        """After an epoch was judged."""
        ...


class _Silent:
    """Never has anything to say; rules say something in some places."""

    def begin(self, schema: Schema, counts: Mapping[str, LabelCounts]) -> str | None:  # noqa: ARG002
        """Nothing."""
        return None

    def look(self, look: Look) -> str | None:  # noqa: ARG002 - the shape of Rule
        """Nothing."""
        return None

    def epoch(self, seen: EpochSeen) -> str | None:  # noqa: ARG002 - the shape of Rule
        """Nothing."""
        return None


class VanishingGradients(_Silent):
    """Layers whose gradients are too small to move their weights."""

    def __init__(self) -> None:
        self._agreed = 0

    def look(self, look: Look) -> str | None:
        """After a step that was looked at."""
        small = {name: share for name, share in look.relative.items() if share < VANISHED}
        self._agreed = self._agreed + 1 if small else 0
        if self._agreed < LOOKS:
            return None
        worst = min(small, key=small.__getitem__)
        return (
            f"gradients vanish in {len(small)} of {len(look.relative)} layers; in {worst} they are "
            f"{small[worst]:.1e} of the weights. Try another backbone, a higher learning rate, or "
            "fewer layers that rest"
        )


class ExplodingGradients(_Silent):
    """A gradient far larger than this run's usual one, or none at all."""

    def __init__(self) -> None:
        self._usual: deque[float] = deque(maxlen=20)
        self._agreed = 0

    def look(self, look: Look) -> str | None:
        """After a step that was looked at."""
        usual = median(self._usual) if len(self._usual) >= LOOKS else math.inf
        large = not math.isfinite(look.gradient) or look.gradient > EXPLODED * usual
        self._agreed = self._agreed + 1 if large else 0
        if not large:
            self._usual.append(look.gradient)
        if not self._agreed or (math.isfinite(look.gradient) and self._agreed < 2):
            return None
        return (
            f"the gradient's norm is {look.gradient:.3g}, usually {usual:.3g}. Try --set "
            "optimiser.clip=1, a lower optimiser.learning_rate, or a longer schedule.warmup"
        )


class DeadUnits(_Silent):
    """Activations most of whose units say the same whatever they see."""

    def __init__(self) -> None:
        self._agreed: dict[str, int] = {}

    def look(self, look: Look) -> str | None:
        """After a step that was looked at."""
        self._agreed = {
            name: self._agreed.get(name, 0) + 1
            for name, share in look.silent.items()
            if share > SILENT
        }
        dead = [name for name, times in self._agreed.items() if times >= LOOKS]
        if not dead:
            return None
        worst = max(dead, key=look.silent.__getitem__)
        return (
            f"{100 * look.silent[worst]:.0f} % of the units of {worst} say the same about every "
            f"picture, and more than {100 * SILENT:.0f} % in {len(dead)} of {len(look.silent)} "
            "activations. Try a lower optimiser.learning_rate or a longer schedule.warmup"
        )


class Overfitting(_Silent):
    """Validation gets worse while training still gets better."""

    def epoch(self, seen: EpochSeen) -> str | None:
        """After an epoch was judged."""
        rows = [row for row in seen.history if "validation_loss" in row and "train_loss" in row]
        if len(rows) <= EPOCHS:
            return None
        best = min(range(len(rows)), key=lambda place: rows[place]["validation_loss"])
        now, then = rows[-1], rows[best]
        worse = now["validation_loss"] > 1.1 * then["validation_loss"]
        if len(rows) - 1 - best < EPOCHS or not worse or now["train_loss"] >= then["train_loss"]:
            return None
        return (
            f"the loss on validation was {then['validation_loss']:.3f} after epoch "
            f"{then['epoch']:.0f} and is {now['validation_loss']:.3f}, while that on training "
            f"pictures fell from {then['train_loss']:.3f} to {now['train_loss']:.3f}. The best "
            "epoch is kept; try more augmentation, weight decay, more pictures, or "
            "early_stopping.patience"
        )


class StalledLoss(_Silent):
    """The loss does not fall, though the learning rate is not at its end."""

    def epoch(self, seen: EpochSeen) -> str | None:
        """After an epoch was judged."""
        losses = [row["train_loss"] for row in seen.history if "train_loss" in row]
        if len(losses) <= EPOCHS or seen.rate < RATE_ENDS:
            return None
        before, now = losses[-1 - EPOCHS], min(losses[-EPOCHS:])
        if now < (1 - FELL) * before:
            return None
        return (
            f"the loss on training pictures was {before:.4f} and is {losses[-1]:.4f} "
            f"{EPOCHS} epochs later. Try another optimiser.learning_rate (lapel tune finds one), "
            "or look at the labels (lapel data check)"
        )


class ClassImbalance(_Silent):
    """Labels that come far more often than others of the same task."""

    def begin(self, schema: Schema, counts: Mapping[str, LabelCounts]) -> str | None:
        """Before the first step."""
        uneven = [
            sentence
            for spec in schema
            if spec.kind == "single_label" and (sentence := _uneven(spec.labels, counts[spec.name]))
        ]
        if not uneven:
            return None
        return (
            f"{'; '.join(uneven)}. Rare labels are learned badly: try --set data.balance=TASK or "
            "--set loss.class_weights=balanced, and judge by a mean over labels"
        )


class StarvedInput(_Silent):
    """The network waits for its pictures."""

    def epoch(self, seen: EpochSeen) -> str | None:
        """After an epoch was judged."""
        total = sum(seen.seconds[phase] for phase in PHASES)
        share = seen.seconds["input"] / total if total else 0.0
        if share <= STARVED:
            return None
        return (
            f"{100 * share:.0f} % of the time the network waited for pictures. Try --set "
            "data.resident=always, data.workers, preprocess.reduced=true, or smaller files"
        )


#: Name to rule; adding one is adding its class and a line.
RULES: dict[str, Callable[[], Rule]] = {
    "vanishing_gradients": VanishingGradients,
    "exploding_gradients": ExplodingGradients,
    "dead_units": DeadUnits,
    "overfitting": Overfitting,
    "stalled_loss": StalledLoss,
    "class_imbalance": ClassImbalance,
    "starved_input": StarvedInput,
}


def _uneven(labels: Sequence[str], counts: LabelCounts) -> str:
    """What is uneven about a task's labels; empty: nothing is."""
    times = [float(count) for count in counts.yes]
    seen = [count for count in times if count]
    if len(seen) < 2 or max(seen) < IMBALANCE * min(seen):
        return ""
    most, least = times.index(max(seen)), times.index(min(seen))
    return (
        f"{labels[most]!r} comes {times[most]:,.0f} times, {labels[least]!r} {times[least]:,.0f} "
        "times"
    )
