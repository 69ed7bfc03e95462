"""What each layout's known lines mean, read to known values."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from layout_writers import (
    bare_kfashion_record,
    write_attribute_folders,
    write_ce7454,
    write_garmentiq,
    write_kfashion,
    write_nsysu,
    write_photo,
    write_prography,
    write_text,
)

from lapel.data.exploring.explore import explore_dataset
from lapel.data.garments import GARMENTS_FILE, read_garments
from lapel.data.glossary import read_glossary
from lapel.data.importing import import_dataset
from lapel.data.readers.attribute_folders import read_attribute_folders
from lapel.data.readers.ce7454 import GROUPS, read_ce7454
from lapel.data.readers.garmentiq import read_garmentiq
from lapel.data.readers.kfashion import read_kfashion
from lapel.data.readers.nsysu import read_nsysu
from lapel.data.readers.prography import read_prography
from lapel.data.reading.unpacking import unpack_archive
from lapel.schema.annotation import Tags
from lapel.schema.errors import DatasetError, FormatError, StorageError, UsageError


def test_ce7454_is_six_questions_and_keeps_boxes_and_landmarks(tmp_path: Path) -> None:
    write_ce7454(tmp_path)
    reading = read_ce7454(tmp_path / "FashionDataset")
    assert [task.name for task in reading.schema] == list(GROUPS)
    assert [len(task.labels) for task in reading.schema] == [7, 3, 3, 4, 6, 3]
    first = reading.annotations[0]
    assert (first.image, first.split) == ("img/00000.jpg", "train")
    assert list(first.labels.values()) == [
        "solid", "long_sleeve", "no_dress", "crew_neckline", "cotton", "conventional",
    ]  # fmt: skip
    (garment,) = reading.garments["img/00000.jpg"]
    assert garment.box == (62.0, 62.0, 103.0, 238.0)
    assert garment.points[:2] == ((76.0, 82.0), (112.0, 90.0))
    assert garment.points[6:] == (None, None)
    # A point on the picture's left edge is a point.
    assert reading.garments["img/00003.jpg"][0].points[0] == (0.0, 82.0)
    tested = [row for row in reading.annotations if row.split == "test"]
    assert [row.image for row in tested] == ["img/00006.jpg", "img/00005.jpg"]
    assert all(not row.labels for row in tested)


def test_ce7454_without_places_and_with_names_of_ones_own(tmp_path: Path) -> None:
    write_ce7454(tmp_path)
    source = tmp_path / "FashionDataset"
    for path in [*source.rglob("*_bbox.txt"), *source.rglob("*_landmards.txt")]:
        path.unlink()
    reading = read_ce7454(source, tasks=list("abcdef"))
    assert reading.notes == ("there are no boxes and landmarks",)
    assert reading.annotations[0].labels["b"] == "long_sleeve"
    with pytest.raises(UsageError, match="found 2 names of tasks, expected one for each of 6"):
        read_ce7454(source, tasks=["a", "b"])


def test_lines_of_windows_are_lines(tmp_path: Path) -> None:
    write_ce7454(tmp_path)
    expected = read_ce7454(tmp_path / "FashionDataset")
    for path in (tmp_path / "FashionDataset/split").glob("*.txt"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    again = read_ce7454(tmp_path / "FashionDataset")
    assert again.annotations == expected.annotations
    assert again.garments == expected.garments


def test_boxes_outside_their_picture_are_refused_when_it_is_opened(tmp_path: Path) -> None:
    write_ce7454(tmp_path)
    write_photo(tmp_path / "FashionDataset/img/00000.jpg", 9, width=160, height=300)
    write_photo(tmp_path / "FashionDataset/img/00002.jpg", 9, width=200, height=200)
    with pytest.raises(FormatError) as caught:
        import_dataset("ce7454", tmp_path / "FashionDataset", tmp_path / "dataset")
    said = str(caught.value)
    assert "img/00000.jpg: found a box from 62, 62 to 165, 300, expected it inside" in said
    assert "img/00002.jpg: found a box from 50, 51 to 151, 252" in said
    assert not (tmp_path / "dataset").exists()


def test_places_are_kept_beside_the_table(tmp_path: Path) -> None:
    write_ce7454(tmp_path)
    source = tmp_path / "FashionDataset"
    dataset = import_dataset("ce7454", source, tmp_path / "dataset")
    assert read_garments(dataset.folder) == read_ce7454(source).garments
    # It is the dataset's own, so that it can be replaced.
    import_dataset("ce7454", source, tmp_path / "dataset", replace=True)
    torn = (dataset.folder / GARMENTS_FILE).read_bytes()[:-9]
    (dataset.folder / GARMENTS_FILE).write_bytes(torn)
    with pytest.raises(DatasetError, match=r"garments\.jsonl, line 7, could not be read"):
        read_garments(dataset.folder)


def test_nsysu_numbers_are_labels_and_paths_are_splits(tmp_path: Path) -> None:
    write_nsysu(tmp_path)
    reading = read_nsysu(
        tmp_path / "attributes.csv",
        more=[tmp_path / "category.csv"],
        test_list=tmp_path / "test.csv",
    )
    assert [(task.name, len(task.labels)) for task in reading.schema] == [
        ("category", 10),
        ("attributes", 15),
    ]
    assert reading.schema["attributes"].labels[:3] == ("0", "1", "2")
    assert reading.annotations[0].labels == {
        "category": "1",
        "attributes": Tags(("3", "10", "11")),
    }
    assert reading.annotations[2].labels == {"category": "9", "attributes": Tags()}
    tested = [row.image for row in reading.annotations if row.split == "test"]
    assert tested == [f"deep_fashion/test/0000{number}.jpg" for number in (2, 1, 3)]
    assert "with an empty cell, kept as none of the 15: 1 image" in reading.notes


def test_nsysu_takes_one_file_and_a_folder_of_images(tmp_path: Path) -> None:
    write_nsysu(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    file = (tmp_path / "category.csv").rename(tmp_path / "elsewhere" / "category.csv")
    with pytest.raises(FormatError, match="expected a file in"):
        read_nsysu(file)
    reading = read_nsysu(file, images=tmp_path)
    assert [task.name for task in reading.schema] == ["category"]


def test_prography_is_five_questions_with_sorted_labels(tmp_path: Path) -> None:
    write_prography(tmp_path)
    reading = read_prography(tmp_path / "dataset")
    assert reading.schema["season"].labels == ("all", "spring/fall", "winter")
    assert reading.annotations[3].labels == {
        "color": None,
        "style": "formal/office",
        "part": "bottom",
        "season": "all",
        "category": "slacks",
    }
    assert "without a 'color', kept as unknown: 1 row" in reading.notes


def test_prography_counts_may_be_missing_or_count_the_header(tmp_path: Path) -> None:
    write_prography(tmp_path)
    counts = tmp_path / "dataset" / "label_data.txt"
    expected = read_prography(tmp_path / "dataset").annotations
    counts.write_text("color,style,part,season,category\n4,3,3,4,4")
    assert read_prography(tmp_path / "dataset").annotations == expected
    counts.unlink()
    assert read_prography(tmp_path / "dataset").annotations == expected


def test_kfashion_stays_korean_with_english_beside(tmp_path: Path) -> None:
    write_kfashion(tmp_path)
    dataset = import_dataset("k-fashion", tmp_path / "data", tmp_path / "dataset")
    assert dataset.splits() == {"train": 2, "validation": 1}
    row = dataset.names().index("Training/로맨틱/100026.jpg")
    labels = {task.name: dataset.labels(task.name)[row] for task in dataset.schema}
    assert labels["스타일"] == "로맨틱"
    assert labels["상의_카테고리"] == "블라우스"
    # In the vocabulary's order, not the file's; what is not named is a no.
    assert labels["하의_소재"] == Tags(("레이스", "우븐"))
    assert labels["하의_핏"] == "노멀"  # found as 노말
    assert dataset.schema["하의_기장"].labels == ("미니", "니렝스", "미디", "발목", "맥시")
    other = dataset.names().index("Training/기타/1070263.jpg")
    assert dataset.labels("스타일")[other] is None
    assert dataset.labels("상의_색상")[other] == "화이트"
    glossary = read_glossary(dataset.folder)
    assert glossary["상의_카테고리"] == "top category"
    assert glossary["상의_카테고리=블라우스"] == "blouse"
    assert all(f"{t.name}={label}" in glossary for t in dataset.schema for label in t.labels)
    page = explore_dataset(dataset.folder, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "블라우스 <small>blouse</small>" in page
    assert "상의_카테고리 <small>top category</small>" in page


def test_kfashion_places_are_sorted_by_number_and_empty_boxes_left_out(tmp_path: Path) -> None:
    write_kfashion(tmp_path)
    reading = read_kfashion(tmp_path / "data")
    top, bottom = reading.garments["Training/로맨틱/100026.jpg"]
    assert (bottom.part, bottom.box) == ("하의", (321.06, 288.216, 183.0, 330.0))
    assert bottom.outlines == (((321.56, 315.568), (325.554, 619.479), (505.304, 600.505)),)
    assert top.box == (260.144, 59.4236, 295.0, 335.0)
    assert len(reading.garments) == 1
    assert "boxes without an area, left out: 2" in reading.notes
    assert read_kfashion(tmp_path / "data", boxes=False).garments == {}


def test_kfashion_outlines_are_read_when_they_are_asked_for(tmp_path: Path) -> None:
    """Those of a million photos would fill the memory."""
    write_kfashion(tmp_path)
    reading = read_kfashion(tmp_path / "data")
    record = tmp_path / "data/Training/로맨틱/100026.json"
    record.write_text("{", encoding="utf-8")
    with pytest.raises(FormatError, match=r"100026\.json, line 1: found text that is no JSON"):
        dict(reading.garments)


def test_kfashion_takes_new_words_and_passes_over_missing_images_if_told(tmp_path: Path) -> None:
    write_kfashion(tmp_path)
    record = bare_kfashion_record(7)
    details = record["데이터셋 정보"]["데이터셋 상세설명"]
    details["라벨링"]["상의"] = [{"색상": "투명", "카라": "셔츠칼라", "무게": "가벼움"}]
    details["렉트좌표"]["상의"] = [{"X좌표": -1, "Y좌표": 1, "가로": 4, "세로": 90}]
    text = json.dumps(record, ensure_ascii=False)
    (tmp_path / "data/Validation/7.json").write_text(text, encoding="utf-8")
    with pytest.raises(FormatError, match=r"no image of the name 7\.jpg(.|\n)*--skip-missing"):
        read_kfashion(tmp_path / "data")
    skipped = read_kfashion(tmp_path / "data", skip_missing=True)
    assert "records without their image, left out: 1" in skipped.notes
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone/7.json").write_text(text, encoding="utf-8")
    with pytest.raises(FormatError, match="found 1 JSON file and no image of any, expected one"):
        read_kfashion(tmp_path / "alone", skip_missing=True)
    write_photo(tmp_path / "data/Validation/7.jpg", 3)
    with pytest.raises(FormatError, match=r"상의_색상 '투명'(.|\n)*--new-labels"):
        read_kfashion(tmp_path / "data")
    reading = read_kfashion(tmp_path / "data", new_labels=True)
    assert reading.schema["상의_색상"].labels[-1] == "투명"
    (row,) = [row for row in reading.annotations if row.image == "Validation/7.jpg"]
    assert row.labels == {"상의_색상": "투명", "상의_옷깃": "셔츠칼라"}
    assert reading.garments["Validation/7.jpg"][0].box == (0.0, 1.0, 3.0, 5.0)
    assert "the field '무게' of '상의', passed over: 1" in reading.notes
    assert "boxes that reached over the picture's edge, cut there: 1" in reading.notes


def test_a_folder_of_kfashion_that_cannot_be_read_is_not_passed_over(
    tmp_path: Path, forbid: Callable[[Path], None]
) -> None:
    write_kfashion(tmp_path)
    forbid(tmp_path / "data" / "Validation")
    with pytest.raises(StorageError, match="Validation could not be read: "):
        read_kfashion(tmp_path / "data")


def test_garmentiq_is_read_with_and_without_splits(tmp_path: Path) -> None:
    write_garmentiq(tmp_path)
    reading = read_garmentiq(tmp_path / "src")
    assert reading.schema["garment"].labels == ("skirt", "trousers", "vest dress")
    assert [(row.image, row.split) for row in reading.annotations][2:] == [
        ("train/images/train_2.jpg", "train"),
        ("test/images/test_0.jpg", "test"),
    ]
    alone = read_garmentiq(tmp_path / "src" / "train")
    assert [row.split for row in alone.annotations] == [None] * 3
    write_photo(tmp_path / "src/train/images/more.jpg", 3)
    assert read_garmentiq(tmp_path / "src").notes == ("in images but not in metadata.csv: 1 file",)


def test_garmentiq_columns_are_chosen(tmp_path: Path) -> None:
    write_photo(tmp_path / "images/1.jpg", 3)
    write_text(tmp_path / "metadata.csv", "filename,type,cut", "1.jpg,skirt,")
    with pytest.raises(UsageError, match=r"several columns \(type, cut\).*--label"):
        read_garmentiq(tmp_path)
    reading = read_garmentiq(tmp_path, label=["type"])
    assert reading.annotations[0].labels == {"type": "skirt"}
    assert reading.notes == ("columns that were not read, --label names those to read: cut",)


def zip_of(folder: Path, archive: Path, top: str = "") -> Path:
    with zipfile.ZipFile(archive, "w") as opened:
        for path in sorted(folder.rglob("*.*")):
            opened.write(path, f"{top}{path.relative_to(folder).as_posix()}")
    return archive


@pytest.mark.parametrize("top", ["", "wrapped/"])
def test_garmentiq_archives_are_unpacked_where_the_user_says(tmp_path: Path, top: str) -> None:
    write_garmentiq(tmp_path)
    archive = zip_of(tmp_path / "src", tmp_path / "data.zip", top)
    with pytest.raises(UsageError, match=r"an archive is unpacked first.*--unpack FOLDER"):
        read_garmentiq(archive)
    dataset = import_dataset(
        "garmentiq", archive, tmp_path / "dataset", unpack=tmp_path / "unpacked"
    )
    assert dataset.splits() == {"train": 3, "test": 1}


def test_archives_that_are_dangerous_or_torn_leave_nothing(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "out.zip", "w") as opened:
        opened.writestr("../outside.txt", "x")
        link = zipfile.ZipInfo("link.jpg")
        link.external_attr = 0o120777 << 16
        opened.writestr(link, "/etc/passwd")
    (tmp_path / "torn.zip").write_bytes((tmp_path / "out.zip").read_bytes()[:-30])
    with pytest.raises(FormatError) as caught:
        unpack_archive(tmp_path / "out.zip", tmp_path / "unpacked")
    assert "'../outside.txt' is not a name under its root" in str(caught.value)
    assert "a link, 'link.jpg', expected files alone" in str(caught.value)
    with pytest.raises(FormatError, match="found no whole archive"):
        unpack_archive(tmp_path / "torn.zip", tmp_path / "unpacked")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.zip", "torn.zip"]


def test_archives_that_cannot_be_opened_here_are_no_torn_ones(tmp_path: Path) -> None:
    archive = tmp_path / "closed.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("photo.jpg", "x")
    plain = archive.read_bytes()
    # The flag of a password, then an unknown way of packing, in the directory at the end.
    directory = plain.index(b"PK\x01\x02")
    for place, value, found in ((8, 1, "a password"), (10, 77, "compression")):
        changed = bytearray(plain)
        changed[directory + place] = value
        local = place - 2
        changed[local] = value
        archive.write_bytes(changed)
        with pytest.raises(FormatError, match=found) as caught:
            unpack_archive(archive, tmp_path / "unpacked")
        assert "Unpack it with a program that can" in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["closed.zip"]


def test_a_photo_in_several_attribute_folders_is_one(tmp_path: Path) -> None:
    write_attribute_folders(tmp_path)
    reading = read_attribute_folders(tmp_path / "src")
    rows = {row.image: row for row in reading.annotations}
    assert rows["train/color/blue/1.png"].labels == {"color": "blue", "season": "winter"}
    assert rows["train/color/red/2.png"].labels == {"color": "red"}
    # Another photo of the same name is another photo.
    assert rows["val/color/red/1.png"].labels == {"color": "red"}
    assert rows["val/season/summer/1.png"].labels == {"season": "summer"}
    assert len(rows) == 5
    assert "1 files are copies of photos in other attributes' folders" in reading.notes


def test_classes_of_an_attribute_may_be_tags(tmp_path: Path) -> None:
    write_attribute_folders(tmp_path)
    write_photo(tmp_path / "src/train/color/red/1.png", 10)
    reading = read_attribute_folders(tmp_path / "src", multi=["color"])
    assert reading.schema["color"].kind == "multi_label"
    assert reading.annotations[0].labels["color"] == Tags(("blue", "red"))
    with pytest.raises(UsageError, match="no attribute 'size'; the folders are: color, season"):
        read_attribute_folders(tmp_path / "src", multi=["size"])
