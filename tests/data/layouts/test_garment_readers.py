"""DeepFashion2 and Fashionpedia, read to known values; DeepFashion2 in COCO's form."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from drawn_pictures import SIZE, drawn
from garment_writers import KNOWN_RECORD, write_deepfashion2, write_fashionpedia

from lapel.data.checking.check import check_dataset
from lapel.data.deepfashion2.words import KEYPOINTS, categories
from lapel.data.export import export_dataset
from lapel.data.fashionpedia.words import attribute_names, category_names
from lapel.data.garments import read_garments
from lapel.data.importing import import_dataset
from lapel.data.readers.deepfashion2 import read_deepfashion2
from lapel.data.readers.fashionpedia import read_fashionpedia
from lapel.schema.annotation import Tags
from lapel.schema.errors import FormatError, UsageError
from lapel.schema.garments import Garments
from lapel.schema.masks import ClassMap


def test_categories_have_their_landmarks_one_after_another() -> None:
    counts = [category.count for category in categories()]
    assert counts == [25, 33, 31, 39, 15, 15, 10, 14, 8, 29, 37, 19, 19]
    assert [category.first for category in categories()] == [
        sum(counts[:place]) for place in range(13)
    ]
    assert sum(counts) == KEYPOINTS
    skirt = categories()[8]
    assert (skirt.number, skirt.name, skirt.coco_name, skirt.first) == (9, "skirt", "skirt", 182)


def test_the_ontology_has_category_nought_and_gaps() -> None:
    assert (len(category_names()), len(attribute_names())) == (46, 294)
    assert category_names()[0] == "shirt, blouse"
    assert max(attribute_names()) == 340
    assert len(set(attribute_names().values())) == 294


def test_deepfashion2_says_what_is_in_a_photo_and_keeps_the_rest(tmp_path: Path) -> None:
    write_deepfashion2(tmp_path)
    reading = read_deepfashion2(tmp_path / "df2")
    assert [(row.image, row.split) for row in reading.annotations] == [
        ("train/image/000001.jpg", "train"),
        ("train/image/000002.jpg", "train"),
        ("train/image/000003.jpg", "train"),
        ("validation/image/000001.jpg", "validation"),
        ("validation/image/000002.jpg", "validation"),
        ("test/image/000001.jpg", "test"),
    ]
    first = reading.annotations[0]
    assert first.labels == {"categories": Tags(("shorts", "skirt"))}
    assert first.group == "train/1811"
    assert reading.annotations[-1].labels == {}
    shorts, skirt = reading.garments[first.image]
    assert (shorts.part, skirt.part) == ("shorts", "skirt")
    assert skirt.box == (227.0, 86.0, 316.0, 369.0)
    assert skirt.points[:2] == ((237, 160), (378, 153))
    assert skirt.points[7] is None
    assert skirt.hidden == (0, 2)
    assert shorts.points[0] == (12.5, 14.0)
    assert [len(outline) for outline in shorts.outlines] == [4, 2]
    assert skirt.facts == {
        "item": "item1", "category_id": 9, "style": 1, "scale": 2, "occlusion": 2, "zoom_in": 1,
        "viewpoint": 2, "source": "shop", "pair_id": 1811,
    }  # fmt: skip
    for number, row in enumerate(reading.annotations[1:5]):
        kinds = [one.garment.kind.name for one in drawn(number, several=3).garments]
        assert [one.part for one in reading.garments[row.image]] == kinds
    assert "outlines of fewer than three corners, kept as they are: 1" in reading.notes


def test_what_a_photo_of_deepfashion2_holds_is_kept_beside_the_table(tmp_path: Path) -> None:
    write_deepfashion2(tmp_path)
    reading = read_deepfashion2(tmp_path / "df2")
    dataset = import_dataset("deepfashion2", tmp_path / "df2", tmp_path / "dataset")
    assert read_garments(dataset.folder) == {
        image: tuple(garments) for image, garments in reading.garments.items()
    }
    assert dataset.description.benchmark == "deepfashion2"
    # Changed between the two looks at it.
    (tmp_path / "df2/train/annos/000001.json").write_text("{}")
    with pytest.raises(FormatError, match="found source null"):
        reading.garments["train/image/000001.jpg"]


def test_deepfashion2_in_cocos_form_agrees_with_its_own_script(tmp_path: Path) -> None:
    write_deepfashion2(tmp_path)
    folder = import_dataset("deepfashion2", tmp_path / "df2", tmp_path / "dataset").folder
    out = tmp_path / "train.json"
    done = export_dataset("deepfashion2-coco", folder, out, split="train")
    value = json.loads(out.read_text())
    assert list(value) == ["info", "licenses", "images", "annotations", "categories"]
    assert value["images"][0] == {
        "coco_url": "", "date_captured": "", "file_name": "000001.jpg", "flickr_url": "", "id": 1,
        "license": 0, "width": 600, "height": 480,
    }  # fmt: skip
    count = 2 + sum(len(drawn(number, several=3).garments) for number in (0, 1))
    assert [one["id"] for one in value["annotations"]] == list(range(1, count + 1))
    assert done.notes == (f"{count} garments of 'train'",)
    skirt = value["annotations"][1]
    record = json.loads(KNOWN_RECORD)["item1"]
    keypoints = skirt.pop("keypoints")
    assert skirt == {
        "area": 316 * 369, "bbox": [227, 86, 316, 369], "category_id": 9, "id": 2,
        "pair_id": 1811, "image_id": 1, "iscrowd": 0, "style": 1, "num_keypoints": 7,
        "segmentation": record["segmentation"],
    }  # fmt: skip
    assert keypoints[3 * 182 : 3 * 190] == record["landmarks"]
    assert not any(keypoints[: 3 * 182] + keypoints[3 * 190 :])
    assert len(keypoints) == 882
    assert [one["name"] for one in value["categories"]][:2] == [
        "short_sleeved_shirt", "long_sleeved_shirt",
    ]  # fmt: skip
    assert value["categories"][12]["keypoints"] == [str(number) for number in range(1, 295)]


def test_hidden_landmarks_are_left_out_of_cocos_form_on_demand(tmp_path: Path) -> None:
    write_deepfashion2(tmp_path)
    folder = import_dataset("deepfashion2", tmp_path / "df2", tmp_path / "dataset").folder
    out = tmp_path / "visible.json"
    export_dataset("deepfashion2-coco", folder, out, split="train", visible_only=True)
    skirt = json.loads(out.read_text())["annotations"][1]
    assert skirt["num_keypoints"] == 5
    assert skirt["keypoints"][3 * 182 : 3 * 184] == [0, 0, 0, 378, 153, 2]


def test_what_is_not_deepfashion2_has_no_such_form(tmp_path: Path) -> None:
    write_fashionpedia(tmp_path)
    source = tmp_path / "fashionpedia"
    folder = import_dataset("fashionpedia", source, tmp_path / "dataset").folder
    with pytest.raises(UsageError, match=r"train/0a1b\.jpg' has no number"):
        export_dataset("deepfashion2-coco", folder, tmp_path / "out.json", split="train")
    assert not (tmp_path / "out.json").exists()


def test_fashionpedia_keeps_outlines_masks_and_attributes(tmp_path: Path) -> None:
    write_fashionpedia(tmp_path)
    reading = read_fashionpedia(tmp_path / "fashionpedia")
    rows = {row.image: row for row in reading.annotations}
    assert [(row.image, row.split) for row in reading.annotations] == [
        ("train/0a1b.jpg", "train"),
        ("train/0c2d.jpg", "train"),
        ("train/0e3f.jpg", "train"),
        ("test/1a.jpg", "validation"),
        ("test/1b.jpg", "test"),
    ]
    assert rows["train/0a1b.jpg"].labels == {
        "categories": Tags(("shirt, blouse", "neckline")),
        "attributes": Tags(("classic (t-shirt)", "plain (pattern)")),
    }
    # Marked with nothing, and said to have no attribute; not said at all.
    assert rows["train/0e3f.jpg"].labels == {"categories": Tags(), "attributes": Tags()}
    assert rows["train/0c2d.jpg"].labels == {"categories": Tags(("dress", "shoe"))}
    assert rows["test/1b.jpg"].labels == {}
    shirt, _ = reading.garments["train/0a1b.jpg"]
    assert shirt.box == (10.0, 10.0, 20.5, 30.0)
    assert shirt.outlines[0][:2] == ((10, 10), (30.5, 10))
    assert shirt.attributes == ("plant", "classic (t-shirt)", "asymmetric (collar)")
    assert shirt.facts == {"id": 8917, "category_id": 0, "area": 615.0, "iscrowd": 0}


def test_masks_of_fashionpedia_are_those_that_were_drawn(tmp_path: Path) -> None:
    write_fashionpedia(tmp_path)
    reading = read_fashionpedia(tmp_path / "fashionpedia")
    dataset = import_dataset("fashionpedia", tmp_path / "fashionpedia", tmp_path / "dataset")
    kept = read_garments(dataset.folder)["train/0c2d.jpg"]
    assert kept == tuple(reading.garments["train/0c2d.jpg"])
    forms = []
    for garment in kept:
        assert garment.mask is not None
        forms.append(type(garment.mask.counts))
        lengths = garment.mask.lengths()
        flat = np.repeat(np.arange(len(lengths)) % 2, lengths)
        assert ((drawn(1).mask > 0) == flat.reshape(SIZE, SIZE).T).all()
    assert forms == [str, tuple]


@pytest.mark.parametrize("place", ["images/train2020/train", "train2020", "images/train"])
def test_photos_of_fashionpedia_are_found_where_people_put_them(place: str, tmp_path: Path) -> None:
    write_fashionpedia(tmp_path)
    source = tmp_path / "fashionpedia"
    (source / place).parent.mkdir(parents=True, exist_ok=True)
    (source / "train").rename(source / place)
    (source / "annotations").mkdir()
    for path in source.glob("*.json"):
        path.rename(source / "annotations" / path.name)
    reading = read_fashionpedia(source)
    assert reading.annotations[0].image == f"{place}/0a1b.jpg"


def test_a_first_photo_that_is_gone_hides_no_other(tmp_path: Path) -> None:
    write_fashionpedia(tmp_path)
    source = tmp_path / "fashionpedia"
    (source / "train").rename(source / "train2020")
    (source / "train2020/0a1b.jpg").unlink()
    with pytest.raises(FormatError) as caught:
        read_fashionpedia(source)
    (fault,) = caught.value.faults
    assert fault.found == "'train2020/0a1b.jpg'"


def test_fashionpedia_without_some_files_says_so(tmp_path: Path) -> None:
    write_fashionpedia(tmp_path)
    source = tmp_path / "fashionpedia"
    for name in ("instances_attributes_val2020.json", "attributes_train2020.json"):
        (source / name).unlink()
    reading = read_fashionpedia(source)
    assert [task.name for task in reading.schema] == ["categories", "garments"]
    assert reading.notes == (
        "kept in garments.jsonl: 4 garments and parts of 2 images",
        "outlines of fewer than three corners, kept as they are: 2",
        "not there, and left out: instances_attributes_val2020.json",
    )


def test_a_garment_over_the_edge_of_its_photo_is_kept_and_found_by_check(tmp_path: Path) -> None:
    write_deepfashion2(tmp_path)
    record = tmp_path / "df2/train/annos/000001.json"
    record.write_text(record.read_text().replace("[227, 86, 543, 455]", "[227, 86, 643, 455]"))
    folder = import_dataset("deepfashion2", tmp_path / "df2", tmp_path / "dataset").folder
    report = check_dataset(folder)
    assert report.faults == 0
    (over,) = (one for one in report.findings if one.kind == "garment_over_edge")
    assert over.examples == ("train/image/000001.jpg (600 x 480): a box from 227, 86 to 643, 455",)


@pytest.mark.parametrize(
    ("layout", "source", "write"),
    [
        ("deepfashion2", "df2", write_deepfashion2),
        ("fashionpedia", "fashionpedia", write_fashionpedia),
    ],
)
def test_a_class_for_every_pixel_is_painted_from_the_garments(
    layout: str, source: str, write: Callable[[Path], None], tmp_path: Path
) -> None:
    write(tmp_path)
    dataset = import_dataset(layout, tmp_path / source, tmp_path / "dataset", parsing=True)
    spec = dataset.schema["parsing"]
    assert spec.labels == ("background", *dataset.schema["garments"].labels)
    known = dataset.labels("garments")
    for row, name in enumerate(dataset.names()):
        label, garments = dataset.labels("parsing")[row], known[row]
        # The test photos say nothing of either.
        assert (label is None) == (garments is None)
        if isinstance(label, ClassMap) and isinstance(garments, Garments):
            assert label.pixels.shape == dataset.pixels(name).shape[:2]
            assert set(label.held) <= {"background", *garments.held}
            assert not garments.each or len(label.held) > 1
