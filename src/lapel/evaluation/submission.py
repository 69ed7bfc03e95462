"""A model's answers as the file that a contest takes, in the order of its test list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from lapel.data.dataset import Dataset
from lapel.data.exporting import classes, label_numbers
from lapel.data.label_tables.cells import read_cells
from lapel.data.progress import Track, silent
from lapel.data.reading.base import existing_file
from lapel.data.reading.listing import text_lines
from lapel.evaluation.answers import Answers, answer_dataset
from lapel.evaluation.contest_files import (
    FORMATS,
    UNREADABLE,
    ContestFile,
    Row,
    first_difference,
)
from lapel.inference.bundle import Bundle
from lapel.inference.engines.table import open_engine
from lapel.schema.errors import Fault, FormatError, StorageError, UsageError
from lapel.schema.labels import Schema, TaskSpec
from lapel.schema.prediction import Answer, MultiLabelAnswer, SingleLabelAnswer
from lapel.storage.local import write_atomically
from lapel.storage.places import puts
from lapel.tasks.kinds import task_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """What was written.

    Attributes:
        path: the file.
        images: how many rows it has.
        tasks: the model's tasks that it answers, in the contest's order.
        empty: rows without any label, which only tags can have.
    """

    path: Path
    images: int
    tasks: tuple[str, ...]
    empty: int = 0


@puts("out")
def submit(
    bundle: str | Path,
    dataset: str | Path,
    *,
    contest: str,
    out: str | Path,
    split: str = "test",
    task: Sequence[str] | None = None,
    test_list: str | Path | None = None,
    plain_header: bool = False,
    at_least_one: bool = False,
    engine: str = "auto",
    track: Track = silent,
) -> Submitted:
    """Answer for the images of a contest and write its file; what is written is read back.

    Labels that are numbers are written as they are; others as their place in the schema, from 0.

    Args:
        bundle: folder of a bundle, or of the run that holds one.
        dataset: the folder of the dataset; its rows are in the order of the test list, as the
            contests' readers leave them.
        contest: a name in ``FORMATS``.
        out: the file.
        split: whose rows are answered.
        task: the model's tasks that the contest asks, in its order; by default all of the kind.
        test_list: the contest's own list, to take images and their order from: a CSV whose first
            column, below a header, names them, or a name a line. The split is then not looked at.
        plain_header: leave the blank out of the header of ``nsysu-category``.
        at_least_one: give images without any tag their most probable one.
        engine: name of an engine, or ``auto``.
        track: is told how far the work is.

    Raises:
        UsageError: no such format, a file of another ending, or tasks that do not fit.
        BundleError: the bundle cannot be trusted.
        DatasetError: no such split.
        FormatError: images of the list that the dataset lacks, or that cannot be read: a file
            with holes would be refused or, worse, shifted.
        StorageError: the file cannot be written, or is not what was written.
    """
    file = _contest_file(contest, Path(out))
    model = Bundle.load(Path(bundle))
    tasks = _tasks(model.schema, file, contest, task)
    names, part = _images(Dataset.open(dataset), split, test_list)
    network = open_engine(engine, model)
    answers = answer_dataset(network, model.preprocess, part, track=track)
    _refuse_unreadable(answers)
    numbers = _numbers(model, tasks, answers, part, at_least_one=at_least_one)
    rows: list[Row] = [(name, numbers[name]) for name in names]
    header = tuple(cell.strip() for cell in file.header) if plain_header else file.header
    _write(Path(out), file, rows, header)
    return Submitted(
        path=Path(out),
        images=len(rows),
        tasks=tuple(spec.name for spec in tasks),
        empty=sum(not found for _, found in rows),
    )


def _contest_file(contest: str, out: Path) -> ContestFile:
    if contest not in FORMATS:
        raise UsageError(f"no contest's format is called {contest!r}; known: {', '.join(FORMATS)}")
    file = FORMATS[contest]
    if out.suffix.lower() != file.ending:
        raise UsageError(
            f"{out}: found ending {out.suffix!r}, expected {file.ending} for '{contest}'"
        )
    return file


def _tasks(
    schema: Schema, file: ContestFile, contest: str, names: Sequence[str] | None
) -> list[TaskSpec]:
    if names is None:
        chosen = [spec for spec in schema if spec.kind == file.kind]
    else:
        chosen = [schema[name] for name in names]
    wrong = [spec for spec in chosen if spec.kind != file.kind]
    count = len(file.classes)
    if wrong or len(chosen) != count:
        asked = f"{count} {file.kind} {'task' if count == 1 else 'tasks'}"
        found = f"'{wrong[0].name}', which is {wrong[0].kind}" if wrong else str(len(chosen))
        raise UsageError(
            f"'{contest}' asks {asked}, found {found}; name {'it' if count == 1 else 'them'} "
            "with --task. The model has: "
            + ", ".join(f"{spec.name} ({spec.kind})" for spec in schema)
        )
    for place, (spec, most) in enumerate(zip(chosen, file.classes, strict=True), start=1):
        if classes(spec) > most:
            raise UsageError(
                f"'{contest}' has the numbers 0 to {most - 1} for task {place} of {count}; those "
                f"of '{spec.name}' go to {classes(spec) - 1}; name the tasks in the contest's "
                "order with --task"
            )
    return chosen


def _images(whole: Dataset, split: str, test_list: str | Path | None) -> tuple[list[str], Dataset]:
    """The images in the contest's order, and the rows of a dataset that hold them."""
    if test_list is None:
        part = whole.split(split)
        return part.names(), part
    path = existing_file(test_list)
    header, listed = _listed(path)
    there = set(whole.names())
    first: dict[str, int] = {}
    faults = []
    if header in there:
        # Passed over, it would be missing, and answers without names go to the image before.
        found, expected = f"an image, {header!r}", "the header, such as 'image', above all images"
        faults.append(Fault(file=str(path), line=1, found=found, expected=expected))
    for name, line in listed:
        if name in first:
            found, expected = f"{name!r} again (line {first[name]})", "each image once"
            faults.append(Fault(file=str(path), line=line, found=found, expected=expected))
        elif name not in there:
            expected = f"an image of the dataset '{whole.name}'"
            faults.append(Fault(file=str(path), line=line, found=repr(name), expected=expected))
        first.setdefault(name, line)
    if faults or not listed:
        faults = faults or [Fault(file=str(path), found="no images", expected="one a line")]
        raise FormatError(faults)
    names = [name for name, _ in listed]
    return names, whole.rows(pl.col("image").is_in(names))


