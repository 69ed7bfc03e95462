"""A server's answers, in Python: pictures go out in small batches, answers come back in order."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2

from lapel.inference.pictures import Failure, Picture
from lapel.schema.errors import ServerError, UsageError
from lapel.schema.labels import Schema
from lapel.schema.prediction import Prediction
from lapel.schema.read_garments import ReadScene
from lapel.schema.read_prediction import prediction_from_json
from lapel.serving.addresses import is_loopback
from lapel.serving.carried import (
    Sent,
    Told,
    as_values,
    batches,
    failed,
    failure,
)
from lapel.serving.tokens import bare_token

#: Requests on their way at the same time: while one is answered the next arrives.
CONNECTIONS = 2

#: Too busy, or about to stop: the same request may be sent again.
_BUSY = (429, 503)

#: A picture, or several together, that the server does not take.
_REFUSED = (413, 415)

#: Seconds to wait where the server does not say, at first and at most.
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 8.0

Found = Prediction | ReadScene | Failure

Wanted = TypeVar("Wanted")


class Client:
    """A running ``lapel serve``, asked over HTTP.

    Keep one for many pictures: its connections stay open. It may be used by several threads.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        model: str | None = None,
        timeout: float = 60.0,
        patience: float = 60.0,
    ) -> None:
        """Nothing is sent yet.

        Args:
            url: where the server is, as ``http://127.0.0.1:8080``.
            token: its token, where it asks for one; white space around it does not count, so the
                content of a file may be given as it is.
            model: which of its models answers; None: the only one, or its first.
            timeout: seconds to wait for an answer to one request.
            patience: seconds in all that a request is sent again while the server says that it is
                busy, each time after as long as it says, and a last time when they are over.

        Raises:
            UsageError: no address of a server, or a token that no header can hold.
        """
        self._url = _checked(url)
        self._model = {} if model is None else {"model": model}
        self._patience = patience
        self._timeout = timeout
        self._schemas: dict[str, Schema] = {}
        self._lock = threading.Lock()
        self._http = httpx2.Client(
            base_url=self._url,
            headers=_access(token),
            timeout=httpx2.Timeout(timeout, connect=min(timeout, 10.0)),
            limits=httpx2.Limits(max_connections=CONNECTIONS + 1),
            trust_env=not is_loopback(self._url.host),
        )

    def predict(
        self, images: Picture | Iterable[Picture], *, top: int = 5, threshold: float | None = None
    ) -> Iterator[Found]:
        """Answer for each picture, in order; a few requests hold some pictures each.

        Args:
            images: paths, bytes of files, or upright pixels uint8 (H, W, 3) or (H, W); a single
                one of these is one picture. It may be endless: little is taken in advance.
            top: how many of the best labels to name.
            threshold: the score from which garments are told; None: as the model says.

        Yields:
            What :meth:`lapel.Predictor.predict` yields, or a ``ReadScene`` where two models find
            and read; the failure of a picture that cannot be read or that the server refuses.

        Raises:
            UsageError: what is no picture, or pixels of another shape or type.
            ServerError: no server there, or one that refuses for another reason than the pictures.
        """

        def found(told: Told) -> Found:
            if isinstance(told.said, Failure):
                return told.said
            schema = self._schema(told.fingerprint)
            return replace(prediction_from_json(told.said, schema), image=told.name)

        yield from self._each(images, _options(top, threshold), found)

    def answers(
        self,
        images: Picture | Iterable[Picture],
        *,
        top: int = 5,
        threshold: float | None = None,
        maps: bool = False,
        outlines: bool = False,
    ) -> Iterator[dict[str, Any]]:
        """The same as plain values, as the server sends them: with maps and outlines, if asked for.

        Args:
            images: as for :meth:`predict`.
            top: how many of the best labels to name.
            threshold: the score from which garments are told; None: as the model says.
            maps: name to a gray picture under ``maps``: ``png`` in base64, brighter where the
                model looked more; for models that have any.
            outlines: polygons beside each mask, in pixels of the upright photo.

        Yields:
            ``image``, ``width``, ``height`` and ``answers`` or ``garments``; or ``image`` and
            ``error`` with ``code`` and ``message``.

        Raises:
            UsageError: what is no picture, or pixels of another shape or type.
            ServerError: as :meth:`predict`; also where a model has no maps.
        """
        asked = {
            name: "true" for name, wanted in (("maps", maps), ("outlines", outlines)) if wanted
        }
        yield from self._each(images, _options(top, threshold) | asked, as_values)

    def _each(
        self,
        images: Picture | Iterable[Picture],
        options: Mapping[str, str],
        read: Callable[[Told], Wanted],
    ) -> Iterator[Wanted]:
        """What is said of each picture, in order, read in the thread that it came to."""
        options = {**self._model, **options}
        waiting: deque[Future[list[Wanted]]] = deque()
        pool = ThreadPoolExecutor(max_workers=CONNECTIONS)
        try:
            for batch in batches(images):
                waiting.append(pool.submit(self._answers, batch, options, read))
                if len(waiting) > CONNECTIONS:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)

    def model(self) -> dict[str, Any]:
        """What the server says of the model: its name, card, schema, fingerprint, limits, ...

        Raises:
            ServerError: no server there, or one that refuses.
        """
        return self._object(self._request("GET", "/v1/model", params=self._model))

    def models(self) -> dict[str, Any]:
        """Which models the server has.

        Raises:
            ServerError: no server there, or one that refuses.
        """
        return self._object(self._request("GET", "/v1/models"))

    def ready(self) -> bool:
        """Whether a server is there and answers pictures now."""
        try:
            return self._http.get("/ready").status_code == httpx2.codes.OK
        except httpx2.TransportError:
            return False

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _answers(
        self,
        batch: Sequence[Sent | Failure],
        options: Mapping[str, str],
        read: Callable[[Told], Wanted],
    ) -> list[Wanted]:
        sent = [entry for entry in batch if isinstance(entry, Sent)]
        told = iter(self._ask(sent, options) if sent else ())
        return [
            read(Told(name=entry.image, said=entry) if isinstance(entry, Failure) else next(told))
            for entry in batch
        ]

    def _ask(self, sent: Sequence[Sent], options: Mapping[str, str]) -> list[Told]:
        # Names of files stay here; the server needs none.
        files = [("picture", (str(place), one.data)) for place, one in enumerate(sent)]
        response = self._request("POST", "/v1/predict", params=options, files=files)
        if response.status_code not in _REFUSED:
            return self._told(sent, self._object(response))
        if len(sent) == 1:
            name = sent[0].name
            return [Told(name=name, said=failure(name, *_said(response)))]
        # Too much together, perhaps; or one of them is, and says so once it is alone.
        middle = len(sent) // 2
        return [*self._ask(sent[:middle], options), *self._ask(sent[middle:], options)]

    def _told(self, sent: Sequence[Sent], answer: Mapping[str, Any]) -> list[Told]:
        entries = answer.get("predictions")
        if not isinstance(entries, list) or len(entries) != len(sent):
            raise self._stranger(f"{len(sent)} predictions were expected")
        fingerprint = str(answer.get("fingerprint"))
        return [
            Told(name=one.name, said=failed(entry, one.name) or entry, fingerprint=fingerprint)
            for one, entry in zip(sent, entries, strict=True)
        ]

    def _schema(self, fingerprint: str) -> Schema:
        """The schema of the answers; asked for once, and again when the model was replaced."""
        with self._lock:
            if fingerprint not in self._schemas:
                said = self.model()
                self._schemas = {fingerprint: Schema.from_json(said.get("schema"))}
            return self._schemas[fingerprint]

    def _request(self, method: str, path: str, **what: Any) -> httpx2.Response:  # noqa: ANN401 - httpx2's own
        """An answer other than "busy"; until then it is sent again, within the patience."""
        began = time.monotonic()
        for attempt in itertools.count():
            response = self._sent(method, path, **what)
            if response.status_code not in _BUSY:
                return response
            waited = time.monotonic() - began
            if waited >= self._patience:
                code, message = _said(response)
                raise ServerError(
                    f"{self._url} was busy for {waited:.0f} s ({message}); try later, or give it "
                    "more time with patience=",
                    status=response.status_code,
                    code=code,
                )
            # The last time at the end of the patience, also where the server names a later one.
            wait = _seconds_to_wait(response.headers.get("Retry-After"), attempt)
            time.sleep(min(wait, self._patience - waited))
        raise AssertionError  # it counts for ever

    def _sent(self, method: str, path: str, **what: Any) -> httpx2.Response:  # noqa: ANN401 - as above
        try:
            return self._http.request(method, path, **what)
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            raise ServerError(
                f"no server answers at {self._url} ({error}); start one with `lapel serve BUNDLE`, "
                "or check the address"
            ) from error
        except httpx2.TimeoutException as error:
            raise ServerError(
                f"{self._url} gave no answer within {self._timeout:g} s; give it more with timeout="
            ) from error
        except httpx2.TransportError:
            # A connection that was closed while it lay idle; asking again changes nothing there.
            return self._once_more(method, path, **what)

    def _once_more(self, method: str, path: str, **what: Any) -> httpx2.Response:  # noqa: ANN401 - as above
        try:
            return self._http.request(method, path, **what)
        except httpx2.TransportError as error:
            raise ServerError(
                f"the connection to {self._url} broke ({str(error) or type(error).__name__}); is "
                "the server still running?"
            ) from error

    def _object(self, response: httpx2.Response) -> dict[str, Any]:
        """What a good answer holds.

        Raises:
            ServerError: the server refuses, or speaks another language.
        """
        if response.status_code != httpx2.codes.OK:
            code, message = _said(response)
            raise ServerError(
                f"{self._url} refuses ({response.status_code}): {message}",
                status=response.status_code,
                code=code,
            )
        try:
            value = response.json()
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise self._stranger("no JSON object came")
        return value

    def _stranger(self, fault: str) -> ServerError:
        return ServerError(
            f"{self._url} answers in a form that this version of Lapel does not know ({fault}); "
            "is it a `lapel serve` of the same version?"
        )


