"""How well a model's vectors find the same item again, by the protocol of a dataset."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lapel.data.dataset import Dataset
from lapel.data.progress import Track, silent
from lapel.evaluation.benchmarks.retrieval import RETRIEVAL, retrieval_table
from lapel.evaluation.benchmarks.setting import Setting
from lapel.evaluation.benchmarks.table import BenchmarkTable
from lapel.inference.bundle import Bundle
from lapel.inference.embedding import Embedder
from lapel.inference.pictures import Failure
from lapel.metrics.bootstrap import Interval, bootstrap
from lapel.metrics.retrieval import NO_ITEM, Places, per_query, places_of
from lapel.retrieval.nearest import Exact
from lapel.retrieval.protocols import SearchProtocol, protocol_of
from lapel.retrieval.sheet import SheetLine, SheetPicture, write_sheet
from lapel.retrieval.vectors import Vectors, embed_dataset
from lapel.schema.counting import counted
from lapel.schema.errors import DatasetError
from lapel.schema.formulas import escape_formula
from lapel.storage.folders import atomic_folder, refuse_others
from lapel.storage.places import puts

#: With fewer queries one of them more or less moves a number by more than models differ.
FEWEST_QUERIES = 30

#: Queries on the contact sheet: found at once, found late, not found; so many of each.
SHOWN_EACH = 6
#: Pictures found beside each of them.
SHOWN_FOUND = 8

METRICS_FILE = "metrics.json"
QUERIES_FILE = "queries.csv"
SHEET_FILE = "sheet.jpg"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SearchEvaluation:
    """How well a model's vectors find the same item again.

    Attributes:
        model: its name.
        protocol: who is searched with and among.
        numbers: name to value and 95 % interval over queries.
        queries: with something to find.
        without_match: queries whose item the gallery does not hold; they are in no number.
        unreadable: pictures that took no part.
        remarks: what to know beside the numbers.
    """

    model: str
    protocol: SearchProtocol
    numbers: Mapping[str, Interval]
    queries: int
    without_match: int
    unreadable: tuple[Failure, ...]
    remarks: tuple[str, ...]

    @property
    def told(self) -> dict[str, Interval]:
        """The numbers that tell something: without those of more places than can be found."""
        most = len(self.protocol.gallery) - self.protocol.leave_one_out
        ends = {name: name.rpartition("_at_")[2] for name in self.numbers}
        return {
            name: value
            for name, value in self.numbers.items()
            if not (ends[name].isdecimal() and int(ends[name]) > most)
        }

    @property
    def tables(self) -> tuple[BenchmarkTable, ...]:
        """The published rows of a public benchmark with ours below them; none of other sets."""
        name, split = self.protocol.name, self.protocol.split
        if name not in RETRIEVAL:
            return ()
        setting = Setting(benchmark=name, split=split, images=self.queries)
        return (retrieval_table(setting, self.numbers),)

    def to_json(self) -> dict[str, Any]:
        """As plain values, the content of ``metrics.json``."""
        return {
            "model": self.model,
            "dataset": self.protocol.queries.name,
            "protocol": self.protocol.name,
            "about": self.protocol.about,
            "queries": self.queries,
            "gallery": len(self.protocol.gallery),
            "without_match": self.without_match,
            "unreadable": [[failure.image, failure.fault] for failure in self.unreadable],
            "numbers": {name: value.to_json() for name, value in self.numbers.items()},
            "benchmark": [table.to_json() for table in self.tables],
            "remarks": list(self.remarks),
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Searched:
    """Queries and gallery as vectors, and where the right pictures came."""

    queries: Vectors
    gallery: Vectors
    query_items: NDArray[np.int64]
    gallery_items: NDArray[np.int64]
    itself: NDArray[np.int64] | None
    places: Places


@puts("out")
def evaluate_search(
    bundle: str | Path,
    dataset: str | Path,
    *,
    split: str = "test",
    out: str | Path | None = None,
    engine: str = "auto",
    whole: bool = False,
    replace: bool = False,
    track: Track = silent,
) -> SearchEvaluation:
    """Search for the pictures of a split among a gallery, exactly, and say how well it went.

    Args:
        bundle: the model: a bundle, or the run that holds one.
        dataset: the folder of a dataset whose column ``group`` names items.
        split: whose queries are searched with.
        out: folder for ``metrics.json``, ``queries.csv`` and a contact sheet ``sheet.jpg``.
        engine: what runs the network.
        whole: look at whole pictures, also with a model that looks at garments' boxes.
        replace: take the place of a former evaluation of search that stands in ``out``.
        track: is told how far the work is.

    Raises:
        BundleError: no such model, or one that gives no vectors.
        DatasetError: no such dataset or split, or nothing in it that could be found.
        StorageError: ``out`` is not empty, holds more than such an evaluation, or cannot be
            written.
    """
    with _building(out, replace=replace) as building:
        embedder = Embedder.load(bundle, engine=engine)
        protocol = protocol_of(Dataset.open(dataset), split)
        searched = _search(embedder, protocol, whole=whole, track=track)
        evaluation = _judged(embedder.bundle, protocol, searched)
        if building is not None:
            _write(building, evaluation, searched)
    return evaluation


@contextmanager
def _building(out: str | Path | None, *, replace: bool) -> Iterator[Path | None]:
    """The folder to write to; before the work, so that one that cannot be taken costs no waiting.

    Raises:
        StorageError: it cannot be written, or holds more than would be written.
    """
    if out is None:
        yield None
        return
    own = {METRICS_FILE, QUERIES_FILE, SHEET_FILE}
    what = "an evaluation of search"
    refuse_others(Path(out), own.__contains__, what=what, replace=replace)
    with atomic_folder(Path(out), replace=replace) as building:
        yield building


def _judged(model: Bundle, protocol: SearchProtocol, searched: _Searched) -> SearchEvaluation:
    each = per_query(searched.places)
    queries = len(each["mrr"])
    if not queries:
        raise DatasetError("the gallery holds the item of no query that can be read")
    return SearchEvaluation(
        model=model.name,
        protocol=protocol,
        numbers=bootstrap(_means(each), queries),
        queries=queries,
        without_match=len(searched.places.sizes) - queries,
        unreadable=_unreadable(searched),
        remarks=(*_too_few(queries), *_remarks(model, protocol)),
    )


def _search(
    embedder: Embedder, protocol: SearchProtocol, *, whole: bool, track: Track
) -> _Searched:
    gallery = embed_dataset(embedder, protocol.gallery, whole=whole, track=track)
    if protocol.leave_one_out:
        queries, itself = _chosen_of(gallery, protocol)
    else:
        queries = embed_dataset(embedder, protocol.queries, whole=whole, track=track)
        itself = None
    query_items, gallery_items = _numbered(protocol, queries, gallery)
    return _Searched(
        queries=queries,
        gallery=gallery,
        query_items=query_items,
        gallery_items=gallery_items,
        itself=itself,
        places=places_of(
            queries.vectors, gallery.vectors, query_items, gallery_items, itself=itself
        ),
    )


def _chosen_of(gallery: Vectors, protocol: SearchProtocol) -> tuple[Vectors, NDArray[np.int64]]:
    """The queries among a gallery that was looked at, and where each stands in it."""
    names = protocol.gallery.names()
    place = {names[row]: number for number, row in enumerate(gallery.rows)}
    wanted = protocol.queries.names()
    rows = np.array([row for row, name in enumerate(wanted) if name in place], np.int64)
    itself = np.array([place[wanted[row]] for row in rows], np.int64)
    return Vectors(rows=rows, vectors=gallery.vectors[itself], unreadable=()), itself


def _numbered(
    protocol: SearchProtocol, queries: Vectors, gallery: Vectors
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Items as numbers; pictures of none have ``NO_ITEM``."""
    texts = [part.table["group"].to_list() for part in (protocol.queries, protocol.gallery)]
    number = {item: place for place, item in enumerate(dict.fromkeys([*texts[0], *texts[1]]))}
    number[None] = NO_ITEM
    items = [np.array([number[item] for item in text], np.int64) for text in texts]
    return items[0][queries.rows], items[1][gallery.rows]


