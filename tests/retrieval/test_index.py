"""An index: found again, moved, damaged, and never written over what is not its own."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from item_photos import BOX, boxed_photo, draw_item, item_dataset, write_seeing_bundle

from lapel.data.dataset import Dataset
from lapel.inference.embedding import Embedder, Embedding
from lapel.inference.pictures import Failure
from lapel.retrieval import build
from lapel.retrieval.build import build_index
from lapel.retrieval.index import Answer, SearchIndex
from lapel.schema.annotation import Annotation
from lapel.schema.errors import (
    BundleError,
    DatasetError,
    MissingExtraError,
    StorageError,
    UsageError,
)


@pytest.fixture(scope="module")
def index(seeing_bundle: Path, items: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of all items. Not to be changed."""
    return build_index(seeing_bundle, items, tmp_path_factory.mktemp("index") / "index").folder


def photo_of(items: Path, name: str) -> Path:
    return items.parent / "photos" / name


@pytest.mark.parametrize("kind", ["exact", "hnsw"])
def test_a_photo_finds_itself_then_its_item(
    kind: str, seeing_bundle: Path, items: Path, tmp_path: Path
) -> None:
    made = build_index(seeing_bundle, items, tmp_path / "index", kind=kind)
    assert len(made) == made.facts["pictures"] == 48
    assert made.facts["kind"] == kind
    opened = SearchIndex.open(tmp_path / "index")
    (answer,) = opened.query(photo_of(items, "05_1.png"), count=4)
    assert isinstance(answer, Answer)
    assert answer.found[0].picture.image == "05_1.png"
    assert answer.found[0].similarity == pytest.approx(1, abs=2e-3)
    assert {one.picture.item for one in answer.found} == {"item 05"}


def test_a_photo_of_other_light_finds_its_item(index: Path) -> None:
    opened = SearchIndex.open(index)
    unseen = [draw_item(item, 99) for item in range(12)]
    answers = list(opened.query(unseen, count=1))
    found = [one.found[0].picture.item for one in answers if isinstance(one, Answer)]
    assert found == [f"item {item:02d}" for item in range(12)]


