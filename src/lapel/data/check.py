"""What is wrong with a dataset, found before it costs anybody a training run.

A *fault* makes results wrong or stops a run: files that are missing, torn or other than they
were, labels and splits that do not exist, the very same picture on two sides of a split. A
*warning* is for the eye to judge: pictures that look the same, rare and missing classes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

from lapel.data.dataset import Dataset
from lapel.data.duplicates import PAIRS_LIMIT, Signature, Signatures, near_pairs, signature
from lapel.data.images import ImageFiles, PackedImages
from lapel.data.measuring import Measured, in_parallel, measure_image
from lapel.data.progress import Track, silent
from lapel.schema.annotation import SPLITS
from lapel.schema.counting import counted
from lapel.schema.errors import Fault
from lapel.schema.labels import TaskSpec

EXAMPLES_SHOWN = 5
#: A class with less than this part of the largest one's images is called rare.
RARE = 1 / 50
#: Longer pictures than this (long side to short side) lose much in any square preprocessing.
LONG_SIDE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One kind of thing that was found.

    Attributes:
        kind: its name, for programs.
        severity: ``fault`` or ``warning``; see above.
        message: what was found and what to do, in a sentence.
        count: how often.
        examples: the first or worst few.
    """

    kind: str
    severity: Literal["fault", "warning"]
    message: str
    count: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """Everything that was found in a dataset.

    Attributes:
        dataset: its name.
        images: how many were looked at.
        splits: how many in each split.
        findings: faults first.
    """

    dataset: str
    images: int
    splits: dict[str, int]
    findings: tuple[Finding, ...]

    @property
    def faults(self) -> int:
        """How many faults there are, all kinds together."""
        return sum(finding.count for finding in self.findings if finding.severity == "fault")

    def to_json(self) -> dict[str, Any]:
        """The report as plain values."""
        return {"faults": self.faults, **asdict(self)}


def check_dataset(folder: str | Path, *, track: Track = silent) -> CheckReport:
    """Open every picture of a dataset, and look at its table.

    Raises:
        DatasetError: the folder is no dataset, or its table cannot be read.
    """
    dataset = Dataset.open(folder)
    opened = _open_all(dataset, track)
    findings = [
        *_file_findings(dataset, opened),
        *_label_findings(dataset),
        *_split_findings(dataset),
        *_same_bytes(dataset),
        *_look_alikes(dataset, opened, track),
        *_class_findings(dataset),
        *_size_findings(dataset),
    ]
    return CheckReport(
        dataset=dataset.name,
        images=len(dataset),
        splits=dataset.splits(),
        findings=tuple(sorted(findings, key=lambda finding: finding.severity != "fault")),
    )


Opened = tuple[Measured, Signature] | Fault


def _open_all(dataset: Dataset, track: Track) -> list[Opened]:
    source = dataset.images

    def look(name: str) -> Opened:
        if not isinstance(source, ImageFiles | PackedImages):
            raise TypeError(f"cannot check images of {type(source).__name__}")
        found = measure_image(source, name)
        return found if isinstance(found, Fault) else (found[0], signature(found[1]))

    return list(track(in_parallel(look, dataset.names()), len(dataset), "Opening images"))


def _file_findings(dataset: Dataset, opened: Sequence[Opened]) -> Iterator[Finding]:
    unreadable = [f"{one.file}: {one.found}" for one in opened if isinstance(one, Fault)]
    yield from _finding(
        "unreadable",
        "fault",
        "images cannot be opened; restore them, or import again with --skip-unreadable",
        unreadable,
    )
    changed, resized = [], []
    columns = dataset.table.select("image", "width", "height", "sha256").iter_rows()
    for (name, width, height, sha256), one in zip(columns, opened, strict=True):
        if isinstance(one, Fault):
            continue
        now, _ = one
        if now.sha256 != sha256:
            changed.append(f"{name}: SHA-256 {now.sha256[:12]}..., was {sha256[:12]}...")
        if (now.width, now.height) != (width, height):
            resized.append(f"{name}: {now.width} x {now.height}, was {width} x {height}")
    advice = "restore them, or import again if they were changed on purpose"
    yield from _finding("changed", "fault", f"images are not the bytes imported; {advice}", changed)
    yield from _finding("resized", "fault", f"images are of another size; {advice}", resized)


def _label_findings(dataset: Dataset) -> Iterator[Finding]:
    for task in dataset.schema:
        labels = Counter(dataset.labels(task.name))
        unknown = labels.pop(None, 0)
        strange = {label: count for label, count in labels.items() if label not in task.labels}
        yield from _finding(
            "unknown_label",
            "fault",
            f"labels of '{task.name}' are not in the schema; mend the table or import again",
            [f"{label!r} on {counted(count, 'image')}" for label, count in sorted(strange.items())],
        )
        if unknown:
            message = f"images have no '{task.name}'; they take part in no learning or score of it"
            yield Finding(kind="unlabelled", severity="warning", message=message, count=unknown)


