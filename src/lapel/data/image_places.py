"""Where a dataset's pictures lie: files in a folder or a store, tar shards, or one packed array."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lapel.data.description import Description
from lapel.data.images import PACKED_FILE, ImageFiles, Images, PackedImages, packed_row
from lapel.data.masks import MASKS_FOLDER
from lapel.data.shard_index import INDEX_FILE
from lapel.data.shard_store import ShardStore, sharded
from lapel.imaging.file_names import named_like_picture
from lapel.schema.errors import DatasetError
from lapel.storage.places import is_remote, joined
from lapel.storage.stores import open_store


def is_beside_pictures(name: str) -> bool:
    """Whether a file of a dataset's folder is one of its own, and no picture and no shard."""
    if "/" in name:
        return name.startswith(f"{MASKS_FOLDER}/")
    return not (name.endswith(".tar") or named_like_picture(name))


def open_images(
    place: str | Path, folder: Path, description: Description, names: Sequence[str]
) -> Images:
    """What reads the pictures of a dataset.

    Args:
        place: of the dataset, as it was asked for.
        folder: that holds its files here.
        description: of it.
        names: of its first picture, if it has any.

    Raises:
        DatasetError: shards without a whole index, or pictures on another machine.
        StorageError: a store cannot be asked.
    """
    root = _root(place, description.root)
    own = description.root in {"", "."}
    if (folder / INDEX_FILE).is_file() if own else sharded(root):
        return ImageFiles(ShardStore.open(root))
    if any(packed_row(name) is not None for name in names):
        return PackedImages(folder / PACKED_FILE)
    return ImageFiles(open_store(root))


def _root(place: str | Path, root: str) -> str | Path:
    """What image names are relative to, seen from a dataset's place.

    Raises:
        DatasetError: a folder of the machine that the dataset was made on.
    """
    if "://" in root:
        return root
    if is_remote(place) and Path(root).is_absolute():
        if not Path(root).is_dir():
            raise DatasetError(
                f"the pictures of the dataset {joined(place, '')} lie in {root} of the machine "
                "that it was made on; put them beside it there: lapel data shards DATASET "
                f"{joined(place, '')}-shards"
            )
        return Path(root)
    return joined(place, root)
