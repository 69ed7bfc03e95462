"""A dataset with other labels in a folder of its own: what goes with it, and what stays."""

from __future__ import annotations

import shutil
from pathlib import Path

from lapel.data.dataset import Dataset
from lapel.data.description import DESCRIPTION_FILE, recorded_root
from lapel.data.images import PackedImages
from lapel.data.shard_index import INDEX_FILE, POSITIONS_FILE
from lapel.data.table import TABLE_FILE
from lapel.review.tables import REVIEW_FILE
from lapel.storage.local import PARTIAL_SUFFIX
from lapel.storage.places import is_remote


def root_from(dataset: Dataset, folder: Path) -> str:
    """The image root as another folder records it. Packed pictures go with the dataset."""
    root = dataset.description.root
    if "://" in root or isinstance(dataset.images, PackedImages):
        return root
    if is_remote(dataset.place):
        return dataset.image_root
    return recorded_root(dataset.folder / root, folder)


def copy_beside(dataset: Dataset, folder: Path) -> None:
    """Copy what a dataset's folder holds beside its table, but for pictures, which stay, and for
    people's answers, which are about the dataset that they lie with.
    """
    stay = {DESCRIPTION_FILE, TABLE_FILE}
    if dataset.shards is not None:
        index = dataset.shards.index
        stay |= {INDEX_FILE, POSITIONS_FILE, *(shard.name for shard in index.shards)}
    if not isinstance(dataset.images, PackedImages):
        root = (dataset.folder / dataset.description.root).resolve()
        if root == dataset.folder.resolve():
            stay |= {name.split("/", maxsplit=1)[0] for name in dataset.names()}
        elif root.is_relative_to(dataset.folder.resolve()):
            stay.add(root.relative_to(dataset.folder.resolve()).parts[0])
    for path in sorted(dataset.folder.iterdir()):
        if path.name in stay or path.name.endswith(PARTIAL_SUFFIX):
            continue
        if path.name.startswith(REVIEW_FILE):  # with its log, review.sqlite-wal
            continue
        if path.is_dir():
            shutil.copytree(path, folder / path.name)
        else:
            shutil.copy2(path, folder / path.name)
