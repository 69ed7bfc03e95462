from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.data.images import packed_name
from lapel.data.importing import import_dataset
from lapel.data.table import write_table
from lapel.schema.annotation import Annotation, Tags
from lapel.schema.errors import DatasetError, Fault, FormatError, SchemaError, StorageError
from lapel.schema.geometry import Box, Landmark, Landmarks
from lapel.schema.labels import Schema, TaskSpec

SCHEMA = Schema((TaskSpec(name="kind", kind="single_label", labels=("b", "a")),))


def test_splits_names_labels_and_pixels(photo_dataset: Path) -> None:
    dataset = Dataset.open(photo_dataset)
    assert len(dataset) == 18
    assert dataset.splits() == {"train": 12, "validation": 6}
    validation = dataset.split("val")
    assert validation.names()[0] == "valid/dress/dress_2.jpg"
    assert set(validation.labels("category")) == {"dress", "hat", "shoes"}
    pixels = validation.pixels("valid/dress/dress_5.png")
    assert pixels.shape == (64, 48, 3)
    assert pixels.dtype == np.uint8
    assert validation.table.row(1, named=True)["width"] == 48
    assert validation.packed() is None
    assert not dataset.gray


def test_a_split_or_task_that_is_not_there_is_refused_with_those_that_are(
    photo_dataset: Path,
) -> None:
    dataset = Dataset.open(photo_dataset)
    with pytest.raises(
        DatasetError, match=r"no 'test' split; it has: train \(12\), validation \(6\); make one"
    ):
        dataset.split("test")
    with pytest.raises(SchemaError, match="no task 'colour'; the schema has: category"):
        dataset.labels("colour")


def test_packed_pictures_come_in_row_order(small_dataset: Path) -> None:
    dataset = Dataset.open(small_dataset)
    assert dataset.gray
    for rows in (dataset, dataset.split("test"), dataset.split("validation")):
        packed = rows.packed()
        assert packed is not None
        assert packed.shape == (len(rows), 28, 28)
        for number in (0, len(rows) - 1):
            name = rows.names()[number]
            assert np.array_equal(packed[number], rows.pixels(name)[..., 0])
            with Image.open(io.BytesIO(rows.read(name))) as picture:
                assert np.array_equal(np.asarray(picture), packed[number])


def test_the_fingerprint_changes_with_rows_labels_and_schema(own_dataset: Path) -> None:
    dataset = Dataset.open(own_dataset)
    assert Dataset.open(own_dataset).fingerprint == dataset.fingerprint
    assert dataset.split("train").fingerprint != dataset.fingerprint
    write_table(own_dataset, dataset.table.with_columns(category=pl.lit("hat")))
    assert Dataset.open(own_dataset).fingerprint != dataset.fingerprint
    write_table(own_dataset, dataset.table)
    description = json.loads((own_dataset / "dataset.json").read_text())
    description["schema"][0]["labels"].reverse()
    (own_dataset / "dataset.json").write_text(json.dumps(description))
    assert Dataset.open(own_dataset).fingerprint != dataset.fingerprint


def test_the_fingerprint_is_that_of_the_whole_text_however_it_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = Schema(
        (
            TaskSpec(name="kind", kind="single_label", labels=("a", "ü")),
            TaskSpec(name="tags", kind="multi_label", labels=("x", "y")),
            TaskSpec(name="landmarks", kind="landmarks", labels=("left hem", "right hem")),
        )
    )
    rows = [
        Annotation(
            image=packed_name(number),
            labels={
                "kind": ("a", "ü")[number % 2] if number else None,
                "tags": Tags(("x",), ("y",)) if number % 3 else None,
                "landmarks": Landmarks({"left hem": Landmark(number / 3, 2)}, cut=("right hem",)),
            },
            box=Box(1, 2, 3.5, number) if number else None,
        )
        for number in range(7)
    ]
    images = np.arange(7 * 4, dtype=np.uint8).reshape(7, 2, 2)
    folder = tmp_path / "d"
    create_dataset(folder, name="d", schema=schema, annotations=rows, images=images)
    dataset = Dataset.open(folder)
    whole = json.dumps(schema.to_json()) + dataset.table.write_ndjson()
    expected = hashlib.sha256(whole.encode()).hexdigest()[:16]
    assert dataset.fingerprint == expected
    for rows_at_a_time in (1, 3, 7):
        monkeypatch.setattr("lapel.data.dataset.ROWS_DIGESTED", rows_at_a_time)
        assert Dataset.open(folder).fingerprint == expected


