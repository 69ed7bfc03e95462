"""What is wrong with the label maps of a dataset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lapel.data.checking.findings import Finding, finding
from lapel.data.dataset import Dataset
from lapel.data.masks import mask_faults, read_mask
from lapel.data.measuring import in_parallel
from lapel.data.progress import Track
from lapel.schema.errors import DatasetError
from lapel.schema.labels import TaskSpec
from lapel.schema.masks import UNKNOWN_CLASS

#: An image, the file of its label map, and the picture's width and height.
_Row = tuple[str, str, int, int]


@dataclass(slots=True)
class MaskReport:
    """What a look at all label maps found.

    Attributes:
        findings: what is wrong.
        unread: names of tasks some of whose maps cannot be read.
    """

    findings: list[Finding] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def check_masks(dataset: Dataset, *, track: Track) -> MaskReport:
    """Open every label map: is it whole, of its picture's size, with values of its task?"""
    report = MaskReport()
    for task in dataset.schema:
        if task.kind == "segmentation":
            _check_task(dataset, task, report, track)
    return report


@dataclass(slots=True)
class _Found:
    """What is wrong with one map, each as a line; empty if nothing is."""

    unreadable: str = ""
    wrong: list[str] = field(default_factory=list)
    unknown: str = ""


def _check_task(dataset: Dataset, task: TaskSpec, report: MaskReport, track: Track) -> None:
    table = dataset.table.select("image", task.name, "width", "height")
    rows: list[_Row] = table.drop_nulls(task.name).rows()
    looks = in_parallel(lambda row: _look(dataset, task, row), rows)
    found = list(track(looks, len(rows), f"Opening maps of {task.name}"))
    unreadable = [one.unreadable for one in found if one.unreadable]
    if unreadable:
        report.unread.append(task.name)
    report.findings += _findings(task, found, unreadable)


def _findings(task: TaskSpec, found: list[_Found], unreadable: list[str]) -> Iterator[Finding]:
    yield from finding(
        "mask_unreadable",
        "fault",
        f"label maps of '{task.name}' cannot be read; import the dataset again",
        unreadable,
    )
    yield from finding(
        "mask_wrong",
        "fault",
        f"label maps of '{task.name}' do not fit their picture or their classes; import the "
        "dataset again",
        [line for one in found for line in one.wrong],
    )
    yield from finding(
        "mask_unknown",
        "warning",
        f"label maps of '{task.name}' say nothing: the class of every pixel is unknown",
        [one.unknown for one in found if one.unknown],
    )


def _look(dataset: Dataset, task: TaskSpec, row: _Row) -> _Found:
    image, file, width, height = row
    try:
        mask = read_mask(dataset.folder / file, task)
    except DatasetError as error:
        return _Found(unreadable=str(error))
    wrong = [str(fault) for fault in mask_faults(image, mask, task, width=width, height=height)]
    unknown = bool((mask.pixels == UNKNOWN_CLASS).all())
    return _Found(wrong=wrong, unknown=image if unknown else "")
