"""How far a transfer is: a bar on a terminal, plain lines elsewhere; both on stderr."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from lapel.cli.progress import LINE_EVERY
from lapel.schema.counting import size as in_words


class TransferBar:
    """Shows what a transfer tells it, as :class:`lapel.storage.s3.options.Progress` asks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._doing, self._total, self._done = "", 0, 0
        self._began = self._said = time.monotonic()
        self._bar: Progress | None = None
        self._task = TaskID(0)
        if sys.stderr.isatty():
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                DownloadColumn(),
                TransferSpeedColumn(),
                TextColumn("[dim]left"),
                TimeRemainingColumn(),
            )
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """The bar goes; what it showed is said by the command."""
        if self._bar is not None:
            self._bar.stop()

    def begin(self, doing: str, size: int) -> None:
        """A stretch of work begins."""
        with self._lock:
            self._doing, self._total, self._done = doing, size, 0
            self._began = self._said = time.monotonic()
            if self._bar is not None:
                for former in self._bar.task_ids:
                    self._bar.remove_task(former)
                self._task = self._bar.add_task(doing, total=size or None)

    def moved(self, size: int) -> None:
        """So many bytes more are done."""
        with self._lock:
            self._done += size
            now = time.monotonic()
            if self._bar is not None:
                self._bar.update(self._task, completed=self._done)
            elif now - self._said >= LINE_EVERY:
                self._said = now
                print(self._line(now - self._began), file=sys.stderr, flush=True)

    def _line(self, seconds: float) -> str:
        left = seconds / max(self._done, 1) * (self._total - self._done)
        done, total = in_words(self._done), in_words(self._total)
        return f"{self._doing}: {done} of {total}, about {max(left, 0):.0f} s left"
