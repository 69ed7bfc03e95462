"""How long work tells that it goes on, without knowing who listens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

Item = TypeVar("Item")


class Track(Protocol):
    """Hands items on, one by one, and tells a listener how far it is.

    ``lapel.cli.progress.track`` shows a bar; any function of this shape will do.
    """

    def __call__(
        self, items: Iterable[Item], /, total: int | None, description: str
    ) -> Iterator[Item]:
        """The same items in the same order; ``total`` is None where it is not known."""
        ...


def silent(items: Iterable[Item], /, total: int | None, description: str) -> Iterator[Item]:  # noqa: ARG001 - the shape of Track
    """Hand items on and tell nobody."""
    yield from items


def named(track: Track, words: str) -> Track:
    """The same listener, told what is being done in other words."""

    def told(items: Iterable[Item], /, total: int | None, description: str) -> Iterator[Item]:  # noqa: ARG001 - the shape of Track
        yield from track(items, total=total, description=words)

    return told
