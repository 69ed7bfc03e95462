"""Amazon SageMaker's contract of a container that serves, on the same models: ``GET /ping`` and
``POST /invocations``.

Source: "Use your own inference code with hosting services", Amazon SageMaker AI developer guide:
requests of at most 60 s (8 min when streamed), ``/ping`` answered within 2 s, parameters of a call
in ``X-Amzn-SageMaker-Custom-Attributes``, the wanted form in ``Accept``.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response

from lapel.inference.answer_rows import Answered, Row, rows_with_error
from lapel.inference.examined import Examined
from lapel.inference.pictures import Failure
from lapel.serving.answerers import Found
from lapel.serving.asked import Asked
from lapel.serving.faults import Refusal
from lapel.serving.forms import PICTURES, PredictAnswer, errors
from lapel.serving.models import Models, ServedModel
from lapel.serving.parts import pictures_of
from lapel.serving.predict import JSON, answer, refused, unless_gone
from lapel.serving.wire import as_json, csv_bytes, json_bytes, json_lines

#: What ``Accept`` may ask for.
LINES = ("application/jsonlines", "application/x-jsonlines", "application/x-ndjson")
CSV = "text/csv"

ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"


def sagemaker_routes(models: Models) -> APIRouter:
    """``/ping`` and ``/invocations``."""
    router = APIRouter(tags=["SageMaker"])

    @router.get(
        "/ping",
        summary="Whether the container can answer",
        response_model=None,
        responses={200: {"description": "It can."}, **errors(503)},
    )
    async def ping() -> Response:
        if models.draining:
            raise Refusal(503, "the server is ending", headers={"Retry-After": "1"})
        return Response(b"{}", media_type=JSON)

    @router.post(
        "/invocations",
        summary="Answer for one or several pictures, as SageMaker asks",
        response_model=None,
        responses={
            200: {
                "model": PredictAnswer,
                "content": {form: {"schema": {"type": "string"}} for form in (LINES[0], CSV)},
            },
            **errors(400, 401, 403, 404, 406, 408, 413, 415, 421, 422, 500, 503),
        },
        openapi_extra={"requestBody": PICTURES},
    )
    async def invocations(request: Request) -> Response:
        """`Accept` chooses JSON as `/v1/predict`, lines of JSON, or CSV; parameters stand in
        `X-Amzn-SageMaker-Custom-Attributes`, as `top=3&maps=true`.
        """
        asked = _attributes(request)
        form = _form(request.headers.get("accept", ""))
        model = models.get(asked.model)
        in_place = models.settings.errors_in_place
        if form == CSV:
            rows = await _rows(request, model, asked, in_place=in_place)
            return Response(csv_bytes(rows), media_type=CSV)
        value = await answer(request, model, asked, errors_in_place=in_place)
        if form == JSON:
            return Response(json_bytes(value), media_type=JSON)
        return Response(json_lines(value["predictions"]), media_type=form)

    return router


async def _rows(request: Request, model: ServedModel, asked: Asked, *, in_place: bool) -> list[Row]:
    model.admit()
    sent = await pictures_of(request, most=model.most_pictures)

    def render(found: Found) -> tuple[list[Row], dict[str, Any]]:
        said: Answered | Failure = found.prediction if isinstance(found, Examined) else found
        return rows_with_error(said), as_json(found) if isinstance(found, Failure) else {}

    rendered = await unless_gone(
        request,
        model.ask(
            [one.data for one in sent],
            [one.name for one in sent],
            render=render,
            top=asked.top,
            threshold=asked.threshold,
        ),
    )
    alone = len(rendered) == 1 and not in_place
    if alone and "error" in rendered[0][1]:
        raise refused(rendered[0][1]["error"])
    return [row for rows, _ in rendered for row in rows]


def _attributes(request: Request) -> Asked:
    """Parameters of a call, as ``top=3&maps=true``."""
    header = request.headers.get(ATTRIBUTES, "")
    try:
        pairs = parse_qsl(header, keep_blank_values=True, strict_parsing=bool(header))
    except ValueError:
        raise Refusal(
            422, f"{ATTRIBUTES}: found {header[:80]!r}, expected as top=3&maps=true"
        ) from None
    return Asked.of(pairs)


def _form(accept: str) -> str:
    """The first of the wanted forms that there is.

    Raises:
        Refusal: 406, none of them.
    """
    wanted = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    for form in wanted:
        if form in {"", "*/*", "application/*", JSON}:
            return JSON
        if form in {*LINES, CSV}:
            return form
        if form == "text/*":
            return CSV
    raise Refusal(
        406,
        f"Accept asks for {accept[:80]!r}; there are {JSON}, {LINES[0]} and {CSV}",
        code="not_acceptable",
    )
