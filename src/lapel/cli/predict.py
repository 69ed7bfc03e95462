"""``lapel predict``: photos in, answers out."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lapel.cli.box_files import boxes_of
from lapel.cli.console import EXIT_FAILED, complain, shown

if TYPE_CHECKING:
    from rich.text import Text

    from lapel.inference.pictures import Failure
    from lapel.inference.predictor import Examined
    from lapel.schema.prediction import Answer, Prediction

#: Shown below the help; `--help` joins lines that no blank line parts.
EXAMPLE = """Example, after the demo:

lapel predict demo/run demo/photos --out answers.csv"""

#: Rows of the table on a terminal, to the end of a picture; files and pipes get all.
ROWS_SHOWN = 40

#: Labels named in JSON where the user says nothing; tables name the best alone.
TOP_IN_JSON = 5


def predict(
    bundle: Annotated[Path, typer.Argument(help="The model: a bundle, or the run that made it.")],
    paths: Annotated[
        list[str],
        typer.Argument(
            help="Pictures, folders of them, patterns ('shoes/**/*.jpg'), or a dataset: then the "
            "pictures of its rows."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="File for the answers: .csv, .jsonl or .parquet."),
    ] = None,
    top: Annotated[
        int | None,
        typer.Option(min=1, help="How many of the best labels to name.  [1; in JSONL 5]"),
    ] = None,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="Exit 0 even if some pictures cannot be read.")
    ] = False,
    batch: Annotated[
        int, typer.Option(min=1, help="Pictures at a time: changes speed and memory, no answer.")
    ] = 32,
    boxes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="Where the garments are: image,left,top,width,height in pixels; for models that "
            "look at that part alone.",
        ),
    ] = None,
    draw: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder for the pictures with the answers drawn on them, and for masks.",
        ),
    ] = None,
    tile: Annotated[
        int | None,
        typer.Option(
            metavar="SIZE",
            min=1,
            help="Look at larger photos in overlapping tiles of nearly SIZE pixels; for models that "
            "answer pixel by pixel alone.",
        ),
    ] = None,
) -> None:
    """Say what is on photos.

    Pictures that cannot be read are named on stderr and passed over; the exit code is then 1,
    or 0 with --keep-going.
    """
    from lapel.inference.finding import find_pictures
    from lapel.inference.predictor import Predictor

    pictures = find_pictures(one for path in paths for one in _of_dataset(path))
    predictor = Predictor.load(bundle, batch=batch)
    best = top or (TOP_IN_JSON if out and out.suffix.lower() == ".jsonl" else 1)
    places = None if boxes is None else boxes_of(pictures, boxes)
    found: Iterable[Prediction | Failure]
    if draw is None:
        found = predictor.predict(pictures, boxes=places, top=best, tile=tile)
    else:
        examined = predictor.examine(pictures, boxes=places, top=best, tile=tile)
        masks = [spec.name for spec in predictor.schema if spec.kind == "segmentation"]
        found = _drawn(examined, pictures, draw, masks)
    results = _Results(found)
    if out is not None:
        _write(results, out, total=len(pictures))
    elif sys.stdout.isatty():
        _print_table(results)
    else:
        _print_lines(results)
    if draw is not None and results.answered:
        # Into a pipe go answers alone.
        say = print if out is not None or sys.stdout.isatty() else complain
        say(f"drawings in {shown(str(draw))}")
    if results.failed:
        complain(f"{results.failed} of {len(pictures)} pictures could not be read")
    if not results.answered or (results.failed and not keep_going):
        raise typer.Exit(EXIT_FAILED)


def _of_dataset(path: str) -> list[str]:
    """The pictures of a dataset, where a path leads to one; else the path as it is."""
    if not (Path(path) / "dataset.json").is_file():
        return [path]
    from lapel.cli.extras import needs_extra

    with needs_extra("data", "lapel predict on a dataset"):
        from lapel.data.listed_pictures import dataset_pictures

        return dataset_pictures(Path(path))


def _drawn(
    results: Iterable[Examined | Failure], pictures: list[str], folder: Path, masks: list[str]
) -> Iterator[Prediction | Failure]:
    """The predictions, each drawn on its way, with the masks of some tasks as files of their own."""
    from lapel.inference.drawing import draw_prediction, drawing_paths
    from lapel.inference.drawn_masks import mask_files
    from lapel.inference.pictures import Failure
    from lapel.schema.errors import ImageError
    from lapel.storage.local import write_atomically

    paths = drawing_paths(pictures, folder, masks=masks)
    for result, picture, path in zip(results, pictures, paths, strict=True):
        if isinstance(result, Failure):
            yield result
            continue
        try:
            write_atomically(path, draw_prediction(picture, result))
        except ImageError as error:
            complain(f"not drawn: {error}")
        for file, content in mask_files(path, result.prediction):
            write_atomically(file, content)
        yield result.prediction


class _Results:
    """The predictions as they come; failures are said and counted on the way."""

    def __init__(self, results: Iterable[Prediction | Failure]) -> None:
        self._results = results
        self.answered = 0
        self.failed = 0

    def __iter__(self) -> Iterator[Prediction]:
        from lapel.inference.pictures import Failure

        for result in self._results:
            if isinstance(result, Failure):
                self.failed += 1
                complain(f"{result.image}: {result.fault}")
            else:
                self.answered += 1
                yield result


def _write(results: _Results, out: Path, *, total: int) -> None:
    from lapel.cli.answer_files import open_writer
    from lapel.cli.progress import track
    from lapel.schema.errors import ImageError

    with open_writer(out) as add:
        for prediction in track(results, total, "Predicting"):
            add(prediction)
        if not results.answered:
            raise ImageError(str(out), f"not written: none of {total} pictures could be read")
    print(f"{results.answered} pictures answered in {shown(str(out))}")


def _print_lines(results: _Results) -> None:
    """``IMAGE task label probability``, with tabs between, a line an answer; of landmarks a line
    each: ``IMAGE task name x y probability`` that it can be seen; of classes of pixels a line each
    that occurs: ``IMAGE task class share``.
    """
    for prediction in results:
        for task, answer in prediction.answers.items():
            for cells in _lines(task, answer):
                print("\t".join(map(shown, (prediction.image, task, *map(_text, cells)))))


def _lines(task: str, answer: Answer) -> Iterator[Iterable[str | float | None]]:
    from lapel.schema.prediction import LandmarksAnswer, SegmentationAnswer

    if isinstance(answer, LandmarksAnswer):
        for point in answer.points:
            yield point.name, f"{point.x:.2f}", f"{point.y:.2f}", point.visible
    elif isinstance(answer, SegmentationAnswer):
        yield from answer.lines()
    else:
        yield answer.cells(task).values()


def _print_table(results: _Results) -> None:
    """A row an answer, as many lines high as it names labels; the image stands at the first."""
    from rich.console import Console
    from rich.table import Table

    table = Table("image", "task", "answer", "probability")
    left_out = 0
    for prediction in results:
        if table.row_count >= ROWS_SHOWN:
            left_out += 1
            continue
        image = prediction.image
        for task, answer in prediction.answers.items():
            table.add_row(*_row(image, task, _readable(answer)))
            image = ""
        table.add_section()
    if table.row_count:
        Console().print(table)
    if left_out:
        print(f"... and {left_out} more; --out FILE.csv keeps all")


def _readable(answer: Answer) -> tuple[tuple[str, float], ...]:
    """Labels and probabilities; landmarks that can be seen with their places."""
    from lapel.schema.prediction import SEEN, LandmarksAnswer

    if not isinstance(answer, LandmarksAnswer):
        return answer.lines()
    seen = (point for point in answer.points if point.visible >= SEEN)
    return tuple((f"{one.name} at {one.x:.0f}, {one.y:.0f}", one.visible) for one in seen)


def _row(image: str, task: str, lines: tuple[tuple[str, float], ...]) -> tuple[Text, ...]:
    from rich.text import Text

    labels = [shown(label) for label, _ in lines] or ["(none)"]
    probabilities = [_text(probability) for _, probability in lines]
    cells = (shown(image), shown(task), "\n".join(labels), "\n".join(probabilities))
    return tuple(map(Text, cells))


def _text(value: str | float | None) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else f"{value:.4f}"
