"""What a model answers to Label Studio's tasks."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from lapel.imaging.decode import MEBIBYTE
from lapel.inference.examined import Examined
from lapel.inference.pictures import Failure
from lapel.review.label_studio.binding import Binding, bind
from lapel.review.label_studio.clicked import results_at, selection_in
from lapel.review.label_studio.config import parse_config
from lapel.review.label_studio.items import Item
from lapel.review.label_studio.predictions import results_of, score_of
from lapel.schema.errors import ImageError, LapelError
from lapel.schema.prediction import Prediction
from lapel.schema.read_garments import ReadScene
from lapel.serving.answerers import Found, TwoModels
from lapel.serving.faults import Refusal
from lapel.serving.label_studio.pictures import Pictures
from lapel.serving.models import ServedModel
from lapel.serving.sources import Loaded

log = logging.getLogger("lapel.serving")

#: Seconds that tasks may take in all: Label Studio waits 100.
PATIENCE = 90.0

#: Tasks whose pictures are held at a time by one call, calls that may hold some, and the bytes of a
#: picture: together what a server may hold beside its own requests.
AT_A_TIME, CALLS, PICTURE_BYTES = 8, 2, 20 * MEBIBYTE

#: Photos whose answers are kept for people who click again and again on the same one; and the
#: pixels of all of them, since a mask has a byte for each: a dozen photos of a telephone.
KEPT, KEPT_PIXELS = 32, 150_000_000

#: What the model says of one photo, or why it says nothing.
Told = Prediction | ReadScene | Failure

#: What is made of that.
Rendered = TypeVar("Rendered")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Answers to tasks.

    Attributes:
        version: of the model that gave them.
        results: an entry a task, in order, as Label Studio takes them; an empty list where there
            is no prediction.
        errors: why there is none, of each such task.
    """

    version: str
    results: Sequence[Any]
    errors: Sequence[str]


