"""Building an index: every picture is looked at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from lapel.data.dataset import Dataset
from lapel.data.description import recorded_root
from lapel.data.progress import Track, silent
from lapel.inference.bundle import FILES, NETWORK, Bundle
from lapel.inference.bundle import MANIFEST as BUNDLE_MANIFEST
from lapel.inference.embedding import Embedder
from lapel.inference.engines.table import open_engine
from lapel.retrieval.index import (
    BUNDLE,
    FORMAT,
    GRAPH,
    MANIFEST,
    PICTURES,
    SEARCHED,
    VECTORS,
    IndexedPicture,
    SearchIndex,
)
from lapel.retrieval.nearest import build_graph, chosen_kind, need_library, recall_of
from lapel.retrieval.vectors import Vectors, embed_dataset
from lapel.storage.folders import atomic_folder, refuse_others
from lapel.storage.local import sha256_of
from lapel.storage.places import is_remote, puts

#: At how many neighbours a graph is held against exact search, to say what it misses.
RECALL_AT = 10


@puts("out")
def build_index(
    bundle: str | Path,
    dataset: str | Path,
    out: str | Path,
    *,
    split: str | None = None,
    everything: bool = False,
    kind: str = "auto",
    whole: bool = False,
    replace: bool = False,
    track: Track = silent,
) -> SearchIndex:
    """Index the pictures of a dataset by what a model sees in them.

    Args:
        bundle: the model: a bundle, or the run that holds one.
        dataset: the folder of a dataset.
        out: the index's folder; new or empty unless ``replace``.
        split: index the pictures of this split alone.
        everything: index the queries of a benchmark of retrieval too, not its gallery alone.
        kind: ``exact``, ``hnsw`` (needs the extra ``search``), or ``auto``: exact up to
            ``EXACT_UP_TO`` pictures.
        whole: look at whole pictures, also with a model that looks at garments' boxes.
        replace: take the place of an index that stands in ``out``.
        track: is told how far the work is.

    Returns:
        The index. Pictures that cannot be read are left out; ``facts["unreadable"]`` says which.

    Raises:
        BundleError: no such model, or one that gives no vectors.
        DatasetError: no such dataset or split, or no picture that can be read.
        MissingExtraError: ``hnsw`` without its library.
        StorageError: the folder is not empty, holds other files, or cannot be written.
        UsageError: no such kind.
    """
    out = Path(out)
    chosen_kind(kind, 0)  # a wrong word is said before the work
    _check_place(out, replace=replace)
    model = Bundle.load(Path(bundle))
    embedder = Embedder(model, open_engine("auto", model, precise=True))
    part = _rows(Dataset.open(dataset), split, everything=everything)
    if chosen_kind(kind, len(part)) == "hnsw":
        need_library()  # and so is a library that is not there
    vectors = embed_dataset(embedder, part, whole=whole, track=track)
    with atomic_folder(out, replace=replace) as building:
        facts = _facts(model, part, vectors, out) | {"whole": whole, "split": split}
        facts |= _write_vectors(building, vectors, chosen_kind(kind, len(vectors.rows)))
        _write_pictures(building / PICTURES, part, vectors)
        _copy_bundle(model, building / BUNDLE)
        names = [PICTURES, VECTORS, SEARCHED[facts["kind"]]]
        facts["files"] = {name: sha256_of(building / name) for name in dict.fromkeys(names)}
        text = json.dumps(facts, ensure_ascii=False, indent=2) + "\n"
        (building / MANIFEST).write_text(text, encoding="utf-8")
    return SearchIndex.open(out)


def _rows(dataset: Dataset, split: str | None, *, everything: bool) -> Dataset:
    """What is to be found: a benchmark's gallery where there is one, else every row."""
    part = dataset if split is None else dataset.split(split)
    if "role" not in part.table.columns or everything:
        return part
    gallery = part.rows(pl.col("role") == "gallery")
    return gallery if len(gallery) else part


def _facts(model: Bundle, part: Dataset, vectors: Vectors, out: Path) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": {"name": model.name, "network": model.files[NETWORK]},
        "dataset": {
            "name": part.name,
            "folder": part.place if is_remote(part.place) else recorded_root(part.folder, out),
            "fingerprint": part.fingerprint,
        },
        "pictures": len(vectors.rows),
        "width": int(vectors.vectors.shape[1]),
        "unreadable": [[failure.image, failure.fault] for failure in vectors.unreadable],
    }


def _write_vectors(folder: Path, vectors: Vectors, kind: str) -> dict[str, Any]:
    np.save(folder / VECTORS, vectors.vectors, allow_pickle=False)
    if kind == "exact":
        return {"kind": kind, "recall": 1.0}
    graph = build_graph(vectors.vectors, folder / GRAPH)
    recall = recall_of(graph, vectors.vectors, count=RECALL_AT)
    return {"kind": kind, "recall": round(recall, 4)}


def _write_pictures(path: Path, part: Dataset, vectors: Vectors) -> None:
    with path.open("w", encoding="utf-8") as file:
        for picture in indexed(part.table[vectors.rows]):
            values = {"image": picture.image, "item": picture.item, "split": picture.split}
            file.write(json.dumps(values, ensure_ascii=False) + "\n")


def indexed(table: pl.DataFrame) -> Iterator[IndexedPicture]:
    """The rows of a dataset's table as pictures that can be found."""
    items = table["group"] if "group" in table.columns else [None] * table.height
    for image, item, split in zip(table["image"], items, table["split"], strict=True):
        yield IndexedPicture(image=image, item=item, split=split)


def _copy_bundle(model: Bundle, folder: Path) -> None:
    folder.mkdir()
    for name in model.files:
        (folder / name).write_bytes(model.read(name))
    (folder / BUNDLE_MANIFEST).write_bytes((model.folder / BUNDLE_MANIFEST).read_bytes())


def _check_place(out: Path, *, replace: bool) -> None:
    """Refuse a place where no index can be made. An index is replaced, never anything else."""
    own = {MANIFEST, PICTURES, VECTORS, GRAPH, BUNDLE, *(f"{BUNDLE}/{name}" for name in FILES)}
    refuse_others(out, own.__contains__, what="an index", replace=replace)
