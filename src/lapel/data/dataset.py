"""A dataset on disk: ``dataset.json`` and ``annotations.parquet``, a row an image.

Images stay where they are; pictures without files of their own (IDX) are kept beside the
table as one packed array, ``images.npy``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lapel.data.columns import column_of
from lapel.data.description import Description
from lapel.data.garments import (
    GARMENTS_FILE,
    GarmentsLabels,
)
from lapel.data.image_places import is_beside_pictures, open_images
from lapel.data.images import ImageFiles, Images, PackedImages
from lapel.data.label_words import KEPT_BESIDE, LabelWords
from lapel.data.masks import MaskLabels
from lapel.data.shard_store import ShardStore
from lapel.data.table import TABLE_FILE, read_table
from lapel.imaging.preprocess import Prepared, Preprocess
from lapel.schema.annotation import SPLIT_NAMES, SPLITS, Label
from lapel.schema.errors import DatasetError, UsageError
from lapel.schema.geometry import Box
from lapel.schema.image_numbers import image_numbers
from lapel.schema.labels import Schema
from lapel.storage.local import sha256_of
from lapel.storage.places import fetched, in_addresses, is_remote, joined

#: Rows whose text is digested at a time.
ROWS_DIGESTED = 4096

#: How a split that is not there is made.
_WAYS = {
    "train": "; make splits: lapel data split {folder} --validation 0.1 --redraw",
    "validation": "; make one: lapel data split {folder} --validation 0.1",
    "test": "; make one, and train again: lapel data split {folder} --test 0.1",
}


class Dataset:
    """Rows of a dataset folder: all of them as opened, or those of one split.

    Attributes:
        folder: where it is.
        description: what is true of it as a whole.
        table: a row an image: ``image``, ``split``, ``width``, ``height`` (pixels, upright),
            ``sha256``, perhaps ``group``, then a column a task.
        images: where its pictures come from.
        place: what opens it again, here or on another machine: its whole path, or its address.
    """

    def __init__(
        self,
        *,
        folder: Path,
        description: Description,
        table: pl.DataFrame,
        images: Images,
        words: LabelWords | None = None,
        whole: pl.DataFrame | None = None,
        place: str | None = None,
    ) -> None:
        self.folder = folder
        self.place = str(folder.resolve()) if place is None else place
        self.description = description
        self.table = table
        self.images = images
        self._words = words or LabelWords()
        self._whole = table if whole is None else whole

    @classmethod
    def open(cls, folder: str | Path) -> Dataset:
        """The dataset in a folder, or at an address such as ``s3://bucket/dresses``.

        Of a dataset that lies elsewhere all but its pictures is fetched.

        Raises:
            DatasetError: the folder is no dataset, or its files do not fit each other.
            StorageError: what lies elsewhere cannot be fetched.
        """
        given, folder = folder, fetched(folder, only=is_beside_pictures)
        try:
            description = Description.read(folder)
        except DatasetError as error:
            raise DatasetError(in_addresses(error)) from error
        table = read_table(folder / TABLE_FILE, description.schema)
        return cls(
            folder=folder,
            description=description,
            table=table,
            images=open_images(given, folder, description, table["image"].head(1).to_list()),
            place=in_addresses(given) if is_remote(given) else None,
        )

    @property
    def name(self) -> str:
        """What the dataset is called."""
        return self.description.name

    @property
    def schema(self) -> Schema:
        """Its tasks."""
        return self.description.schema

    def own_folder(self) -> Path:
        """The folder that it lies in, for what changes it in its place.

        Raises:
            UsageError: it lies elsewhere.
        """
        if is_remote(self.place):
            raise UsageError(
                f"{self.place} is changed in a copy here alone: lapel cloud s3 pull {self.place} "
                "FOLDER, and push it after; or name a new folder with --out, where there is that "
                "option"
            )
        return self.folder

    @property
    def image_root(self) -> str:
        """What image names are relative to: a whole path, or an address."""
        root = self.description.root
        if "://" in root or Path(root).is_absolute():
            return root
        if is_remote(self.place):
            return str(joined(self.place, root))
        return str((self.folder / root).resolve())

    @property
    def in_shards(self) -> bool:
        """Whether its pictures lie in tar shards."""
        return self.shards is not None

    @property
    def shards(self) -> ShardStore | None:
        """What reads its pictures out of tar shards; None where they lie otherwise."""
        store = self.images.store if isinstance(self.images, ImageFiles) else None
        return store if isinstance(store, ShardStore) else None

    @property
    def gray(self) -> bool:
        """Whether every picture of the whole dataset is without colour."""
        return self.description.gray

    def __len__(self) -> int:
        return self.table.height

    def names(self) -> list[str]:
        """The images' names, in row order."""
        return self.table["image"].to_list()

    def image_numbers(self) -> list[int]:
        """What files in COCO's form call these images, in row order: by one rule for all rows of
        the dataset as opened, see :func:`lapel.schema.image_numbers.image_numbers`.
        """
        splits = self._whole.group_by("split").agg("image")["image"].to_list()
        return image_numbers(self.names(), splits)

    def labels(self, task: str) -> Sequence[Label]:
        """The labels of a task, in row order; None where unknown.

        Label maps and garments are read from the dataset's folder, each when it is asked for.

        Raises:
            SchemaError: no such task; the message lists those there are.
        """
        spec = self.schema[task]
        column = self.table[spec.name]
        if spec.kind == "segmentation":
            return MaskLabels(self.folder, spec, column.to_list())
        if spec.kind == "garments":
            return GarmentsLabels(self.folder, self.names(), column.is_not_null().to_list())
        return column_of(spec).labels(column)

    def labels_in_words(self, task: str) -> Sequence[Label]:
        """The labels of a task as far as words say them, in row order; None where unknown.

        Of label maps these are the classes that some pixel has, of garments the categories that
        occur, as tags. They are read once, and kept for all rows of the dataset.

        Raises:
            SchemaError: no such task.
            DatasetError: a label map or the garments cannot be read.
        """
        labels = self.labels(task)
        if self.schema[task].kind not in KEPT_BESIDE:
            return labels
        return self._words.of(task, self.names(), labels)

    def boxes(self) -> list[Box | None]:
        """Where the garment is in each picture, in row order; None where nobody says."""
        if "box" not in self.table.columns:
            return [None] * len(self)
        return [None if box is None else Box(**box) for box in self.table["box"].to_list()]

    def splits(self) -> dict[str, int]:
        """The splits that have rows, in the order of ``SPLITS``, and how many."""
        counts = dict(self.table.group_by("split").len().iter_rows())
        return {split: counts[split] for split in SPLITS if split in counts}

    def split(self, name: str) -> Dataset:
        """The rows of one split.

        Raises:
            DatasetError: it has none; the message lists the splits there are.
        """
        wanted = SPLIT_NAMES.get(name, name)
        if wanted not in self.splits():
            there = ", ".join(f"{split} ({count})" for split, count in self.splits().items())
            hint = _WAYS.get(wanted, "").format(folder=self.folder)
            raise DatasetError(
                f"dataset '{self.name}' has no {name!r} split; it has: {there or 'no rows'}{hint}"
            )
        return self.rows(pl.col("split") == wanted)

    def rows(self, condition: pl.Expr) -> Dataset:
        """The rows for which a condition on the table holds."""
        return self.with_rows(self.table.filter(condition))

    def with_rows(self, table: pl.DataFrame) -> Dataset:
        """The same dataset with some of its rows, in an order of their own."""
        return Dataset(
            folder=self.folder,
            description=self.description,
            table=table,
            images=self.images,
            words=self._words,
            whole=self._whole,
            place=self.place,
        )

    def pixels(self, name: str) -> NDArray[np.uint8]:
        """A picture, upright, uint8 (H, W, 3) RGB.

        Raises:
            StorageError: there is no such file, or it cannot be read.
            ImageError: bytes that are no picture we accept.
        """
        return self.images.pixels(name)

    def prepared(self, name: str, preprocess: Preprocess, box: Box | None = None) -> Prepared:
        """A picture as a network reads it.

        Args:
            name: of the picture.
            preprocess: what is done to it.
            box: where the garment is, for a network that looks at that alone.

        Raises:
            StorageError: as :meth:`pixels`.
            ImageError: as :meth:`pixels`.
        """
        if isinstance(self.images, ImageFiles):
            data = self.images.read(name)
            return preprocess.read(data, name=name, limits=self.images.limits, box=box)
        return preprocess.apply(self.images.pixels(name), box)

    def read(self, name: str) -> bytes:
        """A picture as the bytes of a file (PNG for packed pictures).

        Raises:
            StorageError: there is no such file, or it cannot be read.
        """
        return self.images.read(name)

    def packed(self) -> NDArray[np.uint8] | None:
        """All rows' pixels, uint8 (N, H, W) or (N, H, W, 3), in row order, if they are packed.

        Rows that follow one another in the file come as a read-only view on it, without a copy.
        """
        if not isinstance(self.images, PackedImages):
            return None
        rows = self.table["image"].str.extract(r"#(\d+)$").cast(pl.Int64).to_numpy()
        array = self.images.array
        if len(rows) and rows.max() >= len(array):
            raise DatasetError(
                f"{self.folder} names row {rows.max()} of {len(array)} pictures; import again"
            )
        follows = len(rows) > 0 and rows[-1] - rows[0] == len(rows) - 1
        if follows and bool((np.diff(rows) == 1).all()):
            return array[rows[0] : rows[-1] + 1]
        chosen: NDArray[np.uint8] = array[rows]
        return chosen

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that change with any row, label or name of the schema.

        The pictures take part through the SHA-256 of each, as recorded; label maps and garments by
        what their files hold.
        """
        digest = hashlib.sha256(json.dumps(self.schema.to_json()).encode())
        # The text of all rows of a benchmark takes gigabytes; of a part of them, little.
        for rows in self.table.iter_slices(ROWS_DIGESTED):
            digest.update(rows.write_ndjson().encode())
        for beside in self._digests_beside():
            digest.update(beside.encode())
        return digest.hexdigest()[:16]

    def _digests_beside(self) -> Iterator[str]:
        """SHA-256 of the files that labels are kept in beside the table."""
        for spec in self.schema:
            if spec.kind == "segmentation":
                for file in self.table[spec.name].drop_nulls():
                    yield sha256_of(self.folder / file)
            elif spec.kind == "garments" and (self.folder / GARMENTS_FILE).is_file():
                yield sha256_of(self.folder / GARMENTS_FILE)
