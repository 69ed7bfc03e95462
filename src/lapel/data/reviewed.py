"""What people answered, taken into the dataset: ``review.sqlite`` becomes labels.

Who said what, and when, and what the label was before, stands in ``review.jsonl``, a line for each
answer that was taken in:

    {"image": "a.jpg", "task": "category", "value": "dress", "former": "shirt", "tied": [],
     "opinions": [{"annotator": "mina", "answered_at": "2026-05-04T08:12:33.120934+00:00",
     "verdict": "mended", "value": "dress"}]}

Values are those of :mod:`lapel.review.values`. The table as it was is kept beside, as
``former_annotations.parquet`` (then ``former_annotations-2.parquet``, and so on), garments as
``former_garments.jsonl``, and no label map is written over.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from lapel.data.columns import column_of
from lapel.data.copying import copy_beside, root_from
from lapel.data.dataset import Dataset
from lapel.data.description import cleaned_benchmark
from lapel.data.garments import GARMENTS_FILE, read_garments, write_garments
from lapel.data.masks import mask_bytes, mask_file
from lapel.data.table import TABLE_FILE, write_table
from lapel.review.records import Given, Opinion
from lapel.review.resolve import WAYS, Resolved, resolve
from lapel.review.store import ReviewStore
from lapel.review.tables import REVIEW_FILE
from lapel.review.values import label_of, value_of
from lapel.schema.annotation import Label
from lapel.schema.errors import DatasetError, Fault, FormatError, SchemaError, UsageError
from lapel.schema.garments import Garments
from lapel.schema.labels import TaskSpec
from lapel.schema.masks import ClassMap
from lapel.storage.folders import atomic_folder
from lapel.storage.local import write_atomically

#: Who said what, and what it was before.
PROVENANCE_FILE = "review.jsonl"

FORMER_TABLE, FORMER_GARMENTS = "former_annotations", "former_garments"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One question, and what people said.

    Attributes:
        row: of the dataset's table.
        image: its name.
        task: its name.
        said: each person's opinion and answer, in the order in which they gave them.
        resolved: what follows from them.
        label: the same as the dataset has it; None where it stays open.
    """

    row: int
    image: str
    task: str
    said: tuple[tuple[Opinion, Given], ...]
    resolved: Resolved
    label: Label


@dataclass(slots=True)
class Merged:
    """What was taken in.

    Attributes:
        dataset: as it is now.
        images: photos with an answer that was taken in.
        answers: questions answered, over all photos and tasks.
        changed: labels that are others than before.
        open: image and task of questions on which people do not agree, and what they do not agree
            on: names of tags or landmarks, nothing where it is the answer as a whole.
        people: annotator to how many questions they answered.
        gone: photos that were answered and are not in the dataset.
    """

    dataset: Dataset
    images: int
    answers: int
    changed: int
    open: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)
    people: dict[str, int] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)


def import_review(
    folder: str | Path,
    *,
    answers: str | Path | None = None,
    out: str | Path | None = None,
    several: str = "majority",
    only_labelled: bool = False,
) -> Merged:
    """Take people's answers into a dataset. The same answers taken in twice change nothing.

    Args:
        folder: the dataset.
        answers: where they lie; None: ``review.sqlite`` in the dataset's folder.
        out: a new folder for the dataset as it is then, images stay where they are; None: the
            dataset itself is changed.
        several: where several people answered, what more than half say (``majority``), or what
            was said last (``last``). Where there is no majority the label stays as it was; of tags
            and landmarks each counts for itself, and one without a majority is unknown.
        only_labelled: leave photos out of ``out`` of which no label is known.

    Raises:
        UsageError: no such way, or photos to be left out of the dataset itself.
        DatasetError: the folder is no dataset, the file no review, or nothing was answered.
        FormatError: answers that do not fit the dataset; all of them together.
        StorageError: something cannot be read or written; what stood there before still does.
    """
    if several not in WAYS:
        raise UsageError(f"several answers become one by {' or '.join(WAYS)}, found {several!r}")
    if only_labelled and out is None:
        raise UsageError(
            "photos without a label are left out of a new dataset alone, so that none is lost: "
            "name a folder for it with --out"
        )
    dataset = Dataset.open(folder)
    path = Path(answers) if answers is not None else dataset.own_folder() / REVIEW_FILE
    with ReviewStore(path, create=False) as store:
        found, gone = _answered(dataset, list(store.opinions()), several)
    if not found:
        raise DatasetError(f"{path} holds no answer about a photo of '{dataset.name}' yet")
    if out is None:
        changed = _write(dataset, dataset.own_folder(), found, only_labelled=False)
    else:
        with atomic_folder(Path(out)) as building:
            copy_beside(dataset, building)
            replace(dataset.description, root=root_from(dataset, Path(out))).write(building)
            changed = _write(dataset, building, found, only_labelled=only_labelled)
    return Merged(
        dataset=Dataset.open(folder if out is None else out),
        images=len({one.image for one in found}),
        answers=len(found),
        changed=changed,
        open=[(one.image, one.task, one.resolved.tied) for one in found if one.resolved.tied],
        people=dict(Counter(opinion.annotator for one in found for opinion, _ in one.said)),
        gone=gone,
    )


