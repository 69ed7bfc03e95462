"""Answers as they come from a predictor, with what failed said on the way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Generic, TypeVar

from lapel.cli.console import complain

if TYPE_CHECKING:
    from lapel.inference.pictures import Failure

Found = TypeVar("Found")


class Results(Generic[Found]):
    """The answers as they come; failures are said and counted on the way.

    Attributes:
        answered: how many pictures got an answer so far.
        failed: how many did not.
    """

    def __init__(self, results: Iterable[Found | Failure]) -> None:
        self._results = results
        self.answered = 0
        self.failed = 0

    def __iter__(self) -> Iterator[Found]:
        from lapel.inference.pictures import Failure

        for result in self._results:
            if isinstance(result, Failure):
                self.failed += 1
                complain(f"{result.image}: {result.fault}")
            else:
                self.answered += 1
                yield result
