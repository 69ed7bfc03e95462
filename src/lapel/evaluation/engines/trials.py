"""Engines on trial: do they answer as torch does, what does that cost, how fast are they."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lapel.data.dataset import Dataset
from lapel.data.progress import Track, named, silent
from lapel.evaluation.engines.parity import ALIKE, SAME, Parity, compare_engines
from lapel.evaluation.engines.rates import Rate, rates_of
from lapel.evaluation.engines.scores import Scored, score_engine
from lapel.inference.bundle import Bundle
from lapel.inference.engines.base import Engine
from lapel.inference.engines.onnxruntime_engine import OnnxRuntimeEngine
from lapel.inference.engines.table import ENGINES
from lapel.schema.errors import BundleError
from lapel.storage.machine import machine

#: The split on which a loss of accuracy is measured.
JUDGED_ON = "validation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """What a model reaches in float32, and with an engine of fewer digits.

    Attributes:
        dataset: name of the dataset.
        before: in float32.
        after: with the engine.
    """

    dataset: str
    before: Scored
    after: Scored

    @property
    def losses(self) -> dict[str, float]:
        """Points of 100 that each task's main number lost; less than 0: it won."""
        return self.after.points_below(self.before)

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "dataset": self.dataset,
            "split": JUDGED_ON,
            "images": self.after.images,
            "float32": dict(self.before.numbers),
            "engine": dict(self.after.numbers),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What was found about an engine.

    Attributes:
        name: in the table of engines, or ``pt2`` for torch's own file.
        parity: how far it is from the network that was learned; None where it could not be run.
        accuracy: of engines of fewer digits.
        rate: how fast it is; None where it did not pass.
        fault: why it did not pass; empty: it did.
    """

    name: str
    parity: Parity | None = None
    accuracy: Accuracy | None = None
    rate: Rate | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Court:
    """What engines are tried by.

    Attributes:
        model: the bundle, with the files that engines run.
        reference: what they are compared with.
        against: what that is, in words.
        batches: pictures that both look at, prepared, uint8 (N, C, h, w) each.
        pictures_of: where these are from, in words.
        dataset: to measure accuracy on; None: it cannot be measured.
        allow_loss: points of 100 that the main number of a task may lose.
        track: is told how far the work is.
        float32: what the model reaches in float32, once it was measured.
    """

    model: Bundle
    reference: Engine
    against: str
    batches: Sequence[NDArray[np.uint8]]
    pictures_of: str
    dataset: Dataset | None = None
    allow_loss: float = 0.5
    track: Track = silent
    float32: list[Scored] = field(default_factory=list)

    def try_all(self, names: Sequence[str], known: Sequence[Trial] = ()) -> list[Trial]:
        """Try engines by name; those that pass are measured side by side.

        Args:
            names: in the table of engines.
            known: trials that were held already.
        """
        held = {trial.name: trial for trial in known}
        found: list[Trial] = []
        engines: dict[str, Engine] = {}
        for name in names:
            try:
                engine = ENGINES[name].build(self.model, ENGINES[name].file)
                reduced = ENGINES[name].reduced
                found.append(held.get(name) or self.try_one(name, engine, reduced=reduced))
            except BundleError as error:
                found.append(Trial(name=name, fault=str(error)))
                continue
            if not found[-1].fault:
                engines[name] = engine
        tasks = [spec.name for spec in self.model.schema]
        rates = rates_of(engines, self.batches[0], tasks)
        return [replace(trial, rate=rates.get(trial.name)) for trial in found]

    def try_one(self, name: str, engine: Engine, *, reduced: bool) -> Trial:
        """Compare one with the reference, and measure what it costs in accuracy."""
        asked = ALIKE if reduced else SAME
        parity = compare_engines(engine, self.reference, self.batches, self.model.schema, asked)
        if not parity.holds:
            fault = f"it is too far from {self.against}: {parity.words()}"
            return Trial(name=name, parity=parity, fault=fault)
        if not reduced:
            return Trial(name=name, parity=parity)
        accuracy = self._accuracy(engine, name)
        return Trial(name=name, parity=parity, accuracy=accuracy, fault=self._fault(accuracy))

    def _fault(self, accuracy: Accuracy | None) -> str:
        if accuracy is None:
            return "what it costs in accuracy was not measured: --calibrate DATASET"
        lost = {name: loss for name, loss in accuracy.losses.items() if not loss <= self.allow_loss}
        if not lost:
            return ""
        told = ", ".join(
            f"{name} fell from {100 * accuracy.before.numbers[name]:.2f} to "
            f"{100 * accuracy.after.numbers[name]:.2f} %"
            for name in lost
        )
        return (
            f"on {accuracy.after.images} {JUDGED_ON} pictures of {accuracy.dataset} {told}; at "
            f"most {self.allow_loss:g} points are allowed"
        )

    def _accuracy(self, engine: Engine, name: str) -> Accuracy | None:
        if self.dataset is None:
            return None
        if not self.float32:
            plain = OnnxRuntimeEngine(self.model.read(ENGINES["onnxruntime"].file))
            self.float32.append(self._scored(plain, self.dataset, "float32"))
        return Accuracy(
            dataset=self.dataset.name,
            before=self.float32[0],
            after=self._scored(engine, self.dataset, name),
        )

    def _scored(self, engine: Engine, dataset: Dataset, name: str) -> Scored:
        track = named(self.track, f"Judging {JUDGED_ON} pictures in {name}")
        return score_engine(self.model, engine, dataset, split=JUDGED_ON, track=track)

    def record(self, trial: Trial) -> dict[str, Any]:
        """What a bundle keeps of an engine that passed."""
        if trial.parity is None or trial.rate is None:
            raise ValueError(f"{trial.name} did not pass")
        kept: Mapping[str, Any] = {
            "parity": {"with": self.against, "of": self.pictures_of, **trial.parity.to_json()},
            "images_per_second": trial.rate.images_per_second,
            "batch": len(self.batches[0]),
            "milliseconds": trial.rate.milliseconds,
            "machine": machine(),
        }
        scores = {} if trial.accuracy is None else {"scores": trial.accuracy.to_json()}
        return {**kept, **scores}
