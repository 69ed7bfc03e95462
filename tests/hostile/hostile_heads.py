"""Requests whose first lines are wrong, too long, or ask for what nobody may have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from picture_bytes import photo
from request_bytes import HOST, HostileRequest, Outcome, get, picture, request

KIBIBYTE = 1 << 10


def lines() -> Iterator[HostileRequest]:
    """First lines."""
    rest = b"\r\n" + HOST + b"\r\nConnection: close\r\n\r\n"
    torn: Mapping[str, bytes] = {
        "nothing": b"",
        "blank-lines": b"\r\n" * 50,
        "half-a-method": b"GE",
        "half-a-line": b"GET /health HTT",
        "no-end": b"GET /health HTTP/1.1\r\n" + HOST,
    }
    for name, data in torn.items():
        yield HostileRequest(name=f"line-{name}", data=data, outcome="closed", torn=True)
    wrong: Mapping[str, bytes] = {
        "noise": bytes(range(256)) * 4 + b"\r\n\r\n",
        "tls-hello": bytes.fromhex("16030100c8010000c40303") + bytes(189) + b"\r\n\r\n",
        "ssh": b"SSH-2.0-OpenSSH_9.0\r\n\r\n",
        "http2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "http-0.9": b"GET /health\r\n\r\n",
        "http-9.9": b"GET /health HTTP/9.9" + rest,
        "http-one": b"GET /health HTTP/one" + rest,
        "no-target": b"GET HTTP/1.1" + rest,
        "three-words-more": b"GET /health and /more HTTP/1.1" + rest,
        "null-in-target": b"GET /health\0 HTTP/1.1" + rest,
        "null-in-method": b"G\0T /health HTTP/1.1" + rest,
        "long-method": b"G" * 5000 + b" /health HTTP/1.1" + rest,
        "long-target": b"GET /" + b"a" * 200 * KIBIBYTE + b" HTTP/1.1" + rest,
        "long-query": b"GET /v1/model?model=" + b"a" * 200 * KIBIBYTE + b" HTTP/1.1" + rest,
        "gopher": b"\r\nGET / gopher://\r\n\r\n",
    }
    for name, data in wrong.items():
        yield HostileRequest(name=f"line-{name}", data=data, outcome="closed")
    odd: Mapping[str, bytes] = {
        "bare-line-feeds": b"GET /health HTTP/1.1\n" + HOST + b"\nConnection: close\n\n",
        "letters-beyond-ascii": "GET /옷 HTTP/1.1".encode() + rest,
        "other-host": b"GET http://169.254.169.254/latest/meta-data HTTP/1.1" + rest,
        "own-fragment": b"GET /health#/../../x HTTP/1.1" + rest,
        "tabs": b"GET\t/health\tHTTP/1.1" + rest,
    }
    for name, data in odd.items():
        yield HostileRequest(name=f"line-{name}", data=data, outcome="either")
    old = b"GET /health HTTP/1.0\r\n\r\n"
    yield HostileRequest(name="line-http-1.0", data=old, outcome="answered")
    old = b"POST /v1/predict HTTP/1.0\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s"
    data = old % (len(photo("JPEG")), photo("JPEG"))
    yield HostileRequest(name="line-http-1.0-picture", data=data, outcome="answered")


def methods() -> Iterator[HostileRequest]:
    """What is asked for by another word."""
    for method in (b"GET", b"PUT", b"DELETE", b"PATCH", b"TRACE", b"OPTIONS", b"PROPFIND", b"post"):
        name = f"method-{method.decode()}-predict"
        yield HostileRequest(name=name, data=get(b"/v1/predict", method=method))
    for target in (b"/v1/model", b"/v1/models", b"/health", b"/ready", b"/ping", b"/metrics", b"/"):
        data = request(target, b"Content-Type: image/jpeg", body=photo("JPEG"))
        yield HostileRequest(name=f"method-POST-{target.decode()}", data=data)
    yield HostileRequest(name="method-GET-invocations", data=get(b"/invocations"))
    yield HostileRequest(name="method-connect", data=get(b"169.254.169.254:80", method=b"CONNECT"))
    yield HostileRequest(name="method-options-all", data=get(b"*", method=b"OPTIONS"))
    yield HostileRequest(
        name="method-override", data=get(b"/v1/predict", b"X-HTTP-Method-Override: POST")
    )


def paths() -> Iterator[HostileRequest]:
    """Ways out of the few folders that are served, and to what others forget to close."""
    wanted = (
        b"/../../../../etc/passwd",
        b"/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        b"/..%2f..%2f..%2fetc%2fpasswd",
        b"/assets/../../../../../../etc/passwd",
        b"/assets/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        b"/assets/..%2f..%2f..%2f..%2fetc%2fpasswd",
        b"/assets/....//....//etc/passwd",
        b"/assets/..\\..\\..\\etc\\passwd",
        b"/assets/%252e%252e%252fetc%252fpasswd",
        b"/assets/%c0%ae%c0%ae/etc/passwd",
        b"/assets//etc/passwd",
        b"/assets/%2fetc%2fpasswd",
        b"/assets/style.css%00.js",
        b"/assets/file:///etc/passwd",
        b"/assets/",
        b"/assets",
        b"//etc/passwd",
        b"/%00",
        b"/%ff%fe",
        b"/%",
        b"/%zz",
        b"/.git/config",
        b"/.env",
        b"/lapel.json",
        b"/model.onnx",
        b"/docs",
        b"/redoc",
        b"/debug",
        b"/v1/predict/",
        b"/v1/model/../../../lapel.json",
        b"/v2/models",
        b"/;/health",
        b"/" + b"a/" * 3000,
    )
    for target in wanted:
        # What tells nothing may also be sent back to where something is, as `/v1/predict/`.
        yield HostileRequest(name=f"path-{target[:60].decode('latin-1')}", data=get(target))


def queries() -> Iterator[HostileRequest]:
    """Options of ``/v1/predict`` that are none, each with a good picture."""
    refused = (
        b"top=0", b"top=-1", b"top=abc", b"top=1.5", b"top=NaN", b"top=", b"top=1e3", b"top=0x5",
        b"top=" + b"9" * 5000, b"top=%00", b"top=1%00", b"top=1;2", b"top=null", b"top=[1]",
        b"maps=maybe", b"maps=2", b"outlines=%F0%9F%91%95", b"outlines=[]",
        b"threshold=nan", b"threshold=inf", b"threshold=-1", b"threshold=2", b"threshold=1e400",
        b"threshold=a", b"model=none", b"model=../../etc", b"model=%00",
        b"model=" + b"a" * 10_000, b"model=%27%3B--", "model=옷".encode(), b"model=\xff",
    )  # fmt: skip
    for query in refused:
        shown = query[:30].decode("latin-1")
        yield HostileRequest(name=f"query-{shown}", data=picture(b"/v1/predict?" + query))
    either: Mapping[str, bytes] = {
        "top-of-another-script": "top=\uff13".encode(),
        "top-in-many-words": b"top=99999999999999999999",
        "top-twice": b"top=1&top=2",
        "unknown": b"url=http://169.254.169.254/&callback=alert(1)",
        "three-thousand": b"&".join(b"k%d=v" % number for number in range(3000)),
        "broken-escapes": b"top=%&%zz=%%%",
        "only-marks": b"&&&===???",
        "arrays": b"top[]=1&top[a][b]=2",
        "prototype": b"__proto__[top]=1&constructor=x",
    }
    for name, query in either.items():
        data = picture(b"/v1/predict?" + query)
        yield HostileRequest(name=f"query-{name}", data=data, outcome="either")


def fields() -> Iterator[HostileRequest]:
    """Header fields of a request for ``/v1/model``, or with a good picture."""
    wrong: Mapping[str, tuple[bytes, ...]] = {
        "without-colon": (b"no colon here",),
        "name-with-blank": (b"Bad Name: x",),
        "name-empty": (b": x",),
        "name-with-null": (b"X-\0: x",),
        "value-with-null": (b"X-A: a\0b",),
        "huge": (b"X-A: " + b"a" * 300 * KIBIBYTE,),
        "two-hosts": (b"Host: other.example",),
        "three-thousand": tuple(b"X-%d: %s" % (number, b"a" * 90) for number in range(3000)),
    }
    for name, found in wrong.items():
        yield _asked(name, get(b"/v1/model", *found), "closed")
    yield _asked("no-host", b"GET /v1/model HTTP/1.1\r\nConnection: close\r\n\r\n", "closed")
    odd: Mapping[str, tuple[bytes, ...]] = {
        "value-with-return": (b"X-A: a\rb",),
        "folded": (b"X-A: a\r\n b",),
        "value-beyond-ascii": (b"X-A: \xff\xfe\x80",),
        "cookies": (b"Cookie: " + b"a=b; " * 1500,),
        "forwarded": (b"X-Forwarded-For: 127.0.0.1", b"X-Forwarded-Host: evil.example"),
        "rewritten": (b"X-Original-URL: /metrics", b"X-Rewrite-URL: /metrics"),
        "range": (b"Range: bytes=0-99999999999,-1,5-1",),
        "if-none-match": (b'If-None-Match: "' + b"a" * 4000 + b'"',),
        "websocket": (
            b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Version: 13",
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        ),
        "http2-upgrade": (b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"),
        "accept-junk": (b"Accept: ;;q=,,;/*" * 50, b"Accept-Encoding: *;q=0"),
        "origin": (b"Origin: https://evil.example",),
    }  # fmt: skip
    for name, found in odd.items():
        yield _asked(name, get(b"/v1/model", *found), "either")
    tokens = (b"Bearer", b"Bearer ", b"Basic Og==", b"\xff\xfe", b"Bearer " + b"a" * 5000)
    for number, token in enumerate(tokens):
        data = get(b"/v1/model", b"Authorization: " + token)
        yield _asked(f"token-{number}", data, "either")  # where no token is asked for, none counts
    yield _asked("expect-nonsense", picture(b"/v1/predict", b"Expect: 200-ok"), "either")
    yield _asked("expect-continue", picture(b"/v1/predict", b"Expect: 100-continue"), "answered")
    yield _asked("accept-nothing", picture(b"/v1/predict", b"Accept: image/png"), "either")
    yield _asked("accept-of-sagemaker", picture(b"/invocations", b"Accept: image/png"), "either")


def _asked(name: str, data: bytes, outcome: Outcome) -> HostileRequest:
    return HostileRequest(name=f"field-{name}", data=data, outcome=outcome)
