"""A bundle, or two of them in a row, as the queue sees them: bytes, then something ready, then
answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

from lapel.imaging.decode import BeforePixels
from lapel.inference.bundle import Bundle
from lapel.inference.engines.table import Chosen
from lapel.inference.examined import Examined, Ready
from lapel.inference.pictures import Failure
from lapel.inference.predictor import Predictor
from lapel.inference.two_stage import TwoStagePredictor
from lapel.schema.read_garments import ReadScene

#: What is found out about one picture.
Found = Examined | ReadScene | Failure


#: Kinds of task whose answers have masks of the photo's size.
DENSE = ("segmentation", "garments")


class Answerer(Protocol):
    """What the queue needs of a model."""

    @property
    def bundle(self) -> Bundle:
        """The bundle whose answers are given; of two, the one that reads garments."""
        ...

    @property
    def batch(self) -> int:
        """The most pictures of a run of the engine."""
        ...

    @property
    def lanes(self) -> int:
        """Threads that may call :meth:`answer` at the same time."""
        ...

    @property
    def maps(self) -> tuple[str, ...]:
        """Names of what can be shown of how an answer came about."""
        ...

    @property
    def dense(self) -> bool:
        """Whether it makes something of the size of the photo, which takes memory."""
        ...

    @property
    def chosen(self) -> Chosen:
        """The engine that runs it, of two the detector's, and why it is this one."""
        ...

    def told_from(self, threshold: float) -> Self:
        """The same, which tells of a garment when its score reaches a threshold."""
        ...

    def prepare(self, data: bytes, name: str, before: BeforePixels | None = None) -> Any | Failure:  # noqa: ANN401 - `answer` knows it
        """Decode a picture; any thread may do it. Its pixels are told before memory is spent."""
        ...

    def answer(self, ready: Sequence[Any], *, top: int, maps: Sequence[str]) -> Iterator[Found]:
        """Answer for what :meth:`prepare` gave, in order; so many threads as ``lanes``."""
        ...


@dataclass(frozen=True, slots=True)
class OneModel:
    """A bundle that answers about whole pictures."""

    predictor: Predictor

    @property
    def bundle(self) -> Bundle:
        """The bundle whose answers are given."""
        return self.predictor.bundle

    @property
    def batch(self) -> int:
        """The most pictures of a run of the engine."""
        return self.predictor.lane_batch if self.lanes > 1 else self.predictor.batch

    @property
    def lanes(self) -> int:
        """Cores, where each had better look at pictures of its own; masks of the size of photos
        are made one after the other.
        """
        return 1 if self.dense else self.predictor.lanes

    @property
    def maps(self) -> tuple[str, ...]:
        """Names of what can be shown of how an answer came about."""
        return self.predictor.maps

    @property
    def dense(self) -> bool:
        """Whether it answers with masks."""
        return any(spec.kind in DENSE for spec in self.bundle.schema)

    @property
    def chosen(self) -> Chosen:
        """The engine that runs it, and why it is this one."""
        return self.predictor.chosen

    def told_from(self, threshold: float) -> Self:
        """The same, which tells of a garment when its score reaches a threshold."""
        return type(self)(self.predictor.told_from(threshold))

    def prepare(
        self, data: bytes, name: str, before: BeforePixels | None = None
    ) -> Ready | Failure:
        """Decode a picture."""
        return self.predictor.prepare(data, name=name, before=before)

    def answer(self, ready: Sequence[Ready], *, top: int, maps: Sequence[str]) -> Iterator[Found]:
        """Answer in one run of the engine."""
        return self.predictor.answer(ready, top=top, maps=maps)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A picture that is ready for the detector, and its file, from which garments are cut."""

    ready: Ready
    data: bytes


@dataclass(frozen=True, slots=True)
class TwoModels:
    """A bundle that finds garments, and one that reads each."""

    predictor: TwoStagePredictor

    @property
    def bundle(self) -> Bundle:
        """The bundle that reads garments."""
        return self.predictor.tagger.bundle

    @property
    def batch(self) -> int:
        """The most pictures of a run of the detector."""
        return self.predictor.detector.batch

    @property
    def lanes(self) -> int:
        """One: what each garment takes is not known before."""
        return 1

    @property
    def maps(self) -> tuple[str, ...]:
        """None: they would be of parts of the picture."""
        return ()

    @property
    def dense(self) -> bool:
        """It decodes the photo once more, to cut garments out of it."""
        return True

    @property
    def chosen(self) -> Chosen:
        """The engine that runs the detector, and why it is this one."""
        return self.predictor.detector.chosen

    def told_from(self, threshold: float) -> Self:
        """The same, which tells of a garment when its score reaches a threshold."""
        return type(self)(self.predictor.told_from(threshold))

    def prepare(
        self, data: bytes, name: str, before: BeforePixels | None = None
    ) -> _Kept | Failure:
        """Decode a picture for the detector."""
        ready = self.predictor.detector.prepare(data, name=name, before=before)
        return ready if isinstance(ready, Failure) else _Kept(ready, data)

    def answer(
        self,
        ready: Sequence[_Kept],
        *,
        top: int,
        maps: Sequence[str],  # noqa: ARG002 - there are none
    ) -> Iterator[Found]:
        """Find garments, and read each."""
        found = self.predictor.detector.answer([one.ready for one in ready], top=top)
        for examined, one in zip(found, ready, strict=True):
            yield self.predictor.scene(one.data, examined.prediction, top=top)