def test_what_cannot_be_read_is_a_failure_among_the_answers(index: Path, tmp_path: Path) -> None:
    (tmp_path / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    answers = list(SearchIndex.open(index).query([tmp_path / "torn.png", draw_item(0, 9)]))
    assert isinstance(answers[0], Failure)
    assert isinstance(answers[1], Answer)


def test_an_index_needs_nothing_beside_it(seeing_bundle: Path, items: Path, tmp_path: Path) -> None:
    model = shutil.copytree(seeing_bundle, tmp_path / "model")
    build_index(model, items, tmp_path / "here")
    shutil.rmtree(model)
    moved = shutil.move(tmp_path / "here", tmp_path / "elsewhere")
    (answer,) = SearchIndex.open(moved).query(draw_item(3, 9), count=2)
    assert isinstance(answer, Answer)
    assert answer.found[0].picture.item == "item 03"


@pytest.mark.parametrize("file", ["vectors.npy", "pictures.jsonl"])
def test_a_changed_file_is_refused(file: str, index: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(index, tmp_path / "copy")
    data = bytearray((copy / file).read_bytes())
    data[-3] ^= 1
    (copy / file).write_bytes(data)
    with pytest.raises(StorageError, match="is not the file that was written"):
        SearchIndex.open(copy)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": "lapel.search/9"}, "expected 'lapel.search/1'"),
        ({"files": []}, "not whole"),
        ({"kind": "annoy"}, "not whole"),
    ],
)
def test_another_format_is_refused(
    change: dict[str, object], said: str, index: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(index, tmp_path / "copy")
    facts = json.loads((copy / "search.json").read_text())
    (copy / "search.json").write_text(json.dumps(facts | change))
    with pytest.raises(StorageError, match=said):
        SearchIndex.open(copy)


def test_what_is_no_index_is_said(tmp_path: Path, items: Path) -> None:
    with pytest.raises(StorageError, match="`lapel search build`"):
        SearchIndex.open(tmp_path)
    with pytest.raises(StorageError, match="is no index"):
        SearchIndex.open(items)


def test_an_index_is_replaced_and_nothing_else(
    seeing_bundle: Path, items: Path, index: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(index, tmp_path / "copy")
    with pytest.raises(StorageError, match="--replace"):
        build_index(seeing_bundle, items, copy)
    assert len(build_index(seeing_bundle, items, copy, replace=True)) == 48
    (copy / "notes.txt").write_text("mine")
    with pytest.raises(StorageError, match=r"more than an index \(notes.txt"):
        build_index(seeing_bundle, items, copy, replace=True)
    assert (copy / "notes.txt").read_text() == "mine"


def test_a_model_without_vectors_is_refused(
    colour_bundle: Path, items: Path, tmp_path: Path
) -> None:
    with pytest.raises(BundleError, match="gives no vectors"):
        build_index(colour_bundle, items, tmp_path / "index")
    assert not (tmp_path / "index").exists()


def test_unreadable_pictures_are_left_out_and_named(seeing_bundle: Path, tmp_path: Path) -> None:
    dataset = item_dataset(tmp_path, items=3, views=2)
    (tmp_path / "photos" / "01_0.png").write_bytes(b"no picture")
    made = build_index(seeing_bundle, dataset.folder, tmp_path / "index")
    assert [image for image, _ in made.facts["unreadable"]] == ["01_0.png"]
    assert "01_0.png" not in {picture.image for picture in made.pictures}
    assert len(made) == 5
    for photo in (tmp_path / "photos").iterdir():
        photo.unlink()
    with pytest.raises(DatasetError, match="no picture of items can be read"):
        build_index(seeing_bundle, dataset.folder, tmp_path / "other")


def test_the_gallery_of_a_benchmark_is_what_can_be_found(
    seeing_bundle: Path, tmp_path: Path
) -> None:
    def annotate(item: int, view: int, row: Annotation) -> Annotation:
        return Annotation(
            image=row.image,
            labels=row.labels,
            split="validation" if item == 0 else "test",
            group=row.group,
            role="query" if view == 0 else "gallery",
        )

    dataset = item_dataset(tmp_path, items=3, views=3, annotate=annotate).folder
    made = build_index(seeing_bundle, dataset, tmp_path / "index")
    assert len(made) == 6
    part = build_index(seeing_bundle, dataset, tmp_path / "part", split="test")
    assert {picture.split for picture in part.pictures} == {"test"}
    assert len(part) == 4
    assert len(build_index(seeing_bundle, dataset, tmp_path / "all", everything=True)) == 9


def test_a_model_of_boxes_looks_at_the_box_alone(colour_bundle: Path, tmp_path: Path) -> None:
    bundle = write_seeing_bundle(tmp_path / "boxes", colour_bundle, crop_to_box=True)
    embedder = Embedder.load(bundle)
    boxed, whole = embedder.embed([boxed_photo(2), boxed_photo(2)], [BOX, None])
    (alone,) = embedder.embed(boxed_photo(2)[8:24, 8:24])
    assert isinstance(boxed, Embedding)
    assert isinstance(whole, Embedding)
    assert isinstance(alone, Embedding)
    # Not to the bit: what is resized looks a pixel beyond its edge.
    assert float(boxed.vector @ alone.vector) > 0.998
    assert float(whole.vector @ alone.vector) < 0.98
    with pytest.raises(UsageError, match="found 1 boxes"):
        list(embedder.embed([boxed_photo(1), boxed_photo(2)], [BOX]))


def test_vectors_of_a_dataset_are_those_of_its_photos(index: Path, items: Path) -> None:
    opened = SearchIndex.open(index)
    kept = np.load(index / "vectors.npy")
    names = Dataset.open(items).names()
    for row in (0, 31, 32, 47):  # at the ends of batches
        (alone,) = opened.embedder.embed(photo_of(items, names[row]))
        assert isinstance(alone, Embedding)
        assert np.allclose(kept[row], alone.vector, atol=1e-5)
    assert np.allclose(np.linalg.norm(kept, axis=1), 1, atol=1e-5)


def test_names_with_line_separators_of_other_programs_come_back(
    seeing_bundle: Path, tmp_path: Path
) -> None:
    dataset = item_dataset(tmp_path)
    table = dataset.table.with_columns(group=pl.lit("a\u2028b\u0085c"))
    table.write_parquet(dataset.folder / "annotations.parquet")
    made = build_index(seeing_bundle, dataset.folder, tmp_path / "index")
    assert {one.item for one in made.pictures} == {"a\u2028b\u0085c"}


def test_a_library_that_is_not_there_is_missed_before_the_work(
    seeing_bundle: Path, items: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        pytest.fail("pictures were looked at")

    monkeypatch.setitem(sys.modules, "faiss", None)
    monkeypatch.setattr(build, "embed_dataset", never)
    with pytest.raises(MissingExtraError, match="search"):
        build_index(seeing_bundle, items, tmp_path / "index", kind="hnsw")
