"""``garments.jsonl``: boxes, points and outlines that a layout knows, kept beside the table.

They are read, checked and kept, so that nothing of a layout is lost: it can be written again as it
was. A task of kind ``garments`` finds its labels here; its column in the table says how many there
are. A line an image that has any:

    {"image": "img/00000.jpg", "garments": [{"part": "", "box": [62, 62, 103, 238],
     "points": [[76, 82], null], "outlines": []}]}

Coordinates are pixels of the upright picture from its upper left corner, as the layout counts
them (DeepFashion's begin at 1); a box is left, top, width, height; a point that is not in the
picture is null. What a layout knows beyond follows where there is any: ``hidden`` (numbers of the
points, from 0, that something hides), ``mask`` (run lengths), ``attributes`` (those that hold) and
``facts`` (the layout's own names and values).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import overload

from lapel.schema.annotation import Label
from lapel.schema.errors import DatasetError, Fault
from lapel.schema.garments import Garment, Garments
from lapel.storage.local import atomic_path

GARMENTS_FILE = "garments.jsonl"

_DECODER = json.JSONDecoder()


def outside_faults(
    garments: Mapping[str, Sequence[Garment]], sizes: Iterable[tuple[str, int, int]]
) -> Iterator[Fault]:
    """What lies outside its picture.

    Args:
        garments: image name to what is in it.
        sizes: image name, width and height of the upright picture, in pixels.
    """
    for image, width, height in sizes:
        for garment in garments.get(image, ()):
            found = garment.outside(width, height)
            if found:
                expected = f"it inside the picture of {width} × {height} pixels"  # noqa: RUF001 - the sign for sizes
                yield Fault(file=image, found=found, expected=expected)


def write_garments(folder: Path, garments: Mapping[str, Sequence[Garment]]) -> dict[str, int]:
    """Write ``garments.jsonl``, whole or not at all.

    Returns:
        Image to how many garments were written of it.

    Raises:
        StorageError: it could not be written.
    """
    counts = {}
    with (
        atomic_path(folder / GARMENTS_FILE) as partial,
        partial.open("w", encoding="utf-8", newline="\n") as file,
    ):
        for image, found in garments.items():
            value = {"image": image, "garments": [one.to_json() for one in found]}
            file.write(json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n")
            counts[image] = len(found)
    return counts


def iterate_garments(folder: Path) -> Iterator[tuple[str, tuple[Garment, ...]]]:
    """What a dataset keeps of places in its pictures, image by image; nothing where it keeps none.

    Raises:
        DatasetError: the file is torn or was changed into something else.
    """
    path = folder / GARMENTS_FILE
    if not path.is_file():
        return
    number = 0
    try:
        # Lines end in LF alone: names may hold the rarer marks that others part lines at.
        with path.open(encoding="utf-8", newline="\n") as file:
            for line in file:
                number += 1
                if line.strip("\n"):
                    row = json.loads(line)
                    found = tuple(Garment.from_json(one) for one in row["garments"])
                    yield row["image"], found
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DatasetError(
            f"{path}, line {max(number, 1)}, could not be read "
            f"({type(error).__name__}: {error}); import the dataset again"
        ) from error


def read_garments(folder: Path) -> dict[str, tuple[Garment, ...]]:
    """What a dataset keeps of places in its pictures; empty where it keeps none.

    Raises:
        DatasetError: the file is torn or was changed into something else.
    """
    return dict(iterate_garments(folder))


class GarmentsLabels(Sequence[Label]):
    """The garments of rows of a dataset, each read when it is asked for.

    The file is gone through once, for where each image's line begins.
    """

    def __init__(self, folder: Path, images: Sequence[str], known: Sequence[bool]) -> None:
        """Of some rows.

        Args:
            folder: of the dataset.
            images: of each row.
            known: whether the garments of each are known; where they are and it has no line, there
                are none.
        """
        self._path = folder / GARMENTS_FILE
        self._images = images
        self._known = known
        self._places: dict[str, int] | None = None

    def __len__(self) -> int:
        return len(self._images)

    @overload
    def __getitem__(self, row: int) -> Label: ...

    @overload
    def __getitem__(self, row: slice) -> GarmentsLabels: ...

    def __getitem__(self, row: int | slice) -> Label | GarmentsLabels:
        if isinstance(row, slice):
            part = GarmentsLabels(self._path.parent, self._images[row], self._known[row])
            part._places = self._places
            return part
        return self._read(self._images[row]) if self._known[row] else None

    def __iter__(self) -> Iterator[Label]:
        return (self[row] for row in range(len(self)))

    def _read(self, image: str) -> Garments:
        if self._places is None:
            self._places = _places(self._path)
        if image not in self._places:
            return Garments()
        try:
            with self._path.open("rb") as file:
                file.seek(self._places[image])
                row = json.loads(file.readline())
            return Garments(tuple(Garment.from_json(one) for one in row["garments"]))
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise DatasetError(
                f"{self._path}: the garments of {image} could not be read "
                f"({type(error).__name__}: {error}); import the dataset again"
            ) from error


def _places(path: Path) -> dict[str, int]:
    """Image name to the byte at which its line begins; nothing where there is no file."""
    places: dict[str, int] = {}
    if not path.is_file():
        return places
    try:
        with path.open("rb") as file:
            start = 0
            for line in file:
                if line.strip():
                    # The name comes first: the rest of a line need not be understood for it.
                    name, _ = _DECODER.raw_decode(line.decode(), len('{"image": '))
                    places[name] = start
                start += len(line)
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{path} could not be read ({type(error).__name__}: {error}); import the dataset again"
        ) from error
    return places
