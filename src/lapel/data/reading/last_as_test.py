"""The last pictures of a list as the test split, as papers do whose data have none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lapel.schema.annotation import Annotation
from lapel.schema.errors import UsageError


def with_last_as_test(rows: Sequence[Annotation], count: int) -> tuple[Annotation, ...]:
    """Rows of which the last are ``test`` and the others ``train``.

    Args:
        rows: in the layout's order, without splits.
        count: how many are the test; 0 leaves all as they are.

    Raises:
        UsageError: rows that have splits already, or none left to train on.
    """
    if not count:
        return tuple(rows)
    if any(row.split is not None for row in rows):
        raise UsageError("--test-last: the folders name splits already; leave it out")
    if not 0 < count < len(rows):
        raise UsageError(
            f"--test-last: found {count:,} of {len(rows):,} photos, expected fewer than all"
        )
    first = len(rows) - count
    return tuple(
        replace(row, split="train" if place < first else "test") for place, row in enumerate(rows)
    )