def _listed(path: Path) -> tuple[str, list[tuple[str, int]]]:
    """What stands above the image names, if anything must; and the names and their lines."""
    if path.suffix.lower() == ".csv":
        cells = read_cells(path)
        header = cells.columns[0]
        return header, list(zip(cells.column(header), cells.lines, strict=True))
    return "", [(text, line) for line, text in enumerate(text_lines(path), start=1) if text]


def _refuse_unreadable(answers: Answers) -> None:
    if answers.unreadable:
        raise FormatError(
            [Fault(file=one.image, found=one.fault) for one in answers.unreadable],
            remedy="Every image of the list needs an answer, so no file was written; mend these.",
        )


def _numbers(
    model: Bundle, tasks: Sequence[TaskSpec], answers: Answers, part: Dataset, *, at_least_one: bool
) -> dict[str, tuple[str, ...]]:
    """Image name to the numbers of all its answers."""
    names = part.names()
    found: dict[str, tuple[str, ...]] = {names[row]: () for row in answers.rows}
    for spec in tasks:
        numbers = label_numbers(spec)
        task = task_of(spec)
        decoded = task.decode(answers.views[0][spec.name], model.calibration.get(spec.name), top=1)
        for row, answer in zip(answers.rows, decoded, strict=True):
            words = _words(answer, at_least_one=at_least_one)
            found[names[row]] += tuple(sorted((numbers[word] for word in words), key=int))
    return found


def _words(answer: Answer, *, at_least_one: bool) -> tuple[str, ...]:
    if isinstance(answer, SingleLabelAnswer):
        return (answer.label,)
    if isinstance(answer, MultiLabelAnswer):
        return answer.labels or ((answer.top[0][0],) if at_least_one else ())
    raise UsageError(f"no contest's format takes answers like {type(answer).__name__}")


def _write(out: Path, file: ContestFile, rows: Sequence[Row], header: Sequence[str]) -> None:
    """Write the file, and read it from the disk again."""
    write_atomically(out, file.write(rows, header))
    try:
        wrong = first_difference(file.read(out.read_bytes(), header), rows, named=file.named)
    except (OSError, *UNREADABLE) as error:
        wrong = str(error)
    if wrong:
        raise StorageError(
            f"{out} was written but reads as something else: {wrong}; write it again"
        )