def _answered(
    dataset: Dataset, opinions: Sequence[Opinion], several: str
) -> tuple[list[Answered], list[str]]:
    """The questions that were answered, row by row; and photos that the dataset does not have."""
    rows = {name: row for row, name in enumerate(dataset.names())}
    sizes = dataset.table.select("width", "height").rows()
    found, faults = [], []
    gone: dict[str, None] = {}
    for (image, task), said in _by_question(opinions).items():
        if image not in rows:
            gone[image] = None
            continue
        row = rows[image]
        try:
            spec = dataset.schema[task]
            resolved = resolve(spec, [given.value for _, given in said], several)
            label = label_of(spec, resolved.value, sizes[row])
        except SchemaError as error:
            faults.append(Fault(file=image, found=str(error)))
            continue
        found.append(
            Answered(
                row=row, image=image, task=task, said=tuple(said), resolved=resolved, label=label
            )
        )
    if faults:
        remedy = "The labels or photos were changed since people answered: put them back first."
        raise FormatError(faults, remedy=remedy)
    return sorted(found, key=lambda one: one.row), list(gone)


def _by_question(
    opinions: Sequence[Opinion],
) -> dict[tuple[str, str], list[tuple[Opinion, Given]]]:
    """Image and task to what was said in the latest round in which anybody answered it."""
    found: dict[tuple[str, str], list[tuple[Opinion, Given]]] = {}
    latest: dict[tuple[str, str], int] = {}
    for opinion in opinions:
        for task, given in opinion.answers.items():
            question = (opinion.image, task)
            if given.value is None or opinion.round < latest.get(question, 0):
                continue
            if opinion.round > latest.get(question, 0):
                latest[question] = opinion.round
                found[question] = []
            found[question].append((opinion, given))
    return found


def _write(
    dataset: Dataset, folder: Path, found: Sequence[Answered], *, only_labelled: bool
) -> int:
    """Write the new labels, and what is known of them; how many are others than before.

    In an order in which a second try after a crash ends in the same: what was said, labels beside
    the table, the table.
    """
    by_task = {spec: [one for one in found if one.task == spec.name] for spec in dataset.schema}
    former = {spec.name: dataset.labels(spec.name) for spec, mine in by_task.items() if mine}
    _add_lines(folder / PROVENANCE_FILE, [_line(one, former[one.task][one.row]) for one in found])
    news = {
        spec: [one for one in mine if _is_news(dataset, one, former[one.task][one.row])]
        for spec, mine in by_task.items()
    }
    changed = sum(map(len, news.values()))
    columns = [_column(dataset, folder, spec, new) for spec, new in news.items() if new]
    if changed:
        _keep(dataset.folder / TABLE_FILE, folder, FORMER_TABLE)
        _say_changed(dataset, folder)
    table = dataset.table.with_columns(columns)
    if only_labelled:
        names = [spec.name for spec in dataset.schema]
        table = table.filter(pl.any_horizontal(pl.col(names).is_not_null()))
    if changed or folder != dataset.folder:
        write_table(folder, table)
    return changed


