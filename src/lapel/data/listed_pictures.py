"""The pictures that a dataset is made of, where a folder that is asked for is a dataset."""

from __future__ import annotations

from pathlib import Path

from lapel.data.dataset import Dataset
from lapel.data.images import PACKED_FILE, packed_row
from lapel.schema.errors import UsageError
from lapel.storage.places import is_remote, joined


def dataset_pictures(folder: str | Path) -> list[str]:
    """The files of a dataset's pictures, in row order: its own, not all that lie below its folder.

    Pictures in S3 are called by their addresses.

    Masks, drawings and pictures that no row names lie there too, as often as not.

    Raises:
        DatasetError: the folder is no dataset, or its files do not fit each other.
        UsageError: its pictures are no files: packed in one array, or in shards.
    """
    dataset = Dataset.open(folder)
    names, root = dataset.names(), dataset.description.root
    if dataset.in_shards:
        raise UsageError(
            f"the pictures of dataset {folder} are no files: they lie in tar shards. Judge them "
            "with lapel evaluate, which writes predictions.csv, or name photos"
        )
    if names and packed_row(names[0]) is not None:
        raise UsageError(
            f"the pictures of dataset {folder} are no files: they are packed in {PACKED_FILE}. "
            "Judge them with lapel evaluate, which writes predictions.csv, or name photos"
        )
    if is_remote(dataset.image_root):
        return [str(joined(dataset.image_root, name)) for name in names]
    # Joined as text: the names are the rows', and stay readable.
    return [str(Path(folder) / root / name) for name in names]
