"""The application: routes, and what stands around all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import HTTPException, RequestValidationError
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect

from lapel.schema.errors import UsageError
from lapel.serving.faults import Faults, Refusal, as_response, broken
from lapel.serving.forms import StatusAnswer, errors
from lapel.serving.gate import Gate, SafeHeaders
from lapel.serving.limits import BodyLimits
from lapel.serving.models import Models
from lapel.serving.predict import model_routes, predict_routes
from lapel.serving.sagemaker import sagemaker_routes
from lapel.serving.settings import Settings
from lapel.serving.telemetry import Observed, Telemetry
from lapel.serving.turning_away import TurningAway

DESCRIPTION = """Answers about photos of garments. Send a picture, get labels, landmarks, masks and
garments with their probabilities. Every refusal is `{"error": {"code", "message"}}`."""


def create_app(
    models: Models, settings: Settings, extra_routes: Sequence[APIRouter] = ()
) -> FastAPI:
    """The application of a server.

    Args:
        models: what answers; whoever made them closes them.
        settings: limits, token, and who may call.
        extra_routes: pages, and what other tools ask.
    """
    telemetry = Telemetry(models, log=settings.access_log)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        watching = asyncio.create_task(models.watch())
        try:
            yield
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    app = FastAPI(
        title="Lapel",
        version=version("lapel"),
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    # Looked through in this order for each request.
    app.include_router(predict_routes(models))
    app.include_router(model_routes(models))
    app.include_router(sagemaker_routes(models))
    app.include_router(_state_routes(models, telemetry))
    for router in extra_routes:
        app.include_router(router)
    add_refusals(app)
    # The last one added stands outermost.
    app.add_middleware(Gate, settings=settings)
    if settings.cors:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["Retry-After"],
        )
    app.add_middleware(BodyLimits, settings=settings)
    app.add_middleware(SafeHeaders)
    app.add_middleware(Observed, telemetry=telemetry)
    app.state.turning_away = TurningAway(models, telemetry)
    return app


def _state_routes(models: Models, telemetry: Telemetry) -> APIRouter:
    """``/health``, ``/ready`` and ``/metrics``."""
    router = APIRouter(tags=["state"])

    @router.get("/health", summary="Whether the process lives", responses={**errors(421)})
    async def health() -> StatusAnswer:
        return StatusAnswer(status="ok")

    @router.get("/ready", summary="Whether it takes requests", responses={**errors(421, 503)})
    async def ready() -> StatusAnswer:
        if models.draining:
            raise Refusal(
                503, "the server is ending", code="draining", headers={"Retry-After": "1"}
            )
        return StatusAnswer(status="ok")

    @router.get(
        "/metrics",
        summary="Counts for Prometheus",
        response_model=None,
        responses={200: {"content": {"text/plain": {}}}, **errors(401, 421)},
    )
    async def metrics() -> Response:
        text = await asyncio.to_thread(generate_latest, telemetry.registry)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    return router


def add_refusals(app: FastAPI) -> None:
    """All refusals in one form, whoever makes them."""

    @app.exception_handler(StarletteHTTPException)
    async def refused(_: Request, error: Exception) -> Response:
        # What was read of the body hangs on it; it is let go before the answer is on its way.
        error.__traceback__ = None
        return as_response(_spoken(error))

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: Exception) -> Response:
        return as_response(Refusal(422, _faults_of(error)))

    @app.exception_handler(UsageError)
    async def unusable(_: Request, error: Exception) -> Response:
        return as_response(Refusal(422, str(error)))

    @app.exception_handler(ClientDisconnect)
    async def gone(_: Request, __: Exception) -> Response:
        return as_response(Refusal(400, "the request ended before it was whole"))

    app.add_middleware(Faults)


def _spoken(error: Exception) -> HTTPException:
    """The framework's own refusals, in more words."""
    if not isinstance(error, StarletteHTTPException):
        return broken()
    if error.status_code == 404 and error.detail == "Not Found":
        return Refusal(404, "there is nothing here; see /openapi.json for what there is")
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        text = f"another method is expected here: {allowed}" if allowed else "another method"
        return Refusal(405, text, headers=error.headers)
    if isinstance(error, HTTPException):
        return error
    return Refusal(error.status_code, str(error.detail), headers=error.headers)


def _faults_of(error: Exception) -> str:
    """All faults of a request's parameters or body, without what was sent."""
    if not isinstance(error, RequestValidationError):
        return "a parameter that cannot be"
    named = (
        f"{'.'.join(str(part)[:80] for part in one['loc'])}: {one['msg']}"
        for one in error.errors()[:20]
    )
    return "; ".join(named)
