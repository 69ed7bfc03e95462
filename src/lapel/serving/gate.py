"""Who may call: the token, the host that was meant, and pages of other sites."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lapel.serving.addresses import is_loopback
from lapel.serving.faults import Refusal, as_response
from lapel.serving.settings import Settings

#: Answered without a token: whether the server lives, and files of pages, which hold no data.
OPEN_PATHS = frozenset({"/", "/health", "/ready", "/ping", "/favicon.ico"})
_OPEN_FILES = re.compile(r"/(?:[a-z-]+/)?assets/[^/]+")

#: Versions of HTTP that are spoken.
_VERSIONS = frozenset({"1.0", "1.1"})

#: Methods that change nothing.
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Gate:
    """Lets those in who may call; everybody else gets 401, 403 or 421.

    Without a token only programs of this machine may call. A page of another site in a browser of
    this machine is not one of them: it is known by the ``Origin`` that it comes from, or by the
    ``Host`` that it believes to call (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, *, settings: Settings, pages: Iterable[str] = ()) -> None:
        self._app = app
        self._token = settings.token.encode() if settings.token else b""
        self._trusted = settings.trusted_network
        self._cors = frozenset(settings.cors)
        self._open = OPEN_PATHS | set(pages)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            self._check(scope)
        except Refusal as refusal:
            await as_response(refusal)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        if scope["http_version"] not in _VERSIONS:
            raise Refusal(400, f"HTTP/{scope['http_version']} is not known here; speak HTTP/1.1")
        if not self._token and not self._trusted:
            _check_host(headers)
        if scope["method"] not in _SAFE:
            self._check_origin(headers)
        if self._token and not self._is_open(scope):
            self._check_token(headers)

    def _is_open(self, scope: Scope) -> bool:
        path = scope["path"]
        safe = scope["method"] in _SAFE
        return safe and (path in self._open or bool(_OPEN_FILES.fullmatch(path)))

    def _check_origin(self, headers: Headers) -> None:
        origin = headers.get("origin")
        if origin is None or origin in self._cors:
            return
        if _place_of(origin) != headers.get("host", "").lower():
            raise Refusal(
                403,
                "this server does not answer pages of other sites; start it with --cors ORIGIN to "
                "let one in",
                code="other_origin",
            )

    def _check_token(self, headers: Headers) -> None:
        shown = _shown_token(headers.get("authorization", ""))
        # Compared whole, so that the time taken tells nothing of where they differ.
        if not hmac.compare_digest(shown, self._token):
            raise Refusal(
                401,
                "no token, or another one; send the header 'Authorization: Bearer TOKEN'"
                if not shown
                else "this is not the server's token; ask whoever runs it",
                headers={"WWW-Authenticate": "Bearer"},
            )


def _place_of(origin: str) -> str | None:
    """Host and port of an origin; None where it is none."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


def _shown_token(header: str) -> bytes:
    """The token of ``Bearer TOKEN``; or the password of ``Basic``, which labelling tools send."""
    scheme, _, value = header.strip().partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer":
        return value.encode("latin-1", "replace")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return b""
    return b""


def _check_host(headers: Headers) -> None:
    """The name by which the server was called must be one of this machine's own."""
    host = headers.get("host", "")
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        name = ""
    if host and not is_loopback(name):
        raise Refusal(
            421,
            f"found the host {host[:80]!r}, expected 127.0.0.1 or localhost: without a token the "
            "server answers this machine alone; start it with a token to be called by other names",
        )


#: What every answer says to browsers, unless it says so itself.
SAFE_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)


class SafeHeaders:
    """Adds to every answer what keeps browsers from guessing, telling and keeping."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                there = {name.lower() for name, _ in headers}
                headers += [pair for pair in SAFE_HEADERS if pair[0] not in there]
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, sent if scope["type"] == "http" else send)