def _checked(url: str) -> httpx2.URL:
    """The address of a server.

    Raises:
        UsageError: something else, or one with a name and a password in it.
    """
    try:
        address = httpx2.URL(url)
    except (httpx2.InvalidURL, TypeError) as error:
        raise UsageError(f"{url!r} is no address of a server: {error}") from error
    if address.scheme not in ("http", "https") or not address.host:
        raise UsageError(f"{url!r} is no address of a server; it is like http://127.0.0.1:8080")
    if address.userinfo:
        raise UsageError("an address holds no name and no password; give the token as token=")
    return address


def _access(token: str | None) -> dict[str, str]:
    """What tells a server who asks.

    Raises:
        UsageError: white space or other letters within the token.
    """
    bare = bare_token(token)
    return {"Authorization": f"Bearer {bare}"} if bare else {}


def _options(top: int, threshold: float | None) -> dict[str, str]:
    return {"top": str(top)} | ({} if threshold is None else {"threshold": str(threshold)})


def _said(response: httpx2.Response) -> tuple[str, str]:
    """Code and message of an error; what stands between may say something of its own."""
    try:
        error = response.json()["error"]
        return str(error["code"]), str(error["message"])
    except (ValueError, LookupError, TypeError):
        return "", response.text[:200].strip() or response.reason_phrase


def _seconds_to_wait(said: str | None, attempt: int) -> float:
    """As long as ``Retry-After`` says, in seconds or as a date (RFC 9110, 10.2.3), and a little
    more, so that those who wait do not all come back together.
    """
    wait: float = min(_FIRST_WAIT * 2.0**attempt, _LONGEST_WAIT)
    if said is not None:
        with suppress(ValueError):  # what says nothing is passed over
            wait = float(said) if said.strip().isdigit() else _until(parsedate_to_datetime(said))
    jitter: float = random.uniform(0, 0.25)  # noqa: S311 - no secret
    return max(0.0, wait) + jitter


def _until(when: datetime) -> float:
    """Seconds from now on."""
    return (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