def _means(
    each: Mapping[str, NDArray[np.float64]],
) -> Callable[[NDArray[np.int64]], Mapping[str, float]]:
    names = list(each)
    table = np.stack([each[name] for name in names], axis=1)

    def means(rows: NDArray[np.int64]) -> Mapping[str, float]:
        return dict(zip(names, table[rows].mean(axis=0).tolist(), strict=True))

    return means


def _unreadable(searched: _Searched) -> tuple[Failure, ...]:
    return (*searched.queries.unreadable, *searched.gallery.unreadable)


def _too_few(queries: int) -> list[str]:
    """What to know where hardly anything was searched for."""
    if queries >= FEWEST_QUERIES:
        return []
    told = counted(queries, "query has", "queries have")
    return [f"Warning: {told} something to find: too few to say anything about a model"]


def _remarks(model: Bundle, protocol: SearchProtocol) -> list[str]:
    """What to know when the pictures are no strangers to the model."""
    digests = [
        digest
        for part in (protocol.queries, protocol.gallery)
        for digest in part.table["sha256"].to_list()
    ]
    learned = model.has_seen("train", digests)
    if not learned:
        return []
    return [
        (
            f"Warning: the model has learned from {learned:,} of these pictures, so the numbers "
            "say nothing about new ones"
        )
    ]


