from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from lapel.data.checking.check import CheckReport, check_dataset
from lapel.data.checking.findings import Finding
from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.data.images import packed_name
from lapel.data.importing import import_dataset
from lapel.data.splitting.split import split_dataset
from lapel.data.table import write_table
from lapel.schema.annotation import Annotation, Tags
from lapel.schema.errors import UsageError
from lapel.schema.labels import Schema, TaskSpec


def found(report: CheckReport) -> dict[str, Finding]:
    return {finding.kind: finding for finding in report.findings}


def change(folder: Path, *columns: pl.Expr) -> None:
    write_table(folder, Dataset.open(folder).table.with_columns(*columns))


def test_a_sound_dataset_has_no_findings(photo_dataset: Path) -> None:
    report = check_dataset(photo_dataset)
    assert report.findings == ()
    assert report.faults == 0
    assert (report.images, report.splits) == (18, {"train": 12, "validation": 6})


def test_photos_whose_folder_moved_are_found_again_as_the_check_says(
    own_dataset: Path, own_photos: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "moved"
    own_photos.rename(moved)
    (fault,) = check_dataset(own_dataset).findings
    assert fault.count == 18
    assert f"{own_photos}, is not there" in fault.message
    description = own_dataset / "dataset.json"
    assert f"as `root` into {description}" in fault.message
    value = json.loads(description.read_text())
    description.write_text(json.dumps({**value, "root": str(moved)}))
    assert check_dataset(own_dataset).faults == 0


def test_packed_pictures_are_checked_too(small_dataset: Path) -> None:
    assert check_dataset(small_dataset).faults == 0


def test_one_flipped_bit_is_found(own_dataset: Path, own_photos: Path) -> None:
    path = own_photos / "train/hat/hat_0.jpg"
    data = bytearray(path.read_bytes())
    data[-40] ^= 4
    path.write_bytes(data)
    report = check_dataset(own_dataset)
    assert report.faults == 1
    assert found(report).keys() & {"changed", "unreadable"}
    assert "train/hat/hat_0.jpg" in report.findings[0].examples[0]


def test_missing_torn_and_resized_images_are_faults(own_dataset: Path, own_photos: Path) -> None:
    (own_photos / "train/hat/hat_0.jpg").unlink()
    torn = own_photos / "train/hat/hat_3.png"
    torn.write_bytes(torn.read_bytes()[:60])
    Image.new("RGB", (9, 7)).save(own_photos / "valid/hat/hat_2.jpg")
    findings = found(check_dataset(own_dataset))
    assert findings["unreadable"].count == 2
    assert "hat_0.jpg" in findings["unreadable"].examples[0]
    assert findings["resized"].examples == ("valid/hat/hat_2.jpg: 9 x 7, was 60 x 64",)
    assert findings["changed"].severity == "fault"


def test_labels_and_splits_that_do_not_exist_are_faults(own_dataset: Path) -> None:
    first = pl.col("image") == "train/hat/hat_0.jpg"
    change(
        own_dataset,
        pl.when(first).then(pl.lit("cap")).otherwise("category").alias("category"),
        pl.when(first).then(pl.lit("holdout")).otherwise("split").alias("split"),
    )
    findings = found(check_dataset(own_dataset))
    assert findings["unknown_label"].examples == ("'cap' on 1 image",)
    assert findings["unknown_split"].examples == ("'holdout' on 1 image",)
    assert {findings[kind].severity for kind in ("unknown_label", "unknown_split")} == {"fault"}


def test_the_same_picture_on_two_sides_is_a_fault_and_in_one_a_warning(
    own_photos: Path, tmp_path: Path
) -> None:
    shutil.copy(own_photos / "train/hat/hat_0.jpg", own_photos / "valid/hat/copy.jpg")
    shutil.copy(own_photos / "train/hat/hat_1.png", own_photos / "train/dress/copy.png")
    report = check_dataset(import_dataset("folder", own_photos, tmp_path / "d").folder)
    findings = found(report)
    assert report.faults == findings["same_across_splits"].count == 1
    assert findings["same_across_splits"].examples == (
        "train/hat/hat_0.jpg (train) = valid/hat/copy.jpg (validation)",
    )
    assert "`lapel data split --redraw` keeps" in findings["same_across_splits"].message
    assert findings["same"].severity == findings["contradiction"].severity == "warning"
    assert "copy.png" in findings["contradiction"].examples[0]
    assert "look_alike" not in findings


def test_drawing_the_splits_anew_as_the_check_says_brings_copies_of_test_together(
    own_photos: Path, tmp_path: Path
) -> None:
    (own_photos / "test/hat").mkdir(parents=True)
    shutil.copy(own_photos / "train/hat/hat_0.jpg", own_photos / "test/hat/copy.jpg")
    folder = import_dataset("folder", own_photos, tmp_path / "d").folder
    message = found(check_dataset(folder))["same_across_splits"].message
    assert "`lapel data split --redraw-test --test FRACTION` keeps copies together" in message
    with pytest.raises(UsageError, match="say how large the next one is to be: --test FRACTION"):
        split_dataset(folder, redraw_test=True, validation=0.3)
    split_dataset(folder, redraw_test=True, validation=0.3, test=0.3)
    assert check_dataset(folder).faults == 0


def test_one_item_on_two_sides_is_a_fault(own_dataset: Path) -> None:
    name = pl.col("image")
    seven, eight = name.str.contains("hat_[02]"), name.str.contains("hat_[13]")
    item = pl.when(seven).then(pl.lit("hat 7")).when(eight).then(pl.lit("hat 8"))
    change(own_dataset, item.alias("group"))
    report = check_dataset(own_dataset)
    torn = found(report)["item_across_splits"]
    assert report.faults == torn.count == 1
    assert torn.examples == ("hat 7: train 1, validation 1",)
    assert "lapel data split" in torn.message
    split_dataset(own_dataset, redraw=True, validation=0.3)
    assert check_dataset(own_dataset).faults == 0


def test_a_recompressed_picture_on_the_other_side_is_a_warning(
    own_photos: Path, tmp_path: Path
) -> None:
    buffer = io.BytesIO()
    with Image.open(own_photos / "train/hat/hat_0.jpg") as picture:
        picture.save(buffer, format="JPEG", quality=70)
    (own_photos / "valid/hat/again.jpg").write_bytes(buffer.getvalue())
    report = check_dataset(import_dataset("folder", own_photos, tmp_path / "d").folder)
    assert report.faults == 0
    assert found(report)["look_alike"].examples == (
        "valid/hat/again.jpg (validation) ~ train/hat/hat_0.jpg (train)",
    )


def test_rare_missing_and_unknown_classes_and_long_pictures_are_warnings(tmp_path: Path) -> None:
    for number in range(102):
        path = tmp_path / "photos" / "train" / ("rare" if number == 101 else "usual")
        path.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (90 if number == 5 else 8, 8), (number, 0, 0)).save(path / f"{number}.png")
    (tmp_path / "photos" / "val" / "usual").mkdir(parents=True)
    Image.new("RGB", (8, 8), (0, 200, 0)).save(tmp_path / "photos/val/usual/v.png")
    folder = import_dataset("folder", tmp_path / "photos", tmp_path / "d").folder
    unknown = pl.col("image") == "train/usual/7.png"
    change(folder, pl.when(unknown).then(None).otherwise("category").alias("category"))
    findings = found(check_dataset(folder))
    assert findings["rare_class"].examples == ("rare (1)",)
    assert findings["missing_class"].examples == ("rare",)
    assert "missing in validation" in findings["missing_class"].message
    assert findings["unlabelled"].count == 1
    assert findings["long"].examples == ("train/usual/5.png (90 x 8)",)
    assert {finding.severity for finding in findings.values()} == {"warning"}


