"""``lapel predict --garments DETECTOR --tags TAGGER``: what each garment on photos is like."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lapel.cli.console import complain, shown
from lapel.cli.predicting.lines import (
    answer_lines,
    answer_row,
    as_text,
    box_text,
    print_table,
    readable,
)
from lapel.cli.predicting.results import Results
from lapel.storage.local import refuse_unwritable

if TYPE_CHECKING:
    from rich.text import Text

    from lapel.inference.coco import CocoFile
    from lapel.inference.pictures import Failure
    from lapel.inference.two_stage import TwoStagePredictor
    from lapel.schema.read_garments import ReadGarment, ReadScene


def predict_garments(
    predictor: TwoStagePredictor,
    pictures: Sequence[str],
    *,
    out: Path | None,
    top: int,
    keep_going: bool,
    draw: Path | None,
    coco: Path | None,
) -> None:
    """Find and read the garments of pictures, and write or print what was found.

    Args:
        predictor: the two models.
        pictures: paths of files.
        out: file for a row, or a line of JSON, a garment; None: the terminal.
        top: how many of the best labels to name.
        keep_going: end well even if some pictures could not be read.
        draw: folder for drawings.
        coco: file for COCO's JSON.
    """
    if coco is not None:
        refuse_unwritable(coco)  # before the work: it is written after the last picture
    file = _coco_of(predictor) if coco is not None else None
    found = predictor.predict(pictures, top=top)
    results = Results(_told(_drawn(found, pictures, draw, predictor), file))
    if out is not None:
        _write(results, out, total=len(pictures))
    elif sys.stdout.isatty():
        header = ("image", "garment", "task", "answer", "probability")
        print_table(header, map(_table_rows, results))
    else:
        _print_lines(results)
    if file is not None and coco is not None and results.answered:
        file.write(coco)
    results.end({"COCO's JSON": coco, "drawings": draw}, quiet=out is None, keep_going=keep_going)


def _coco_of(predictor: TwoStagePredictor) -> CocoFile:
    from lapel.inference.coco import CocoFile

    spec = predictor.detector.schema[predictor.task]
    both = f"{predictor.detector.bundle.name}, read by {predictor.tagger.bundle.name}"
    return CocoFile(spec, model=both)


def _told(
    results: Iterable[ReadScene | Failure], file: CocoFile | None
) -> Iterator[ReadScene | Failure]:
    """The scenes, each taken down on its way."""
    from lapel.schema.read_garments import ReadScene

    for result in results:
        if file is not None and isinstance(result, ReadScene):
            file.add(result.image, result.width, result.height, result.garments)
        yield result


def _drawn(
    results: Iterable[ReadScene | Failure],
    pictures: Sequence[str],
    folder: Path | None,
    predictor: TwoStagePredictor,
) -> Iterator[ReadScene | Failure]:
    """The scenes, each drawn on its way."""
    if folder is None:
        yield from results
        return
    from lapel.inference.drawing import drawing_paths
    from lapel.inference.drawn_garments import draw_scene
    from lapel.inference.pictures import Failure
    from lapel.inference.spelling import Spelling
    from lapel.schema.errors import ImageError
    from lapel.storage.local import write_atomically

    bundles = (predictor.detector.bundle, predictor.tagger.bundle)
    first, second = (Spelling(schema=one.schema, english=one.english) for one in bundles)
    paths = drawing_paths(pictures, folder)
    for result, picture, path in zip(results, pictures, paths, strict=True):
        if not isinstance(result, Failure):
            try:
                drawing = draw_scene(picture, result, task=predictor.task, spelling=(first, second))
                write_atomically(path, drawing)
            except ImageError as error:
                complain(f"not drawn: {error}")
        yield result


def _write(results: Results[ReadScene], out: Path, *, total: int) -> None:
    from lapel.cli.predicting.files import end_stopped, open_writer
    from lapel.cli.progress import track
    from lapel.schema.errors import ImageError

    garments = 0
    with open_writer(out) as (add, stop):
        for scene in track(results, total, "Predicting"):
            add(scene)
            garments += len(scene.garments)
            if stop.received:
                break
        if not results.answered:
            raise ImageError(str(out), f"not written: none of {total} pictures could be read")
    if stop.received:
        end_stopped(out, stop.received, answered=results.answered, total=total)
    print(f"{garments} garments of {results.answered} pictures in {shown(str(out))}")


def _print_lines(results: Results[ReadScene]) -> None:
    """``IMAGE number label probability left top width height``, with tabs between, a line a
    garment; then ``IMAGE number task ...``, as without the number, for each task that was read.
    """
    for scene in results:
        for number, one in enumerate(scene.garments, start=1):
            found = one.found
            edges = (f"{edge:.2f}" for edge in found.box)
            _print(scene.image, number, (found.label, found.score, *edges))
            for task, answer in one.answers.items():
                for cells in answer_lines(task, answer):
                    _print(scene.image, number, (task, *cells))


def _print(image: str, number: int, cells: Iterable[str | float | None]) -> None:
    print("\t".join(map(shown, (image, str(number), *map(as_text, cells)))))


def _table_rows(scene: ReadScene) -> list[tuple[Text, ...]]:
    """A row a garment and task; image and garment stand at the first."""
    rows = [row for number, one in enumerate(scene.garments, start=1) for row in _rows(number, one)]
    return [
        answer_row(("" if place else scene.image, garment, task), lines)
        for place, (garment, task, lines) in enumerate(rows or [("", "", ())])
    ]


def _rows(
    number: int, one: ReadGarment
) -> Iterator[tuple[str, str, tuple[tuple[str, float], ...]]]:
    found = one.found
    yield str(number), "", ((f"{found.label} at {box_text(found.box)}", found.score),)
    for task, answer in one.answers.items():
        yield "", task, readable(answer)
