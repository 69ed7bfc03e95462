"""What goes into a dataset from a layout comes out of it as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from layout_writers import (
    write_attribute_folders,
    write_ce7454,
    write_garmentiq,
    write_kfashion,
    write_nsysu,
    write_photo,
    write_prography,
)

from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.data.export import export_dataset
from lapel.data.exporters import nsysu
from lapel.data.exporting import FreeNames, flat_places
from lapel.data.garments import read_garments
from lapel.data.importing import import_dataset
from lapel.schema.annotation import Annotation, Tags
from lapel.schema.errors import UsageError
from lapel.schema.labels import Schema, TaskSpec


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def nsysu_options(root: Path) -> dict[str, Any]:
    return {"more": [root / "attributes.csv"], "test_list": root / "test.csv"}


LAYOUTS: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "ce7454": (write_ce7454, "FashionDataset", "FashionDataset"),
    "nsysu": (write_nsysu, "category.csv", "."),
    "prography": (write_prography, "dataset", "dataset"),
    "garmentiq": (write_garmentiq, "src", "src"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_comes_back_byte_for_byte(layout: str, tmp_path: Path) -> None:
    write, source, folder = LAYOUTS[layout]
    write(tmp_path / "in")
    options = nsysu_options(tmp_path / "in") if layout == "nsysu" else {}
    import_dataset(layout, tmp_path / "in" / source, tmp_path / "dataset", **options)
    done = export_dataset(layout, tmp_path / "dataset", tmp_path / "out")
    assert tree(tmp_path / "out") == tree(tmp_path / "in" / folder)
    assert done.left_out == 0
    assert done.notes == ()


@pytest.mark.parametrize("layout", ["k-fashion", "attribute-folders"])
def test_what_a_layout_says_comes_back(layout: str, tmp_path: Path) -> None:
    write = {"k-fashion": write_kfashion, "attribute-folders": write_attribute_folders}[layout]
    write(tmp_path / "in")
    source = tmp_path / "in" / {"k-fashion": "data", "attribute-folders": "src"}[layout]
    dataset = import_dataset(layout, source, tmp_path / "dataset")
    export_dataset(layout, dataset.folder, tmp_path / "out")
    again = import_dataset(layout, tmp_path / "out", tmp_path / "again")
    assert again.schema == dataset.schema
    columns = ["sha256", "split", *(task.name for task in dataset.schema)]

    def rows(one: Dataset) -> list[tuple[Any, ...]]:
        return one.table.select(columns).sort("sha256", "split").rows()

    assert rows(again) == rows(dataset)
    places = [sorted(map(repr, read_garments(d.folder).values())) for d in (dataset, again)]
    assert places[0] == places[1]


def drawn(folder: Path, *, labels: list[dict[str, Any]], kinds: dict[str, str]) -> Path:
    """A dataset of PNG files with names and labels of their own."""
    words = {
        "single_label": {"long": 0, "short": 1, "안 보임": 2},
        "multi_label": {"warm": 0, "thin": 1, "old": 2},
    }
    for number in range(len(labels)):
        write_photo(folder / f"pictures/{number}.png", 20 * number)
    splits = ("train", "validation", "test")
    dataset = create_dataset(
        folder / "dataset",
        name="drawn",
        schema=Schema(
            tuple(
                TaskSpec(name=name, kind=kind, labels=tuple(words[kind]))
                for name, kind in kinds.items()
            )
        ),
        annotations=[
            Annotation(image=f"{number}.png", labels=row, split=splits[number % 3])
            for number, row in enumerate(labels)
        ],
        images=folder / "pictures",
    )
    return dataset.folder


def test_how_tags_in_folders_are_read_again_is_said(tmp_path: Path) -> None:
    rows = [{"kind": "long", "tags": Tags(("warm", "old"))}, {"kind": "short", "tags": Tags()}]
    folder = drawn(tmp_path, labels=rows, kinds={"kind": "single_label", "tags": "multi_label"})
    done = export_dataset("attribute-folders", folder, tmp_path / "out")
    assert done.notes == ("to be read again with --multi tags",)
    again = import_dataset(
        "attribute-folders", tmp_path / "out", tmp_path / "again", multi=["tags"]
    )
    assert again.labels("tags")[0] == Tags(("old", "warm"))


def test_any_six_questions_become_the_challenge(tmp_path: Path) -> None:
    names = list("abcdef")
    rows: list[dict[str, Any]] = [dict.fromkeys(names, "short") for _ in range(7)]
    rows[0]["b"] = "안 보임"
    rows[3]["a"] = None  # to train on, and not whole
    rows[2] = {}  # to be tested
    folder = drawn(tmp_path, labels=rows, kinds=dict.fromkeys(names, "single_label"))
    done = export_dataset("ce7454", folder, tmp_path / "out")
    assert (done.images, done.left_out) == (6, 1)
    assert done.notes == ("without a box, which is now the whole picture: 6 images",)
    split = tmp_path / "out" / "split"
    assert (split / "train.txt").read_text() == "img/00000.png\nimg/00001.png\n"
    assert (split / "train_attr.txt").read_text() == "1 2 1 1 1 1\n1 1 1 1 1 1\n"
    assert (split / "train_bbox.txt").read_text() == "001 001 005 006\n" * 2
    assert (split / "test_landmards.txt").read_text() == "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n" * 2
    assert not (split / "test_attr.txt").exists()
    again = import_dataset("ce7454", tmp_path / "out", tmp_path / "again", tasks=names)
    assert again.schema == Dataset.open(folder).schema
    assert again.labels("b")[0] == "안 보임"


def test_six_are_named_where_there_are_more(tmp_path: Path) -> None:
    kinds = dict.fromkeys("abcdefg", "single_label") | {"tags": "multi_label"}
    rows = [dict.fromkeys("abcdefg", "long") | {"tags": Tags()} for _ in range(3)]
    folder = drawn(tmp_path, labels=rows, kinds=kinds)
    with pytest.raises(UsageError, match=r"'ce7454' holds 6 single_label tasks; found 7 tasks"):
        export_dataset("ce7454", folder, tmp_path / "out")
    with pytest.raises(UsageError, match="found 'tags', which is multi_label"):
        export_dataset("ce7454", folder, tmp_path / "out", task=[*"abcde", "tags"])
    export_dataset("ce7454", folder, tmp_path / "out", task=list("gfedcb"))


def test_labels_become_numbers_for_the_contest(tmp_path: Path) -> None:
    kinds = {"kind": "single_label", "tags": "multi_label"}
    rows: list[dict[str, Any]] = [
        {"kind": "short", "tags": Tags(("warm", "old"))},
        {"kind": None, "tags": Tags(("thin",), ("warm",))},
        {"kind": "long", "tags": Tags()},
    ]
    folder = drawn(tmp_path, labels=rows, kinds=kinds)
    export_dataset("nsysu", folder, tmp_path / "out")
    assert (tmp_path / "out/category.csv").read_text() == (
        "file_path, category_label\ndeep_fashion/train/00000.png,1\ndeep_fashion/test/00000.png,0\n"
    )
    assert (tmp_path / "out/attributes.csv").read_text() == (
        "file_path,attribute_label\n"
        "deep_fashion/train/00000.png,0 2\n"
        "deep_fashion/test/00000.png,\n"
    )
    assert (tmp_path / "out/test.csv").read_text() == "file_path\ndeep_fashion/val/00000.png\n"


def test_who_has_labels_is_found_once_for_all_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[dict[str, Any]] = [{"kind": "short", "tags": Tags()}] * 6
    kinds = {"kind": "single_label", "tags": "multi_label"}
    folder = drawn(tmp_path, labels=rows, kinds=kinds)
    asked: list[int] = []
    known = nsysu._known

    def counted(*answers: list[tuple[str, str | None]]) -> set[str]:
        asked.append(len(answers))
        return known(*answers)

    monkeypatch.setattr(nsysu, "_known", counted)
    export_dataset("nsysu", folder, tmp_path / "out")
    assert asked == [2]


def test_the_contest_is_given_no_number_that_it_lacks(tmp_path: Path) -> None:
    kinds = {"kind": "single_label", "other": "single_label", "tags": "multi_label"}
    rows: list[dict[str, Any]] = [
        {"kind": "short", "other": "long", "tags": Tags(("warm",), unknown)}
        for unknown in ((), ("old",), ())
    ]
    folder = drawn(tmp_path, labels=rows, kinds=kinds)
    with pytest.raises(UsageError, match="found 2 tasks; name it with --category"):
        export_dataset("nsysu", folder, tmp_path / "out")
    done = export_dataset("nsysu", folder, tmp_path / "out", category="other")
    assert done.notes == ("without a row, since a label of 'tags' is unknown: 1 image",)
    many = TaskSpec(name="many", kind="single_label", labels=tuple("abcdefghijk"))
    tags = TaskSpec(name="tags", kind="multi_label", labels=("warm",))
    larger = create_dataset(
        tmp_path / "larger",
        name="larger",
        schema=Schema((many, tags)),
        annotations=[Annotation(image="0.png", labels={"many": "a"}, split="train")],
        images=tmp_path / "pictures",
    )
    with pytest.raises(UsageError, match="0 to 9 for a single_label task; those of 'many' go to"):
        export_dataset("nsysu", larger.folder, tmp_path / "none")


def test_what_does_not_fit_a_layout_is_refused(photo_dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'nsysu' holds 1 multi_label task; found 0 tasks"):
        export_dataset("nsysu", photo_dataset, tmp_path / "out")
    with pytest.raises(UsageError, match="'prography' holds the single_label tasks color, style"):
        export_dataset("prography", photo_dataset, tmp_path / "out")
    with pytest.raises(UsageError, match="'k-fashion' holds K-Fashion's tasks"):
        export_dataset("k-fashion", photo_dataset, tmp_path / "out")
    write_prography(tmp_path)
    import_dataset("prography", tmp_path / "dataset", tmp_path / "prography")
    with pytest.raises(UsageError, match="'formal/office' cannot be a folder's name"):
        export_dataset("attribute-folders", tmp_path / "prography", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_photos_become_garmentiq_by_split(photo_dataset: Path, tmp_path: Path) -> None:
    export_dataset("garmentiq", photo_dataset, tmp_path / "out")
    again = import_dataset("garmentiq", tmp_path / "out", tmp_path / "again", label=["category"])
    dataset = Dataset.open(photo_dataset)
    assert again.splits() == dataset.splits()
    assert sorted(zip(again.table["sha256"], again.labels("category"), strict=True)) == sorted(
        zip(dataset.table["sha256"], dataset.labels("category"), strict=True)
    )


def test_each_file_of_a_folder_gets_a_name_of_its_own() -> None:
    names = FreeNames()
    asked = ["front.jpg", "front-2.jpg", "Front.JPG", "front.jpg", "front.jpg", "front-2.jpg"]
    assert [names.take("a", name) for name in asked] == [
        "a/front.jpg",
        "a/front-2.jpg",
        "a/Front-3.JPG",
        "a/front-4.jpg",
        "a/front-5.jpg",
        "a/front-2-2.jpg",
    ]
    assert names.take("b", "front.jpg") == "b/front.jpg"
    assert len(names) == 7


def test_names_that_recur_are_not_tried_from_the_beginning(tmp_path: Path) -> None:
    """A hundred thousand of one name: five thousand million tries otherwise, which never end."""
    dataset = Dataset.open(
        drawn(tmp_path, labels=[{"kind": "long"}], kinds={"kind": "single_label"})
    )
    places = flat_places(dataset, (f"{item}/front.jpg" for item in range(100_000)), "images")
    assert places["0/front.jpg"] == "images/front.jpg"
    assert places["99999/front.jpg"] == "images/front-100000.jpg"
