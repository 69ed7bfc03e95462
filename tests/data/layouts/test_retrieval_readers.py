"""DeepFashion's benchmarks of retrieval and of landmarks, read to known values."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from drawn_pictures import box_words, clothes_type, drawn
from retrieval_writers import (
    IN_SHOP,
    write_consumer_to_shop,
    write_in_shop,
    write_landmark_benchmark,
)

from lapel.data.garments import read_garments
from lapel.data.importing import import_dataset
from lapel.data.readers.deepfashion_consumer_to_shop import read_deepfashion_consumer_to_shop
from lapel.data.readers.deepfashion_inshop import read_deepfashion_inshop
from lapel.data.readers.deepfashion_landmarks import read_deepfashion_landmarks
from lapel.schema.annotation import Tags
from lapel.schema.geometry import Box, Landmark, Landmarks

FIRST = IN_SHOP[0][0]

#: Rows of landmarks as the data have them: upper clothes; lower with one hidden and one cut off.
UPPER = "1  1  0 146 102  0 173 095  0 094 242  0 205 255  0 136 229  0 177 232 "
LOWER = "2  5  0 072 079  1 101 080  2 000 000  1 000 000 "


def change(path: Path, number: int, text: str) -> None:
    lines = path.read_text("utf-8").split("\n")
    lines[number - 1] = text
    path.write_text("\n".join(lines), "utf-8")


def test_in_shop_pictures_have_items_roles_and_labels(tmp_path: Path) -> None:
    write_in_shop(tmp_path)
    reading = read_deepfashion_inshop(tmp_path / "In-shop")
    rows = {row.image: row for row in reading.annotations}
    assert [(row.image, row.split, row.role) for row in reading.annotations] == [
        (name, *{"train": ("train", None)}.get(status, ("test", status)))
        for name, status in IN_SHOP
    ]
    first = rows[FIRST]
    assert first.group == "id_00000002"
    labels = dict(first.labels)
    assert (labels["category"], labels["gender"]) == ("Dresses", "WOMEN")
    assert (labels["pose"], labels["variation"], labels["colour"]) == (
        "front", "normal pose", "Pink",
    )  # fmt: skip
    assert labels["attributes"] == Tags(("cotton", "pink"))
    assert rows[IN_SHOP[3][0]].labels["attributes"] == Tags((), ("3/4 sleeve",))
    assert rows[IN_SHOP[2][0]].labels["colour"] == "Heather Grey"
    assert reading.schema["attributes"].labels[0] == "3/4 sleeve"
    assert reading.benchmark == "deepfashion-in-shop"
    assert reading.notes == (
        "3 train, 2 query, 3 gallery; 4 items",
        "rows of items that stand twice with the same attributes, read once: 1",
    )


def test_boxes_and_landmarks_are_those_of_the_drawing(tmp_path: Path) -> None:
    write_in_shop(tmp_path)
    reading = read_deepfashion_inshop(tmp_path / "In-shop")
    for number, row in enumerate(reading.annotations):
        (garment,) = drawn(number).garments
        left, top, right, bottom = map(int, box_words(garment).split())
        assert row.box == Box(left, top, right - left, bottom - top)
        landmarks = row.labels["landmarks"]
        assert isinstance(landmarks, Landmarks)
        assert len(landmarks.names) == {1: 6, 2: 4, 3: 8}[clothes_type(garment)]
        types = ("upper", "lower", "full")
        assert row.labels["clothes_type"] == types[clothes_type(garment) - 1]


def test_landmarks_are_visible_hidden_cut_or_absent(tmp_path: Path) -> None:
    write_in_shop(tmp_path)
    points = tmp_path / "In-shop/Anno/list_landmarks_inshop.txt"
    change(points, 3, f"{FIRST:<71} {UPPER}")
    change(points, 4, f"{IN_SHOP[1][0]:<71} {LOWER}")
    rows = read_deepfashion_inshop(tmp_path / "In-shop").annotations
    upper, lower = (row.labels["landmarks"] for row in rows[:2])
    assert isinstance(upper, Landmarks)
    assert isinstance(lower, Landmarks)
    assert upper.points["left collar"] == Landmark(146, 102)
    assert upper.points["right hem"] == Landmark(177, 232)
    assert "left waist" not in upper.names
    assert lower == Landmarks(
        {"left waist": Landmark(72, 79), "right waist": Landmark(101, 80, visible=False)},
        cut=("left hem",),
        unknown=("right hem",),
    )
    assert rows[1].labels["variation"] == "large zoom-in"


def test_in_shop_without_optional_files_says_so(tmp_path: Path) -> None:
    write_in_shop(tmp_path)
    source = tmp_path / "In-shop"
    for path in [*source.glob("Anno/list_*.txt"), *source.glob("Anno/attributes/*.txt")]:
        path.unlink()
    reading = read_deepfashion_inshop(source)
    assert [task.name for task in reading.schema] == ["category", "gender"]
    assert reading.notes[-1] == (
        "not there, and left out: boxes, landmarks, the list of items, colours, attributes"
    )
    # The former place of the lists of attributes, beside the others.
    write_in_shop(tmp_path)
    for path in source.glob("Anno/attributes/*.txt"):
        path.rename(source / "Anno" / path.name)
    assert read_deepfashion_inshop(source).schema["attributes"].labels[1] == "cotton"


def test_queries_that_nobody_can_answer_are_counted(tmp_path: Path) -> None:
    write_in_shop(tmp_path)
    splits = tmp_path / "In-shop/Eval/list_eval_partition.txt"
    splits.write_text(splits.read_text().replace("id_00000007 gallery", "id_00000007 query"))
    notes = read_deepfashion_inshop(tmp_path / "In-shop").notes
    assert "queries whose item is not in the gallery, which nobody can answer: 2" in notes


def test_boxes_without_an_area_are_left_out(tmp_path: Path) -> None:
    write_in_shop(tmp_path)
    boxes = tmp_path / "In-shop/Anno/list_bbox_inshop.txt"
    change(boxes, 3, f"{FIRST:<71} 3  1  065 045 065 252")
    reading = read_deepfashion_inshop(tmp_path / "In-shop")
    assert reading.annotations[0].box is None
    assert "boxes without an area, left out: 1" in reading.notes


def test_in_shop_becomes_a_dataset_with_boxes_and_roles(tmp_path: Path) -> None:
    write_in_shop(tmp_path)
    dataset = import_dataset("deepfashion-in-shop", tmp_path / "In-shop", tmp_path / "dataset")
    assert dataset.splits() == {"train": 3, "test": 5}
    assert Counter(dataset.table["role"].to_list()) == {None: 3, "query": 2, "gallery": 3}
    assert dataset.table["group"].n_unique() == 4
    assert all(box is not None for box in dataset.boxes())
    assert dataset.description.benchmark == "deepfashion-in-shop"


def test_consumers_search_and_shops_are_searched(tmp_path: Path) -> None:
    write_consumer_to_shop(tmp_path)
    reading = read_deepfashion_consumer_to_shop(tmp_path / "Consumer-to-shop")
    rows = {row.image: row for row in reading.annotations}
    assert len(rows) == 9
    dress = "img/DRESSES/Sleeveless_Dress/id_00000001"
    assert [
        (rows[f"{dress}/{name}"].role, rows[f"{dress}/{name}"].split)
        for name in ("comsumer_01.jpg", "shop_01.jpg", "comsumer_02.jpg")
    ] == [("query", "train"), ("gallery", "train"), ("query", "train")]
    shirt = rows["img/TOPS/T_Shirt/id_00000218/shop_01.jpg"]
    assert (shirt.split, shirt.group) == ("validation", "id_00000218")
    assert (shirt.labels["category"], shirt.labels["department"]) == ("T_Shirt", "TOPS")
    # In no pair, but of an item that is in some.
    assert rows["img/TROUSERS/Pants/id_00000333/shop_03.jpg"].split == "test"
    assert reading.notes == (
        "4 photos of consumers (queries), 5 of shops (gallery); 5 pairs of 3 items",
        "images in no pair, taken into the split of their item: 1",
    )


def test_attributes_are_a_task_a_type_and_names_are_told_apart(tmp_path: Path) -> None:
    write_consumer_to_shop(tmp_path)
    reading = read_deepfashion_consumer_to_shop(tmp_path / "Consumer-to-shop")
    schema = reading.schema
    assert schema["collar shape"].labels == (
        "round neck (圆领)", "v neck", "round neck (大圆领 (宽))",
    )  # fmt: skip
    # "category" is what the path says.
    assert schema["category attributes"].labels == ("chiffon",)
    labels = {row.group: row.labels for row in reading.annotations}
    assert labels["id_00000001"]["collar shape"] == Tags(
        ("round neck (圆领)",), ("round neck (大圆领 (宽))",)
    )
    assert labels["id_00000218"]["colour"] == Tags(("blue",))
    assert labels["id_00000333"]["colour"] == Tags((), ("blue",))


def test_chinese_lists_count_types_from_nought_too(tmp_path: Path) -> None:
    write_consumer_to_shop(tmp_path)
    names = tmp_path / "Consumer-to-shop/Anno/list_attr_cloth.txt"
    text = names.read_text("utf-8")
    names.write_text(
        text.replace("  1", "  0").replace("  2", "  1").replace("  3", "  2"), "utf-8"
    )
    reading = read_deepfashion_consumer_to_shop(tmp_path / "Consumer-to-shop")
    assert reading.schema["colour"].labels == ("blue",)


def test_landmark_detection_has_three_tasks_and_joints(tmp_path: Path) -> None:
    write_landmark_benchmark(tmp_path)
    change(tmp_path / "FLD/Anno/list_landmarks.txt", 3, f"img/00000001.jpg {UPPER}")
    reading = read_deepfashion_landmarks(tmp_path / "FLD")
    assert [(task.name, task.kind) for task in reading.schema] == [
        ("clothes_type", "single_label"),
        ("variation", "single_label"),
        ("landmarks", "landmarks"),
    ]
    assert [row.split for row in reading.annotations] == [
        "train", "train", "train", "validation", "test", "test",
    ]  # fmt: skip
    first = reading.annotations[0]
    assert isinstance(first.labels["landmarks"], Landmarks)
    assert first.labels["landmarks"].points["right collar"] == Landmark(173, 95)
    (joints,) = reading.garments["img/00000001.jpg"]
    assert joints.points[:2] == ((0, 96), (1, 95))
    assert joints.hidden == (1, 3, 5, 7, 9, 11, 13)
    assert reading.notes == ("kept in garments.jsonl: joints of 6 wearers",)
    # Places of joints may lie anywhere; they are kept.
    joint_list = tmp_path / "FLD/Anno/list_joints.txt"
    change(joint_list, 3, "img/00000001.jpg 1 1 0 999 -05" + " 1 000 000" * 13)
    dataset = import_dataset("deepfashion-landmarks", tmp_path / "FLD", tmp_path / "dataset")
    (kept,) = read_garments(dataset.folder)["img/00000001.jpg"]
    assert kept.points == ((999, -5), *[None] * 13)
    assert kept.hidden == ()


@pytest.mark.parametrize("bare", [True, False])
def test_pictures_are_found_beside_anno_or_in_img(bare: bool, tmp_path: Path) -> None:
    write_landmark_benchmark(tmp_path)
    source = tmp_path / "FLD"
    if bare:
        (source / "Img/img").rename(source / "img")
        (source / "Img").rmdir()
    reading = read_deepfashion_landmarks(source)
    assert reading.images == (source if bare else source / "Img")
