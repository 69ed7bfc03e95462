"""Prography's 5th-deepfashion: five questions about each photo in one CSV file.

images/jean_0001.jpg
labels/labels.csv    image_file_name,color,style,part,season,category
                     jean_0001.jpg,blue,casual,bottom,winter,jean
label_data.txt       color,style,part,season,category
                     18,13,5,4,39
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lapel.data.label_tables.cells import Cells, read_cells
from lapel.data.reading.base import Reading, existing_folder, refuse, sorted_labels
from lapel.data.reading.listing import ImageList, text_lines, whole_numbers
from lapel.schema.annotation import Annotation
from lapel.schema.counting import counted
from lapel.schema.errors import Fault
from lapel.schema.labels import Schema, TaskSpec

IMAGE_COLUMN = "image_file_name"
TASKS = ("color", "style", "part", "season", "category")

LABELS_FILE = "labels/labels.csv"
COUNTS_FILE = "label_data.txt"
IMAGES_FOLDER = "images"


def read_prography(source: str | Path) -> Reading:
    """The folder that holds ``images``, ``labels`` and ``label_data.txt``.

    Labels are sorted: the project's own order is that of a set, another in every process. An
    empty cell is an unknown label.

    Raises:
        UsageError: no such folder.
        FormatError: files that are missing, another header, images that are missing or named
            twice, counts that lie; all faults together.
        StorageError: a file cannot be read.
    """
    root = existing_folder(source)
    _refuse_missing(root)
    cells = read_cells(root / LABELS_FILE)
    header = (IMAGE_COLUMN, *TASKS)
    if cells.columns != header:
        found, expected = ",".join(cells.columns), ",".join(header)
        refuse([Fault(file=str(cells.file), line=1, found=found, expected=expected)])
    images = ImageList(root / IMAGES_FOLDER)
    for name, line in zip(cells.column(IMAGE_COLUMN), cells.lines, strict=True):
        images.add(name, file=str(cells.file), line=line)
    labels = {task: sorted_labels(cell or None for cell in cells.column(task)) for task in TASKS}
    faults = [*images.faults, *_empty_columns(cells, labels), *_count_faults(root, labels)]
    refuse(faults)
    return Reading(
        name=root.resolve().name,
        schema=Schema(
            tuple(
                TaskSpec(name=task, kind="single_label", labels=found)
                for task, found in labels.items()
            )
        ),
        annotations=tuple(
            Annotation(
                image=name, labels={task: row[1 + i] or None for i, task in enumerate(TASKS)}
            )
            for name, row in zip(cells.column(IMAGE_COLUMN), cells.rows, strict=True)
        ),
        images=root / IMAGES_FOLDER,
        origin="Prography's 5th-deepfashion",
        notes=tuple(_notes(cells)),
    )


def _refuse_missing(root: Path) -> None:
    faults = [
        Fault(file=str(root / name), found="nothing", expected=f"a {kind}")
        for name, kind in ((LABELS_FILE, "file"), (IMAGES_FOLDER, "folder"))
        if not (root / name).exists()
    ]
    refuse(faults, remedy="Name the folder that holds images and labels.")


def _empty_columns(cells: Cells, labels: dict[str, tuple[str, ...]]) -> Iterator[Fault]:
    for task, found in labels.items():
        if not found:
            yield Fault(
                file=str(cells.file), found=f"no label in column '{task}'", expected="one or more"
            )


def _count_faults(root: Path, labels: dict[str, tuple[str, ...]]) -> Iterator[Fault]:
    """``label_data.txt`` against the labels there are, where that file exists."""
    path = root / COUNTS_FILE
    if not path.is_file():
        return
    lines = text_lines(path)
    if not lines or lines[0] != ",".join(TASKS):
        found = repr(lines[0]) if lines else "nothing"
        yield Fault(file=str(path), line=1, found=found, expected=",".join(TASKS))
    counts = [len(found) for found in labels.values()]
    # The project's script counted the header as a label until it was mended: one too many.
    allowed = (counts, [count + 1 for count in counts])
    if len(lines) != 2 or whole_numbers(lines[1].split(",")) not in allowed:
        found = repr(lines[1]) if len(lines) == 2 else f"{len(lines)} lines"
        expected = f"the numbers of labels, {','.join(map(str, counts))}"
        yield Fault(file=str(path), line=2, found=found, expected=expected)


def _notes(cells: Cells) -> Iterator[str]:
    for task in TASKS:
        unknown = sum(not cell for cell in cells.column(task))
        if unknown:
            yield f"without a '{task}', kept as unknown: {counted(unknown, 'row')}"
    yield "there is no split; the labels' spelling is as it was found: see lapel data check"