def _is_news(dataset: Dataset, one: Answered, former: Label) -> bool:
    """Whether an answer changes the label; a tie on the whole of it leaves it as it was."""
    if isinstance(one.label, Garments):
        # The table counts garments and is written after them: it may lack what they have.
        counted = dataset.table[one.task][one.row]
        if counted != len(one.label.each):
            return True
    return one.label is not None and value_of(one.label) != value_of(former)


def _column(dataset: Dataset, folder: Path, spec: TaskSpec, new: Sequence[Answered]) -> pl.Series:
    """The column of a task with some labels new; what is kept beside the table is written."""
    cells: list[Any]
    if spec.kind == "segmentation":
        cells = dataset.table[spec.name].to_list()
        for one in new:
            if isinstance(one.label, ClassMap):
                cells[one.row] = _write_map(folder, spec.name, one.image, one.label)
    elif spec.kind == "garments":
        cells = dataset.table[spec.name].to_list()
        _write_garments(dataset, folder, new)
        for one in new:
            if isinstance(one.label, Garments):
                cells[one.row] = len(one.label.each)
    else:
        cells = list(dataset.labels(spec.name))
        for one in new:
            cells[one.row] = one.label
    return column_of(spec).series(spec.name, cells, spec.labels)


def _write_map(folder: Path, task: str, image: str, label: ClassMap) -> str:
    """Write a label map under a name that no other map has; its name."""
    data, first = mask_bytes(label), mask_file(task, image)
    for number in range(1, 10_000):
        name = first if number == 1 else f"{first.removesuffix('.png')}.reviewed-{number}.png"
        path = folder / name
        if path.is_file() and path.read_bytes() != data:
            continue
        write_atomically(path, data)
        return name
    raise DatasetError(f"{folder / first} has 10,000 versions; import the dataset anew")


def _write_garments(dataset: Dataset, folder: Path, new: Sequence[Answered]) -> None:
    if not new:
        return
    garments = read_garments(dataset.folder)
    if (dataset.folder / GARMENTS_FILE).is_file():
        _keep(dataset.folder / GARMENTS_FILE, folder, FORMER_GARMENTS)
    for one in new:
        if isinstance(one.label, Garments):
            garments[one.image] = one.label.each
    write_garments(folder, garments)


def _keep(path: Path, folder: Path, name: str) -> None:
    """Copy a file under a name that none has yet, unless a copy of the same bytes is there."""
    data = path.read_bytes()
    for number in range(1, 10_000):
        ending = f"-{number}" if number > 1 else ""
        copy = folder / f"{name}{ending}{path.suffix}"
        if not copy.exists():
            write_atomically(copy, data)
            return
        if copy.read_bytes() == data:
            return


def _say_changed(dataset: Dataset, folder: Path) -> None:
    """Labels that people changed are no benchmark's own any more."""
    description = dataset.description
    if description.benchmark:
        root = description.root if folder == dataset.folder else root_from(dataset, folder)
        benchmark = cleaned_benchmark(description.benchmark)
        replace(description, root=root, benchmark=benchmark).write(folder)


def _line(one: Answered, former: Label) -> dict[str, Any]:
    return {
        "image": one.image,
        "task": one.task,
        "value": one.resolved.value,
        "former": None if isinstance(former, ClassMap) else value_of(former),
        "tied": list(one.resolved.tied),
        "opinions": [
            {
                "annotator": opinion.annotator,
                "answered_at": opinion.answered_at,
                "verdict": given.verdict,
                "value": given.value,
            }
            for opinion, given in one.said
        ],
    }


def _add_lines(path: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    """Add what is not there yet; nothing that is there is changed."""
    text = path.read_text("utf-8") if path.is_file() else ""
    there = {_key(value) for value in _read_lines(path, text)}
    new = [line for line in lines if _key(line) not in there]
    if new:
        added = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in new)
        write_atomically(path, (text + added).encode())


def _read_lines(path: Path, text: str) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line:
            try:
                yield json.loads(line)
            except ValueError as error:
                raise DatasetError(
                    f"{path}, line {number}, is torn ({error}); mend or remove the line"
                ) from error


def _key(line: Mapping[str, Any]) -> str:
    """What makes two lines the same: the question, and who said what when."""
    return json.dumps([line[name] for name in ("image", "task", "opinions")], sort_keys=True)