def test_dataset_and_pictures_move_together(own_dataset: Path, own_photos: Path) -> None:
    moved = own_dataset.parent / "elsewhere" / "below"
    moved.mkdir(parents=True)
    shutil.move(own_dataset, moved)
    shutil.move(own_photos, moved)
    dataset = Dataset.open(moved / own_dataset.name)
    assert dataset.pixels(dataset.names()[0]).shape[2] == 3


def spoil_json(key: str, value: object) -> Callable[[Path], object]:
    def spoil(folder: Path) -> None:
        path = folder / "dataset.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))

    return spoil


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (
            lambda folder: (folder / "dataset.json").unlink(),
            "is no dataset: it has no dataset.json",
        ),
        (lambda folder: (folder / "dataset.json").write_text("{"), "could not be read"),
        (lambda folder: (folder / "dataset.json").write_text("[]"), "not one of Lapel's"),
        (spoil_json("lapel_dataset", 2), "found version 2 of the dataset format, expected 1"),
        (spoil_json("root", 3), "found 3 as 'root', expected a text"),
        (spoil_json("schema", []), "a schema needs at least one task"),
        (lambda folder: (folder / "annotations.parquet").unlink(), "could not be read"),
        (
            lambda folder: (folder / "annotations.parquet").write_bytes(b"PAR1"),
            "could not be read",
        ),
        (
            lambda folder: write_table(folder, Dataset.open(folder).table.drop("category")),
            "found no column for 'category', expected String",
        ),
        (
            lambda folder: write_table(
                folder, Dataset.open(folder).table.with_columns(width=pl.lit("wide"))
            ),
            "found String for 'width', expected Int32",
        ),
        (
            lambda folder: write_table(
                folder, Dataset.open(folder).table.with_columns(image=pl.lit("one.png"))
            ),
            "images without a name or twice",
        ),
    ],
)
def test_folders_that_are_no_whole_dataset_are_refused(
    own_dataset: Path, spoil: Callable[[Path], object], says: str
) -> None:
    spoil(own_dataset)
    with pytest.raises(DatasetError) as caught:
        Dataset.open(own_dataset)
    assert says in str(caught.value)


def make(folder: Path, *rows: Annotation, count: int = 3) -> Dataset:
    pictures = np.arange(count * 12, dtype=np.uint8).reshape(count, 4, 3)
    return create_dataset(folder, name="few", schema=SCHEMA, annotations=rows, images=pictures)


def row(number: int, label: str | None = "a", split: str | None = None) -> Annotation:
    return Annotation(image=packed_name(number), labels={"kind": label}, split=split)


def test_rows_that_cannot_be_are_refused_together(tmp_path: Path) -> None:
    with pytest.raises(FormatError) as caught:
        make(tmp_path / "d", row(0), row(0), row(1, "c"), row(2, split="holdout"))
    assert [str(fault) for fault in caught.value.faults] == [
        "images.npy#0: found 2 rows, expected one row an image",
        "images.npy#1: found kind 'c', expected a label of the schema",
        "images.npy#2: found split 'holdout', expected train, validation, test",
    ]
    with pytest.raises(DatasetError, match="found no images"):
        make(tmp_path / "d")
    with pytest.raises(FormatError, match=r"images\.npy#7: no such row"):
        make(tmp_path / "d", row(7))
    assert not list(tmp_path.iterdir())


