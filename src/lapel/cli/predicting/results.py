"""Answers as they come from a predictor, with what failed said on the way and at the end."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

import typer

from lapel.cli.console import EXIT_FAILED, complain, shown
from lapel.storage.places import in_addresses

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

    def end(self, written: Mapping[str, Path | None], *, quiet: bool, keep_going: bool) -> None:
        """Say what was written besides, and how many pictures failed.

        Args:
            written: what, in words, to where; None: nothing.
            quiet: the answers themselves went to stdout: into a pipe go they alone.
            keep_going: end well even if some pictures could not be read.

        Raises:
            typer.Exit: with another code than 0, as failures want it.
        """
        say = complain if quiet and not sys.stdout.isatty() else print
        for what, place in written.items():
            if place is not None and self.answered:
                say(f"{what} in {shown(in_addresses(place))}")
        if self.failed:
            total = self.answered + self.failed
            complain(f"{self.failed} of {total} pictures could not be read")
        if not self.answered or (self.failed and not keep_going):
            raise typer.Exit(EXIT_FAILED)
