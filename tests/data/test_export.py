from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.data.export import export_dataset
from lapel.data.importing import import_dataset
from lapel.data.sketch.picture import Options
from lapel.data.sketch.writing import sketch_dataset
from lapel.schema.annotation import Annotation, Tags
from lapel.schema.errors import SchemaError, StorageError, UsageError
from lapel.schema.formulas import escape_formula, unescape_formula
from lapel.schema.labels import Schema, TaskSpec


def test_class_folders_come_back_as_they_were(photo_dataset: Path, tmp_path: Path) -> None:
    export_dataset("folder", photo_dataset, tmp_path / "out")
    again = import_dataset("folder", tmp_path / "out", tmp_path / "again")
    dataset = Dataset.open(photo_dataset)
    assert again.schema == dataset.schema
    columns = ["sha256", "split", "category", "width", "height"]
    assert (
        again.table.select(columns)
        .sort("sha256")
        .equals(dataset.table.select(columns).sort("sha256"))
    )
    one = "train/hat/hat_0.jpg"
    assert (tmp_path / "out" / one).read_bytes() == dataset.read(one)


def test_packed_pictures_become_png_files_and_labels_keep_names_and_order(
    small_dataset: Path, tmp_path: Path
) -> None:
    done = export_dataset("folder", small_dataset, tmp_path / "out")
    assert (done.images, done.left_out) == (160, 0)
    again = import_dataset("folder", tmp_path / "out", tmp_path / "again")
    dataset = Dataset.open(small_dataset)
    assert again.schema == dataset.schema
    assert again.splits() == dataset.splits()
    path = tmp_path / "out" / "test" / "T-shirt_top" / "000120.png"
    packed = dataset.split("test").packed()
    assert packed is not None
    with Image.open(path) as picture:
        assert np.array_equal(np.asarray(picture), packed[0])


def strange(folder: Path, labels: list[str | None]) -> Dataset:
    """A packed dataset of strange labels, one picture each."""
    known = tuple(sorted({label for label in labels if label}))
    schema = Schema((TaskSpec(name="kind", kind="single_label", labels=known),))
    rows = [
        Annotation(image=f"images.npy#{number}", labels={"kind": label}, split="train")
        for number, label in enumerate(labels)
    ]
    pictures = np.arange(len(labels) * 16, dtype=np.uint8).reshape(-1, 4, 4)
    return create_dataset(folder, name="strange", schema=schema, annotations=rows, images=pictures)


STRANGE = ["a/b", "a:b", "A_B", "..", "=1+1", "한복", None, "-", "'=x", "+5", "with, comma", '"']


