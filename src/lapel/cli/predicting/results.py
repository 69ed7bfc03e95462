"""Answers as they come from a predictor: drawn, taken down and written on their way, with what
failed said.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

import typer

from lapel.cli.console import EXIT_FAILED, complain, shown
from lapel.schema.errors import ImageError
from lapel.storage.local import write_atomically
from lapel.storage.places import in_addresses

if TYPE_CHECKING:
    from lapel.inference.answer_rows import Answered
    from lapel.inference.coco import CocoFile
    from lapel.inference.pictures import Failure
    from lapel.schema.read_garments import ReadGarment

Found = TypeVar("Found", bound="Answered")
Drawable = TypeVar("Drawable")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Where answers go, as it was asked for.

    Attributes:
        out: file for them; None: the terminal, or the next program.
        draw: folder for drawings; None: nothing is drawn.
        coco: file for COCO's JSON; None: none is written.
        keep_going: end well even if some pictures could not be read.
    """

    out: Path | None
    draw: Path | None
    coco: Path | None
    keep_going: bool


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

    def end(self, wanted: Wanted) -> None:
        """Say what was written besides the answers, and how many pictures failed.

        Raises:
            typer.Exit: with another code than 0, as failures want it.
        """
        # Where the answers went to stdout, into a pipe go they alone.
        say = complain if wanted.out is None and not sys.stdout.isatty() else print
        for what, place in (("COCO's JSON", wanted.coco), ("drawings", wanted.draw)):
            if place is not None and self.answered:
                say(f"{what} in {shown(in_addresses(place))}")
        if self.failed:
            total = self.answered + self.failed
            complain(f"{self.failed} of {total} pictures could not be read")
        if not self.answered or (self.failed and not wanted.keep_going):
            raise typer.Exit(EXIT_FAILED)


def drawn(
    results: Iterable[Drawable | Failure],
    pictures: Iterable[str],
    paths: Iterable[Path],
    draw: Callable[[str, Drawable], bytes],
) -> Iterator[Drawable | Failure]:
    """The results, each drawn on its way; a picture that cannot be read any more is told of.

    Args:
        results: of each picture.
        pictures: their paths.
        paths: where the drawing of each goes.
        draw: makes a file of a picture and its result.
    """
    from lapel.inference.pictures import Failure

    for result, picture, path in zip(results, pictures, paths, strict=True):
        if not isinstance(result, Failure):
            try:
                write_atomically(path, draw(picture, result))
            except ImageError as error:
                complain(f"not drawn: {error}")
        yield result


def taken_down(
    results: Iterable[Found | Failure],
    file: CocoFile | None,
    garments_of: Callable[[Found], Sequence[ReadGarment]],
) -> Iterator[Found | Failure]:
    """The results, whose garments a file takes on the way, if there is one."""
    from lapel.inference.pictures import Failure

    for result in results:
        if file is not None and not isinstance(result, Failure):
            file.add(result.image, result.width, result.height, garments_of(result))
        yield result


def give_answers(
    results: Results[Found],
    wanted: Wanted,
    file: CocoFile | None,
    *,
    total: int,
    table: Callable[[Iterable[Found]], None],
    lines: Callable[[Iterable[Found]], None],
    garments_of: Callable[[Found], Sequence[ReadGarment]] | None = None,
) -> None:
    """Answers into a file, onto a terminal, or to the next program; then the file of garments, and
    what is to be said in the end.

    Args:
        results: the answers.
        wanted: where they go.
        file: takes their garments; None: no such file is wanted.
        total: how many pictures there are.
        table: prints them on a terminal.
        lines: prints them for a program.
        garments_of: see :func:`write_answers`.

    Raises:
        typer.Exit: with another code than 0, as failures want it, or whoever stopped the work.
        LapelError: something cannot be written, or no picture could be read.
    """
    if wanted.out is not None:
        write_answers(results, wanted.out, total=total, garments_of=garments_of)
    elif sys.stdout.isatty():
        table(results)
    else:
        lines(results)
    if file is not None and wanted.coco is not None and results.answered:
        file.write(wanted.coco)
    results.end(wanted)


def write_answers(
    results: Results[Found],
    out: Path,
    *,
    total: int,
    garments_of: Callable[[Found], Sequence[ReadGarment]] | None = None,
) -> None:
    """Write answers to a file, and say how many are where.

    Args:
        results: the answers.
        out: the file.
        total: how many pictures there are.
        garments_of: those of an answer, if it is they that are counted.

    Raises:
        typer.Exit: somebody stopped the work.
        LapelError: the file cannot be written, or no picture could be read.
    """
    from lapel.cli.predicting.files import end_stopped, open_writer
    from lapel.cli.progress import track

    garments = 0
    with open_writer(out) as (add, stop):
        for answered in track(results, total, "Predicting"):
            add(answered)
            garments += 0 if garments_of is None else len(garments_of(answered))
            if stop.received:
                break
        if not results.answered:
            raise ImageError(str(out), f"not written: none of {total} pictures could be read")
    if stop.received:
        end_stopped(out, stop.received, answered=results.answered, total=total)
    pictures = f"{results.answered} pictures"
    said = f"{pictures} answered" if garments_of is None else f"{garments} garments of {pictures}"
    print(f"{said} in {shown(in_addresses(out))}")
