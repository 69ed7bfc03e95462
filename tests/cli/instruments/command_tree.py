"""The tree of ``lapel``'s commands, and whether what a document shows is one of them.

Nothing is run: words are read by click's own parser, or compared with the names that it knows.
Typer brings a click of its own without public types, hence ``Any``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product
from typing import Any

import typer

from lapel.cli.main import app


@cache
def root() -> Any:
    """``lapel`` itself."""
    return typer.main.get_command(app)


def commands(command: Any = None, words: str = "") -> Iterator[tuple[str, Any]]:
    """Every command and group with its words, as ``data import folder``; itself is ``""``."""
    command = command or root()
    yield words, command
    for name, inner in subcommands(command).items():
        yield from commands(inner, f"{words} {name}".strip())


def subcommands(command: Any) -> dict[str, Any]:
    """A group's commands by name; none of a command."""
    found: dict[str, Any] = getattr(command, "commands", {})
    return found


def options(command: Any) -> set[str]:
    """How the options of a command may be spelled."""
    return {"--help"}.union(*({*one.opts, *one.secondary_opts} for one in command.params))


def check_command(words: Sequence[str]) -> None:
    """Read a command that is shown whole, as it is typed behind ``lapel``.

    Raises:
        AssertionError: there is no such command, or it takes more or fewer arguments.
        Exception: click's, of an option that there is not, or that lacks its value.
    """
    command, rest = _named(words)
    assert not subcommands(command), f"{' '.join(words)!r} lacks a command"
    context = command.context_class(command, **command.context_settings)
    values, left, _ = command.make_parser(context).parse_args(rest)
    assert not left, f"{' '.join(words)!r}: {left} is too much"
    asked = [one.name for one in command.params if one.required]
    missing = [name for name in asked if values.get(name) is None]
    assert not missing, f"{' '.join(words)!r} lacks {missing}"


def check_mention(mention: str) -> None:
    """Look up what running text says behind ``lapel``, where arguments and values may be left out.

    ``push|fetch`` stands for each of them, ``...`` for what may follow.

    Raises:
        AssertionError: there is no such command, or no such option of it.
    """
    for words in product(*(word.split("|") for word in mention.split())):
        command, rest = _named(words)
        shown = {word.partition("=")[0] for word in rest if re.match(r"--?\w", word)}
        strange = sorted(shown - options(command))
        assert not strange, f"`lapel {mention}`: no option {strange}"


def _named(words: Sequence[str]) -> tuple[Any, list[str]]:
    """The command or group that words name, and the words behind its name."""
    command, rest = root(), list(words)
    while subcommands(command) and rest and re.match(r"\w", rest[0]):
        name = rest.pop(0)
        found = subcommands(command).get(name)
        assert found is not None, f"`lapel {' '.join(words)}`: no command {name!r}"
        command = found
    return command, rest
