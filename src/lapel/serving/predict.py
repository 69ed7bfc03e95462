"""Routes that answer for pictures, and say what the models are."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Request, Response
from fastapi.routing import APIRoute

from lapel.serving.asked import Asked, parameters
from lapel.serving.faults import Refusal
from lapel.serving.forms import PICTURES, ModelAnswer, ModelList, PredictAnswer, errors
from lapel.serving.models import Models, ServedModel
from lapel.serving.parts import pictures_of
from lapel.serving.wire import json_bytes

Answered = TypeVar("Answered")

JSON = "application/json"

ModelName = Annotated[
    str | None, Query(max_length=200, description="Which model; left out: the first.")
]


class BareRoute(APIRoute):
    """A route whose function takes the request and reads parameters and body by itself.

    The framework would prepare for reading both, which takes time in every request.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The function."""
        return self.endpoint


def predict_routes(models: Models) -> APIRouter:
    """``/v1/predict``."""
    router = APIRouter(tags=["prediction"], route_class=BareRoute)

    @router.post(
        "/v1/predict",
        summary="Answer for one or several pictures",
        response_model=None,
        responses={
            200: {"model": PredictAnswer},
            **errors(400, 401, 403, 404, 408, 413, 415, 421, 422, 500, 503),
        },
        openapi_extra={"parameters": parameters(), "requestBody": PICTURES},
    )
    async def predict(request: Request) -> Response:
        """One bad picture alone is refused (415 or 413); among others it has an `error` in its
        place.
        """
        asked = Asked.of(request.query_params.multi_items())
        value = await answer(request, models.get(asked.model), asked)
        return Response(json_bytes(value), media_type=JSON)

    return router


def model_routes(models: Models) -> APIRouter:
    """``/v1/models`` and ``/v1/model``."""
    router = APIRouter(prefix="/v1", tags=["prediction"])

    @router.get(
        "/models",
        summary="The models of this server",
        response_model=None,
        responses={200: {"model": ModelList}, **errors(401, 421)},
    )
    async def model_list() -> Response:
        return Response(json_bytes({"models": [_brief(one) for one in models]}), media_type=JSON)

    @router.get(
        "/model",
        summary="All that a model says of itself",
        response_model=None,
        responses={200: {"model": ModelAnswer}, **errors(401, 404, 421, 422)},
    )
    async def model_description(model: ModelName = None) -> Response:
        served = models.get(model)
        described = await asyncio.to_thread(served.describe)
        return Response(json_bytes(described), media_type=JSON)

    return router


def _brief(model: ServedModel) -> dict[str, Any]:
    return {
        "model": model.name,
        "version": model.version,
        "fingerprint": model.fingerprint,
        "two_stage": model.present.two_stage,
        "tasks": [spec.name for spec in model.bundle.schema],
    }


async def answer(
    request: Request, model: ServedModel, asked: Asked, *, errors_in_place: bool = False
) -> dict[str, Any]:
    """Read the pictures of a request and answer for them.

    Args:
        request: with one picture or several.
        model: that answers.
        asked: parameters.
        errors_in_place: a bad picture that came alone has its ``error`` in its place, too.

    Returns:
        What :class:`lapel.serving.forms.PredictAnswer` describes.

    Raises:
        Refusal: whatever is wrong with the request, or too much waiting.
    """
    model.admit()
    sent = await pictures_of(request, most=model.most_pictures)
    present = model.present
    predictions = await unless_gone(
        request,
        model.predict(
            [one.data for one in sent],
            [one.name for one in sent],
            top=asked.top,
            maps=asked.maps,
            outlines=asked.outlines,
            threshold=asked.threshold,
            answerer=present.answerer,
        ),
    )
    if not errors_in_place and len(predictions) == 1 and "error" in predictions[0]:
        raise refused(predictions[0]["error"])
    return {
        "model": model.name,
        "fingerprint": present.fingerprint,
        "version": present.version,
        "predictions": predictions,
    }


def refused(error: dict[str, str]) -> Refusal:
    """The refusal of a picture that came alone."""
    status = 413 if error["code"] == "picture_too_large" else 415
    return Refusal(status, error["message"], code=error["code"])


async def unless_gone(request: Request, work: Awaitable[Answered]) -> Answered:
    """Wait for an answer, as long as the caller does: nobody answers who has hung up.

    Raises:
        Refusal: the caller is gone; nobody will read it.
    """
    answering = asyncio.current_task()
    over = left = False

    def leave(leaving: asyncio.Task[None]) -> None:
        nonlocal left
        if answering is not None and not over and not leaving.cancelled():
            left = True
            answering.cancel()

    leaving = asyncio.ensure_future(_gone(request))
    leaving.add_done_callback(leave)
    try:
        return await work
    except asyncio.CancelledError:
        # Cancelled by us alone: whoever ends the server cancels, too, and is to be heard.
        if not left or answering is None or answering.uncancel():
            raise
        raise Refusal(400, "the caller went away before the answer", code="caller_gone") from None
    finally:
        over = True
        leaving.cancel()


async def _gone(request: Request) -> None:
    """Wait until the connection ends; its body has been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
