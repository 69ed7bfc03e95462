"""Who is searched with and who is searched among, as the benchmarks of retrieval have it."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from lapel.data.dataset import Dataset
from lapel.schema.annotation import SPLIT_NAMES
from lapel.schema.counting import counted
from lapel.schema.errors import DatasetError

#: Benchmark to the splits whose gallery its test queries are searched among. Consumer-to-shop
#: searches the shops' photos of validation and test (Liu et al., "DeepFashion", CVPR 2016,
#: section 5; evaluation protocol in the README of its file set).
TEST_GALLERY = {"deepfashion-consumer-to-shop": ("validation", "test")}


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchProtocol:
    """Who is searched with and who is searched among.

    Attributes:
        name: the benchmark's, or ``same item`` where each picture is searched among all others.
        about: the same in a sentence.
        split: whose queries they are.
        queries: the rows that are searched with.
        gallery: the rows that are searched among.
        leave_one_out: whether queries stand in the gallery too, and must not find themselves.
    """

    name: str
    about: str
    split: str
    queries: Dataset
    gallery: Dataset
    leave_one_out: bool


def protocol_of(dataset: Dataset, split: str = "test") -> SearchProtocol:
    """The protocol of a dataset: by its roles where it has them, else each against all others.

    Args:
        dataset: all of its rows, whose column ``group`` names items.
        split: whose queries are searched with.

    Raises:
        DatasetError: nothing says which pictures show the same item, no such split, or nobody to
            search with or among.
    """
    table = dataset.table
    if "group" not in table.columns:
        raise DatasetError(
            f"dataset '{dataset.name}' does not say which pictures show the same item (it has no "
            "column 'group'), so nobody can say what is to be found"
        )
    part, split = dataset.split(split), SPLIT_NAMES.get(split, split)
    roles = part.table["role"] if "role" in table.columns else pl.Series(["gallery"])
    if (roles == "query").any():
        return _by_roles(dataset, part, split)
    return _each_against_all_others(part, split)


def _by_roles(dataset: Dataset, part: Dataset, split: str) -> SearchProtocol:
    benchmark = dataset.description.benchmark
    splits = TEST_GALLERY.get(benchmark, (split,)) if split == "test" else (split,)
    gallery = dataset.rows((pl.col("role") == "gallery") & pl.col("split").is_in(splits))
    queries = part.rows((pl.col("role") == "query") & pl.col("group").is_not_null())
    if not len(queries) or not len(gallery):
        raise DatasetError(
            f"the {split} split of '{dataset.name}' has {len(queries):,} queries with an item and "
            f"{len(gallery):,} pictures to search among, expected some of both"
        )
    return SearchProtocol(
        name=benchmark or "roles",
        about=(
            f"{counted(len(queries), 'query', 'queries')} of the {split} split, searched among "
            f"{len(gallery):,} pictures of the gallery ({' and '.join(splits)})"
        ),
        split=split,
        queries=queries,
        gallery=gallery,
        leave_one_out=False,
    )


def _each_against_all_others(part: Dataset, split: str) -> SearchProtocol:
    known = part.rows(pl.col("group").is_not_null())
    queries = known.rows(pl.len().over("group") > 1)
    if not len(queries):
        raise DatasetError(
            f"no two pictures of '{part.name}' in this split show the same item; nothing can be "
            "found"
        )
    return SearchProtocol(
        name="same item",
        about=f"each of {len(queries):,} pictures, searched among all {len(part):,} but itself",
        split=split,
        queries=queries,
        gallery=part,
        leave_one_out=True,
    )
