"""Work on many files at once, a bounded number of them under way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ThreadPoolExecutor, wait
from itertools import islice
from types import TracebackType
from typing import Self, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Workers:
    """Threads for files, and threads of their own for parts of files.

    Two pools, since a file waits for its parts: in one pool, files could take all threads and
    wait for ever.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._ended = threading.Event()
        self._files = ThreadPoolExecutor(count, thread_name_prefix="file")
        self._parts = ThreadPoolExecutor(count, thread_name_prefix="part")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """What has not begun is not begun any more; what runs ends."""
        self._files.shutdown(wait=False, cancel_futures=True)
        self._parts.shutdown(wait=True, cancel_futures=True)
        self._files.shutdown(wait=True)

    def files(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """The results of work on files, as they come.

        Where one fails, or who waits for them is interrupted, the others begin no further part.

        Raises:
            Exception: what the work on one of them raised.
        """
        return self._each(self._files, work, items)

    def parts(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """The results of work on parts of one file, as they come.

        Raises:
            CancelledError: all work was ended.
            Exception: what the work on one of them raised.
        """
        return self._each(self._parts, work, items)

    def _each(
        self,
        pool: ThreadPoolExecutor,
        work: Callable[[Item], Result],
        items: Iterable[Item],
    ) -> Iterator[Result]:
        waiting = iter(items)
        under_way: set[Future[Result]] = set()
        try:
            while True:
                if self._ended.is_set():
                    raise CancelledError
                room = 2 * self._count - len(under_way)
                under_way |= {pool.submit(work, item) for item in islice(waiting, room)}
                if not under_way:
                    return
                done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        except BaseException:
            if pool is self._files:
                self._ended.set()
            raise
        finally:
            for future in under_way:
                future.cancel()
            wait(under_way)  # what they work with, such as an open file, may go now
