"""A store that speaks S3's protocol as far as listing and reading go, on this machine.

ListObjectsV2, HeadObject and GetObject with ranges (docs.aws.amazon.com/AmazonS3/latest/API); who
asks is not checked, so any key will do.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

NO_KEY = b"<Error><Code>NoSuchKey</Code></Error>"


class Handler(BaseHTTPRequestHandler):
    """Answers for one bucket, which a subclass names."""

    protocol_version = "HTTP/1.1"
    bucket = ""
    objects: Mapping[str, bytes] = {}

    def do_GET(self) -> None:
        self.answer(with_body=True)

    def do_HEAD(self) -> None:
        self.answer(with_body=False)

    def log_message(self, *_: Any) -> None:
        pass

    def answer(self, *, with_body: bool) -> None:
        url = urlsplit(self.path)
        place, _, key = unquote(url.path).lstrip("/").partition("/")
        if place != self.bucket or (key and key not in self.objects):
            self.reply(404, NO_KEY, {}, with_body=with_body)
        elif key:
            self.reply_range(self.objects[key], with_body=with_body)
        else:
            self.reply(200, self.listing(parse_qs(url.query)), {}, with_body=with_body)

    def reply_range(self, data: bytes, *, with_body: bool) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if asked is None:
            self.reply(200, data, {}, with_body=with_body)
            return
        first, last = int(asked[1]), min(int(asked[2]), len(data) - 1)
        said = {"Content-Range": f"bytes {first}-{last}/{len(data)}"}
        self.reply(206, data[first : last + 1], said, with_body=with_body)

    def reply(
        self, status: int, body: bytes, headers: Mapping[str, str], *, with_body: bool
    ) -> None:
        self.send_response(status)
        own = {
            "Content-Length": str(len(body)),
            "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT",
            "ETag": '"0"',
        }
        for name, value in {**own, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def listing(self, query: Mapping[str, list[str]]) -> bytes:
        prefix = query.get("prefix", [""])[0]
        limit = int(query.get("max-keys", ["1000"])[0])
        after = query.get("continuation-token", query.get("start-after", [""]))[0]
        found = [key for key in sorted(self.objects) if key.startswith(prefix) and key > after]
        page = found[:limit]
        contents = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(self.objects[key])}</Size>"
            "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
            for key in page
        )
        more = len(found) > limit
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" * more
        return (
            '<?xml version="1.0"?><ListBucketResult '
            'xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{self.bucket}</Name><Prefix>{escape(prefix)}</Prefix>"
            f"<KeyCount>{len(page)}</KeyCount><MaxKeys>{limit}</MaxKeys>"
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{contents}</ListBucketResult>"
        ).encode()


@contextmanager
def object_store(bucket: str, objects: Mapping[str, bytes]) -> Iterator[str]:
    """Serve the objects of a bucket; gives ``host:port``."""
    handler = type("Bucket", (Handler,), {"bucket": bucket, "objects": objects})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
