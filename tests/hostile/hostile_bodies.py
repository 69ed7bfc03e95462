"""Requests whose bodies are torn, lie about their length, hide others, or are of another kind."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterator, Mapping

from picture_bytes import photo, zeros
from request_bytes import (
    BOUNDARY,
    HOST,
    HostileRequest,
    chunk,
    chunked,
    get,
    multipart,
    part,
    picture,
    request,
)

IMAGE = b"Content-Type: image/jpeg"
JSON = b"Content-Type: application/json"


def lengths() -> Iterator[HostileRequest]:
    """What ``Content-Length`` may claim."""
    whole = photo("JPEG")
    said = (
        b"-1", b"abc", b"1e3", b"+5", b"0x10", b"1_0", b"5, 6", b"5;5", b"1.0", b"", b"NaN",
        b"9" * 40, "\uff15".encode(), b"5\t5",
    )  # fmt: skip
    for value in said:
        data = request(b"/v1/predict", IMAGE, b"Content-Length: " + value, body=whole)
        yield HostileRequest(
            name=f"length-{value.decode('utf-8') or 'empty'}", data=data, outcome="closed"
        )
    for name, values in {
        "two": (b"5", b"6"),
        "small-and-right": (b"1", b"%d" % len(whole)),
    }.items():
        both = (b"Content-Length: " + value for value in values)
        data = request(b"/v1/predict", IMAGE, *both, body=whole)
        yield HostileRequest(name=f"length-{name}", data=data, outcome="closed")
    # Nothing of these is sent: it is refused by what is announced.
    for name, count in {"ten-gigabytes": 10**10, "an-exabyte": 10**18}.items():
        data = request(b"/v1/predict", IMAGE, b"Content-Length: %d" % count)
        yield HostileRequest(name=f"length-{name}", data=data)
    yield HostileRequest(name="length-none", data=request(b"/v1/predict", IMAGE))
    yield HostileRequest(name="length-zero", data=request(b"/v1/predict", IMAGE, body=b""))
    zero = request(b"/v1/predict", IMAGE, b"Content-Length: 0", body=whole)
    yield HostileRequest(name="length-zero-with-body", data=zero)
    short = request(b"/v1/predict", IMAGE, b"Content-Length: 100", body=whole)
    yield HostileRequest(name="length-too-short", data=short)
    same = request(b"/v1/predict", IMAGE, *[b"Content-Length: %d" % len(whole)] * 2, body=whole)
    yield HostileRequest(name="length-twice-the-same", data=same, outcome="either")
    for share in (0, 0.5, 0.99):
        kept = whole[: int(len(whole) * share)]
        told = b"Content-Length: %d" % len(whole)
        data = request(b"/v1/predict", IMAGE, told, body=kept)
        yield HostileRequest(name=f"torn-{share}", data=data, outcome="closed", torn=True)
    yield HostileRequest(
        name="torn-continue",
        data=request(b"/v1/predict", IMAGE, b"Expect: 100-continue", b"Content-Length: 99"),
        outcome="closed",
        torn=True,
    )


def chunks() -> Iterator[HostileRequest]:
    """What chunks may claim (RFC 9112, 7.1)."""
    whole = photo("JPEG")
    wrong: Mapping[str, bytes] = {
        "no-number": b"ZZ\r\nabc\r\n",
        "negative": b"-5\r\nabcde\r\n",
        "sixteen-digits": b"f" * 16 + b"\r\nabc\r\n",
        "forty-digits": b"f" * 40 + b"\r\nabc\r\n",
        "hexadecimal-mark": b"0x5\r\nabcde\r\n",
        "underscore": b"1_0\r\n" + bytes(16) + b"\r\n",
        "longer-than-told": b"3\r\nabcdef\r\n",
        "no-line-end": b"3\r\nabc3\r\nabc",
        "extension-without-end": b"3;" + b"x" * 300_000,
        "number-without-end": b"0" * 300_000,
        "lengths-as-text": "\uff13\r\nabc\r\n".encode(),
    }
    for name, body in wrong.items():
        # Some may wait for what was announced, as long as a body may take; so nothing follows.
        yield HostileRequest(
            name=f"chunk-{name}", data=chunked([body]), outcome="closed", torn=True
        )
    cut = chunked([chunk(whole[:100])], ending=b"")
    yield HostileRequest(name="chunk-torn", data=cut, outcome="closed", torn=True)
    cut = chunked([b"64\r\n" + whole[:50]], ending=b"")
    yield HostileRequest(name="chunk-torn-inside", data=cut, outcome="closed", torn=True)
    trailer = b"0\r\n" + b"X-A: " + b"a" * 300_000 + b"\r\n\r\n"
    long = chunked([chunk(whole)], ending=trailer)
    yield HostileRequest(name="chunk-long-trailer", data=long, outcome="either")
    sneaky = chunked([chunk(whole)], ending=b"0\r\nContent-Length: 5\r\nAuthorization: x\r\n\r\n")
    yield HostileRequest(name="chunk-trailer-of-fields", data=sneaky, outcome="either")
    yield HostileRequest(
        name="chunk-of-one-byte-each",
        data=chunked(chunk(whole[place : place + 1]) for place in range(len(whole))),
        outcome="answered",
    )
    extended = chunked([b"%x;name=value\r\n%s\r\n" % (len(whole), whole)])
    yield HostileRequest(name="chunk-with-extension", data=extended, outcome="either")
    yield HostileRequest(name="chunk-nothing", data=chunked([]))


def smuggled() -> Iterator[HostileRequest]:
    """A second request inside the first one (RFC 9112, 11.2): it is never read as the first's."""
    inner = get(b"/metrics")
    body = b"0\r\n\r\n" + inner
    told = b"Content-Length: %d" % len(body)
    kinds = {
        "length-and-chunks": (told, b"Transfer-Encoding: chunked"),
        "chunks-and-length": (b"Transfer-Encoding: chunked", told),
        "chunks-twice": (b"Transfer-Encoding: chunked, chunked",),
        "chunks-and-identity": (b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"),
        "unknown-coding": (b"Transfer-Encoding: xchunked", told),
        "coding-with-tab": (b"Transfer-Encoding:\tchunked", told),
        "coding-with-mark": (b"Transfer-Encoding: \x0bchunked", told),
        "coding-folded": (b"Transfer-Encoding:\r\n chunked", told),
        "name-with-blank": (b"Transfer-Encoding : chunked", told),
        "gzip-and-chunks": (b"Transfer-Encoding: gzip, chunked",),
        "quoted": (b'Transfer-Encoding: "chunked"', told),
    }
    for name, found in kinds.items():
        data = request(b"/v1/predict", IMAGE, *found, body=body)
        yield HostileRequest(name=f"smuggled-{name}", data=data, outcome="closed")
    old = b"POST /v1/predict HTTP/1.0\r\n" + HOST + b"\r\nTransfer-Encoding: chunked\r\n\r\n"
    yield HostileRequest(name="smuggled-in-http-1.0", data=old + body, outcome="closed")
    hidden = request(b"/v1/predict", IMAGE, body=get(b"/metrics"))
    yield HostileRequest(name="smuggled-as-picture", data=hidden)
    split = get(b"/v1/model?model=a%0d%0aSet-Cookie:%20a=b")
    yield HostileRequest(name="smuggled-line-ends", data=split)
    first = request(b"/health", method=b"GET", closing=False)
    yield HostileRequest(
        name="pipelined-good-and-bad", data=first + b"NONSENSE\r\n\r\n", outcome="answered"
    )
    yield HostileRequest(
        name="pipelined-two-hundred",
        data=first * 200 + get(b"/health"),
        outcome="answered",
        extra=200,
    )


def parts() -> Iterator[HostileRequest]:
    """Forms (RFC 7578)."""
    whole = photo("JPEG")
    good = part(whole)
    named = b'Content-Disposition: form-data; name="a"; filename="%s"'
    unusable: Mapping[str, bytes] = {
        "no-parts": multipart([]),
        "only-texts": multipart(
            [part(b"3", disposition=b'Content-Disposition: form-data; name="top"')]
        ),
        "empty-file": multipart([part(b"")]),
        "no-boundary": multipart([good], kind=b"multipart/form-data"),
        "empty-boundary": multipart([good], kind=b"multipart/form-data; boundary="),
        "other-boundary": multipart([good], kind=b"multipart/form-data; boundary=other"),
        "long-boundary": multipart([good], boundary=b"b" * 10_000),
        "strange-boundary": multipart([good], kind=b"multipart/form-data; boundary=\xff\0"),
        "mixed": multipart([good], kind=b"multipart/mixed; boundary=" + BOUNDARY),
        "no-disposition": multipart([CRLF_ONLY + whole]),
        "header-without-colon": multipart([part(whole, b"no colon here")]),
        "long-header": multipart([part(whole, b"X-A: " + b"a" * 200_000)]),
        "many-headers": multipart([part(whole, *[b"X-A: a"] * 5000)]),
        "many-parts": multipart([part(b"x")] * 5000),
        "many-texts": multipart(
            [part(b"x", disposition=b'Content-Disposition: form-data; name="a"')] * 5000
        ),
        "long-text": multipart(
            [part(b"x" * 3_000_000, disposition=b'Content-Disposition: form-data; name="a"')]
        ),
        "in-base64": multipart(
            [part(base64.b64encode(whole), b"Content-Transfer-Encoding: base64")]
        ),
        "deep": _nested(50),
    }
    for name, data in unusable.items():
        yield HostileRequest(name=f"form-{name}", data=data)
    names: Mapping[str, bytes] = {
        "climbs": b"../../../../etc/passwd",
        "drive": b"C:\\Windows\\x.jpg",
        "null": b"a\0.jpg",
        "formula": b"=cmd|' /C calc'!A0",
        "markup": b"<img src=x onerror=alert(1)>.jpg",
        "right-to-left": "a\u202egpj.exe".encode(),
        "beyond-utf-8": b"\xff\xfe.jpg",
        "long": b"a" * 5000,
        "blank": b" ",
        "reserved": b"CON",
        "quotes": b'a\\".jpg',
    }
    for name, value in names.items():
        data = multipart([part(whole, disposition=named % value)])
        yield HostileRequest(name=f"form-name-{name}", data=data, outcome="either")
    odd: Mapping[str, bytes] = {
        "no-end": multipart([good], ending=b""),
        "long-before": multipart([good], before=b"x" * 200_000 + b"\r\n"),
        "starred-name": multipart(
            [part(whole, disposition=named % b"a" + b"; filename*=UTF-8''%ff%00")]
        ),
        "name-twice": multipart([part(whole, disposition=named % b"a" + b'; filename="b"')]),
        "field-of-prototype": multipart(
            [part(whole, disposition=named.replace(b'"a"', b'"__proto__"') % b"a.jpg")]
        ),
        "charset": multipart([part(whole, b"Content-Type: text/plain; charset=utf-7")]),
    }
    for name, data in odd.items():
        yield HostileRequest(name=f"form-{name}", data=data, outcome="either")
    yield HostileRequest(
        name="form-lying-kind",
        data=multipart([part(whole, b"Content-Type: application/x-sh")]),
        outcome="answered",  # content decides
    )


CRLF_ONLY = b"\r\n"


def _nested(depth: int) -> bytes:
    """A form in a form in a form, each of the kind that mail has."""
    inner = b"x"
    for level in range(depth):
        mark = b"b%d" % level
        kind = b"Content-Type: multipart/mixed; boundary=" + mark
        inner = kind + b"\r\n\r\n--" + mark + b"\r\n" + inner + b"\r\n--" + mark + b"--"
    return multipart([part(inner, b"Content-Type: multipart/mixed; boundary=b%d" % (depth - 1))])


def bodies() -> Iterator[HostileRequest]:
    """Bodies of another kind than pictures."""
    deep = b"[" * 100_000
    bomb = zeros(100_000_000)
    things: Mapping[str, tuple[bytes, bytes]] = {
        "json": (JSON, b'{"url": "http://169.254.169.254/", "path": "/etc/passwd"}'),
        "json-deep": (JSON, deep),
        "json-deep-objects": (JSON, b'{"a":' * 50_000),
        "json-torn": (JSON, b'{"a": '),
        "json-numbers": (JSON, b'{"a": NaN, "b": 1e999, "c": ' + b"9" * 4000 + b"}"),
        "json-huge-text": (JSON, b'"' + b"a" * 2_000_000 + b'"'),
        "json-null": (JSON, b"null"),
        "json-lone-surrogate": (JSON, b'{"a": "\\ud800"}'),
        "form": (b"Content-Type: application/x-www-form-urlencoded", b"url=http://127.0.0.1/&a=b"),
        "address": (b"Content-Type: text/uri-list", b"file:///etc/passwd"),
        "entities": (
            b"Content-Type: application/xml",
            b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        ),
        "laughs": (b"Content-Type: image/svg+xml", b"<!ENTITY a '&b;&b;'>" * 5000),
        "gzip": (b"Content-Encoding: gzip\r\nContent-Type: image/jpeg", gzip.compress(b"x" * 9000)),
        "deflated-bomb": (b"Content-Encoding: deflate\r\nContent-Type: image/jpeg", bomb),
        "text": (b"Content-Type: text/plain", "옷 사진".encode()),
        "no-kind": (b"X-A: a", b"what is this?"),
        "kind-of-junk": (b"Content-Type: \xff/\xfe; a=b; ;;==", b"what is this?"),
        "kind-of-5000-letters": (b"Content-Type: image/" + b"a" * 5000, b"what is this?"),
        "pickle": (b"Content-Type: application/octet-stream", b"\x80\x05cos\nsystem\n."),
        "array": (b"Content-Type: application/x-npy", b"\x93NUMPY\x01\0" + bytes(200)),
        "picture-in-base64": (IMAGE, base64.b64encode(photo("JPEG"))),
    }
    for name, (kind, body) in things.items():
        for target in (b"/v1/predict", b"/invocations"):
            data = request(target, kind, body=body)
            yield HostileRequest(name=f"body-{name}-{target.decode()}", data=data)
    # Whatever the kind is called: content decides.
    yield HostileRequest(
        name="body-picture-by-another-name",
        data=request(b"/v1/predict", b"Content-Type: image/gif", body=photo("JPEG")),
        outcome="either",
    )
    yield HostileRequest(name="body-good", data=picture(), outcome="answered")
