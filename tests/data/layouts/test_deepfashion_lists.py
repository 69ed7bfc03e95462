"""DeepFashion's category and attribute benchmark: what its lines mean, and how it is written."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from deepfashion_writers import (
    BLOUSE,
    DRESS,
    IMAGES,
    JEANS,
    PLAIN,
    TESTED,
    landmark_rows,
    write_coarse,
    write_fine,
    write_info,
)
from layout_writers import write_text
from typer.testing import CliRunner

from lapel.cli.main import app
from lapel.data.columns import LABEL_COLUMNS
from lapel.data.dataset import Dataset
from lapel.data.deepfashion.answer_rows import read_answer_list, tags_of
from lapel.data.deepfashion.names import official_attributes, official_categories
from lapel.data.deepfashion.places import LANDMARKS
from lapel.data.export import export_dataset
from lapel.data.importing import import_dataset
from lapel.data.readers.deepfashion_coarse import read_deepfashion_coarse
from lapel.data.readers.deepfashion_fine import read_deepfashion_fine
from lapel.data.readers.deepfashion_info import read_deepfashion_info
from lapel.schema.annotation import Label, Tags
from lapel.schema.errors import Fault, FormatError, UsageError
from lapel.schema.geometry import Box, Landmark, Landmarks


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_official_names_are_fifty_and_a_thousand() -> None:
    categories, attributes = official_categories(), official_attributes()
    assert (len(categories), categories[0], categories[40].name) == (50, ("Anorak", 1), "Dress")
    assert [sum(one.type == n for one in categories) for n in (1, 2, 3)] == [20, 16, 14]
    assert [sum(one.type == n for one in attributes) for n in range(1, 6)] == [
        156, 218, 180, 216, 230,
    ]  # fmt: skip
    assert attributes[0] == ("a-line", 3)
    assert [name for name, _ in attributes] == sorted(name for name, _ in attributes)


def test_coarse_lines_are_read_to_known_values(tmp_path: Path) -> None:
    write_coarse(tmp_path)
    reading = read_deepfashion_coarse(tmp_path / "Benchmark")
    assert [(task.name, task.kind) for task in reading.schema] == [
        ("category", "single_label"),
        *((name, "multi_label") for name in ("texture", "fabric", "shape", "part", "style")),
        ("landmarks", "landmarks"),
    ]
    assert reading.schema["texture"].labels == ("abstract chevron", "stripe")
    assert reading.schema["style"].labels == ("grunge",)  # a blank follows its type
    assert len(reading.schema["category"].labels) == 50
    rows = {row.image: row for row in reading.annotations}
    assert list(rows) == list(IMAGES)
    first = rows[BLOUSE]
    assert (first.split, first.labels["category"]) == ("train", "Blouse")
    assert first.box == Box(72, 79, 160, 194)
    assert first.labels["texture"] == Tags(("abstract chevron",))
    assert first.labels["part"] == Tags(("long sleeve",))
    assert rows[PLAIN].split == "validation"
    assert rows[JEANS].labels["texture"] == Tags((), ("abstract chevron",))
    assert rows[JEANS].labels["style"] == Tags(("grunge",))
    assert rows[DRESS].labels["part"] == Tags((), ("long sleeve",))
    assert rows[TESTED].split == "test"
    assert reading.benchmark == "deepfashion-coarse"


def test_landmarks_are_seen_hidden_cut_unknown_or_absent(tmp_path: Path) -> None:
    write_coarse(tmp_path)
    reading = read_deepfashion_coarse(tmp_path / "Benchmark")
    rows = {row.image: row.labels["landmarks"] for row in reading.annotations}
    assert reading.schema["landmarks"].labels == LANDMARKS
    assert rows[BLOUSE] == Landmarks(
        {
            "left collar": Landmark(146, 102),
            "right collar": Landmark(173, 95),
            "left sleeve": Landmark(94, 242),
            "right sleeve": Landmark(205, 255),
            "left hem": Landmark(136, 229),
            "right hem": Landmark(177, 232),
        }
    )
    upper = rows[PLAIN]
    assert isinstance(upper, Landmarks)
    assert upper.points["right collar"] == Landmark(90, 21, visible=False)
    assert (upper.cut, upper.unknown) == (("left sleeve",), ("right sleeve",))
    assert set(LANDMARKS) - set(upper.names) == {"left waist", "right waist"}
    lower = rows[JEANS]
    assert isinstance(lower, Landmarks)
    assert lower.names == ("left waist", "right waist", "left hem", "right hem")
    assert "landmarks at 0, 0, taken as unknown: 1" in reading.notes


def test_lists_may_come_in_any_order_and_from_an_older_release(tmp_path: Path) -> None:
    write_coarse(tmp_path)
    source = tmp_path / "Benchmark"
    expected = read_deepfashion_coarse(source)
    lists = source / "Anno_coarse"
    for name in ("attr_img", "bbox", "landmarks", "category_img"):
        path = lists / f"list_{name}.txt"
        count, header, *rows = path.read_text().splitlines()
        random.Random(name).shuffle(rows)
        path.write_text("\r\n".join([count, header, *rows]) + "\r\n")
    lists.rename(source / "Anno")
    (source / "Img" / "img").rename(source / "img")
    (source / "Img").rmdir()
    again = read_deepfashion_coarse(source)
    assert again.annotations == expected.annotations
    assert again.images == source


def test_a_box_without_an_area_is_left_out_and_said(tmp_path: Path) -> None:
    write_coarse(tmp_path)
    path = tmp_path / "Benchmark/Anno_coarse/list_bbox.txt"
    path.write_text(path.read_text().replace("072 079 232 273", "072 079 072 273"))
    reading = read_deepfashion_coarse(tmp_path / "Benchmark")
    assert reading.annotations[0].box is None
    assert "boxes without an area, left out: 1" in reading.notes


def test_clothes_may_differ_from_their_category(tmp_path: Path) -> None:
    write_coarse(tmp_path)
    lists = tmp_path / "Benchmark/Anno_coarse"
    path = lists / "list_category_img.txt"
    path.write_text(path.read_text().replace(" 26\n", " 3\n"))
    reading = read_deepfashion_coarse(tmp_path / "Benchmark")
    said = "landmarks of another type of clothes than the category's: 1 image"
    assert said in reading.notes
    import_dataset("deepfashion-coarse", tmp_path / "Benchmark", tmp_path / "dataset")
    export_dataset("deepfashion-coarse", tmp_path / "dataset", tmp_path / "out")
    written = (tmp_path / "out/Anno_coarse/list_landmarks.txt").read_text()
    assert written.splitlines() == landmark_rows()


def test_answers_are_read_as_a_plain_loop_reads_them(tmp_path: Path) -> None:
    draw = np.random.default_rng(5)
    width, count = 37, 400
    values = draw.choice([-1, -1, -1, -1, 0, 1], (count, width))
    lines = [
        f"img/{row}_1-1 0.jpg".replace(" ", "") + " " * int(draw.integers(1, 9))
        + " ".join(f"{value:2d}" for value in line) + " " * int(draw.integers(0, 3))
        for row, line in enumerate(values.tolist())
    ]  # fmt: skip
    write_text(tmp_path / "list.txt", str(count), "image_name  attribute_labels", *lines)
    faults: list[Fault] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lapel.data.deepfashion.answer_rows.BLOCK_BYTES", 1000)
        answers = read_answer_list(tmp_path / "list.txt", width, faults)
    assert faults == []
    names = [f"a{place}" for place in range(width)]
    chosen = draw.random(width) < 0.5
    for row, tags in enumerate(tags_of(answers, names, chosen)):
        of_row = [(names[place], values[row, place]) for place in np.flatnonzero(chosen)]
        assert tags.yes == tuple(name for name, value in of_row if value == 1)
        assert tags.unknown == tuple(name for name, value in of_row if value == 0)
    assert answers.heads == [line.split()[0] for line in lines]


def test_all_faults_come_together(tmp_path: Path) -> None:
    write_coarse(tmp_path)
    lists = tmp_path / "Benchmark/Anno_coarse"
    for name, old, new in (
        ("list_bbox.txt", "072", "x"),
        ("list_attr_img.txt", "-1  0", "-1  7"),
        ("list_category_img.txt", " 18", " 77"),
    ):
        path = lists / name
        path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(FormatError) as caught:
        read_deepfashion_coarse(tmp_path / "Benchmark")
    assert {Path(fault.file).name for fault in caught.value.faults} == {
        "list_bbox.txt", "list_attr_img.txt", "list_category_img.txt",
    }  # fmt: skip


def test_pictures_that_are_not_unpacked_are_one_fault(tmp_path: Path) -> None:
    write_coarse(tmp_path)
    pictures = tmp_path / "Benchmark/Img"
    (pictures / "img").rename(tmp_path / "unpacked")
    (pictures / "img.zip").write_bytes(b"PK")
    with pytest.raises(FormatError, match=r"Unpack .*img\.zip there") as caught:
        read_deepfashion_coarse(tmp_path / "Benchmark")
    (fault,) = caught.value.faults
    assert (fault.file, fault.found) == (str(pictures / "img"), "nothing")


def test_fine_lines_are_read_to_known_values(tmp_path: Path) -> None:
    write_fine(tmp_path)
    reading = read_deepfashion_fine(tmp_path / "Benchmark")
    names = [task.name for task in reading.schema]
    assert names[:6] == ["texture", "sleeve", "length", "neckline", "fabric", "fit"]
    assert names[6:] == ["category", "landmarks"]
    assert [len(task.labels) for task in reading.schema] == [7, 3, 3, 4, 6, 3, 50, 8]
    first, lower, full, tested = reading.annotations
    assert [first.labels[name] for name in names[:7]] == [
        "solid", "long_sleeve", "no_dress", "crew_neckline", "cotton", "conventional", "Blouse",
    ]  # fmt: skip
    assert [row.split for row in reading.annotations] == ["train", "train", "validation", "test"]
    assert first.box == Box(72, 79, 160, 194)
    # The fifth point of an upper garment is a hem; what is not visible has no place.
    assert isinstance(first.labels["landmarks"], Landmarks)
    assert first.labels["landmarks"].points["left hem"] == Landmark(136, 229)
    assert first.labels["landmarks"].unknown == ("right hem",)
    assert isinstance(lower.labels["landmarks"], Landmarks)
    assert lower.labels["landmarks"].names == (
        "left waist", "right waist", "left hem", "right hem",
    )  # fmt: skip
    assert isinstance(full.labels["landmarks"], Landmarks)
    assert len(full.labels["landmarks"].points) == 8
    assert tested.labels["category"] == "Dress"
    assert reading.benchmark == "deepfashion-fine"
    assert "landmarks without a place, taken as unknown: 4" in reading.notes


def test_fine_points_beyond_their_type_are_not_guessed_at(tmp_path: Path) -> None:
    write_fine(tmp_path)
    path = tmp_path / "Benchmark/Anno_fine/train_cate.txt"
    path.write_text("3\n26\n".replace("3", "26", 1))
    reading = read_deepfashion_fine(tmp_path / "Benchmark")
    assert reading.annotations[0].labels["landmarks"] is None
    said = "images whose landmarks are not those of their category, left out: 1"
    assert said in reading.notes


def test_info_rows_are_read_to_known_values(tmp_path: Path) -> None:
    write_info(tmp_path)
    reading = read_deepfashion_info(tmp_path / "info/info.csv")
    upper, lower, full = reading.annotations
    assert [row.split for row in reading.annotations] == ["train", "validation", "test"]
    assert [row.labels["category"] for row in reading.annotations] == ["Blouse", "Jeans", "Dress"]
    assert upper.labels["texture"] == Tags(("abstract chevron",))
    assert upper.box == Box(72, 79, 160, 194)
    found = [row.labels["landmarks"] for row in (upper, lower, full)]
    assert all(isinstance(one, Landmarks) for one in found)
    # The table calls these visible at 0, 0: a blouse has no waist, jeans no collar.
    assert isinstance(found[0], Landmarks)
    assert set(LANDMARKS) - set(found[0].names) == {"left waist", "right waist"}
    assert isinstance(found[1], Landmarks)
    assert found[1].names == ("left waist", "right waist", "left hem", "right hem")
    assert found[1].points["right hem"] == Landmark(95, 281, visible=False)
    assert isinstance(found[2], Landmarks)
    assert (found[2].cut, found[2].unknown) == (("right hem",), ("right waist",))
    assert not found[2].points["right sleeve"].visible


def test_info_says_the_same_as_the_lists(tmp_path: Path) -> None:
    write_coarse(tmp_path)
    import_dataset("deepfashion-coarse", tmp_path / "Benchmark", tmp_path / "dataset")
    export_dataset("deepfashion-info", tmp_path / "dataset", tmp_path / "table")
    lists = read_deepfashion_coarse(tmp_path / "Benchmark")
    table = read_deepfashion_info(tmp_path / "table/info.csv")
    assert table.schema == lists.schema
    for mine, other in zip(table.annotations, lists.annotations, strict=True):
        assert (mine.image, mine.split, mine.box) == (other.image, other.split, other.box)
        assert mine.labels["landmarks"] == other.labels["landmarks"]
        texture = other.labels["texture"]
        assert isinstance(texture, Tags)
        assert mine.labels["texture"] == Tags(texture.yes)  # what is unknown became a no


def test_info_needs_names_for_its_numbers(tmp_path: Path) -> None:
    write_info(tmp_path)
    (tmp_path / "info/list_attr_cloth.txt").rename(tmp_path / "names.txt")
    with pytest.raises(UsageError, match=r"6 attributes and DeepFashion's own list 1,000 names"):
        read_deepfashion_info(tmp_path / "info/info.csv")
    reading = read_deepfashion_info(
        tmp_path / "info/info.csv", attributes=tmp_path / "names.txt", images=tmp_path / "info"
    )
    assert reading.schema["texture"].labels == ("abstract chevron", "stripe")


def test_info_takes_a_column_of_row_numbers_and_quotes(tmp_path: Path) -> None:
    write_info(tmp_path)
    expected = read_deepfashion_info(tmp_path / "info/info.csv")
    path = tmp_path / "info/info.csv"
    header, *rows = path.read_text().splitlines()
    numbered = [
        f'{number},"{row.replace(",", chr(34) + ",", 1)}' for number, row in enumerate(rows)
    ]
    path.write_text("\n".join([f",{header}", *numbered]))
    assert read_deepfashion_info(path).annotations == expected.annotations


@pytest.mark.parametrize(
    ("layout", "write", "source", "folder"),
    [
        ("deepfashion-coarse", write_coarse, "Benchmark", "Benchmark"),
        ("deepfashion-fine", write_fine, "Benchmark", "Benchmark"),
        ("deepfashion-info", write_info, "info/info.csv", "info"),
    ],
)
def test_a_layout_comes_back_byte_for_byte(
    layout: str, write: object, source: str, folder: str, tmp_path: Path
) -> None:
    assert callable(write)
    write(tmp_path / "in")
    import_dataset(layout, tmp_path / "in" / source, tmp_path / "dataset")
    done = export_dataset(layout, tmp_path / "dataset", tmp_path / "out")
    assert tree(tmp_path / "out") == tree(tmp_path / "in" / folder)
    assert (done.left_out, done.notes) == (0, ())


def test_what_does_not_fit_is_refused(photo_dataset: Path, tmp_path: Path) -> None:
    for layout in ("deepfashion-coarse", "deepfashion-fine", "deepfashion-info"):
        with pytest.raises(UsageError, match=r"holds the tasks category, .* and landmarks"):
            export_dataset(layout, photo_dataset, tmp_path / "out")
    with pytest.raises(UsageError, match="duplicates are planted in drawn garments alone"):
        export_dataset("deepfashion-coarse", photo_dataset, tmp_path / "out", duplicates=True)
    assert not (tmp_path / "out").exists()


def test_the_commands_draw_write_and_read(tmp_path: Path) -> None:
    drawn, layout, dataset = (str(tmp_path / name) for name in ("drawn", "layout", "dataset"))

    def run(*words: str) -> str:
        done = CliRunner().invoke(app, ["data", *words])
        assert done.exit_code == 0, done.output
        return done.output

    run("import", "sketch", "12", drawn, "--size", "64")
    said = run("export", "deepfashion-coarse", drawn, layout, "--duplicates")
    assert "which names are one: planted_duplicates.json" in said
    run("import", "deepfashion-coarse", layout, dataset)
    opened = Dataset.open(dataset)
    assert opened.splits() == {"train": 10, "validation": 1, "test": 1}
    assert opened.description.benchmark == "deepfashion-coarse"
    planted = json.loads((tmp_path / "layout/planted_duplicates.json").read_text())
    assert planted["texture"]["stripe"] == ["striped", "stripes"]


def test_landmarks_of_a_table_come_back_as_they_were() -> None:
    column = LABEL_COLUMNS["landmarks"]
    some = Landmarks({"left hem": Landmark(3.25, 4.5, visible=False)}, ("right hem",))
    unknown = Landmarks(unknown=("left collar",))
    labels: list[Label] = [None, some, Landmarks(), unknown, None, some]
    assert column.labels(column.series("landmarks", labels, LANDMARKS)) == labels
    for bare in ([], [None], [Landmarks()]):
        assert column.labels(column.series("landmarks", bare, LANDMARKS)) == bare
