"""A dataset as tar shards, which WebDataset reads and training streams: ``lapel data shards``."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

import numpy as np
import polars as pl

from lapel.data.dataset import Dataset
from lapel.data.description import DESCRIPTION_FILE
from lapel.data.exporting import refuse_unknown_splits
from lapel.data.garments import GARMENTS_FILE, GarmentsLabels
from lapel.data.images import PackedImages
from lapel.data.progress import Track, silent
from lapel.data.shard_index import Position, Shard, ShardIndex, table_of_positions
from lapel.data.shard_places import (
    BESIDE,
    end_former,
    refuse_address,
    refuse_place,
    remove_former_shards,
)
from lapel.data.table import write_table
from lapel.imaging.signatures import format_by_signature
from lapel.schema.annotation import SPLITS
from lapel.schema.counting import bytes_of
from lapel.schema.errors import DatasetError, UsageError
from lapel.schema.garments import Garments
from lapel.storage.folders import atomic_folder
from lapel.storage.local import sha256_of
from lapel.storage.places import in_addresses, is_remote, joined, put_file

#: Bytes of a shard: few requests, and little waits for the first picture of one.
SHARD_BYTES = 256 * 10**6

#: Bytes of a tar header, and what members are padded to (POSIX.1-1988, ustar).
BLOCK = 512

#: Endings by which readers of shards know what a picture is.
ENDINGS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharded:
    """What was written.

    Attributes:
        place: the folder or address of the shards, which are a dataset.
        shards: in the order of their numbers.
    """

    place: str
    shards: tuple[Shard, ...]

    @property
    def pictures(self) -> int:
        """How many there are."""
        return sum(shard.pictures for shard in self.shards)

    @property
    def bytes(self) -> int:
        """Of all shards."""
        return sum(shard.bytes for shard in self.shards)


def write_shards(
    dataset: str | Path | Dataset,
    out: str | Path,
    *,
    size: int | str = SHARD_BYTES,
    seed: int = 0,
    replace_former: bool = False,
    track: Track = silent,
) -> Sharded:
    """Write a dataset with its pictures as tar shards; what is written is a dataset itself.

    The pictures of a split are dealt in a drawn order, so that each shard is a fair sample of it:
    learning may then mix the pictures of a few shards at a time. The rows of the table are put into
    the same order. Equal datasets, sizes and seeds give equal bytes.

    Args:
        dataset: a dataset or its place.
        out: a new folder, or an address such as ``s3://bucket/shards``; there each shard is put as
            soon as it is whole, and takes no room on this disk any more.
        size: bytes of a shard at most, as a number or as ``256MB``; a shard holds at least one
            picture, however large.
        seed: of the order.
        replace_former: take the place of a dataset that stands in ``out``, in shards or with its
            pictures elsewhere. At an address the former is gone from the start of the work.
        track: is told how far the work is.

    Raises:
        UsageError: a size that is none, or a place that is, holds or would replace the dataset or
            its pictures.
        DatasetError: the dataset is in shards already, has splits that do not exist, a picture is
            not the one that was imported, or more than a dataset in shards would be replaced.
        StorageError: a picture cannot be read, or ``out`` is not empty or cannot be written.
    """
    given = dataset if isinstance(dataset, Dataset) else Dataset.open(dataset)
    limit = _size(size)
    refuse_unknown_splits(given)
    if given.in_shards:
        raise DatasetError(f"{given.place} is in shards already; shard the dataset it was made of")
    if is_remote(out):
        refuse_address(given, out, replace=replace_former)
        if replace_former:
            end_former(out)
        with TemporaryDirectory(prefix="lapel-shards-") as folder:
            done = _write(given, Path(folder), limit, seed, track, place=out)
            remove_former_shards(out, {shard.name for shard in done.shards})
            _put_the_rest(Path(folder), out)
        return done
    refuse_place(given, Path(out), replace=replace_former)
    with atomic_folder(Path(out), replace=replace_former) as building:
        done = _write(given, building, limit, seed, track)
    return replace(done, place=str(out))


def _size(size: int | str) -> int:
    try:
        return bytes_of(str(size))
    except ValueError as error:
        raise UsageError(f"--size: {error}") from error


def _write(
    dataset: Dataset,
    folder: Path,
    limit: int,
    seed: int,
    track: Track,
    *,
    place: str | Path | None = None,
) -> Sharded:
    """Fill a folder; where a place is given, shards are put there and leave the folder."""
    rows = _dealt(dataset, seed)
    table = dataset.table[rows]
    dealt = dataset.with_rows(table)
    writer = _Writer(folder, limit, lambda path: _hand_over(path, place))
    digests, positions = [], []
    with writer:
        for picture in track(_pictures(dealt), len(dealt), "Writing shards"):
            positions.append(writer.add(picture))
            digests.append(picture.sha256)
    index = ShardIndex(writer.shards, table_of_positions(dealt.names(), positions))
    _write_beside(dataset, folder)
    index.write(folder)
    write_table(folder, table.with_columns(pl.Series("sha256", digests, dtype=pl.String)))
    # Last, so that a folder with a description is a whole dataset.
    replace(dataset.description, root=".").write(folder)
    return Sharded(place=in_addresses(place or folder), shards=index.shards)


def _put_the_rest(folder: Path, place: str | Path) -> None:
    """Put what stands beside the shards; last what makes it a dataset."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in sorted(files, key=lambda path: path.name == DESCRIPTION_FILE):
        put_file(path, joined(place, path.relative_to(folder).as_posix()))


