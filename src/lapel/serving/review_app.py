"""The server of the review page: pictures in order, answers kept, conflicts told."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

from lapel.review.records import ConflictError
from lapel.schema.errors import ImageError, SchemaError, StorageError
from lapel.serving.app import add_refusals
from lapel.serving.faults import Refusal, as_response, fault
from lapel.serving.gate import Gate, SafeHeaders
from lapel.serving.limits import BodyLimits
from lapel.serving.pages import page_routes
from lapel.serving.reviewing import Reviewing, conflict_details
from lapel.serving.settings import Settings

_LOG = logging.getLogger("lapel.review")

#: The page.
REVIEW_PAGE = Path(__file__).parent / "review_page"

#: Pictures that a page may ask for at a time, and hold.
MOST_AHEAD, MOST_HELD = 8, 32

#: A number of a picture, as JavaScript and SQLite can hold it.
Number = Annotated[int, Field(ge=1, le=2**53)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    annotator: str


class Wanted(_Strict):
    """A page asks for pictures."""

    count: Annotated[int, Field(ge=0, le=MOST_AHEAD)] = 1
    held: Annotated[list[Number], Field(max_length=MOST_HELD)] = []
    again: bool = False
    behind: Annotated[int, Field(ge=-1, le=2**53)] = -1


class Said(_Strict):
    """A page says what somebody answered; no answers: they passed the picture over."""

    item: Number
    revision: Annotated[int, Field(ge=0, le=2**53)]
    answers: dict[str, Any] = {}
    seconds: Annotated[float, Field(ge=0, le=1e6)] | None = None


class Undo(_Strict):
    """A page takes back what somebody said last."""


def json_body(request: Request) -> None:
    """Refuse bodies that are not said to be JSON: those a foreign page may send unasked.

    Raises:
        Refusal: 415.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refusal(415, f"found a body of type {kind[:40]!r}, expected application/json")


def review_routes(reviewing: Reviewing) -> APIRouter:
    """What the page asks. All of it blocks on SQLite or a file, so threads answer it."""
    # Answers are plain values already: to check them once more would only take time.
    router = APIRouter(prefix="/v1/review")
    writes = [Depends(json_body)]

    @router.get("", response_model=None)
    def about() -> dict[str, Any]:
        return reviewing.about()

    @router.get("/progress", response_model=None)
    def progress() -> dict[str, Any]:
        return reviewing.progress_in_full()

    @router.post("/next", dependencies=writes, response_model=None)
    def next_items(wanted: Wanted) -> dict[str, Any]:
        items = reviewing.next_items(
            wanted.annotator,
            count=wanted.count,
            held=tuple(wanted.held),
            again=wanted.again,
            behind=wanted.behind,
        )
        return {"items": items, "progress": reviewing.progress()}

    @router.post("/answers", dependencies=writes, response_model=None)
    def answer(said: Said) -> dict[str, Any]:
        return reviewing.submit(
            said.item,
            said.annotator,
            said.answers,
            revision=said.revision,
            seconds=said.seconds,
        )

    @router.post("/undo", dependencies=writes, response_model=None)
    def undo(who: Undo) -> dict[str, Any]:
        undone = reviewing.undo(who.annotator)
        if undone is None:
            raise Refusal(
                404, "you have answered nothing in this round yet", code="nothing_to_undo"
            )
        return undone

    @router.get("/pictures/{item}", response_model=None)
    def picture(item: Number) -> Response:
        try:
            data, media_type = reviewing.picture(item)
        except StorageError as error:
            if not isinstance(error.__cause__, FileNotFoundError):
                raise  # it may pass: the page asks again
            _LOG.error("%s", error)
            text = "its file is gone; the server's messages say where it was"
            raise Refusal(404, text, code="no_photo_file") from error
        # A picture of a number is the same as long as the review lives.
        return Response(
            data, media_type=media_type, headers={"Cache-Control": "private, max-age=3600"}
        )

    return router


def health_routes() -> APIRouter:
    """Whether the server lives, and whether it answers."""
    router = APIRouter()

    @router.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "alive"}

    @router.get("/ready")
    async def ready() -> dict[str, str]:
        return {"status": "ready"}

    return router


def review_app(reviewing: Reviewing, settings: Settings) -> FastAPI:
    """The application: the page, what it asks, and the same gate and limits as any server here."""
    app = FastAPI(title="Lapel review", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(health_routes())
    app.include_router(review_routes(reviewing))
    app.include_router(page_routes(REVIEW_PAGE))
    add_refusals(app)
    app.add_exception_handler(ConflictError, _conflict)
    app.add_exception_handler(SchemaError, _unfit)
    app.add_exception_handler(ImageError, _no_picture)
    app.add_exception_handler(StorageError, _not_kept)
    # The last one added stands outermost.
    app.add_middleware(Gate, settings=settings)
    app.add_middleware(BodyLimits, settings=settings)
    app.add_middleware(SafeHeaders)
    return app


async def _conflict(_: Request, error: Exception) -> Response:
    body = fault("conflict", str(error))
    if isinstance(error, ConflictError):
        body["error"] |= conflict_details(error)
    return JSONResponse(body, status_code=409)


async def _unfit(_: Request, error: Exception) -> Response:
    return as_response(Refusal(422, str(error), code="invalid_answer"))


async def _no_picture(_: Request, error: Exception) -> Response:
    message = error.fault if isinstance(error, ImageError) else "no picture"
    return as_response(Refusal(415, message, code="not_a_picture"))


async def _not_kept(_: Request, error: Exception) -> Response:
    """A disk that is full or gone: said to whoever runs the server; its paths stay there."""
    _LOG.error("%s", error)
    text = "the server could not read or write its files; its messages say why"
    return as_response(Refusal(503, text, code="not_kept", headers={"Retry-After": "5"}))
