"""An index as a folder that explains itself, and all that searching needs.

    search.json      format version, what was indexed and how, SHA-256 of the other files
    pictures.jsonl   a line a picture: its name, its item, its split
    vectors.npy      a vector of length 1 a picture, float32 (N, width)
    graph.faiss      only of the kind ``hnsw``: the graph over them
    bundle/          the model that made them, and makes those of the queries

The pictures themselves stay where they are. Nothing in it is trusted before its hash is checked.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lapel.inference.embedding import Embedder
from lapel.inference.pictures import Failure, Picture
from lapel.retrieval.nearest import WAYS
from lapel.retrieval.neighbours import Nearest
from lapel.schema.errors import StorageError, UsageError
from lapel.schema.geometry import Box
from lapel.storage.local import sha256_of
from lapel.storage.places import fetched, is_remote

FORMAT = "lapel.search/1"

MANIFEST = "search.json"
PICTURES = "pictures.jsonl"
VECTORS = "vectors.npy"
GRAPH = "graph.faiss"
BUNDLE = "bundle"

#: Kind of index to the file that is searched.
SEARCHED = {"exact": VECTORS, "hnsw": GRAPH}


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedPicture:
    """A picture that can be found.

    Attributes:
        image: its name in the dataset.
        item: what it is a picture of, if anybody knows.
        split: that it is of.
    """

    image: str
    item: str | None
    split: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A picture that was found.

    Attributes:
        picture: which one.
        similarity: the cosine between its vector and the query's, -1 to 1.
    """

    picture: IndexedPicture
    similarity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was found for a query.

    Attributes:
        image: the query's name as the caller gave it.
        found: the nearest pictures, the nearest first.
    """

    image: str
    found: tuple[Found, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "image": self.image,
            "found": [
                {
                    "image": one.picture.image,
                    "item": one.picture.item,
                    "similarity": round(one.similarity, 6),
                }
                for one in self.found
            ],
        }


class SearchIndex:
    """An index, checked and ready.

    Attributes:
        folder: where it lies.
        facts: the content of ``search.json``.
        pictures: what can be found, in the order of the vectors.
    """

    def __init__(
        self, folder: Path, facts: Mapping[str, Any], pictures: Sequence[IndexedPicture]
    ) -> None:
        self.folder = folder
        self.facts = facts
        self.pictures = pictures

    @classmethod
    def open(cls, folder: str | Path) -> Self:
        """Open an index, here or at an address, and check the files that searching needs.

        Raises:
            StorageError: no index there, one of another format version, damaged or changed.
        """
        folder = fetched(folder)
        facts = _facts(folder / MANIFEST)
        for name in (PICTURES, SEARCHED[facts["kind"]]):
            _check(folder / name, facts["files"].get(name))
        lines = (folder / PICTURES).read_text("utf-8").removesuffix("\n").split("\n")
        pictures = tuple(IndexedPicture(**json.loads(line)) for line in lines)
        return cls(folder, facts, pictures)

    def __len__(self) -> int:
        return len(self.pictures)

    @cached_property
    def embedder(self) -> Embedder:
        """The model that made the vectors.

        Raises:
            BundleError: its files are not those that were indexed with.
        """
        return Embedder.load(self.folder / BUNDLE)

    @cached_property
    def nearest(self) -> Nearest:
        """What finds the nearest vectors.

        Raises:
            MissingExtraError: a graph without the library that searches it.
        """
        kind = self.facts["kind"]
        return WAYS[kind](self.folder / SEARCHED[kind])

    @property
    def dataset(self) -> str | Path:
        """The dataset whose pictures were indexed, where it lay when they were."""
        place = str(self.facts["dataset"]["folder"])
        return place if is_remote(place) else self.folder / place

    def query(
        self,
        images: Picture | Iterable[Picture],
        *,
        count: int = 10,
        boxes: Sequence[Box | None] = (),
    ) -> Iterator[Answer | Failure]:
        """Find the pictures that are most alike to each of some others.

        Args:
            images: as :meth:`lapel.inference.predictor.Predictor.predict` takes them.
            count: how many are wanted.
            boxes: where the garment is in each, for a model that looks at that alone.

        Yields:
            What was found, or the failure of a picture that cannot be read.

        Raises:
            UsageError: what is no picture, or a count below 1.
        """
        if count < 1:
            raise UsageError(f"1 or more pictures can be found, asked for {count}")
        for embedding in self.embedder.embed(images, boxes):
            if isinstance(embedding, Failure):
                yield embedding
                continue
            (found,) = self.search(embedding.vector[None], count)
            yield Answer(image=embedding.image, found=found)

    def search(self, vectors: NDArray[np.float32], count: int) -> list[tuple[Found, ...]]:
        """The nearest pictures of each vector of length 1, float32 (Q, width)."""
        nearest = self.nearest.search(vectors, count)
        return [
            tuple(
                Found(picture=self.pictures[row], similarity=float(similarity))
                for row, similarity in zip(rows, similarities, strict=True)
                if row >= 0
            )
            for rows, similarities in zip(nearest.rows, nearest.similarities, strict=True)
        ]


def _facts(path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise StorageError(
            f"{path.parent} is no index: it has no {MANIFEST}; make one with `lapel search build`"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise StorageError(f"{path} could not be read ({error}); build the index again") from error
    found = facts.get("format") if isinstance(facts, dict) else None
    if found != FORMAT:
        raise StorageError(
            f"{path}: found format {found!r}, expected {FORMAT!r}; build the index again"
        )
    shapes = {"kind": str, "files": dict, "dataset": dict}
    wrong = [key for key, kind in shapes.items() if not isinstance(facts.get(key), kind)]
    if (
        wrong
        or facts["kind"] not in SEARCHED
        or not isinstance(facts["dataset"].get("folder"), str)
    ):
        raise StorageError(f"{path} is not whole: look at {wrong or 'kind and dataset'}")
    return dict(facts)


def _check(path: Path, expected: object) -> None:
    found = sha256_of(path)
    if found != expected:
        raise StorageError(
            f"{path} is not the file that was written: its SHA-256 begins with {found[:12]}, "
            f"expected {str(expected)[:12]}; copy the index again, or build it again"
        )
