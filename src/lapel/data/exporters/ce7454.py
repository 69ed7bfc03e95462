"""Datasets written as the attribute challenge of CE7454 and AI6126; see its reader."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from lapel.data.dataset import Dataset
from lapel.data.exporting import Exported, chosen_tasks, copy_images, in_order, places_in
from lapel.data.garments import read_garments
from lapel.data.progress import Track, silent
from lapel.data.readers.ce7454 import ATTRIBUTES_FILE, GROUPS, LANDMARKS, PARTS
from lapel.schema.annotation import held
from lapel.schema.garments import Garment, Point
from lapel.schema.labels import TaskSpec
from lapel.storage.folders import atomic_folder

#: Width of the column of names in the layout's list of attributes.
NAME_WIDTH = 21


def export_ce7454(
    dataset: Dataset, out: Path, *, task: Sequence[str] | None = None, track: Track = silent
) -> Exported:
    """``img`` and ``split``, byte for byte as the challenge has them.

    Images to train on and to validate must know all six answers; others are left out. Boxes and
    landmarks come from ``garments.jsonl``; an image without gets a box around the whole picture
    and no landmark.

    Args:
        dataset: what to write.
        out: the folder to make, new or empty.
        task: six tasks of kind ``single_label``, in the order of the groups; by default those
            named like the challenge's, else all there are.
        track: is told how far the work is.

    Raises:
        UsageError: another number of tasks.
        StorageError: ``out`` is not empty or cannot be written, or an image cannot be read.
    """
    names = [spec.name for spec in dataset.schema]
    if task is None and set(GROUPS) <= set(names):
        task = GROUPS
    tasks = chosen_tasks(dataset, task, kind="single_label", count=len(GROUPS), layout="ce7454")
    rows = _rows(dataset, tasks)
    kept = [name for name in in_order(dataset) if name in rows]
    places = places_in(dataset, kept, "img")
    garments = read_garments(dataset.folder)
    with atomic_folder(out) as building:
        copy_images(dataset, building, places, track)
        split = building / "split"
        split.mkdir()
        _write(split / ATTRIBUTES_FILE, attribute_lines([dataset.schema[name] for name in tasks]))
        for part, ours in PARTS.items():
            there = [name for name in kept if rows[name][0] == ours]
            if there:
                _write(split / f"{part}.txt", (places[name] for name in there))
                _write_labels(split / f"{part}_attr.txt", [rows[name][1] for name in there])
                _write_places(split, part, dataset, there, garments)
    bare = sum(name not in garments for name in kept)
    notes = (f"without a box, which is now the whole picture: {bare:,} images",) if bare else ()
    return Exported(path=out, images=len(kept), left_out=len(dataset) - len(kept), notes=notes)


def attribute_lines(tasks: Sequence[TaskSpec]) -> list[str]:
    """The list of attributes: their number, with the blank that the layout has after it, a
    header, then name and number of the group.
    """
    rows = [
        f"{label} ".ljust(NAME_WIDTH) + str(number)
        for number, task in enumerate(tasks, start=1)
        for label in task.labels
    ]
    return [f"{len(rows)} ", "attribute_name   attribute_type", *rows]


def _rows(dataset: Dataset, tasks: Sequence[str]) -> dict[str, tuple[str, list[int] | None]]:
    """Image name to its split and class indices; None for what is to be tested."""
    columns = [dataset.labels(name) for name in tasks]
    specs = [dataset.schema[name] for name in tasks]
    rows: dict[str, tuple[str, list[int] | None]] = {}
    for row, (name, split) in enumerate(zip(dataset.names(), dataset.table["split"], strict=True)):
        words = [held(column[row]) for column in columns]
        if all(words):
            numbers = [spec.index(word[0]) for spec, word in zip(specs, words, strict=True)]
            rows[name] = (split, numbers)
        elif split == "test":
            rows[name] = (split, None)
    return rows


def _write_labels(path: Path, rows: Sequence[list[int] | None]) -> None:
    """Class indices; no file where those of a test are not known, all of them."""
    known = [row for row in rows if row is not None]
    if len(known) == len(rows):
        _write(path, (" ".join(map(str, row)) for row in known))


def _write_places(
    split: Path,
    part: str,
    dataset: Dataset,
    names: Sequence[str],
    garments: dict[str, tuple[Garment, ...]],
) -> None:
    columns = (dataset.table[column] for column in ("image", "width", "height"))
    sizes = {image: (width, height) for image, width, height in zip(*columns, strict=True)}
    first = [garments.get(name, (Garment(),))[0] for name in names]
    boxes = (_box_line(one, *sizes[name]) for one, name in zip(first, names, strict=True))
    _write(split / f"{part}_bbox.txt", boxes)
    _write(split / f"{part}_landmards.txt", map(_points_line, first))


def _box_line(garment: Garment, width: int, height: int) -> str:
    """Left, top, right, bottom, three digits each."""
    left, top, across, down = garment.box or (1, 1, width - 1, height - 1)
    return " ".join(f"{round(side):03d}" for side in (left, top, left + across, top + down))


def _points_line(garment: Garment) -> str:
    """Eight points; one that is not there is ``0 0``. More than eight are another layout's."""
    points = garment.points if len(garment.points) <= LANDMARKS else ()
    missing: tuple[Point | None, ...] = (None,) * (LANDMARKS - len(points))
    return " ".join(
        "0 0" if point is None else f"{round(point[0]):03d} {round(point[1]):03d}"
        for point in (*points, *missing)
    )


def _write(path: Path, lines: Iterable[str]) -> None:
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())