def test_unknown_labels_and_groups_are_kept(tmp_path: Path) -> None:
    grouped = Annotation(image=packed_name(1), labels={}, group="item")
    dataset = make(tmp_path / "d", row(0, None), grouped)
    assert dataset.labels("kind") == [None, None]
    assert dataset.table["group"].to_list() == [None, "item"]
    assert dataset.splits() == {"train": 2}


def test_a_task_named_like_a_column_is_refused(tmp_path: Path) -> None:
    schema = Schema((TaskSpec(name="split", kind="single_label", labels=("a",)),))
    with pytest.raises(DatasetError, match="a task named 'split', which the table needs"):
        create_dataset(
            tmp_path / "d",
            name="few",
            schema=schema,
            annotations=[Annotation(image=packed_name(0), labels={"split": "a"})],
            images=np.zeros((1, 2, 2), np.uint8),
        )


def test_what_stands_there_is_kept_unless_it_is_to_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "mine.txt").write_text("precious")
    with pytest.raises(StorageError, match="exists and is not empty; name a new folder"):
        make(tmp_path / "d", row(0))
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="is a file; name a new folder"):
        make(tmp_path / "file", row(0))
    (tmp_path / "file").unlink()
    assert (tmp_path / "d" / "mine.txt").read_text() == "precious"
    assert [path.name for path in tmp_path.iterdir()] == ["d"]


def test_an_occupied_place_is_refused_before_the_source_is_read(
    own_photos: Path, tmp_path: Path
) -> None:
    make(tmp_path / "d", row(0))
    (own_photos / "train/hat/torn.jpg").write_bytes(b"torn")
    read: list[object] = []
    with pytest.raises(StorageError, match="is not empty; name a new folder, or add --replace"):
        import_dataset("folder", own_photos, tmp_path / "d", on_notes=read.append)
    with pytest.raises(DatasetError, match="holds more than a dataset"):
        import_dataset("folder", own_photos, own_photos, replace=True, on_notes=read.append)
    assert read == []


def test_a_dataset_is_replaced_but_nothing_else(own_photos: Path, tmp_path: Path) -> None:
    make(tmp_path / "d", row(0))
    replaced = import_dataset("folder", own_photos, tmp_path / "d", replace=True)
    assert len(replaced) == 18
    assert not (tmp_path / "d" / "images.npy").exists()
    with pytest.raises(DatasetError, match=r"holds more than a dataset \(train, valid\)"):
        import_dataset("folder", own_photos, own_photos, replace=True)
    assert len(list(own_photos.rglob("*.jpg"))) == 9


def torn(root: Path) -> list[Annotation]:
    """Three pictures, of which one is torn and one is missing."""
    root.mkdir()
    for number in range(2):
        Image.effect_noise((40, 40), 50).save(root / f"{number}.jpg")
    data = (root / "1.jpg").read_bytes()
    (root / "1.jpg").write_bytes(data[: len(data) // 2])
    return [Annotation(image=f"{number}.jpg", labels={"kind": "a"}) for number in range(3)]


def test_unreadable_pictures_are_reported_together(tmp_path: Path) -> None:
    rows = torn(tmp_path / "photos")
    with pytest.raises(FormatError) as caught:
        create_dataset(
            tmp_path / "d",
            name="torn",
            schema=SCHEMA,
            annotations=rows,
            images=tmp_path / "photos",
        )
    assert [fault.file for fault in caught.value.faults] == ["1.jpg", "2.jpg"]
    assert "2 of 3 images cannot be used" in str(caught.value)
    assert not (tmp_path / "d").exists()


def test_unreadable_pictures_are_left_out_where_the_user_asks(tmp_path: Path) -> None:
    skipped: list[Fault] = []
    dataset = create_dataset(
        tmp_path / "d",
        name="torn",
        schema=SCHEMA,
        annotations=torn(tmp_path / "photos"),
        images=tmp_path / "photos",
        on_unreadable=skipped.extend,
    )
    assert dataset.names() == ["0.jpg"]
    assert dataset.gray
    assert [fault.file for fault in skipped] == ["1.jpg", "2.jpg"]
