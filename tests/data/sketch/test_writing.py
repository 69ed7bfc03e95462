"""Drawn datasets on disk, and the commands that make them."""

from __future__ import annotations

import json
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import polars as pl
import pytest
import typed_commands
from numpy.typing import NDArray
from PIL import Image

from lapel.data.checking.check import check_dataset
from lapel.data.dataset import Dataset
from lapel.data.export import export_dataset
from lapel.data.garments import read_garments
from lapel.data.importing import import_dataset
from lapel.data.sketch.catalogue import COLUMNS, TYPES, article_type, gender, season, usage
from lapel.data.sketch.dice import Dice
from lapel.data.sketch.garment import draw_garment
from lapel.data.sketch.labelling import VISIBLE
from lapel.data.sketch.landmarks import LANDMARKS
from lapel.data.sketch.picture import Options, draw_picture
from lapel.data.sketch.records import read_records
from lapel.data.sketch.sheet import write_sheet
from lapel.data.sketch.vocabulary import FINE_GROUPS
from lapel.data.sketch.writing import sketch_dataset
from lapel.schema.annotation import Tags
from lapel.schema.errors import DatasetError, StorageError, UsageError

SMALL = Options(seed=5, size=64)


def pixels(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image)


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Twenty pictures of up to three garments. Not to be changed."""
    folder = tmp_path_factory.mktemp("drawn") / "sketch"
    return sketch_dataset(folder, 20, options=Options(seed=5, size=64, several=3))


def test_it_is_a_dataset_like_any_other(drawn: Dataset) -> None:
    assert drawn.splits() == {"train": 16, "validation": 2, "test": 2}
    kinds = {task.name: task.kind for task in drawn.schema}
    assert kinds == {
        "category": "single_label",
        "colour": "single_label",
        "texture": "single_label",
        "sleeve": "single_label",
        "neckline": "single_label",
        "length": "single_label",
        "fit": "single_label",
        "tags": "multi_label",
        "garments": "multi_label",
    }
    assert drawn.pixels("000003.jpg").shape == (64, 64, 3)
    assert check_dataset(drawn.folder).faults == 0


def test_labels_are_those_of_the_main_garment(drawn: Dataset) -> None:
    records = read_records(drawn.folder)
    assert [record["image"] for record in records] == drawn.names()
    for row, record in enumerate(records):
        main = record["garments"][0]
        for task in ("category", "colour", "sleeve"):
            assert drawn.labels(task)[row] == main[task]
        tags = drawn.labels("tags")[row]
        assert isinstance(tags, Tags)
        assert list(tags.yes) == main["tags"]["yes"]
        kinds = drawn.labels("garments")[row]
        assert isinstance(kinds, Tags)
        assert {*kinds.yes, *kinds.unknown} == {one["category"] for one in record["garments"]}


def test_masks_and_landmarks_are_beside(drawn: Dataset) -> None:
    names = json.loads((drawn.folder / "landmarks.json").read_text())
    assert {kind: tuple(points) for kind, points in names.items()} == LANDMARKS
    for record in read_records(drawn.folder):
        mask = pixels(drawn.folder / record["mask"])
        assert mask.shape == (64, 64)
        for one in record["garments"]:
            assert (mask == one["number"]).sum() == one["area"]
            assert len(one["landmarks"]) == len(LANDMARKS[one["category"]])


def test_boxes_and_deepfashions_landmarks_are_kept_as_of_every_layout(drawn: Dataset) -> None:
    places = read_garments(drawn.folder)
    for record in read_records(drawn.folder):
        for one, place in zip(record["garments"], places[record["image"]], strict=True):
            left, top, right, bottom = one["box"]
            assert place.part == one["category"]
            assert place.box == (left, top, right - left, bottom - top)
            form = one["category"]
            expected = 8 if form.endswith("dress") else 4 if one["sleeve"] == "none" else 6
            assert len(place.points) == expected
            known = [(x, y) for x, y, seen in one["landmarks"] if seen == VISIBLE]
            assert all(point in known for point in place.points if point is not None)


def test_the_same_seed_gives_the_same_bytes_in_several_processes_too(tmp_path: Path) -> None:
    sketch_dataset(tmp_path / "one", 20, options=SMALL)
    sketch_dataset(tmp_path / "two", 20, options=SMALL, jobs=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_picture_does_not_depend_on_how_many_are_drawn(tmp_path: Path) -> None:
    few = sketch_dataset(tmp_path / "few", 3, options=SMALL)
    many = sketch_dataset(tmp_path / "many", 12, options=SMALL)
    assert many.table.head(3).equals(few.table)
    assert contents(tmp_path / "few/images").items() <= contents(tmp_path / "many/images").items()


def test_options_that_do_not_go_are_named_together(tmp_path: Path) -> None:
    options = Options(seed=-1, size=8, several=9, attributes="fancy")
    with pytest.raises(UsageError) as caught:
        sketch_dataset(tmp_path / "d", 0, options=options, jobs=0)
    said = str(caught.value)
    assert "found 0 pictures, expected at least 1" in said
    assert "found seed -1, expected 0 or more" in said
    assert "found size 8, expected 32 to 2048" in said
    assert "found 9 garments a picture, expected 1 to 8" in said
    assert "found attributes 'fancy', expected plain or fine" in said
    assert "found 0 jobs, expected at least 1" in said
    assert not (tmp_path / "d").exists()


def test_a_drawn_dataset_is_replaced_and_nothing_else_is(tmp_path: Path) -> None:
    sketch_dataset(tmp_path / "d", 2, options=SMALL)
    with pytest.raises(StorageError, match=r"exists and is not empty.*add --replace"):
        sketch_dataset(tmp_path / "d", 2, options=SMALL)
    sketch_dataset(tmp_path / "d", 3, options=SMALL, replace=True)
    assert len(Dataset.open(tmp_path / "d")) == 3
    (tmp_path / "d/images/holiday.jpg").write_bytes(b"mine")
    with pytest.raises(DatasetError, match="holds more than a dataset"):
        sketch_dataset(tmp_path / "d", 2, options=SMALL, replace=True)
    assert (tmp_path / "d/images/holiday.jpg").read_bytes() == b"mine"


def test_records_of_another_dataset_are_asked_for_in_vain(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"has no sketch\.jsonl: it is no drawn dataset"):
        read_records(tmp_path)
    (tmp_path / "sketch.jsonl").write_text('{"image": "0')
    with pytest.raises(DatasetError, match=r"sketch\.jsonl could not be read"):
        read_records(tmp_path)


def test_the_catalogue_is_a_table_to_import(tmp_path: Path) -> None:
    options = Options(seed=1, size=32, uneven=True)
    drawn = sketch_dataset(tmp_path / "sketch", 60, options=options)
    table = pl.read_csv(drawn.folder / "catalogue.csv", infer_schema=False)
    assert tuple(table.columns) == COLUMNS
    dataset = import_dataset(
        "table",
        drawn.folder / "catalogue.csv",
        tmp_path / "catalogue",
        images=drawn.folder / "images",
        single=["articleType", "baseColour", "season", "gender", "usage"],
        image_column="id",
    )
    assert len(dataset) == 60
    assert len(dataset.schema["articleType"].labels) > 10
    assert dataset.labels("baseColour") == table["baseColour"].to_list()


def test_catalogues_have_many_labels_most_of_them_rare() -> None:
    garments = [draw_garment(Dice(2, n, uneven=True), "plain") for n in range(8000)]
    types = [article_type(one) for one in garments]
    known = {name for names in TYPES.values() for name in names.values()}
    assert len(known) == sum(map(len, TYPES.values())) >= 75
    assert set(types) <= known
    assert len(set(types)) >= 70
    counts = sorted(map(types.count, set(types)))
    assert counts[-1] > 50 * counts[0]
    assert {gender(one) for one in garments} == {"Women", "Men", "Girls", "Boys", "Unisex"}
    assert {season(one) for one in garments} == {"Winter", "Summer", "Fall", "Spring"}
    assert len({usage(one) for one in garments}) == 8


def test_fine_attributes_go_out_as_ce7454_and_come_back(tmp_path: Path) -> None:
    options = Options(seed=1, size=64, attributes="fine")
    drawn = sketch_dataset(tmp_path / "sketch", 20, options=options)
    export_dataset("ce7454", drawn.folder, tmp_path / "challenge")
    back = import_dataset("ce7454", tmp_path / "challenge", tmp_path / "back")
    assert back.splits() == drawn.splits()
    for group, labels in FINE_GROUPS.items():
        assert back.schema[group].labels == labels
        in_training = [
            label
            for label, split in zip(drawn.labels(group), drawn.table["split"], strict=True)
            if split == "train"
        ]
        assert back.split("train").labels(group) == in_training


def test_marked_pictures_are_large_enough_for_their_words(tmp_path: Path) -> None:
    write_sheet(tmp_path / "sheet.png", 2, SMALL, marked=True)
    sheet = pixels(tmp_path / "sheet.png")
    assert sheet.shape == (224, 448, 3)
    plain = Image.fromarray(draw_picture(0, SMALL).pixels).resize((224, 224))
    assert (sheet[:, :224] != np.asarray(plain)).any()
    assert sheet[200:, 424:].any()  # the second picture fills its place


def test_a_contact_sheet_shows_the_pictures(tmp_path: Path) -> None:
    write_sheet(tmp_path / "sheet.png", 10, SMALL)
    sheet = pixels(tmp_path / "sheet.png")
    assert sheet.shape == (128, 512, 3)
    assert (sheet[64:, :64] == draw_picture(8, SMALL).pixels).all()
    with pytest.raises(UsageError, match=r"expected a name that ends in \.png or \.jpg"):
        write_sheet(tmp_path / "sheet.pdf", 10, SMALL)


def lapel(*arguments: str, folder: Path) -> CompletedProcess[str]:
    return typed_commands.lapel("data", *arguments, cwd=folder)


def test_the_command_draws_a_dataset_and_a_sheet(tmp_path: Path) -> None:
    options = ["--seed", "3", "--size", "48", "--sheet", "sheet.jpg"]
    done = lapel("import", "sketch", "10", "garments", *options, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Dataset 'sketch' in garments: train 8, validation 1, test 1;" in done.stdout
    assert "A contact sheet to look at: sheet.jpg" in done.stdout
    assert pixels(tmp_path / "sheet.jpg").shape == (2 * 48, 8 * 48, 3)
    done = lapel("import", "sketch", "10", "garments", folder=tmp_path)
    assert done.returncode == 1
    assert "garments exists and is not empty; name a new folder, or add --replace" in done.stderr


def test_a_wrong_command_draws_nothing(tmp_path: Path) -> None:
    done = lapel("import", "sketch", "5", "d", "--attributes", "fancy", folder=tmp_path)
    assert done.returncode == 2
    assert "found attributes 'fancy', expected plain or fine" in done.stderr
    done = lapel("import", "sketch", "5", "d", "--sheet", "sheet.pdf", folder=tmp_path)
    assert done.returncode == 2
    assert not (tmp_path / "d").exists()
