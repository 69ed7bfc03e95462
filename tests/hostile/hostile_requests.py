"""More than a hundred hostile requests, made here, the same every time.

    for asked in hostile_requests():
        ...  # asked.name, asked.data, asked.outcome

What a slow or a silent caller does takes time, not bytes; those are in the tests of the server.
"""

from __future__ import annotations

from collections.abc import Iterator

from hostile_bodies import bodies, chunks, lengths, parts, smuggled
from hostile_heads import fields, lines, methods, paths, queries
from request_bytes import HostileRequest

#: In the order in which they come.
GROUPS = (lines, methods, paths, queries, fields, lengths, chunks, smuggled, parts, bodies)


def hostile_requests() -> Iterator[HostileRequest]:
    """All of them, one after another."""
    for group in GROUPS:
        yield from group()