def test_labels_that_no_folder_can_be_named_after_survive(tmp_path: Path) -> None:
    dataset = strange(tmp_path / "d", STRANGE)
    done = export_dataset("folder", tmp_path / "d", tmp_path / "out")
    assert (done.images, done.left_out) == (11, 1)
    assert all(path.is_relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*"))
    again = import_dataset("folder", tmp_path / "out", tmp_path / "again", task="kind")
    assert again.schema == dataset.schema
    for name, label in zip(dataset.names(), dataset.labels("kind"), strict=True):
        if label is not None:
            exported = f"{int(name.split('#')[1]):06d}.png"
            there = again.table.filter(pl.col("image").str.ends_with(exported))
            assert there["kind"].to_list() == [label]


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet"])
def test_tables_come_back_as_they_were(tmp_path: Path, ending: str) -> None:
    dataset = strange(tmp_path / "d", STRANGE)
    out = tmp_path / f"out.{ending}"
    done = export_dataset("table", tmp_path / "d", out)
    assert done.image_root == str(tmp_path / "out-images")
    again = import_dataset(
        "table",
        out,
        tmp_path / "again",
        images=tmp_path / "out-images",
        single=["kind"],
    )
    assert again.labels("kind") == dataset.labels("kind")
    assert again.schema == dataset.schema
    assert again.names()[:2] == ["000000.png", "000001.png"]


def test_a_table_of_files_names_them_as_they_are(photo_dataset: Path, tmp_path: Path) -> None:
    done = export_dataset("table", photo_dataset, tmp_path / "out.csv")
    dataset = Dataset.open(photo_dataset)
    table = pl.read_csv(tmp_path / "out.csv")
    assert table.equals(dataset.table.cast({"width": pl.Int64, "height": pl.Int64}))
    assert done.image_root is not None
    assert (Path(done.image_root) / dataset.names()[0]).is_file()
    copied = export_dataset(
        "table", photo_dataset, tmp_path / "copy.csv", images=tmp_path / "copies"
    )
    assert copied.image_root == str(tmp_path / "copies")
    assert (tmp_path / "copies" / dataset.names()[0]).read_bytes() == dataset.read(
        dataset.names()[0]
    )


def test_no_spreadsheet_runs_a_cell(tmp_path: Path) -> None:
    strange(tmp_path / "d", ["=cmd|' /C calc'!A0", "@SUM(1)", "-2+3", "+1.5", "-7e3"])
    export_dataset("table", tmp_path / "d", tmp_path / "out.csv")
    kinds = pl.read_csv(tmp_path / "out.csv", infer_schema=False)["kind"].to_list()
    assert kinds == ["'=cmd|' /C calc'!A0", "'@SUM(1)", "'-2+3", "+1.5", "-7e3"]


@given(st.text(alphabet="'=+-@\t\r19.eab ", max_size=8))
def test_escaped_cells_come_back_and_begin_no_formula(cell: str) -> None:
    written = escape_formula(cell)
    assert unescape_formula(written) == cell
    if written[:1] in ("=", "@", "\t", "\r"):
        pytest.fail(f"{written!r} begins a formula")


def test_what_cannot_be_exported_is_refused(photo_dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("precious")
    with pytest.raises(StorageError, match="is not empty"):
        export_dataset("folder", photo_dataset, tmp_path / "full")
    with pytest.raises(UsageError, match=r"found ending '\.xlsx', expected \.csv, \.tsv"):
        export_dataset("table", photo_dataset, tmp_path / "out.xlsx")
    with pytest.raises(UsageError, match="no layout is called 'voc'; known: folder, table"):
        export_dataset("voc", photo_dataset, tmp_path / "out")


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet"])
def test_tags_and_several_tasks_come_back_as_they_were(
    tagged_dataset: Path, tmp_path: Path, ending: str
) -> None:
    done = export_dataset("table", tagged_dataset, tmp_path / f"out.{ending}")
    (note,) = done.notes
    assert note.endswith("import the table with --single colour --single style --multi 'tags:|'")
    again = import_dataset(
        "table",
        done.path,
        tmp_path / "again",
        images=done.image_root,
        single=["colour", "style"],
        multi=["tags:|"],
    )
    dataset = Dataset.open(tagged_dataset)
    for task in dataset.schema:
        for old, new in zip(dataset.labels(task.name), again.labels(task.name), strict=True):
            if isinstance(old, Tags):
                assert isinstance(new, Tags)
                assert set(new.yes) == set(old.yes)
                assert new.unknown == old.unknown
            else:
                assert new == old
    assert again.splits() == dataset.splits()


def test_a_datasets_own_table_can_be_imported(tagged_dataset: Path, tmp_path: Path) -> None:
    done = export_dataset("table", tagged_dataset, tmp_path / "out.csv")
    assert done.image_root is not None
    dataset = Dataset.open(tagged_dataset)
    names = sorted(path.name for path in Path(done.image_root).iterdir())
    path = tmp_path / "own.parquet"
    dataset.table.with_columns(pl.Series("image", names)).write_parquet(path)
    again = import_dataset(
        "table", path, tmp_path / "again", images=done.image_root, multi=["tags:|"]
    )
    tags = dataset.labels("tags")[1]
    assert isinstance(tags, Tags)
    assert again.labels("tags")[1] == tags
    assert again.splits() == dataset.splits()


def test_tags_have_no_place_in_class_folders(tagged_dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="name one with --task: colour, tags, style"):
        export_dataset("folder", tagged_dataset, tmp_path / "out")
    with pytest.raises(SchemaError, match="one place in class folders; write a table with"):
        export_dataset("folder", tagged_dataset, tmp_path / "out", task="tags")
    done = export_dataset("folder", tagged_dataset, tmp_path / "out", task="style")
    assert (done.images, done.left_out) == (54, 6)


def test_labels_with_the_usual_mark_in_them_get_another(tmp_path: Path) -> None:
    schema = Schema((TaskSpec(name="t", kind="multi_label", labels=("a|b", "=c;d", "e")),))
    rows = [
        Annotation(image="images.npy#0", labels={"t": Tags(("a|b", "=c;d"))}),
        Annotation(image="images.npy#1", labels={"t": Tags(("=c;d",))}),
    ]
    pictures = np.arange(32, dtype=np.uint8).reshape(2, 4, 4)
    create_dataset(tmp_path / "d", name="d", schema=schema, annotations=rows, images=pictures)
    done = export_dataset("table", tmp_path / "d", tmp_path / "out.csv")
    assert done.notes[0].endswith(" with --multi t:,")
    again = import_dataset(
        "table", done.path, tmp_path / "again", images=done.image_root, multi=["t:,"]
    )
    assert again.labels("t") == [Tags(("=c;d", "a|b")), Tags(("=c;d",))]


def test_landmarks_and_boxes_are_json_in_a_table_and_that_is_said(tmp_path: Path) -> None:
    options = Options(seed=5, size=64, tasks=("landmarks",))
    dataset = sketch_dataset(tmp_path / "d", 2, options=options)
    (task,) = (spec.name for spec in dataset.schema if spec.kind == "landmarks")
    done = export_dataset("table", tmp_path / "d", tmp_path / "out.csv")
    cells = pl.read_csv(tmp_path / "out.csv")[task].to_list()
    assert [json.loads(cell) for cell in cells] == dataset.table[task].to_list()
    (note,) = (note for note in done.notes if "JSON" in note)
    assert f"{task}" in note
    whole = export_dataset("table", tmp_path / "d", tmp_path / "out.parquet")
    assert not any("JSON" in note for note in whole.notes)