def _write(folder: Path, evaluation: SearchEvaluation, searched: _Searched) -> None:
    text = json.dumps(evaluation.to_json(), ensure_ascii=False, indent=2, allow_nan=False)
    (folder / METRICS_FILE).write_text(text + "\n", encoding="utf-8")
    (folder / QUERIES_FILE).write_bytes(_table(evaluation.protocol, searched))
    lines = [_line(row, evaluation.protocol, searched) for row in _telling(searched.places)]
    if lines:
        write_sheet(folder / SHEET_FILE, lines)


def _table(protocol: SearchProtocol, searched: _Searched) -> bytes:
    """A row a query: its item, how much there is to find, and where the first of it came."""
    names = protocol.queries.names()
    items = protocol.queries.table["group"].to_list()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["image", "item", "to_find", "first_place"])
    places = searched.places
    for row, size, first in zip(searched.queries.rows, places.sizes, places.first, strict=True):
        cells = [escape_formula(names[row]), escape_formula(items[row])]
        writer.writerow([*cells, size, first or ""])
    return text.getvalue().encode()


def _telling(places: Places) -> list[int]:
    """Queries to look at: found at once, found late, found last; a few of each."""
    searched = np.flatnonzero(places.sizes > 0)
    order = searched[np.argsort(places.first[searched], kind="stable")]
    middle = max(0, len(order) // 2 - SHOWN_EACH // 2)
    chosen = [order[:SHOWN_EACH], order[middle : middle + SHOWN_EACH], order[-SHOWN_EACH:]]
    return list(dict.fromkeys(int(row) for part in chosen for row in part))


def _line(query: int, protocol: SearchProtocol, searched: _Searched) -> SheetLine:
    own = NO_ITEM if searched.itself is None else int(searched.itself[query])
    vector = searched.queries.vectors[query][None]
    nearest = Exact(searched.gallery.vectors).search(vector, SHOWN_FOUND + 1)
    kept = [
        (int(row), float(similarity))
        for row, similarity in zip(nearest.rows[0], nearest.similarities[0], strict=True)
        if row != own
    ][:SHOWN_FOUND]
    name = protocol.queries.names()[searched.queries.rows[query]]
    first = int(searched.places.first[query])
    return SheetLine(
        query=SheetPicture(
            pixels=protocol.queries.pixels(name), caption=f"found at place {first:,}"
        ),
        found=_found(kept, protocol.gallery, searched, int(searched.query_items[query])),
    )


def _found(
    kept: Sequence[tuple[int, float]], gallery: Dataset, searched: _Searched, item: int
) -> tuple[SheetPicture, ...]:
    names = gallery.names()
    return tuple(
        SheetPicture(
            pixels=gallery.pixels(names[searched.gallery.rows[row]]),
            caption=f"{similarity:.3f}",
            right=bool(searched.gallery_items[row] == item),
        )
        for row, similarity in kept
    )
