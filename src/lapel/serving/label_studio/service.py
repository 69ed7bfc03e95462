"""Calls to a Label Studio, with whichever of its two kinds of token a person has.

A legacy token (forty hexadecimal digits) is sent as ``Authorization: Token``. A personal access
token is a JSON web token that opens nothing by itself: ``POST /api/token/refresh/`` exchanges it
for one that lives five minutes and is sent as ``Bearer``. Source: Label Studio 1.23,
``jwt_auth/views.py`` and ``core/settings``.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx2

from lapel.schema.errors import ServerError, UsageError
from lapel.serving.addresses import is_loopback
from lapel.serving.tokens import bare_token

#: Seconds that an exchanged token is used; Label Studio lets it live 300.
_ACCESS_SECONDS = 240.0

#: Seconds to wait for Label Studio, to connect and to answer.
_CONNECT, _ANSWER = 5.0, 60.0

#: So much of an answer is shown in a message.
_SHOWN = 300


class LabelStudio:
    """A Label Studio, asked over HTTP. May be used by several threads.

    Attributes:
        url: where it is, without a slash at the end.
    """

    def __init__(self, url: str, token: str | None, *, timeout: float = _ANSWER) -> None:
        """Nothing is sent yet.

        Args:
            url: where it is, as ``http://127.0.0.1:8080``, as people open it in a browser.
            token: of an account: a legacy token or a personal access token.
            timeout: seconds to wait for an answer.

        Raises:
            UsageError: no address, or a token that no header holds.
        """
        self.url = checked_url(url)
        self._token = bare_token(token)
        self._access = ""
        self._access_until = 0.0
        self._lock = threading.Lock()
        self._http = httpx2.Client(
            timeout=httpx2.Timeout(timeout, connect=min(timeout, _CONNECT)),
            follow_redirects=False,
            trust_env=not is_loopback(urlsplit(self.url).hostname or ""),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    @property
    def has_token(self) -> bool:
        """Whether there is any."""
        return bool(self._token)

    @property
    def is_personal(self) -> bool:
        """Whether the token is a personal access token."""
        return self._token.count(".") == 2 and self._token.startswith("ey")

    def get(self, path: str, **query: str | int) -> Any:  # noqa: ANN401 - what JSON holds
        """What ``GET`` of a path of its API answers, as plain values.

        Raises:
            ServerError: it refuses, or cannot be reached.
        """
        return self.call("GET", path, params=query)

    def post(self, path: str, value: object) -> Any:  # noqa: ANN401 - what JSON holds
        """What ``POST`` of plain values answers.

        Raises:
            ServerError: as :meth:`get`.
        """
        return self.call("POST", path, json=value)

    def patch(self, path: str, value: object) -> Any:  # noqa: ANN401 - what JSON holds
        """What ``PATCH`` with plain values answers.

        Raises:
            ServerError: as :meth:`get`.
        """
        return self.call("PATCH", path, json=value)

    def upload(self, path: str, name: str, data: bytes, **query: str | int) -> Any:  # noqa: ANN401 - what JSON holds
        """What ``POST`` of one file answers.

        Raises:
            ServerError: as :meth:`get`.
        """
        return self.call("POST", path, files={"file": (name, data)}, params=query)

    def call(self, method: str, path: str, **options: Any) -> Any:  # noqa: ANN401 - httpx's own, and what JSON holds
        """What a call answers, as plain values; None for an empty answer.

        Raises:
            ServerError: as :meth:`get`.
        """
        response = self._answered(method, path, options)
        if not response.is_success:
            raise ServerError(
                f"{method} {path}: Label Studio at {self.url} answers {response.status_code}: "
                f"{_told(response)}",
                status=response.status_code,
            )
        if not response.content:
            return None
        try:
            return response.json()
        except ValueError as error:
            raise ServerError(
                f"{method} {path}: found no JSON at {self.url}; is this a Label Studio?",
                status=response.status_code,
            ) from error

    def _answered(self, method: str, path: str, options: Mapping[str, Any]) -> httpx2.Response:
        """The answer, a second time with a fresh token where the first was refused."""
        response = self._sent(method, path, options)
        if response.status_code == httpx2.codes.UNAUTHORIZED and self.is_personal:
            with self._lock:
                self._access = ""
            response = self._sent(method, path, options)
        return response

    def _sent(self, method: str, path: str, options: Mapping[str, Any]) -> httpx2.Response:
        try:
            return self._http.request(
                method, self.url + path, headers=self.authorization(), **options
            )
        except httpx2.HTTPError as error:
            raise self._unreachable(error) from error

    @contextmanager
    def opened(self, url: str, *, authorized: bool) -> Iterator[httpx2.Response]:
        """The answer to ``GET`` of a whole address, its body not yet read; redirects are not
        followed.

        Args:
            url: the address; only those that :mod:`lapel.serving.label_studio.pictures` lets pass.
            authorized: whether the token is shown.

        Raises:
            ServerError: it cannot be reached, or no address.
        """
        headers = self.authorization() if authorized else {}
        try:
            with self._http.stream("GET", url, headers=headers) as response:
                yield response
        except httpx2.HTTPError as error:
            raise self._unreachable(error) from error
        except (httpx2.InvalidURL, UnicodeError) as error:
            raise ServerError(
                f"{url[:80]!r} is no address that can be fetched ({error}); upload the picture to "
                "Label Studio once more, under another name"
            ) from error

    def authorization(self) -> dict[str, str]:
        """The header that shows the token; nothing where there is none.

        Raises:
            ServerError: a personal access token that Label Studio does not exchange.
        """
        if not self._token:
            return {}
        if not self.is_personal:
            return {"Authorization": f"Token {self._token}"}
        with self._lock:
            if not self._access or time.monotonic() > self._access_until:
                self._access = self._exchanged()
                self._access_until = time.monotonic() + _ACCESS_SECONDS
            return {"Authorization": f"Bearer {self._access}"}

    def _exchanged(self) -> str:
        try:
            response = self._http.post(
                f"{self.url}/api/token/refresh/", json={"refresh": self._token}
            )
        except httpx2.HTTPError as error:
            raise self._unreachable(error) from error
        try:
            access = response.json().get("access") if response.is_success else None
        except (ValueError, AttributeError):
            access = None
        if not isinstance(access, str):
            raise ServerError(
                f"Label Studio at {self.url} does not take this personal access token "
                f"({response.status_code}: {_told(response)}); make a new one under Account & "
                "Settings",
                status=response.status_code,
            )
        return access

    def _unreachable(self, error: Exception) -> ServerError:
        if isinstance(error, httpx2.ReadTimeout | httpx2.WriteTimeout):
            return ServerError(
                f"Label Studio at {self.url} gave no answer in time; it may still be at work: look "
                "at its page, and try again later or with fewer tasks at a time"
            )
        return ServerError(
            f"Label Studio cannot be reached at {self.url}: {error}; start it, or give the "
            "address at which a browser on this machine opens it"
        )


def checked_url(url: str) -> str:
    """The address of a Label Studio or a server, without a slash at its end.

    Raises:
        UsageError: no address of one.
    """
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and parts.hostname and not parts.username
        _ = parts.port
    except ValueError:
        fine = False
    if not fine or parts.query or parts.fragment:
        raise UsageError(
            f"found {url!r}, expected an address such as http://127.0.0.1:8080, without user, "
            "query or fragment"
        )
    return url.rstrip("/")


def _told(response: httpx2.Response) -> str:
    """What an answer says that is no success: its own words, not too many of them."""
    try:
        value = response.json()
    except ValueError:
        return f"{response.reason_phrase} (no JSON)"
    if isinstance(value, dict):
        told = value.get("validation_errors") or value.get("detail") or value
        return json.dumps(told, ensure_ascii=False)[:_SHOWN]
    return json.dumps(value, ensure_ascii=False)[:_SHOWN]
