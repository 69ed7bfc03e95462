"""Pictures in, answers out: the one way that everything predicts, and that evaluation measures."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from copy import copy
from itertools import chain, islice
from pathlib import Path
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from lapel.imaging.decode import DEFAULT_LIMITS, BeforePixels, Limits
from lapel.imaging.preprocess import Frame, Preprocess
from lapel.inference.boxes import Boxes, outside, refuse_boxes, with_boxes
from lapel.inference.bundle import Bundle
from lapel.inference.engines.base import Engine
from lapel.inference.engines.side_by_side import looked_at_together
from lapel.inference.engines.table import Chosen, build_engine, choose_engine
from lapel.inference.examined import Examined, Ready
from lapel.inference.large_photos import LargePhotos
from lapel.inference.network_outputs import batch_of, maps_of, shapes_of
from lapel.inference.pictures import (
    Failure,
    Picture,
    as_pictures,
    file_or_pixels,
    name_of,
    upright,
)
from lapel.inference.spelling import Spelling
from lapel.schema.errors import ImageError, UsageError
from lapel.schema.geometry import Box
from lapel.schema.labels import Schema
from lapel.schema.prediction import Answer, Prediction
from lapel.storage.machine import usable_cores
from lapel.tasks.base import FREE, Task
from lapel.tasks.kinds import task_of

Item = TypeVar("Item")


class Predictor:
    """A bundle ready to answer.

    Attributes:
        bundle: what it answers with.
        maps: names of the outputs that show how an answer came about; perhaps none.
        chosen: the engine that runs its network, and why it is this one.
    """

    def __init__(
        self,
        bundle: Bundle,
        engine: Engine,
        *,
        batch: int = 32,
        limits: Limits = DEFAULT_LIMITS,
        chosen: Chosen | None = None,
    ) -> None:
        """Wire a bundle to an engine that runs its network.

        Args:
            bundle: schema, preprocessing and calibration.
            engine: runs the network of the bundle.
            batch: pictures a run of the engine; changes speed and memory, never answers. Fewer
                where the network answers pixel by pixel on a large canvas.
            limits: ceilings on what is decoded.
            chosen: the engine's name, and why it is this one; None: the caller's choice.

        Raises:
            UsageError: a batch below 1.
            BundleError: a network whose outputs are not the schema's answers.
        """
        if batch < 1:
            raise UsageError(f"a batch has at least 1 picture, found {batch}")
        self.bundle = bundle
        self.maps = maps_of(bundle.schema, engine)
        self.chosen = chosen or Chosen(name=type(engine).__name__, why="given by the caller")
        self._engine = engine
        self._limits = limits
        self._spelling = Spelling(schema=bundle.schema, english=bundle.english)
        self._tasks = {spec.name: task_of(spec) for spec in bundle.schema}
        self._batch = min(batch, batch_of(self._tasks.values(), bundle.preprocess))
        self._shapes = shapes_of(bundle, engine, self._tasks)

    @classmethod
    def load(
        cls,
        bundle: str | Path,
        *,
        engine: str = "auto",
        batch: int = 32,
        threshold: float | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> Self:
        """Open a bundle, or the run that holds one.

        Args:
            bundle: the folder.
            engine: a name in ``lapel.inference.engines.table.ENGINES``, or ``auto``: the fastest
                that passed its trial in ``lapel export``.
            batch: pictures a run of the engine.
            threshold: the score from which garments are told; None: as the bundle says.
            limits: ceilings on what is decoded.

        Raises:
            BundleError: no bundle there, or one that cannot be trusted or run.
            UsageError: no such engine, one that the bundle has no file for or this machine cannot
                run, a batch below 1, or a threshold that is no score from 0 to 1, or is of a
                bundle that finds no garments.
            MissingExtraError: the engine is not installed.
        """
        opened = Bundle.load(Path(bundle))
        if threshold is not None:
            opened = opened.told_from(threshold)
        chosen = choose_engine(engine, opened)
        network = build_engine(chosen, opened)
        return cls(opened, network, batch=batch, limits=limits, chosen=chosen)

    def told_from(self, threshold: float) -> Self:
        """The same network, which tells of a garment when its score reaches a threshold.

        Raises:
            UsageError: a threshold outside 0 to 1, or a bundle that finds no garments.
        """
        twin = copy(self)
        twin.bundle = self.bundle.told_from(threshold)
        return twin

    @property
    def schema(self) -> Schema:
        """What is answered."""
        return self.bundle.schema

    @property
    def engine(self) -> Engine:
        """What runs its network; for those who want outputs that are no answers."""
        return self._engine

    @property
    def batch(self) -> int:
        """The most pictures of a run of the engine."""
        return self._batch

    @property
    def lanes(self) -> int:
        """Threads that had better call :meth:`answer` at the same time, each with few pictures."""
        return self._engine.lanes

    @property
    def lane_batch(self) -> int:
        """The most pictures that each of them had better bring."""
        preprocess = self.bundle.preprocess
        few = looked_at_together(preprocess.height, preprocess.width)
        return min(self._batch, few) if self.lanes > 1 else self._batch

    def predict(
        self,
        images: Picture | Iterable[Picture],
        *,
        boxes: Boxes | None = None,
        top: int = 5,
        tile: int | None = None,
    ) -> Iterator[Prediction | Failure]:
        """Answer for each picture, in order, as soon as its batch is done.

        Pictures are decoded by threads while the engine works; two batches are held at a time.

        Args:
            images: paths, bytes of files, or upright pixels uint8 (H, W, 3) or (H, W); a single
                one of these is one picture.
            boxes: where the garment is in each of them, in pixels of the upright picture, for a
                model that looks at that alone; None: nobody knows, so it looks at all.
            top: how many of the best labels to name.
            tile: look at photos that are larger in overlapping tiles of nearly so many pixels, the
                longer side; for models whose tasks are all ``segmentation``.

        Yields:
            A prediction, in pixels of the upright original; or the failure of a picture that
            cannot be read or decoded, or of which the box shows nothing.

        Raises:
            UsageError: what is no picture, pixels of another shape or type, ``top`` below 1,
                not as many boxes as pictures, boxes for a model that looks at whole pictures, or
                tiles for a model that answers about whole pictures.
        """
        for found in self._examined(images, boxes, top, (), tile):
            yield found if isinstance(found, Failure) else found.prediction

    def examine(
        self,
        images: Picture | Iterable[Picture],
        *,
        boxes: Boxes | None = None,
        top: int = 5,
        tile: int | None = None,
    ) -> Iterator[Examined | Failure]:
        """As :meth:`predict`, with what the network shows of how each answer came about."""
        yield from self._examined(images, boxes, top, self.maps, tile)

    def outputs(self, images: Iterable[NDArray[np.uint8]]) -> dict[str, NDArray[np.float32]]:
        """Raw outputs of the network, before calibration, for evaluation.

        Args:
            images: upright pixels uint8, each (H, W, 3) or (H, W).

        Returns:
            Task name to float32 (N, ...); for ``single_label`` logits (N, labels).
        """
        parts = [
            self._engine.run(_stack(batch, self.bundle.preprocess), list(self._tasks))
            for batch in self._batches(images)
        ]
        return {
            name: np.concatenate([part[name] for part in parts])
            if parts
            else np.zeros((0, *self._shapes[name]), np.float32)
            for name, task in self._tasks.items()
        }

    def _examined(
        self,
        images: Picture | Iterable[Picture],
        boxes: Boxes | None,
        top: int,
        maps: Sequence[str],
        tile: int | None,
    ) -> Iterator[Examined | Failure]:
        if top < 1:
            raise UsageError(f"the best 1 or more labels can be named, found top={top}")
        if boxes is not None:
            refuse_boxes(self.bundle)
        if tile is not None:
            yield from self._in_tiles(images, boxes, top, tile)
            return
        for batch in self._prepared(with_boxes(as_pictures(images), boxes)):
            yield from self._answer(batch, top, maps)

    def _batches(self, items: Iterable[Item]) -> Iterator[list[Item]]:
        rest = iter(items)
        while batch := list(islice(rest, self._batch)):
            yield batch

    def _prepared(
        self, pictures: Iterable[tuple[Picture, Box | None]]
    ) -> Iterator[list[Ready | Failure]]:
        """Batches of decoded pictures; the next is being decoded while one is worked on."""
        numbered = enumerate(pictures)
        first = list(islice(numbered, 2))
        if len(first) == 1:  # threads for one picture would cost it time
            ((index, (picture, box)),) = first
            yield [self.prepare(picture, name=name_of(picture, index), box=box)]
            return
        waiting: deque[list[Future[Ready | Failure]]] = deque()
        pool = ThreadPoolExecutor(max_workers=usable_cores())
        try:
            for batch in self._batches(chain(first, numbered)):
                waiting.append(
                    [
                        pool.submit(self.prepare, picture, name=name_of(picture, index), box=box)
                        for index, (picture, box) in batch
                    ]
                )
                if len(waiting) > 1:
                    yield [future.result() for future in waiting.popleft()]
            while waiting:
                yield [future.result() for future in waiting.popleft()]
        finally:
            pool.shutdown(cancel_futures=True)

    def prepare(
        self,
        picture: Picture,
        *,
        name: str,
        box: Box | None = None,
        before: BeforePixels | None = None,
    ) -> Ready | Failure:
        """Decode one picture and bring it to the network's pixels; any thread may do it.

        Args:
            picture: a path, the bytes of a file, or upright pixels uint8 (H, W, 3) or (H, W).
            name: what it is called in the answer.
            box: where the garment is in it, for a model that looks at that alone.
            before: of a file, as of :func:`lapel.imaging.decode.decode_enough`.

        Returns:
            What :meth:`answer` takes; or the failure of a picture that cannot be read or decoded,
            or of which the box shows nothing.

        Raises:
            UsageError: what is no picture, or pixels of another shape or type.
        """
        preprocess = self.bundle.preprocess
        try:
            found = file_or_pixels(picture, name=name, limits=self._limits)
            prepared = (
                preprocess.read(found, name=name, limits=self._limits, box=box, before=before)
                if isinstance(found, bytes)
                else preprocess.apply(found, box)
            )
        except ImageError as error:
            return Failure.of(error)
        fault = outside(box, prepared.width, prepared.height) if box is not None else ""
        if fault:
            return Failure(image=name, fault=fault)
        return Ready(image=name, box=box, prepared=prepared)

    def answer(
        self, ready: Sequence[Ready], *, top: int = 5, maps: Sequence[str] = ()
    ) -> Iterator[Examined]:
        """Answer for pictures that are ready, in one run of the engine.

        A server that gathers pictures of several callers uses this and :meth:`prepare`; everybody
        else :meth:`predict`.

        Args:
            ready: at most ``batch`` of them.
            top: how many of the best labels to name.
            maps: names of the outputs to keep, of :attr:`maps`.

        Yields:
            An answer each, in order.
        """
        if not ready:
            return
        pixels = np.stack([picture.prepared.pixels for picture in ready])
        frames = [picture.prepared.frame for picture in ready]
        outputs = self._engine.run(pixels, [*self._tasks, *maps])
        answers = self._decoded(outputs, frames, top)
        for row, picture in enumerate(ready):
            yield Examined(
                prediction=Prediction(
                    image=picture.image,
                    width=picture.prepared.width,
                    height=picture.prepared.height,
                    answers=next(answers),
                ),
                frame=frames[row],
                box=picture.box,
                maps={name: outputs[name][row] for name in maps},
                spelling=self._spelling,
            )

    def _answer(
        self, batch: list[Ready | Failure], top: int, maps: Sequence[str]
    ) -> Iterator[Examined | Failure]:
        ready = [entry for entry in batch if isinstance(entry, Ready)]
        answers = self.answer(ready, top=top, maps=maps)
        for entry in batch:
            yield entry if isinstance(entry, Failure) else next(answers)

    def _decoded(
        self, outputs: Mapping[str, NDArray[np.float32]], frames: Sequence[Frame], top: int
    ) -> Iterator[dict[str, Answer]]:
        """The answers about each picture; masks are made one picture at a time."""

        def rows(name: str, task: Task) -> Iterator[Answer]:
            output, calibration = outputs[name], self.bundle.calibration.get(name)
            step = 1 if FREE in task.output_shape else len(frames)
            for first in range(0, len(frames), step):
                part = slice(first, first + step)
                yield from task.decode(output[part], calibration, top=top, frames=frames[part])

        each = [rows(name, task) for name, task in self._tasks.items()]
        for answers in zip(*each, strict=True):
            yield dict(zip(self._tasks, answers, strict=True))

    def _in_tiles(
        self, images: Picture | Iterable[Picture], boxes: Boxes | None, top: int, tile: int
    ) -> Iterator[Examined | Failure]:
        """As :meth:`_examined`, one picture at a time, looking at large ones in tiles."""
        if boxes is not None:
            raise UsageError("boxes and tiles cannot be had together: leave out one of them")
        looking = LargePhotos(
            self.bundle, self._engine, tile, shapes=self._shapes, batch=self._batch
        )
        for index, picture in enumerate(as_pictures(images)):
            name = name_of(picture, index)
            try:
                pixels = upright(picture, name=name, limits=self._limits)
            except ImageError as error:
                yield Failure(image=name, fault=error.fault)
                continue
            outputs, frame = looking.look(pixels)
            height, width = pixels.shape[:2]
            answers = next(self._decoded(outputs, [frame], top))
            prediction = Prediction(image=name, width=width, height=height, answers=answers)
            yield Examined(
                prediction=prediction, frame=frame, box=None, maps={}, spelling=self._spelling
            )


def _stack(images: list[NDArray[np.uint8]], preprocess: Preprocess) -> NDArray[np.uint8]:
    return np.stack([preprocess.apply(image).pixels for image in images])
