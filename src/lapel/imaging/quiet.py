"""Pillow's warnings about odd files, kept from the people who cannot act on them."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager


class _Filter:
    """One filter shared by all threads that decode: set by the first, lifted by the last.

    ``warnings.catch_warnings`` alone is not safe in threads: whoever leaves first would take
    the others' filter away, and whoever leaves last would bring it back for good.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._undo = ExitStack()

    def enter(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._undo.enter_context(warnings.catch_warnings())
                warnings.filterwarnings("ignore", module=r"PIL\.")
            self._inside += 1

    def leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._undo.close()


_FILTER = _Filter()


@contextmanager
def pillow_warnings_ignored() -> Iterator[None]:
    """Ignore warnings that Pillow's modules give, and no others, while the block runs."""
    _FILTER.enter()
    try:
        yield
    finally:
        _FILTER.leave()
