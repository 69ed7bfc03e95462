"""Where shards may be written: a dataset in shards is replaced, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from lapel.data.dataset import Dataset
from lapel.data.description import DESCRIPTION_FILE
from lapel.data.garments import GARMENTS_FILE
from lapel.data.glossary import GLOSSARY_FILE
from lapel.data.masks import MASKS_FOLDER
from lapel.data.shard_index import INDEX_FILE, POSITIONS_FILE
from lapel.data.table import TABLE_FILE
from lapel.schema.annotation import SPLITS
from lapel.schema.errors import DatasetError, UsageError
from lapel.storage.folders import refuse_others
from lapel.storage.places import holds, in_addresses
from lapel.storage.stores import open_store

#: What may lie beside a dataset's table that goes with it.
BESIDE = (GARMENTS_FILE, GLOSSARY_FILE)

#: All that a dataset in shards is made of, beside the shards.
_OWN = {DESCRIPTION_FILE, TABLE_FILE, INDEX_FILE, POSITIONS_FILE, MASKS_FOLDER, *BESIDE}

#: What shards are called.
_SHARD = re.compile(rf"({'|'.join(SPLITS)})-\d{{6,}}\.tar")


def refuse_place(given: Dataset, out: Path, *, replace: bool) -> None:
    """Refuse a folder that cannot be taken, before the work.

    Args:
        given: what is to be sharded.
        out: the folder.
        replace: whether a dataset that stands there may be replaced.

    Raises:
        UsageError: the folder is or holds the dataset or its pictures, or is in them and is to be
            replaced.
        DatasetError: more than a dataset in shards would be replaced.
        StorageError: something stands there and is not to be replaced.
    """
    sources = {given.folder.resolve()}
    if "://" not in given.image_root:
        sources.add(Path(given.image_root).resolve())
    place = out.resolve()
    around = any(source.is_relative_to(place) for source in sources)
    inside = any(place.is_relative_to(source) for source in sources)
    if around or (inside and replace):
        raise UsageError(
            f"{out} is, holds or lies in what is to be sharded: the dataset {given.folder}, or its "
            f"pictures in {given.image_root}; name a folder beside them"
        )
    in_shards = (out / INDEX_FILE).is_file()

    def is_own(name: str) -> bool:
        # Tar files that no index stands beside may be anybody's.
        return name.partition("/")[0] in _OWN or (in_shards and bool(_SHARD.fullmatch(name)))

    what = "a dataset in shards"
    refuse_others(out, is_own, what=what, replace=replace, error=DatasetError)


def refuse_address(given: Dataset, out: str | Path, *, replace: bool) -> None:
    """Refuse an address that cannot be taken, before the work.

    Raises:
        UsageError: it is the dataset's, or holds one that is not to be replaced.
        StorageError: it cannot be asked.
    """
    place = in_addresses(out)
    if place == given.place:
        raise UsageError(f"{place} is the dataset itself; name another place for its shards")
    if not replace and holds(out, DESCRIPTION_FILE):
        raise UsageError(f"{place} holds a dataset already; name another place, or add --replace")


def end_former(out: str | Path) -> None:
    """Have no dataset stand at an address any more, before its files are replaced one by one.

    What is cut from then on is no dataset: neither the former nor the new one.

    Raises:
        StorageError: a file cannot be deleted.
    """
    store = open_store(out)
    for name in (DESCRIPTION_FILE, *BESIDE):
        store.delete(name)


def remove_former_shards(out: str | Path, kept: Collection[str]) -> None:
    """Delete the shards that a former dataset has at an address and the new one has not.

    To be done before the new index is put: tar files that no index stands beside may be anybody's.

    Args:
        out: the address.
        kept: names of the new shards.

    Raises:
        StorageError: the address cannot be asked, or a shard cannot be deleted.
    """
    store = open_store(out)
    if not store.exists(INDEX_FILE):
        return
    for split in SPLITS:
        for name in store.names(f"{split}-"):
            if _SHARD.fullmatch(name) and name not in kept:
                store.delete(name)
