"""The pictures that a dataset is made of, where a folder that is asked for is a dataset."""

from __future__ import annotations

from pathlib import Path

from lapel.data.dataset import Dataset
from lapel.data.images import PACKED_FILE, packed_row
from lapel.schema.errors import UsageError


def dataset_pictures(folder: Path) -> list[str]:
    """The files of a dataset's pictures, in row order: its own, not all that lie below its folder.

    Masks, drawings and pictures that no row names lie there too, as often as not.

    Raises:
        DatasetError: the folder is no dataset, or its files do not fit each other.
        UsageError: its pictures are no files here: packed in one array, or in a store elsewhere.
    """
    dataset = Dataset.open(folder)
    names, root = dataset.names(), dataset.description.root
    if names and packed_row(names[0]) is not None:
        raise UsageError(
            f"the pictures of dataset {folder} are no files: they are packed in {PACKED_FILE}. "
            "Judge them with lapel evaluate, which writes predictions.csv, or name photos"
        )
    if "://" in root:
        raise UsageError(
            f"the pictures of dataset {folder} are not on this machine but in {root}; copy them "
            "here and name their folder"
        )
    # Joined as text: the names are the rows', and stay readable.
    return [str(folder / root / name) for name in names]
