"""What is wrong with a dataset's pictures: files, copies, look-alikes, shapes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl

from lapel.data.checking.duplicates import PAIRS_LIMIT, Signature, Signatures, near_pairs, signature
from lapel.data.checking.findings import Finding, drawing_anew, finding
from lapel.data.dataset import Dataset
from lapel.data.description import DESCRIPTION_FILE
from lapel.data.images import ImageFiles, PackedImages
from lapel.data.measuring import Measured, in_parallel, measure_image
from lapel.data.progress import Track
from lapel.schema.annotation import SPLITS, Label, Tags
from lapel.schema.errors import Fault
from lapel.schema.masks import UNKNOWN_CLASS, ClassMap
from lapel.storage.places import is_remote

#: Longer pictures than this (long side to short side) lose much in any square preprocessing.
LONG_SIDE = 5

#: A picture as it was opened, or what is wrong with it.
Opened = tuple[Measured, Signature] | Fault


def image_findings(
    dataset: Dataset, *, unread: Collection[str] = (), track: Track
) -> Iterator[Finding]:
    """Open every picture, and look at them alone and beside each other.

    Args:
        dataset: whose.
        unread: tasks some of whose labels cannot be read; copies are not compared by them.
        track: is told how far the work is.
    """
    opened = _open_all(dataset, track)
    yield from _file_findings(dataset, opened)
    yield from _same_bytes(dataset, unread)
    yield from _look_alikes(dataset, opened, track)
    yield from _size_findings(dataset)


def _open_all(dataset: Dataset, track: Track) -> list[Opened]:
    source = dataset.images

    def look(name: str) -> Opened:
        if not isinstance(source, ImageFiles | PackedImages):
            raise TypeError(f"cannot check images of {type(source).__name__}")
        found = measure_image(source, name)
        return found if isinstance(found, Fault) else (found[0], signature(found[1]))

    return list(track(in_parallel(look, dataset.names()), len(dataset), "Opening images"))


def _way_back(dataset: Dataset) -> str:
    root = dataset.image_root
    if is_remote(root) or Path(root).exists():
        return "restore them, or import again with --skip-unreadable"
    return (
        f"the folder of all photos, {root}, is not there: bring it back, or write its new place as "
        f"`root` into {dataset.folder / DESCRIPTION_FILE}"
    )


def _file_findings(dataset: Dataset, opened: Sequence[Opened]) -> Iterator[Finding]:
    unreadable = [f"{one.file}: {one.found}" for one in opened if isinstance(one, Fault)]
    yield from finding(
        "unreadable",
        "fault",
        f"images cannot be opened; {_way_back(dataset)}",
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
    yield from finding("changed", "fault", f"images are not the bytes imported; {advice}", changed)
    yield from finding("resized", "fault", f"images are of another size; {advice}", resized)


def _same_bytes(dataset: Dataset, unread: Collection[str]) -> Iterator[Finding]:
    groups = (
        dataset.table.with_row_index("row")
        .group_by("sha256", maintain_order=True)
        .agg("row", "image", "split")
        .filter(pl.col("image").list.len() > 1)
    )
    labels = [dataset.labels(task.name) for task in dataset.schema if task.name not in unread]
    across: list[str] = []
    within: list[str] = []
    contradicting: list[str] = []
    sharing: set[str] = set()
    for row in groups.iter_rows(named=True):
        shown = " = ".join(
            f"{name} ({split})" for name, split in zip(row["image"], row["split"], strict=True)
        )
        splits = set(row["split"])
        if len(splits) > 1:
            across.append(shown)
            sharing |= splits
        else:
            within.append(shown)
        if any(_contradict([column[place] for place in row["row"]]) for column in labels):
            contradicting.append(shown)
    yield from finding(
        "same_across_splits",
        "fault",
        "pictures stand in two splits, bit for bit: what is measured there was learnt by heart; "
        f"remove one of each, or draw the splits anew: {drawing_anew(sharing)} keeps copies "
        "together",
        across,
    )
    yield from finding("same", "warning", "pictures stand twice in one split", within)
    yield from finding(
        "contradiction",
        "warning",
        "pictures stand twice with different labels: mend or remove one of each",
        contradicting,
    )


def _contradict(labels: Sequence[Label]) -> bool:
    """Whether two labels of one picture differ in what both of them know."""
    known = list(dict.fromkeys(label for label in labels if label is not None))
    return any(_differ(one, other) for one, other in combinations(known, 2))


def _differ(one: Label, other: Label) -> bool:
    if isinstance(one, ClassMap) and isinstance(other, ClassMap):
        return _disagree(one, other)
    if isinstance(one, Tags) and isinstance(other, Tags):
        unsure = {*one.unknown, *other.unknown}
        return {*one.yes} - unsure != {*other.yes} - unsure
    return one != other


def _disagree(one: ClassMap, other: ClassMap) -> bool:
    """Whether a pixel has two classes."""
    if one.pixels.shape != other.pixels.shape:
        return True
    known = (one.pixels != UNKNOWN_CLASS) & (other.pixels != UNKNOWN_CLASS)
    return bool((known & (one.pixels != other.pixels)).any())


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
        yield from finding(
            "look_alike",
            "warning",
            f"pairs{more} of {one} and {other} look the same; if they show one item, scores on "
            f"{other} are too good: name the column of items at import (--group-column), and "
            "`lapel data split` keeps them together",
            shown,
        )


def _size_findings(dataset: Dataset) -> Iterator[Finding]:
    sides = pl.max_horizontal("width", "height") / pl.min_horizontal("width", "height")
    long = dataset.table.filter(sides > LONG_SIDE).select("image", "width", "height").rows()
    yield from finding(
        "long",
        "warning",
        f"images are more than {LONG_SIDE} times as long as wide, or wide as long",
        [f"{name} ({width} x {height})" for name, width, height in long],
    )