class Backend:
    """One model behind Label Studio."""

    def __init__(
        self, model: ServedModel, pictures: Pictures | None, turn: asyncio.Semaphore
    ) -> None:
        """Wire a model to where pictures come from.

        Args:
            model: answers.
            pictures: fetches them; None: from nowhere, so that no task is answered.
            turn: who may hold pictures: ``CALLS`` at a time, of all models together.
        """
        self._model = model
        self._pictures = pictures
        self._turn = turn
        self._kept: OrderedDict[tuple[str, str, str], Prediction | ReadScene] = OrderedDict()

    @property
    def version(self) -> str:
        """What Label Studio knows predictions by: the model's name and its bundle's version."""
        return self._version(self._model.present)

    def _version(self, model: Loaded) -> str:
        return f"{self._model.name} {model.version}"

    def binding(self, xml: str) -> Binding:
        """Which controls of a configuration the model answers.

        Raises:
            Refusal: 422, it is no configuration that asks something of an image.
        """
        return _binding(xml, self._model.present)

    async def answer(self, tasks: Sequence[Mapping[str, Any]], xml: str) -> Answers:
        """Predictions for tasks.

        Args:
            tasks: as Label Studio sends them.
            xml: the project's labelling configuration.

        Raises:
            Refusal: 422, it is no configuration that asks something of an image.
        """
        model = self._model.present
        binding = _binding(xml, model)
        version = self._version(model)

        def entry(found: Found) -> dict[str, Any] | Failure:
            """As Label Studio takes it. Made at once, so that no mask outlives its picture."""
            one = _plain(found)
            if isinstance(one, Failure):
                return one
            return _entry(version, one, results_of(one, binding))

        results: list[Any] = []
        errors = []
        for task, one in zip(tasks, await self._told(tasks, binding, model, entry), strict=True):
            if isinstance(one, Failure):
                errors.append(f"task {task.get('id')}: {one.fault}")
            results.append([] if isinstance(one, Failure) else one)
        for error in errors[:5]:
            log.warning("Label Studio: %s", error)
        return Answers(version=version, results=results, errors=errors)

    async def select(self, task: Mapping[str, Any], xml: str, context: object) -> Answers:
        """What lies where a person clicked, of one task.

        Raises:
            Refusal: as :meth:`answer`.
        """
        model = self._model.present
        binding = _binding(xml, model)
        version = self._version(model)
        key = (version, str(task.get("id")), str(_data(task).get(binding.key)))
        one: Told | None = self._kept.get(key)
        if one is None:
            (one,) = await self._told([task], binding, model, _plain)
        if isinstance(one, Failure):
            log.warning("Label Studio: task %s: %s", task.get("id"), one.fault)
            return Answers(
                version=version,
                results=[{"model_version": version, "result": []}],
                errors=[f"task {task.get('id')}: {one.fault}"],
            )
        self._keep(key, one)
        place = selection_in(context, width=one.width, height=one.height)
        items = (
            await asyncio.to_thread(results_of, one, binding)
            if place is None
            else await asyncio.to_thread(results_at, one, binding, place)
        )
        return Answers(version=version, results=[_entry(version, one, items)], errors=[])

    def _keep(self, key: tuple[str, str, str], one: Prediction | ReadScene) -> None:
        """Keep the newest answers: so many, and of so many pixels in all, but the newest always."""
        self._kept[key] = one
        self._kept.move_to_end(key)
        while len(self._kept) > 1 and (
            len(self._kept) > KEPT
            or sum(kept.width * kept.height for kept in self._kept.values()) > KEPT_PIXELS
        ):
            self._kept.popitem(last=False)

    async def _told(
        self,
        tasks: Sequence[Mapping[str, Any]],
        binding: Binding,
        model: Loaded,
        render: Callable[[Found], Rendered],
    ) -> list[Rendered | Failure]:
        """What the model says of each task, some at a time: other callers get their turn."""
        end = time.monotonic() + PATIENCE
        found: list[Rendered | Failure] = []
        step = min(AT_A_TIME, self._model.most_pictures)
        for first in range(0, len(tasks), step):
            part = tasks[first : first + step]
            if time.monotonic() > end:
                found += [Failure(image="", fault=_TOO_LATE) for _ in part]
                continue
            async with self._turn:
                # Who waited too long for a turn has hung up.
                late = time.monotonic() > end
                found += (
                    [Failure(image="", fault=_TOO_LATE) for _ in part]
                    if late
                    else await self._told_of(part, binding, model, render, end)
                )
        return found

    async def _told_of(
        self,
        tasks: Sequence[Mapping[str, Any]],
        binding: Binding,
        model: Loaded,
        render: Callable[[Found], Rendered],
        end: float,
    ) -> list[Rendered | Failure]:
        """What the model says of a few tasks: their pictures fetched, then asked of together."""
        fetched = await asyncio.gather(
            *(asyncio.to_thread(self._fetched, task, binding.key) for task in tasks)
        )
        there = [one for one in fetched if isinstance(one, bytes)]
        names = [f"task {number}" for number in range(len(there))]
        asked = iter(await self._asked(there, names, model, render, end))
        return [one if isinstance(one, Failure) else next(asked) for one in fetched]

    async def _asked(
        self,
        pictures: Sequence[bytes],
        names: Sequence[str],
        model: Loaded,
        render: Callable[[Found], Rendered],
        end: float,
    ) -> list[Rendered | Failure]:
        """Answers, asked for again while the server is busy."""
        while True:
            try:
                return await self._model.ask(
                    pictures, names, render=render, answerer=model.answerer, top=_TOP
                )
            except Refusal as refusal:
                wait = float((refusal.headers or {}).get("Retry-After", "1"))
                if refusal.status_code != 503:
                    raise
                if time.monotonic() + wait > end:
                    return [Failure(image=name, fault=_TOO_LATE) for name in names]
                await asyncio.sleep(wait)

    def _fetched(self, task: Mapping[str, Any], key: str) -> bytes | Failure:
        """The picture of a task; in another thread."""
        number = task.get("id", 0)
        name = f"task {number}"
        if self._pictures is None:
            return Failure(
                image=name,
                fault="the server does not know where Label Studio is; start it with "
                "--label-studio-url and --label-studio-token-file",
            )
        try:
            return self._pictures.fetch(_data(task).get(key), task=number)
        except ImageError as error:
            return Failure(image=name, fault=error.fault)
        except LapelError as error:
            return Failure(image=name, fault=str(error))


_TOO_LATE = "no time was left: Label Studio waits 100 s; have it retrieve predictions once more"

#: Labels whose probabilities say how sure the model is of tags.
_TOP = 1000


def _entry(version: str, one: Prediction | ReadScene, items: list[Item]) -> dict[str, Any]:
    """A prediction as Label Studio takes it."""
    return {"model_version": version, "score": score_of(one), "result": items}


def _plain(found: Found) -> Told:
    return found.prediction if isinstance(found, Examined) else found


def _data(task: Mapping[str, Any]) -> Mapping[str, Any]:
    found = task.get("data")
    return found if isinstance(found, Mapping) else {}


def _binding(xml: str, model: Loaded) -> Binding:
    try:
        config = parse_config(xml)
    except LapelError as error:
        raise Refusal(422, str(error), code="invalid_configuration") from error
    answerer = model.answerer
    if isinstance(answerer, TwoModels):
        detector = answerer.predictor.detector.schema
        return bind(config, detector, of_garments=answerer.bundle.schema)
    return bind(config, answerer.bundle.schema)
