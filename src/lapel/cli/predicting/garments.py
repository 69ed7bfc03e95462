"""``lapel predict --garments DETECTOR --tags TAGGER``: what each garment on photos is like."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lapel.cli.console import shown
from lapel.cli.predicting.lines import (
    answer_lines,
    answer_row,
    as_text,
    box_text,
    print_table,
    readable,
)
from lapel.cli.predicting.results import Results, Wanted, drawn, give_answers, taken_down
from lapel.storage.local import refuse_unwritable

if TYPE_CHECKING:
    from rich.text import Text

    from lapel.inference.coco import CocoFile
    from lapel.inference.pictures import Failure
    from lapel.inference.two_stage import TwoStagePredictor
    from lapel.schema.read_garments import ReadGarment, ReadScene


def predict_garments(
    predictor: TwoStagePredictor, pictures: Sequence[str], wanted: Wanted, *, top: int
) -> None:
    """Find and read the garments of pictures, and write or print what was found.

    Args:
        predictor: the two models.
        pictures: paths of files.
        wanted: where a row, or a line of JSON, a garment goes.
        top: how many of the best labels to name.
    """
    if wanted.coco is not None:
        refuse_unwritable(wanted.coco)  # before the work: it is written after the last picture
    file = None if wanted.coco is None else _coco_of(predictor)
    found: Iterable[ReadScene | Failure] = predictor.predict(pictures, top=top)
    if wanted.draw is not None:
        found = _drawn(found, pictures, wanted.draw, predictor)
    results: Results[ReadScene] = Results(taken_down(found, file, _garments_of))
    give_answers(
        results,
        wanted,
        file,
        total=len(pictures),
        table=_print_table,
        lines=_print_lines,
        garments_of=_garments_of,
    )


def _garments_of(scene: ReadScene) -> Sequence[ReadGarment]:
    return scene.garments


def _coco_of(predictor: TwoStagePredictor) -> CocoFile:
    from lapel.inference.coco import CocoFile

    spec = predictor.detector.schema[predictor.task]
    both = f"{predictor.detector.bundle.name}, read by {predictor.tagger.bundle.name}"
    return CocoFile(spec, model=both)


def _drawn(
    results: Iterable[ReadScene | Failure],
    pictures: Sequence[str],
    folder: Path,
    predictor: TwoStagePredictor,
) -> Iterator[ReadScene | Failure]:
    """The scenes, each drawn on its way."""
    from lapel.inference.drawing import drawing_paths
    from lapel.inference.drawn_garments import draw_scene
    from lapel.inference.spelling import Spelling

    bundles = (predictor.detector.bundle, predictor.tagger.bundle)
    first, second = (Spelling(schema=one.schema, english=one.english) for one in bundles)
    draw = partial(draw_scene, task=predictor.task, spelling=(first, second))
    return drawn(results, pictures, drawing_paths(pictures, folder), draw)


def _print_table(scenes: Iterable[ReadScene]) -> None:
    header = ("image", "garment", "task", "answer", "probability")
    print_table(header, map(_table_rows, scenes))


def _print_lines(scenes: Iterable[ReadScene]) -> None:
    """``IMAGE number label probability left top width height``, with tabs between, a line a
    garment; then ``IMAGE number task ...``, as without the number, for each task that was read.
    """
    for scene in scenes:
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
