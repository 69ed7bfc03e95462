"""Who is searched with and among, and how well it goes."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from item_photos import item_dataset
from PIL import Image

from lapel.data.dataset import Dataset
from lapel.evaluation.search import evaluate_search
from lapel.inference.embedding import Embedder
from lapel.retrieval.protocols import protocol_of
from lapel.retrieval.vectors import embed_dataset
from lapel.schema.annotation import Annotation
from lapel.schema.errors import DatasetError, StorageError


def with_roles(item: int, view: int, row: Annotation) -> Annotation:
    """Items 0 to 2 train, 3 and 4 validate, the others test; view 0 is the query."""
    split = "train" if item < 3 else "validation" if item < 5 else "test"
    role = None if split == "train" else ("query" if view == 0 else "gallery")
    return replace(row, split=split, role=role)


@pytest.fixture(scope="module")
def roles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve items of three splits, with roles. Not to be changed."""
    return item_dataset(tmp_path_factory.mktemp("roles"), annotate=with_roles).folder


def test_in_shop_is_searched_among_the_gallery_of_its_split(roles: Path) -> None:
    protocol = protocol_of(Dataset.open(roles), "test")
    assert (len(protocol.queries), len(protocol.gallery)) == (7, 21)
    assert set(protocol.gallery.table["role"]) == {"gallery"}
    assert set(protocol.gallery.table["split"]) == {"test"}
    assert not protocol.leave_one_out


def test_consumer_to_shop_is_searched_among_validation_and_test(tmp_path: Path) -> None:
    dataset = item_dataset(tmp_path, annotate=with_roles, benchmark="deepfashion-consumer-to-shop")
    protocol = protocol_of(dataset, "test")
    assert (len(protocol.queries), len(protocol.gallery)) == (7, 27)
    assert protocol.name == "deepfashion-consumer-to-shop"
    assert "validation and test" in protocol.about
    assert len(protocol_of(dataset, "validation").gallery) == 6


def test_a_single_query_is_one(tmp_path: Path) -> None:
    protocol = protocol_of(item_dataset(tmp_path, items=6, annotate=with_roles), "test")
    assert protocol.about.startswith("1 query of the test split")


def test_without_roles_each_is_searched_among_all_others(items: Path, roles: Path) -> None:
    protocol = protocol_of(Dataset.open(items), "test")
    assert protocol.leave_one_out
    assert (len(protocol.queries), len(protocol.gallery)) == (48, 48)
    assert protocol_of(Dataset.open(roles), "train").leave_one_out


def test_lone_and_unknown_items_are_no_queries(tmp_path: Path) -> None:
    def annotate(item: int, view: int, row: Annotation) -> Annotation:
        if item == 1:
            return replace(row, group=f"lone {view}")
        return replace(row, group=None) if item == 2 else row

    protocol = protocol_of(item_dataset(tmp_path, items=4, views=2, annotate=annotate), "test")
    assert (len(protocol.queries), len(protocol.gallery)) == (4, 8)


def test_a_dataset_without_items_cannot_be_searched(photo_dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="which pictures show the same item"):
        protocol_of(Dataset.open(photo_dataset), "train")
    lone = item_dataset(tmp_path, items=3, views=1)
    with pytest.raises(DatasetError, match="no two pictures"):
        protocol_of(lone, "test")


def test_the_numbers_are_those_of_a_plain_ranking(seeing_bundle: Path, roles: Path) -> None:
    evaluation = evaluate_search(seeing_bundle, roles)
    protocol = protocol_of(Dataset.open(roles), "test")
    embedder = Embedder.load(seeing_bundle)
    queries = embed_dataset(embedder, protocol.queries).vectors
    gallery = embed_dataset(embedder, protocol.gallery).vectors
    items = np.array(protocol.gallery.table["group"].to_list())
    wanted = np.array(protocol.queries.table["group"].to_list())
    ranked = items[np.argsort(-(queries @ gallery.T), axis=1)] == wanted[:, None]
    assert evaluation.numbers["hit_rate_at_1"].value == pytest.approx(ranked[:, 0].mean())
    assert evaluation.numbers["mrr"].value == pytest.approx((1 / (1 + ranked.argmax(1))).mean())
    assert evaluation.numbers["recall_at_5"].value == pytest.approx(ranked[:, :5].sum() / 21)
    number = evaluation.numbers["map_at_r"]
    assert number.low <= number.value <= number.high
    assert number.value > 0.8


def test_what_is_written_says_all(seeing_bundle: Path, items: Path, tmp_path: Path) -> None:
    evaluation = evaluate_search(seeing_bundle, items, out=tmp_path / "out")
    assert not any("too few" in remark for remark in evaluation.remarks)
    written = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert written == json.loads(json.dumps(evaluation.to_json()))
    assert (written["queries"], written["gallery"]) == (48, 48)
    rows = list(csv.DictReader((tmp_path / "out" / "queries.csv").read_text().splitlines()))
    assert len(rows) == 48
    assert {row["to_find"] for row in rows} == {"3"}
    hits = np.mean([row["first_place"] == "1" for row in rows])
    assert evaluation.numbers["hit_rate_at_1"].value == pytest.approx(hits)
    with Image.open(tmp_path / "out" / "sheet.jpg") as sheet:
        colours = np.asarray(sheet).astype(int)
    green = (np.abs(colours - (30, 150, 70)).max(axis=2) < 25).mean()
    assert green > 0.01  # frames around what is right
    with pytest.raises(StorageError, match="not empty"):
        evaluate_search(seeing_bundle, items, out=tmp_path / "out")
    evaluate_search(seeing_bundle, items, out=tmp_path / "out", replace=True)


def test_an_evaluation_is_replaced_and_nothing_else_and_that_is_said_before_the_work(
    items: Path, tmp_path: Path
) -> None:
    out, nothing = tmp_path / "out", tmp_path / "no bundle"
    out.mkdir()
    (out / "metrics.json").write_text("{}")
    with pytest.raises(StorageError, match="is not empty; name a new folder, or add --replace"):
        evaluate_search(nothing, items, out=out)
    (out / "notes.txt").write_text("mine")
    with pytest.raises(StorageError, match=r"more than an evaluation of search \(notes.txt\)"):
        evaluate_search(nothing, items, out=out, replace=True)
    assert (out / "notes.txt").read_text() == "mine"
    with pytest.raises(StorageError, match="could not be written"):
        evaluate_search(nothing, items, out=out / "notes.txt" / "new")


def test_unreadable_pictures_take_no_part(seeing_bundle: Path, tmp_path: Path) -> None:
    dataset = item_dataset(tmp_path, items=5, views=2).folder
    (tmp_path / "photos" / "02_1.png").write_bytes(b"no picture")
    evaluation = evaluate_search(seeing_bundle, dataset)
    assert [failure.image for failure in evaluation.unreadable] == ["02_1.png"]
    # The other photo of that item has nothing to find any more.
    assert (evaluation.queries, evaluation.without_match) == (8, 1)