@pytest.mark.parametrize(("usual", "rare"), [(49, ()), (50, ("rare (1)",))])
def test_one_in_fifty_is_rare(tmp_path: Path, usual: int, rare: tuple[str, ...]) -> None:
    task = TaskSpec(name="category", kind="single_label", labels=("rare", "usual"))
    rows = [
        Annotation(image=packed_name(row), labels={"category": "usual" if row else "rare"})
        for row in range(usual + 1)
    ]
    pictures = np.random.default_rng(0).integers(0, 255, (usual + 1, 4, 4), dtype=np.uint8)
    folder = create_dataset(
        tmp_path / "d", name="d", schema=Schema((task,)), annotations=rows, images=pictures
    ).folder
    findings = [one for one in check_dataset(folder).findings if one.kind == "rare_class"]
    assert [one.examples for one in findings] == [rare] * bool(rare)


def test_a_dataset_that_cannot_train_yet_is_told_how(own_dataset: Path) -> None:
    change(own_dataset, pl.lit("train").alias("split"))
    finding = found(check_dataset(own_dataset))["missing_split"]
    assert finding.examples == ("validation",)
    assert "lapel data split" in finding.message


def test_tags_are_looked_at_too(tagged_dataset: Path) -> None:
    findings = found(check_dataset(tagged_dataset))
    assert findings["constant_label"].examples == ("skin",)
    assert findings["unlabelled"].count == 6  # of the last task with any
    assert {finding.severity for finding in findings.values()} == {"warning"}
    strange = pl.struct(yes=pl.lit(["cap"]), unknown=pl.lit(["bag"]))
    first = pl.col("image") == packed_name(0)
    change(tagged_dataset, pl.when(first).then(strange).otherwise("tags").alias("tags"))
    finding = found(check_dataset(tagged_dataset))["unknown_label"]
    assert finding.examples == ("'cap' on 1 image",)


