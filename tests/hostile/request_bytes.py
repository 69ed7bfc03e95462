"""Requests put together by hand, byte by byte: no library would send most of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from picture_bytes import photo

#: ``refused``: a 4xx that explains. ``closed``: that, or the connection ends without an answer, as
#: where nothing came that could be answered. ``answered``: odd, but right. ``either``: any of them.
Outcome = Literal["refused", "closed", "answered", "either"]

HOST = b"Host: 127.0.0.1"
CRLF = b"\r\n"
BOUNDARY = b"--------lapel"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostileRequest:
    """Bytes that somebody may send instead of a request.

    Attributes:
        name: what is wrong with it; no two are alike.
        data: the bytes.
        outcome: what should become of it.
        torn: nothing follows: the sender closes its side.
        extra: answers that are expected beside the first, where several requests are sent.
    """

    name: str
    data: bytes
    outcome: Outcome = "refused"
    torn: bool = False
    extra: int = 0


def request(
    target: bytes = b"/v1/predict",
    *headers: bytes,
    method: bytes = b"POST",
    body: bytes | None = None,
    version: bytes = b"HTTP/1.1",
    closing: bool = True,
) -> bytes:
    """A request; with a body, its length is told unless a header says so otherwise."""
    lines = [b" ".join((method, target, version)), HOST, *headers]
    if closing:
        lines.append(b"Connection: close")
    told = any(line.lower().startswith((b"content-length", b"transfer-enc")) for line in headers)
    if body is not None and not told:
        lines.append(b"Content-Length: %d" % len(body))
    return CRLF.join([*lines, b"", body or b""])


def get(target: bytes, *headers: bytes, method: bytes = b"GET") -> bytes:
    """A request without a body."""
    return request(target, *headers, method=method)


def picture(target: bytes = b"/v1/predict", *headers: bytes) -> bytes:
    """A good request: a whole picture."""
    return request(target, b"Content-Type: image/jpeg", *headers, body=photo("JPEG"))


def chunked(chunks: Iterable[bytes], *headers: bytes, ending: bytes = b"0\r\n\r\n") -> bytes:
    """A picture's request whose body is what is given, as it stands there."""
    body = b"".join(chunks) + ending
    return request(
        b"/v1/predict",
        b"Content-Type: image/jpeg",
        *headers,
        b"Transfer-Encoding: chunked",
        body=body,
    )


def chunk(data: bytes) -> bytes:
    """One well-formed chunk (RFC 9112, 7.1)."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def part(data: bytes, *headers: bytes, disposition: bytes | None = None) -> bytes:
    """One part of a form, without the boundary before it."""
    first = disposition or b'Content-Disposition: form-data; name="picture"; filename="a.jpg"'
    return CRLF.join([first, *headers, b"", data])


def multipart(
    parts: Sequence[bytes],
    *,
    boundary: bytes = BOUNDARY,
    kind: bytes | None = None,
    ending: bytes = b"--\r\n",
    before: bytes = b"",
) -> bytes:
    """A request with a form of parts (RFC 7578)."""
    lines = b"".join(b"--" + boundary + CRLF + one + CRLF for one in parts)
    form = before + lines + b"--" + boundary + ending
    told = kind or b"multipart/form-data; boundary=" + boundary
    return request(b"/v1/predict", b"Content-Type: " + told, body=form)