def _split_findings(dataset: Dataset) -> Iterator[Finding]:
    strange = Counter(split for split in dataset.table["split"] if split not in SPLITS)
    yield from _finding(
        "unknown_split",
        "fault",
        f"splits are none of {', '.join(SPLITS)}; make them anew with `lapel data split`",
        [f"{split!r} on {counted(count, 'image')}" for split, count in strange.items()],
    )
    missing = [split for split in ("train", "validation") if split not in dataset.splits()]
    yield from _finding(
        "missing_split",
        "warning",
        "splits that training needs are missing; make them with `lapel data split`",
        missing,
    )


def _same_bytes(dataset: Dataset) -> Iterator[Finding]:
    tasks = [task.name for task in dataset.schema]
    groups = (
        dataset.table.group_by("sha256", maintain_order=True)
        .agg("image", "split", *tasks)
        .filter(pl.col("image").list.len() > 1)
    )
    across: list[str] = []
    within: list[str] = []
    contradicting: list[str] = []
    for row in groups.iter_rows(named=True):
        shown = " = ".join(
            f"{name} ({split})" for name, split in zip(row["image"], row["split"], strict=True)
        )
        (across if len(set(row["split"])) > 1 else within).append(shown)
        if any(len(set(row[task]) - {None}) > 1 for task in tasks):
            contradicting.append(shown)
    yield from _finding(
        "same_across_splits",
        "fault",
        "pictures stand in two splits, bit for bit: what is measured there was learnt by heart; "
        "remove one of each, or draw the splits anew",
        across,
    )
    yield from _finding("same", "warning", "pictures stand twice in one split", within)
    yield from _finding(
        "contradiction", "warning", "pictures stand twice with different labels", contradicting
    )


def _look_alikes(dataset: Dataset, opened: Sequence[Opened], track: Track) -> Iterator[Finding]:
    rows = np.array([row for row, one in enumerate(opened) if not isinstance(one, Fault)], np.int64)
    signatures = Signatures.of([one[1] for one in opened if not isinstance(one, Fault)])
    table = dataset.table
    splits = np.array(table["split"].to_list())[rows]
    for one, other in combinations([split for split in SPLITS if split in splits], 2):
        first, second = np.flatnonzero(splits == other), np.flatnonzero(splits == one)
        pairs = near_pairs(signatures.rows(first), signatures.rows(second), track=track)
        found = [(rows[first[a]], rows[second[b]]) for a, b, _ in pairs]
        shown = [
            f"{table['image'][int(a)]} ({other}) ~ {table['image'][int(b)]} ({one})"
            for a, b in found
            if table["sha256"][int(a)] != table["sha256"][int(b)]
        ]
        more = " or more" if len(pairs) >= PAIRS_LIMIT else ""
        yield from _finding(
            "look_alike",
            "warning",
            f"pairs{more} of {one} and {other} look the same; if they show one item, scores on "
            f"{other} are too good: group them with --by",
            shown,
        )


def _class_findings(dataset: Dataset) -> Iterator[Finding]:
    for task in dataset.schema:
        yield from _missing_classes(dataset, task)
        counts = Counter(label for label in dataset.labels(task.name) if label is not None)
        largest = max(counts.values(), default=0)
        rare = [label for label in task.labels if 0 < counts[label] < largest * RARE]
        yield from _finding(
            "rare_class",
            "warning",
            f"classes of '{task.name}' have less than a fiftieth of the largest one's {largest:,}",
            [f"{label} ({counts[label]:,})" for label in rare],
        )


def _missing_classes(dataset: Dataset, task: TaskSpec) -> Iterator[Finding]:
    for split in dataset.splits():
        there = set(dataset.split(split).labels(task.name))
        if there == {None}:
            continue
        yield from _finding(
            "missing_class",
            "warning",
            f"classes of '{task.name}' are missing in {split}",
            [label for label in task.labels if label not in there],
        )


def _size_findings(dataset: Dataset) -> Iterator[Finding]:
    sides = pl.max_horizontal("width", "height") / pl.min_horizontal("width", "height")
    long = dataset.table.filter(sides > LONG_SIDE).select("image", "width", "height").rows()
    yield from _finding(
        "long",
        "warning",
        f"images are more than {LONG_SIDE} times as long as wide, or wide as long",
        [f"{name} ({width} x {height})" for name, width, height in long],
    )


def _finding(
    kind: str, severity: Literal["fault", "warning"], message: str, found: Sequence[str]
) -> Iterator[Finding]:
    """One finding if anything was found."""
    if found:
        yield Finding(
            kind=kind,
            severity=severity,
            message=message,
            count=len(found),
            examples=tuple(found[:EXAMPLES_SHOWN]),
        )
