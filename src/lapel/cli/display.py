"""How the learning of many runs is shown: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import typer

#: Seconds between two lines, where there is no terminal.
LINE_EVERY = 30.0


class Display(Protocol):
    """What shows how far the work is, on stderr."""

    def say(self, text: str) -> None:
        """A line that stays."""
        ...

    def show(self, done: float, total: float | None, facts: str) -> None:
        """How far it is: of so much, where that is known, and in words."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was."""
        ...


class Lines:
    """Plain lines: what is said, and how far it is once in a while."""

    def __init__(self) -> None:
        self._said = time.monotonic()

    def say(self, text: str) -> None:
        """A line."""
        self._said = time.monotonic()
        print(text, file=sys.stderr, flush=True)

    def show(self, done: float, total: float | None, facts: str) -> None:  # noqa: ARG002 - the shape of Display
        """A line in a while."""
        if time.monotonic() - self._said >= LINE_EVERY:
            self.say(facts)

    def close(self) -> None:
        """Nothing is open."""


class Bar:
    """A bar over all of it, and above it what is said.

    Args:
        title: what is being done.
    """

    def __init__(self, title: str) -> None:
        from lapel.cli.progress import bar_with_facts

        self._title = title
        self._bar = bar_with_facts()
        self._started = False

    def say(self, text: str) -> None:
        """A line above the bar."""
        self._bar.console.print(text, markup=False, highlight=False)

    def show(self, done: float, total: float | None, facts: str) -> None:
        """Move the bar; where the whole is not known, it only shows life."""
        if not self._started:
            self._started = True
            self._bar.start()
            self._bar.add_task(self._title, total=total, facts="")
        self._bar.update(self._bar.task_ids[0], completed=done, facts=facts)

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._bar.stop()


@contextmanager
def displayed(title: str) -> Iterator[Display]:
    """Show the work of the block; where a signal ended it, end the command.

    Raises:
        typer.Exit: with 128 and the signal's number, after a line that says how to go on.
    """
    from lapel.training.stopping import RunInterruptedError

    display = Bar(title) if sys.stderr.isatty() else Lines()
    try:
        yield display
    except RunInterruptedError as interruption:
        print(f"lapel: {interruption}", file=sys.stderr)
        raise typer.Exit(128 + interruption.signal_number) from None
    finally:
        display.close()