def test_a_task_of_one_label_is_told(tmp_path: Path) -> None:
    tasks = (
        TaskSpec(name="shop", kind="single_label", labels=("ours",)),
        TaskSpec(name="colour", kind="single_label", labels=("blue", "red")),
    )
    rows = [
        Annotation(
            image=packed_name(row), labels={"shop": "ours", "colour": ("blue", "red")[row % 2]}
        )
        for row in range(4)
    ]
    pictures = np.random.default_rng(0).integers(0, 255, (4, 4, 4), dtype=np.uint8)
    folder = tmp_path / "d"
    create_dataset(folder, name="d", schema=Schema(tasks), annotations=rows, images=pictures)
    finding = found(check_dataset(folder))["constant_label"]
    assert finding.examples == ("ours",)
    assert "'shop'" in finding.message


def test_rare_and_missing_tags(tmp_path: Path) -> None:
    task = TaskSpec(name="tags", kind="multi_label", labels=("common", "rare", "never"))
    rows = [
        Annotation(
            image=packed_name(row),
            labels={"tags": Tags(("common", "rare") if row == 9 else ("common",) * (row % 2))},
            split="validation" if row > 240 else "train",
        )
        for row in range(250)
    ]
    pictures = np.random.default_rng(0).integers(0, 255, (250, 4, 4), dtype=np.uint8)
    folder = create_dataset(
        tmp_path / "d", name="d", schema=Schema((task,)), annotations=rows, images=pictures
    ).folder
    report = check_dataset(folder)
    missing = [finding for finding in report.findings if finding.kind == "missing_class"]
    assert [finding.examples for finding in missing] == [("never",), ("rare", "never")]
    assert found(report)["rare_class"].examples == ("rare (1)",)


def test_the_same_picture_contradicts_itself_in_what_both_rows_know(tmp_path: Path) -> None:
    task = TaskSpec(name="tags", kind="multi_label", labels=("a", "b"))
    tags = [Tags(("a",)), Tags(("a",), ("b",)), None, Tags(("a",)), Tags(("b",))]
    rows = [
        Annotation(image=packed_name(row), labels={"tags": label}) for row, label in enumerate(tags)
    ]
    same = np.random.default_rng(0).integers(0, 255, (2, 4, 4), dtype=np.uint8)[[0, 0, 0, 1, 1]]
    folder = create_dataset(
        tmp_path / "d", name="d", schema=Schema((task,)), annotations=rows, images=same
    ).folder
    finding = found(check_dataset(folder))["contradiction"]
    assert finding.examples == (f"{packed_name(3)} (train) = {packed_name(4)} (train)",)


def test_labels_that_may_be_one_are_warned_of_and_proposed(tmp_path: Path) -> None:
    for number in range(24):
        path = tmp_path / "photos" / ("sproty" if number == 5 else "sporty") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (number * 9, 0, 0)).save(path)
    folder = import_dataset("folder", tmp_path / "photos", tmp_path / "d").folder
    report = check_dataset(folder, propose=tmp_path / "rules.yaml")
    finding = found(report)["label_spelling"]
    assert finding.examples == ("'sproty' (1) ~ 'sporty' (23)",)
    assert finding.severity == "warning"
    assert "sporty: [sproty]" in (tmp_path / "rules.yaml").read_text()
