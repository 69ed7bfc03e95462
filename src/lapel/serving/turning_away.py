"""Requests that are refused before they are read, while more is waiting than can be answered.

Who is turned away should cost next to nothing, or a crowd at the door would take the time of those
inside. Reading a request by all rules takes as long as a tenth of an answer; here its line and the
length of its body are looked at, and its body is thrown away.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from lapel.serving.faults import Refusal, fault
from lapel.serving.gate import SAFE_HEADERS
from lapel.serving.models import Models
from lapel.serving.telemetry import Telemetry

#: Where pictures are sent that stand in a queue.
PATHS = frozenset({b"/v1/predict", b"/invocations"})

#: Bodies up to here are read to their end, so that the connection stays of use.
SHORT = 1 << 18

_LINE = re.compile(rb"POST ([!-~]+) HTTP/1\.1\r\n")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,15})[ \t]*(?=\r\n)")

#: Headers that ask for more than a look; and a second length, which is an attack (RFC 9112, 6.3).
_OTHERWISE = (b"\r\ntransfer-encoding:", b"\r\nexpect:", b"\r\nupgrade:")


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """What is said to a request that is not read.

    Attributes:
        answer: the bytes of it.
        body: bytes that follow the request's head.
        rest: what came behind the head already.
        closes: the connection ends with this answer.
    """

    answer: bytes
    body: int
    rest: bytes
    closes: bool


class TurningAway:
    """Says which requests need not be read."""

    def __init__(self, models: Models, telemetry: Telemetry) -> None:
        self._models = models
        self._telemetry = telemetry

    def look(self, data: bytes, client: str | None) -> TurnedAway | None:
        """What is to be said to a request; None for one that is read by all rules.

        Args:
            data: the first bytes on a connection that waits for a request.
            client: its address.
        """
        if not data.startswith(b"POST ") or (refusal := self._models.crowded()) is None:
            return None
        head, ended, rest = data.partition(b"\r\n\r\n")
        line = _LINE.match(head)
        length = _length_of(head + b"\r\n") if ended and line else None
        if line is None or length is None:
            return None
        path = line[1].partition(b"?")[0]
        if path not in PATHS:
            return None
        closes = length > SHORT or b"\r\nconnection: close" in head.lower()
        answer = _answer_of(refusal, closes=closes)
        self._telemetry.note(
            method="POST", route=path.decode(), status=refusal.status_code, client=client,
            seconds=0.0, sent_bytes=len(answer),
        )  # fmt: skip
        return TurnedAway(answer, length, rest, closes)


def _length_of(head: bytes) -> int | None:
    """Bytes of a body that is told by its length alone."""
    lowered = head.lower()
    if lowered.count(b"\r\ncontent-length:") != 1 or any(one in lowered for one in _OTHERWISE):
        return None
    found = _LENGTH.search(lowered)
    return None if found is None else int(found[1])


def _answer_of(refusal: Refusal, *, closes: bool) -> bytes:
    body = json.dumps(fault(refusal.code, str(refusal.detail))).encode()
    headers = {
        b"content-type": b"application/json",
        b"content-length": str(len(body)).encode(),
        **{name.lower().encode(): text.encode() for name, text in (refusal.headers or {}).items()},
        **dict(SAFE_HEADERS),
        **({b"connection": b"close"} if closes else {}),
    }
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers.items())
    return b"HTTP/1.1 503 Service Unavailable\r\n" + lines + b"\r\n" + body