def _hand_over(path: Path, place: str | Path | None) -> None:
    if place is not None:
        put_file(path, joined(place, path.name))
        path.unlink()


def _dealt(dataset: Dataset, seed: int) -> list[int]:
    """Row numbers, split by split, each in a drawn order."""
    splits = np.array(dataset.table["split"].to_list())
    rows: list[int] = []
    for number, split in enumerate(SPLITS):
        own = np.flatnonzero(splits == split)
        rows += np.random.default_rng((seed, number)).permutation(own).tolist()
    return rows


def _write_beside(dataset: Dataset, folder: Path) -> None:
    """Copy what a dataset keeps beside its table: garments, the glossary, label maps."""
    masks = [
        file
        for spec in dataset.schema
        if spec.kind == "segmentation"
        for file in dataset.table[spec.name].drop_nulls()
    ]
    for name in (*BESIDE, *masks):
        if (dataset.folder / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(dataset.folder / name, folder / name)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Picture:
    """A row as it goes into a shard.

    Attributes:
        key: what its files are called before the first dot.
        split: whose shards it goes into.
        sha256: of its bytes, in hexadecimal.
        files: ending to bytes, the picture's first.
    """

    key: str
    split: str
    sha256: str
    files: dict[str, bytes]


def _pictures(dataset: Dataset) -> Iterator[_Picture]:
    packed = isinstance(dataset.images, PackedImages)
    known = _garments(dataset)
    for row, told in enumerate(dataset.table.iter_rows(named=True)):
        data = dataset.read(told["image"])
        digest = hashlib.sha256(data).hexdigest()
        if not packed and digest != told["sha256"]:
            raise DatasetError(
                f"{told['image']} is not the picture that was imported: its SHA-256 begins with "
                f"{digest[:12]}, expected {told['sha256'][:12]}; put it back, or import again"
            )
        files = {ENDINGS.get(format_by_signature(data) or "", "img"): data}
        files["json"] = _json(dataset, told, digest, [column[row] for column in known])
        files |= _maps(dataset, told)
        yield _Picture(key=f"{row:09d}", split=told["split"], sha256=digest, files=files)


def _garments(dataset: Dataset) -> list[Sequence[Any]]:
    """The garments of all rows, where a dataset knows any."""
    if not (dataset.folder / GARMENTS_FILE).is_file():
        return []
    return [GarmentsLabels(dataset.folder, dataset.names(), [True] * len(dataset))]


def _json(dataset: Dataset, told: dict[str, Any], digest: str, garments: Sequence[Any]) -> bytes:
    """What is known of a picture: its row of the table, and its garments."""
    tasks = {spec.name: spec.kind for spec in dataset.schema}
    value = {name: cell for name, cell in told.items() if name not in tasks and cell is not None}
    value["sha256"] = digest
    value["labels"] = {name: told[name] for name, kind in tasks.items() if kind != "segmentation"}
    for found in garments:
        if isinstance(found, Garments) and found.each:
            value["garments"] = [one.to_json() for one in found.each]
    return (json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _maps(dataset: Dataset, told: dict[str, Any]) -> dict[str, bytes]:
    """The label maps of a picture, by ending."""
    return {
        f"{spec.name}.png": (dataset.folder / told[spec.name]).read_bytes()
        for spec in dataset.schema
        if spec.kind == "segmentation" and told[spec.name] is not None
    }


class _Writer:
    """Puts pictures into one shard after another."""

    def __init__(self, folder: Path, limit: int, finished: Callable[[Path], None]) -> None:
        self.shards: list[Shard] = []
        self._folder = folder
        self._limit = limit
        self._finished = finished
        self._tar: tarfile.TarFile | None = None
        self._split = ""
        self._pictures = 0
        self._of_split = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._close()
        elif self._tar is not None:
            self._tar.close()

    def add(self, picture: _Picture) -> Position:
        """Put a picture into the shard that is being written, or into the next.

        Returns:
            Where its bytes lie.
        """
        tar = self._shard_for(picture)
        # The header of a member is one block: names are short, and no owner is told.
        start = tar.offset + BLOCK
        for ending, data in picture.files.items():
            member = tarfile.TarInfo(f"{picture.key}.{ending}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        self._pictures += 1
        size = len(next(iter(picture.files.values())))
        return Position(len(self.shards), start, size)

    def _shard_for(self, picture: _Picture) -> tarfile.TarFile:
        wanted = sum(BLOCK + _padded(len(data)) for data in picture.files.values())
        if self._tar is not None:
            # Two blocks of zeros end a tar, and its whole is padded to twenty.
            full = self._tar.offset + wanted + tarfile.RECORDSIZE > self._limit
            if full or picture.split != self._split:
                self._close()
        if self._tar is None:
            if picture.split != self._split:
                self._split, self._of_split = picture.split, 0
            self._tar = tarfile.TarFile(self._path(), "w", format=tarfile.USTAR_FORMAT)
        return self._tar

    def _path(self) -> Path:
        return self._folder / f"{self._split}-{self._of_split:06d}.tar"

    def _close(self) -> None:
        if self._tar is None:
            return
        self._tar.close()
        path = self._path()
        self.shards.append(
            Shard(
                name=path.name,
                split=self._split,
                pictures=self._pictures,
                bytes=path.stat().st_size,
                sha256=sha256_of(path),
            )
        )
        self._finished(path)
        self._tar, self._pictures = None, 0
        self._of_split += 1


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK
