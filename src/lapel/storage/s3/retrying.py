"""Another attempt, after a wait that grows, differs by chance and has a ceiling."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from lapel.schema.errors import StorageError
from lapel.storage.s3.client import FAILURES, passes

Result = TypeVar("Result")

ATTEMPTS = 7
#: Seconds of the first wait and of the longest.
FIRST_WAIT, LONGEST_WAIT = 0.2, 20.0


class TornError(StorageError):
    """Bytes that arrived are not those that were asked for."""


def retried(work: Callable[[], Result], *, attempts: int = ATTEMPTS) -> Result:
    """The result of some work; done again while what went wrong may pass.

    Waits are drawn from nothing to a bound that doubles ("full jitter": M. Brooker,
    "Exponential Backoff And Jitter", AWS Architecture Blog, 2015), so that many who wait do not
    come back together.

    Args:
        work: what is done; whole, however often it was begun.
        attempts: how often at most.

    Raises:
        Exception: what the last attempt raised, or the first that does not pass.
    """
    for attempt in range(1, attempts):
        try:
            return work()
        except (*FAILURES, StorageError) as error:
            if not (passes(error) or isinstance(error, TornError)):
                raise
        bound = min(LONGEST_WAIT, FIRST_WAIT * 2**attempt)
        time.sleep(random.uniform(0, bound))  # noqa: S311 - no secret is drawn
    return work()
