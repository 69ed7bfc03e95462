"""What the contract of all readers does not say: each layout's own ways."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lapel.data.importing import import_dataset
from lapel.data.readers.attribute_folders import read_attribute_folders
from lapel.data.readers.folder import read_folder
from lapel.data.readers.table import read_table
from lapel.schema.errors import FormatError, StorageError, UsageError


def photos(root: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((5, 4, 3), number, np.uint8)).save(root / name)
    return root


def test_classes_without_splits_are_train_or_what_is_asked_for(tmp_path: Path) -> None:
    source = photos(tmp_path / "p", "shoes/1.png", "hat/deep/2.JPG", "hat/3.png")
    assert [row.split for row in read_folder(source).annotations] == [None] * 3
    assert [row.image for row in read_folder(source).annotations] == [
        "hat/3.png",
        "hat/deep/2.JPG",
        "shoes/1.png",
    ]
    dataset = import_dataset("folder", source, tmp_path / "d", split="test", task="kind")
    assert dataset.splits() == {"test": 3}
    assert dataset.labels("kind") == ["hat", "hat", "shoes"]
    with pytest.raises(UsageError, match="found split 'all', expected one of: train"):
        read_folder(source, split="all")


def test_spellings_of_splits_are_understood(tmp_path: Path) -> None:
    source = photos(tmp_path, "Training/a/1.png", "VALID/a/2.png", "testing/a/3.png")
    assert {row.split for row in read_folder(source).annotations} == {
        "train",
        "validation",
        "test",
    }


def test_what_is_no_data_is_passed_over_and_said(tmp_path: Path) -> None:
    source = photos(tmp_path, "a/1.png", "__MACOSX/a/1.png", "a/.hidden.png")
    (source / "a" / "notes.txt").write_text("note")
    (source / "a" / "more.TXT").write_text("note")
    (source / "a" / "README").write_text("note")
    (source / "LICENSE").write_text("free")
    (source / "empty").mkdir()
    reading = read_folder(source)
    assert len(reading.annotations) == 1
    assert reading.schema["category"].labels == ("a",)
    assert reading.notes == (
        "class folders without pictures, left out: empty",
        "passed over 3 files that are no pictures: 2 .txt, 1 without an ending",
    )


def test_pictures_of_formats_that_are_not_accepted_are_reported(tmp_path: Path) -> None:
    source = photos(tmp_path / "p", "a/1.png", "a/2.gif")
    (source / "a" / "3.HEIC").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0")
    with pytest.raises(FormatError) as caught:
        import_dataset("folder", source, tmp_path / "d")
    advice = "expected JPEG, PNG or WEBP; convert it or leave it out"
    assert str(caught.value).splitlines() == [
        f"a/2.gif: found a GIF file, {advice}",
        f"a/3.HEIC: found a HEIC file, {advice}",
        "2 of 3 images cannot be used; mend them, or leave them out with --skip-unreadable",
    ]


def test_a_folder_too_many_is_noticed(tmp_path: Path) -> None:
    source = photos(tmp_path / "p", "archive/train/hat/1.png", "archive/train/shoes/2.png")
    with pytest.raises(FormatError, match=r"one class, 'archive', with folders in it.*p/archive"):
        read_folder(source)
    assert len(read_folder(source / "archive").annotations) == 2


@pytest.mark.parametrize("folder", ["train", "train/hat"])
def test_a_folder_that_cannot_be_read_is_not_passed_over(
    folder: str, tmp_path: Path, forbid: Callable[[Path], None]
) -> None:
    source = photos(tmp_path, "train/hat/1.png", "train/bag/2.png")
    forbid(source / folder)
    with pytest.raises(StorageError, match=f"{folder} could not be read: "):
        read_folder(source)
    with pytest.raises(StorageError, match=f"{folder} could not be read: "):
        read_attribute_folders(source)


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="found no pictures in class folders, expected CLASS"):
        read_folder(tmp_path)


def table(root: Path, text: str) -> Path:
    (root / "t.csv").write_text(text)
    return root / "t.csv"


def test_a_table_gives_splits_groups_and_several_tasks(tmp_path: Path) -> None:
    source = photos(tmp_path, "1.png", "2.png")
    path = table(tmp_path, "File Name,style,colour,fold,item\n2.png,b,red,dev,x\n1.png,,blue,,\n")
    reading = read_table(
        path,
        images=source,
        single=["colour", "style"],
        split_column="fold",
        group_column="item",
    )
    first, second = reading.annotations
    assert (first.image, first.split, first.group) == ("2.png", "validation", "x")
    assert (second.image, second.split, second.group) == ("1.png", None, None)
    assert second.labels == {"colour": "blue", "style": None}
    assert [task.name for task in reading.schema] == ["colour", "style"]
    assert reading.schema["colour"].labels == ("blue", "red")
    assert reading.notes == (
        "2 rows; images are named by column 'File Name'",
        "column 'fold' says the split",
        "column 'item' says what is shown",
        "without a 'style', kept as unknown: 1 row",
    )


def test_the_image_column_is_asked_for_where_it_is_not_plain(tmp_path: Path) -> None:
    source = photos(tmp_path, "1.png")
    with pytest.raises(UsageError, match="no column named like images; name it with"):
        read_table(table(tmp_path, "id,label\n1.png,a\n"), images=source, single=["label"])
    with pytest.raises(UsageError, match=r"several columns \(image, path\) named like images"):
        read_table(table(tmp_path, "image,path,label\n"), images=source, single=["label"])
    reading = read_table(
        table(tmp_path, "id,label\n1.png,a\n"), images=source, single=["label"], image_column="id"
    )
    assert reading.annotations[0].image == "1.png"


def test_a_label_column_that_is_empty_or_not_there_is_refused(tmp_path: Path) -> None:
    path = table(photos(tmp_path, "1.png"), "image,label,none\n1.png,a,\n")
    with pytest.raises(UsageError, match="column 'none' is empty"):
        read_table(path, images=tmp_path, single=["none"])
    with pytest.raises(UsageError, match=r"has no column 'colour'\. It has: image, label, none"):
        read_table(path, images=tmp_path, single=["colour"])
    with pytest.raises(UsageError, match="found no column of labels"):
        read_table(path, images=tmp_path, single=[])


def test_unknown_layouts_and_options_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no layout is called 'pascal'; known: fashion-mnist"):
        import_dataset("pascal", tmp_path, tmp_path / "d")
    with pytest.raises(UsageError, match=r"layout 'folder': .*'single'"):
        import_dataset("folder", tmp_path, tmp_path / "d", single=["a"])
