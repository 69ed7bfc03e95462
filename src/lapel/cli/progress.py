"""Progress of long work: a bar with the time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

Item = TypeVar("Item")

#: Without a terminal: seconds between two lines, and before the first.
LINE_EVERY = 10.0


def track(items: Iterable[Item], /, total: int | None, description: str) -> Iterator[Item]:
    """Hand items on, one by one, and show how far the work is, on stderr.

    Args:
        items: what is worked on.
        total: how many there are; None where it is not known.
        description: what is being done, such as ``Opening images``.
    """
    if sys.stderr.isatty():
        yield from _with_bar(items, total, description)
    else:
        yield from _with_lines(items, total, description)


def _with_bar(items: Iterable[Item], total: int | None, description: str) -> Iterator[Item]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("[dim]left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield from progress.track(items, total=total, description=description)


def bar_with_facts() -> Progress:
    """A bar on stderr that names its share, the time gone, and ``facts``, a field of its task."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[facts]}", markup=False),
        console=Console(stderr=True),
    )


def _with_lines(items: Iterable[Item], total: int | None, description: str) -> Iterator[Item]:
    started = last = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - last >= LINE_EVERY:
            last = now
            print(_line(description, done, total, now - started), file=sys.stderr, flush=True)


def _line(description: str, done: int, total: int | None, seconds: float) -> str:
    if not total:
        return f"{description}: {done:,} in {seconds:.0f} s"
    left = seconds / done * (total - done)
    return f"{description}: {done:,} of {total:,}, about {left:.0f} s left"
