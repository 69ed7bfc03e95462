"""What a server says when it does not answer: a status, a word for programs, a text for people."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Mapping
from typing import Any

from fastapi.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("lapel.serving")

#: Status to the word that stands for it where nothing more is known.
WORDS = {
    400: "bad_request",
    401: "token_needed",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    408: "too_slow",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    421: "unknown_host",
    422: "invalid_parameter",
    431: "headers_too_large",
    500: "internal_error",
    503: "busy",
}


class Refusal(HTTPException):
    """A request that gets no answer, and why.

    FastAPI hands on exceptions of this kind from wherever they are raised, also while it reads a
    body.

    Attributes:
        code: a word for programs, in snake_case.
    """

    def __init__(
        self, status: int, message: str, *, code: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        self.code = code or WORDS.get(status, "error")
        super().__init__(status, message, headers=dict(headers or {}))


def busy(message: str, *, seconds: float) -> Refusal:
    """Too much at once; worth another try after some seconds."""
    wait = max(1, math.ceil(seconds))
    return Refusal(503, f"{message}; try again in {wait} s", headers={"Retry-After": str(wait)})


def broken() -> Refusal:
    """Our own fault, of which callers are told nothing: it may name what is theirs to know not."""
    return Refusal(500, "a fault of the server; its log says more")


class Faults:
    """Turns a fault of the server into an answer, and into lines of its log.

    The framework's own way would close the connection, and stand around everything, so that such
    requests were counted nowhere.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        started = False

        async def sent(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, sent)
        except asyncio.CancelledError:  # the server ends, and has waited long enough
            if started or scope["type"] != "http":
                raise
            await as_response(Refusal(503, "the server is ending"))(scope, receive, send)
        except Exception:
            log.exception("a request failed")
            if started or scope["type"] != "http":
                raise
            await as_response(broken())(scope, receive, send)


def fault(code: str, message: str) -> dict[str, Any]:
    """The body of every answer that is a refusal.

    A message may repeat what a caller sent, and JSON can name half of a letter, which UTF-8 has
    not (a lone surrogate): it is escaped.
    """
    told = message.encode("utf-8", "backslashreplace").decode()
    return {"error": {"code": code, "message": told}}


def as_response(refusal: HTTPException) -> JSONResponse:
    """What is sent for a refusal of ours or of the framework."""
    code = refusal.code if isinstance(refusal, Refusal) else WORDS.get(refusal.status_code, "error")
    return JSONResponse(
        fault(code, str(refusal.detail)),
        status_code=refusal.status_code,
        headers=refusal.headers,
    )
