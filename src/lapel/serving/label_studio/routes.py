"""Label Studio's protocol for machine learning backends, over the models of a server.

Calls, their bodies and how long Label Studio waits for each: ``ml/api_connector.py`` and
``ml/models.py`` of Label Studio 1.23 (health 1 s, setup 3 s, predict 100 s, webhooks 1 s). The
address to give to Label Studio is that of the server, or with ``/label-studio/NAME`` behind it for
another model than the first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter, Depends, Request
from pydantic import TypeAdapter

from lapel.schema.errors import StorageError
from lapel.serving.faults import Refusal
from lapel.serving.label_studio.backend import CALLS, PICTURE_BYTES, Backend
from lapel.serving.label_studio.events import Events
from lapel.serving.label_studio.pictures import Pictures
from lapel.serving.label_studio.service import LabelStudio
from lapel.serving.models import Models

#: What the server takes in beside its own routes.
Router: TypeAlias = APIRouter

#: The most tasks of one call; Label Studio sends up to 100 at a time.
MOST_TASKS = 1000

#: Before the routes of the first model: as people give the address, and in a place of its own.
FIRST = ("", "/label-studio")

_JSON: TypeAdapter[Any] = TypeAdapter(Any)

#: Before the routes of a model by name.
NAMED = "/label-studio/{model}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the backend is told when the server starts.

    Attributes:
        url: where Label Studio is, as this machine reaches it; None: pictures cannot be fetched.
        token: of an account that may see the projects.
        storage: other origins that Label Studio may send on to for pictures.
        events: the file that keeps what Label Studio tells of; None: it is counted alone.
    """

    url: str | None = None
    token: str | None = field(default=None, repr=False)
    storage: tuple[str, ...] = ()
    events: Path | None = None


async def _payload(request: Request) -> dict[str, Any]:
    """The object that a call sends.

    Raises:
        Refusal: 400, it sends something else.
    """
    try:
        # Not json.loads: it lets halves of letters through (lone surrogates), which no file and no
        # answer can hold.
        value = _JSON.validate_json(await request.body() or b"{}")
    except ValueError as error:
        raise Refusal(400, "found no JSON; send an object, as Label Studio does") from error
    if not isinstance(value, dict):
        raise Refusal(400, f"found {type(value).__name__}, expected an object")
    return value


Payload = Annotated[dict[str, Any], Depends(_payload)]


def label_studio_routes(models: Models, options: Options) -> Router:
    """The routes of Label Studio's protocol.

    Args:
        models: of the server.
        options: where Label Studio is, and what is kept.

    Raises:
        UsageError: an address that is none.
    """
    pictures = None
    if options.url is not None:
        service = LabelStudio(options.url, options.token, timeout=20.0)
        limit = min(models.settings.limits.bytes, PICTURE_BYTES)
        pictures = Pictures(service, storage=options.storage, limit=limit)
    protocol = _Protocol(models, pictures, Events(options.events))
    router = APIRouter(include_in_schema=False)
    for prefix in (*FIRST, NAMED):
        # The server's own /health answers at the root.
        if prefix:
            router.add_api_route(f"{prefix}/health", protocol.health, methods=["GET"])
            router.add_api_route(f"{prefix}/events", protocol.events, methods=["GET"])
        router.add_api_route(f"{prefix}/versions", protocol.versions, methods=["GET"])
        for name in ("setup", "predict", "webhook", "train", "validate", "job_status"):
            router.add_api_route(f"{prefix}/{name}", getattr(protocol, name), methods=["POST"])
        for name in ("duplicate_model", "delete"):
            router.add_api_route(f"{prefix}/{name}", protocol.nothing, methods=["POST"])
    return router


class _Protocol:
    """The calls, each for the model that its address names."""

    def __init__(self, models: Models, pictures: Pictures | None, events: Events) -> None:
        self._models = models
        self._pictures = pictures
        self._events = events
        self._backends: dict[str, Backend] = {}
        self._turn = asyncio.Semaphore(CALLS)

    def _backend(self, model: str | None) -> Backend:
        served = self._models.get(model)
        if served.name not in self._backends:
            self._backends[served.name] = Backend(served, self._pictures, self._turn)
        return self._backends[served.name]

    async def health(self, model: str | None = None) -> dict[str, Any]:
        """Whether the model is there; no work of its."""
        return {"status": "UP", "model_class": self._models.get(model).name}

    async def versions(self, model: str | None = None) -> dict[str, Any]:
        """The one version there is."""
        return {"versions": [self._backend(model).version]}

    async def setup(self, payload: Payload, model: str | None = None) -> dict[str, Any]:
        """The version that predictions will have, and what of the configuration they will not
        answer.
        """
        backend = self._backend(model)
        binding = backend.binding(_text(payload, "schema"))
        return {"model_version": backend.version, "notes": list(binding.notes)}

    async def predict(self, payload: Payload, model: str | None = None) -> dict[str, Any]:
        """Predictions for tasks; or, where somebody clicked, what lies there."""
        backend = self._backend(model)
        tasks = _tasks(payload)
        xml = _text(payload, "label_config")
        params = payload.get("params")
        context = params.get("context") if isinstance(params, Mapping) else None
        if context:
            found = await backend.select(tasks[0], xml, context)
        else:
            found = await backend.answer(tasks, xml)
        value = {"results": list(found.results), "model_version": found.version}
        return value | ({"errors": list(found.errors)} if found.errors else {})

    async def webhook(self, payload: Payload, model: str | None = None) -> dict[str, Any]:
        """Keep what Label Studio tells of."""
        name = self._models.get(model).name
        try:
            await asyncio.to_thread(self._events.take, payload, model=name)
        except StorageError as error:
            raise Refusal(507, "the event could not be kept; see the server's log") from error
        return {"status": "kept"}

    async def train(self, payload: Payload, model: str | None = None) -> dict[str, Any]:
        """The wish to train, as older versions send it."""
        return await self.webhook({"action": "START_TRAINING", **payload}, model)

    async def validate(self, payload: Payload, model: str | None = None) -> dict[str, Any]:
        """Whether a configuration can be read, and what of it is not answered."""
        binding = self._backend(model).binding(_text(payload, "config"))
        return {"status": "ok", "notes": list(binding.notes)}

    async def job_status(self, model: str | None = None) -> dict[str, Any]:
        """Training is `lapel train`'s, not this server's: every job is gone."""
        self._models.get(model)
        raise Refusal(410, "this server does not train; see `lapel train --from`", code="no_jobs")

    async def nothing(self, model: str | None = None) -> dict[str, Any]:
        """Nothing is kept of projects, so there is nothing to copy or to delete."""
        self._models.get(model)
        return {}

    async def events(self, model: str | None = None) -> dict[str, Any]:
        """How often each event was told of since the server started."""
        self._models.get(model)
        return {"events": self._events.counts}


def _text(payload: Mapping[str, Any], key: str) -> str:
    value = payload.get(key)
    if not isinstance(value, str) or not value.strip():
        raise Refusal(422, f"found no text as {key!r}, expected the labelling configuration")
    return value


def _tasks(payload: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    value = payload.get("tasks")
    if not isinstance(value, list) or not value or len(value) > MOST_TASKS:
        found = f"{len(value)} tasks" if isinstance(value, list) else "no list of tasks"
        raise Refusal(422, f"found {found}, expected 1 to {MOST_TASKS}")
    if not all(isinstance(one, dict) for one in value):
        raise Refusal(422, "found a task that is no object")
    return value
