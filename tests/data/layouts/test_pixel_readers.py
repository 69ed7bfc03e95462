"""Label maps, Clothing Co-Parsing and COCO's JSON, read to known values, and written again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from layout_writers import write_photo, write_text
from PIL import Image
from pixel_writers import (
    CCP_NAMES,
    HEIGHT,
    POINTS,
    WIDTH,
    ccp_map,
    coco_image,
    coco_value,
    known_map,
    write_ccp,
    write_coco,
    write_map,
    write_masks,
)
from pycocotools.coco import COCO

from lapel.data.coco.file import FLAT, NO_AREA, NOTHING, SHORT
from lapel.data.dataset import Dataset
from lapel.data.export import export_dataset
from lapel.data.garments import read_garments
from lapel.data.importing import import_dataset
from lapel.data.label_maps.pixel_classes import choose_groups
from lapel.data.readers.clothing_co_parsing import read_clothing_co_parsing
from lapel.data.readers.coco import read_coco
from lapel.data.readers.masks import read_masks
from lapel.imaging.outlines import garment_mask
from lapel.schema.annotation import Tags
from lapel.schema.errors import FormatError, UsageError
from lapel.schema.garments import Garments
from lapel.schema.masks import UNKNOWN_CLASS, ClassMap


def pixels(dataset: Dataset, task: str = "parsing") -> list[np.ndarray[Any, Any]]:
    """The label maps of a dataset, in row order."""
    return [label.pixels for label in dataset.labels(task) if isinstance(label, ClassMap)]


def test_values_become_places_in_the_list_of_classes(tmp_path: Path) -> None:
    write_masks(tmp_path)
    reading = read_masks(tmp_path / "pixels")
    assert reading.schema["parsing"].labels == ("background", "top", "skirt", "shoes", "hat")
    assert [row.image for row in reading.annotations] == [
        f"photos/{number:04}.jpg" for number in range(1, 5)
    ]
    wanted = known_map(1)
    wanted[wanted == 7] = 3
    found = reading.masks["parsing"]["photos/0001.jpg"]
    assert (found.pixels == wanted).all()
    assert found.pixels[0, 11] == UNKNOWN_CLASS
    assert found.held == ("background", "top", "skirt", "shoes")
    assert any("4 label maps have pixels of unknown class" in note for note in reading.notes)


def test_a_dataset_keeps_its_maps_and_reads_them_one_by_one(tmp_path: Path) -> None:
    write_masks(tmp_path)
    dataset = import_dataset("masks", tmp_path / "pixels", tmp_path / "d", test_last=1)
    assert dataset.splits() == {"train": 3, "test": 1}
    assert dataset.table["parsing"][0] == "masks/parsing/photos/0001.jpg.png"
    shutil.rmtree(tmp_path / "pixels/masks")
    assert (pixels(dataset)[1] == np.where(known_map(2) == 7, 3, known_map(2))).all()
    assert dataset.labels_in_words("parsing")[1] == Tags(("background", "top", "skirt"))
    assert len(pixels(dataset.split("test"))) == 1


def test_an_indexed_png_says_numbers_and_one_in_colour_its_colours(tmp_path: Path) -> None:
    write_masks(tmp_path)
    source = tmp_path / "pixels"
    plain = read_masks(source).masks["parsing"]["photos/0003.jpg"].pixels
    indexed = Image.fromarray(known_map(3))
    indexed.putpalette([9 * value % 256 for value in range(768)])
    indexed.save(source / "masks/0003.png")
    assert (read_masks(source).masks["parsing"]["photos/0003.jpg"].pixels == plain).all()
    table = {0: (0, 0, 0), 1: (255, 0, 0), 2: (0, 255, 0), 7: (0, 0, 255), 255: (0, 0, 0)}
    lines = ("name,r,g,b", "background,0,0,0", "top,255,0,0", "skirt,0,255,0", "shoes,0,0,255")
    write_text(source / "labels.csv", *lines)
    for number in range(1, 5):
        colours = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        for value, colour in table.items():
            colours[known_map(number) == value] = colour
        write_map(source / f"masks/{number:04}.png", colours)
    found = read_masks(source).masks["parsing"]["photos/0003.jpg"].pixels
    assert (found == np.where(plain == UNKNOWN_CLASS, 0, plain)).all()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.txt", "background\ntop\nskirt\n"),
        ("labels.json", '["background", "top", "skirt"]'),
        ("classes.json", '{"0": "background", "1": "top", "2": "skirt"}'),
        ("classes.json", '{"background": 0, "top": 1, "skirt": 2}'),
        (
            "label_list.json",
            '[{"id": 0, "name": "background"}, {"id": 1, "name": "top"}, {"id": 2, "name": "skirt"}]',  # noqa: E501 - one text
        ),
        ("class_dict.csv", "Name,R,G,B\nbackground,0,0,0\ntop,0,0,1\nskirt,0,0,2\n"),
    ],
)
def test_lists_of_classes_come_in_many_forms(name: str, text: str, tmp_path: Path) -> None:
    write_masks(tmp_path)
    source = tmp_path / "pixels"
    (source / "labels.csv").unlink()
    (source / name).write_text(text, "utf-8")
    for number in range(1, 5):
        write_map(source / f"masks/{number:04}.png", np.minimum(known_map(number), 2))
    reading = read_masks(source)
    assert reading.schema["parsing"].labels == ("background", "top", "skirt")
    assert (reading.masks["parsing"]["photos/0001.jpg"].pixels == np.minimum(known_map(1), 2)).all()


def test_classes_are_joined_to_groups_and_left_out(tmp_path: Path) -> None:
    write_masks(tmp_path)
    write_text(
        tmp_path / "groups.csv",
        "class,group,reason",
        "skirt,garment,",
        "top,garment,",
        "background,background,",
        "shoes,shoes,",
        "hat,,nobody wears one",
    )
    reading = read_masks(tmp_path / "pixels", groups=tmp_path / "groups.csv", ignore=["shoes"])
    # The background comes first, wherever the table has it.
    assert reading.schema["parsing"].labels == ("background", "garment")
    found = reading.masks["parsing"]["photos/0001.jpg"].pixels
    wanted = np.array([0, 1, 1])[np.minimum(known_map(1), 2)]
    wanted[np.isin(known_map(1), (7, 255))] = UNKNOWN_CLASS
    assert (found == wanted).all()
    with pytest.raises(
        UsageError, match=r"--ignore: found no class 'glove'; there are: background, garment"
    ):
        read_masks(tmp_path / "pixels", groups=tmp_path / "groups.csv", ignore=["glove"])


def test_a_table_of_groups_places_every_class_once(tmp_path: Path) -> None:
    write_masks(tmp_path)
    lines = ("class,group", "top,garment", "top,garment", "glove,garment", "shoes,shoes")
    write_text(tmp_path / "groups.csv", *lines)
    with pytest.raises(FormatError) as caught:
        read_masks(tmp_path / "pixels", groups=tmp_path / "groups.csv")
    said = str(caught.value)
    assert "line 3: found class 'top' again, expected each once" in said
    assert "line 4: found class 'glove', expected one of background, top" in said
    assert "found no group for background, skirt, hat, expected a line for each class" in said
    with pytest.raises(UsageError, match="found neither a file 'garments' nor shipped groups"):
        read_masks(tmp_path / "pixels", groups="garments")


def test_the_shipped_groups_are_about_ten_garments(tmp_path: Path) -> None:
    source = Path(__file__).parents[4] / "shared/data/clothing-co-parsing"
    if not source.is_dir():
        pytest.skip("the photos of Clothing Co-Parsing are not on this machine")
    names = [line.split(",")[1] for line in (source / "labels.csv").read_text().splitlines()[1:]]
    groups = choose_groups("clothing-co-parsing", names)
    assert list(dict.fromkeys(groups.values())) == [
        "background", "skin", "hair", "top", "outerwear", "dress", "trousers", "skirt", "legwear",
        "shoes", "bag", "accessories",
    ]  # fmt: skip
    some = tmp_path / "some"
    for number in ("0003", "0700"):
        for folder, ending in (("photos", "jpg"), ("masks", "png")):
            (some / folder).mkdir(parents=True, exist_ok=True)
            shutil.copy(source / f"parsed/{folder}/{number}.{ending}", some / folder)
    dataset = import_dataset(
        "masks", some, tmp_path / "d", labels=source / "labels.csv", groups="clothing-co-parsing"
    )
    maps = pixels(dataset)
    assert all(found.shape == dataset.pixels(name).shape[:2] for found, name in
               zip(maps, dataset.names(), strict=True))  # fmt: skip
    assert all({0, 1, 2} <= set(np.unique(found).tolist()) for found in maps)


@pytest.mark.parametrize("above", [True, False])
def test_splits_are_folders_above_or_below(above: bool, tmp_path: Path) -> None:
    write_masks(tmp_path)
    source = tmp_path / "pixels"
    for number, split in ((1, "train"), (2, "train"), (3, "val"), (4, "test")):
        for folder, ending in (("photos", "jpg"), ("masks", "png")):
            place = f"{split}/{folder}" if above else f"{folder}/{split}"
            (source / place).mkdir(parents=True, exist_ok=True)
            (source / f"{folder}/{number:04}.{ending}").rename(
                source / place / f"one.{number}.{ending}"
            )
    if above:
        shutil.rmtree(source / "photos")
        shutil.rmtree(source / "masks")
    reading = read_masks(source)
    assert [row.split for row in sorted(reading.annotations, key=lambda row: row.image[-5:])] == [
        "train", "train", "validation", "test",
    ]  # fmt: skip
    assert len(reading.masks["parsing"]) == 4
    with pytest.raises(UsageError, match="--test-last: the folders name splits already"):
        read_masks(source, test_last=1)


def test_photos_without_a_map_stay_on_demand(tmp_path: Path) -> None:
    write_masks(tmp_path)
    (tmp_path / "pixels/masks/0002.png").unlink()
    with pytest.raises(FormatError, match="are kept, of unknown classes, with --unlabelled"):
        read_masks(tmp_path / "pixels")
    dataset = import_dataset("masks", tmp_path / "pixels", tmp_path / "d", unlabelled=True)
    assert dataset.table["parsing"].is_null().to_list() == [False, True, False, False]
    assert dataset.labels("parsing")[1] is None
    assert dataset.labels_in_words("parsing")[1] is None


def test_maps_may_be_called_otherwise(tmp_path: Path) -> None:
    write_masks(tmp_path)
    source = tmp_path / "pixels"
    for number in range(1, 5):
        path = source / f"masks/{number:04}.png"
        path.rename(source / f"masks/{number:04}_segm.png")
    (source / "photos").rename(source / "pictures")
    with pytest.raises(
        UsageError, match="found masks, pictures, expected a folder of photos; name"
    ):
        read_masks(source, suffix="_segm")
    for suffix in ("", "_mask"):
        with pytest.raises(FormatError, match="is said with --suffix") as caught:
            read_masks(source, photos="pictures", suffix=suffix)
        assert "--unlabelled" not in str(caught.value)
    reading = read_masks(source, photos="pictures", suffix="_segm")
    assert list(reading.masks["parsing"]) == [f"pictures/{number:04}.jpg" for number in range(1, 5)]


def test_a_map_of_another_size_than_its_photo_is_refused(tmp_path: Path) -> None:
    write_masks(tmp_path)
    write_map(tmp_path / "pixels/masks/0002.png", known_map(2)[:, 1:])
    with pytest.raises(FormatError, match=r"0002.jpg: found a label map of 11 x 10 pixels, expect"):
        import_dataset("masks", tmp_path / "pixels", tmp_path / "d")
    assert not (tmp_path / "d").exists()


def test_masks_go_out_as_they_came_in(tmp_path: Path) -> None:
    write_masks(tmp_path)
    # Two photos that differ in the ending alone.
    write_photo(tmp_path / "pixels/photos/0004.png", 7, width=WIDTH, height=HEIGHT)
    write_map(tmp_path / "pixels/masks/0004.png.png", known_map(5))
    dataset = import_dataset("masks", tmp_path / "pixels", tmp_path / "d", test_last=2)
    done = export_dataset("masks", dataset.folder, tmp_path / "out")
    assert (done.images, done.left_out) == (5, 0)
    again = import_dataset("masks", tmp_path / "out", tmp_path / "again")
    assert again.schema == dataset.schema
    assert again.splits() == dataset.splits() == {"train": 3, "test": 2}
    assert sorted(again.table["sha256"]) == sorted(dataset.table["sha256"])
    order = [again.table["sha256"].to_list().index(digest) for digest in dataset.table["sha256"]]
    maps = pixels(again)
    for place, found in zip(order, pixels(dataset), strict=True):
        assert (maps[place] == found).all()
    with Image.open(tmp_path / "out/masks/train/0001.png") as image:
        assert image.mode == "P"
        palette = image.getpalette() or []
        assert len({tuple(palette[3 * n : 3 * n + 3]) for n in range(5)}) == 5


def test_clothing_co_parsing_is_read_from_files_of_matlab(tmp_path: Path) -> None:
    write_ccp(tmp_path)
    dataset = import_dataset("clothing-co-parsing", tmp_path / "ccp", tmp_path / "d", test_last=1)
    assert dataset.schema["parsing"].labels == CCP_NAMES
    assert dataset.splits() == {"train": 2, "test": 1}
    assert all((found == ccp_map(n)).all() for n, found in enumerate(pixels(dataset), start=1))


def test_tags_of_clothing_co_parsing_are_of_photos_or_of_maps(tmp_path: Path) -> None:
    write_ccp(tmp_path)
    reading = read_clothing_co_parsing(tmp_path / "ccp", tagged=True, test_last=1)
    assert [row.labels["tags"] for row in reading.annotations] == [
        Tags(("null", "blouse", "skirt", "shoes")),
        Tags(("null", "blouse", "skirt")),
        Tags(("null", "blouse", "skirt", "shoes")),
        Tags(("null", "skirt", "shoes")),
    ]
    assert [row.split for row in reading.annotations] == ["train", "train", "test", "train"]
    assert len(reading.masks["parsing"]) == 3


def test_coco_is_read_with_ids_that_have_gaps(tmp_path: Path) -> None:
    write_coco(tmp_path)
    dataset = import_dataset("coco", tmp_path / "coco", tmp_path / "d")
    spec = dataset.schema["garments"]
    assert spec.labels == ("dress", "hat")
    assert spec.points == {"dress": tuple(POINTS)}
    assert dataset.splits() == {"train": 3, "validation": 1}
    assert dataset.table["garments"].to_list() == [2, 1, 0, 1]
    labels = dataset.labels("garments")
    assert labels[2] == Garments()
    first = labels[0]
    assert isinstance(first, Garments)
    dress, hat = first.each
    assert list(dress.box or ()) == [1, 1, 6, 8]
    # The third has two corners: it encloses nothing, and is left out.
    assert list(map(list, dress.outlines)) == [
        [(1, 1), (7, 1), (7, 5), (1, 5)],
        [(1, 6), (7, 6), (7, 9), (1, 9)],
    ]
    assert list(dress.points) == [(2, 1.5), (6, 1), None]
    assert dress.hidden == (1,)
    mask = garment_mask(hat, WIDTH, HEIGHT)
    assert mask is not None
    wanted = np.zeros((HEIGHT, WIDTH), bool)
    wanted[:3, 8:10] = True
    assert (mask == wanted).all()
    crowd = labels[1]
    assert isinstance(crowd, Garments)
    # Its box is found in its run lengths.
    assert list(crowd.each[0].box or ()) == [8, 2, 2, 3]
    assert crowd.each[0].facts["iscrowd"] == 1


@pytest.mark.parametrize("marked", [True, False])
def test_the_root_that_roboflow_puts_first_is_no_label(marked: bool, tmp_path: Path) -> None:
    for number, split in enumerate(("train", "valid")):
        write_photo(tmp_path / split / f"{split}.jpg", number, width=WIDTH, height=HEIGHT)
        value = coco_value(
            [coco_image(1, f"{split}.jpg")],
            [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 4, 4]}] if marked else [],
        )
        value["categories"] = [
            {"id": 0, "name": "dress", "supercategory": "none"},
            {"id": 1, "name": "dress", "supercategory": "dress"},
            {"id": 2, "name": "hat", "supercategory": "shop"},
            {"id": 3, "name": "shop", "supercategory": "none"},
        ]
        (tmp_path / split / "_annotations.coco.json").write_text(json.dumps(value))
    reading = read_coco(tmp_path)
    # Without annotations nobody knows whether 'shop' would be marked; two called 'dress' are one.
    labels = ("dress", "hat") if marked else ("dress", "hat", "shop")
    assert reading.schema["garments"].labels == labels
    assert ("categories that only group others, left out: shop" in reading.notes) is marked
    assert [one.part for one in reading.garments["train/train.jpg"]] == ["dress"] * marked


def test_a_category_above_others_stays_where_it_is_marked(tmp_path: Path) -> None:
    write_photo(tmp_path / "a.jpg", 9, width=WIDTH, height=HEIGHT)
    marked = [{"id": 1, "image_id": 1, "category_id": 0, "bbox": [1, 1, 4, 4]}]
    value = coco_value([coco_image(1, "a.jpg")], marked)
    value["categories"] = [
        {"id": 0, "name": "clothes", "supercategory": "none"},
        {"id": 5, "name": "hat", "supercategory": "clothes"},
    ]
    (tmp_path / "marks.json").write_text(json.dumps(value))
    assert read_coco(tmp_path / "marks.json").schema["garments"].labels == ("clothes", "hat")


def test_what_encloses_nothing_is_left_out_and_counted(tmp_path: Path) -> None:
    write_photo(tmp_path / "a.jpg", 9, width=WIDTH, height=HEIGHT)
    kept = {"image_id": 1, "category_id": 5, "bbox": [1, 1, 4, 4]}
    marked = [
        kept | {"segmentation": [[1, 1, 2, 2], [1, 1, 2, 2, 3, 3], [1, 1, 4, 1, 4, 4]]},
        kept | {"bbox": [1, 1, 0, 4]},
        kept | {"bbox": [1, 1, 0, 4], "segmentation": [1, 1, 4, 1, 4, 4]},
        kept | {"bbox": None, "segmentation": {"size": [HEIGHT, WIDTH], "counts": [120]}},
        kept | {"id": "text", "segmentation": []},
    ]
    value = coco_value([coco_image(1, "a.jpg")], marked)
    (tmp_path / "marks.json").write_text(json.dumps(value))
    reading = read_coco(tmp_path / "marks.json")
    one, two, three = reading.garments["a.jpg"]
    assert list(map(list, one.outlines)) == [[(1, 1), (4, 1), (4, 4)]]
    # One outline that was laid flat in its list; the box around it is made of it.
    assert (two.outlines, two.box) == (one.outlines, (1, 1, 3, 3))
    assert (three.outlines, three.box) == ((), (1, 1, 4, 4))
    for what, count in ((SHORT, 1), (FLAT, 1), (NO_AREA, 2), (NOTHING, 2)):
        assert f"{what}: {count}" in reading.notes


def test_broken_annotations_are_left_out_on_demand(tmp_path: Path) -> None:
    write_coco(tmp_path)
    path = tmp_path / "coco/annotations/instances_train.json"
    path.write_text(path.read_text().replace("[80, 3, 7, 3, 27]", "[80, 3]"))
    with pytest.raises(FormatError, match="--skip-broken leaves out single annotations"):
        read_coco(tmp_path / "coco")
    reading = read_coco(tmp_path / "coco", skip_broken=True)
    assert [one.part for one in reading.garments["train/a.jpg"]] == ["dress"]
    assert "annotations that are wrong, left out: 1" in reading.notes


@pytest.mark.parametrize("gone", ["a.jpg", "b.jpg"])  # the first of the file, and another
def test_images_that_are_not_there_are_left_out_on_demand(gone: str, tmp_path: Path) -> None:
    write_coco(tmp_path)
    (tmp_path / "coco/train" / gone).unlink()
    with pytest.raises(FormatError, match="--skip-unreadable leaves out images"):
        read_coco(tmp_path / "coco")
    reading = read_coco(tmp_path / "coco", skip_missing=True)
    assert len(reading.annotations) == 3
    assert "images that are not there, left out: 1" in reading.notes


@pytest.mark.parametrize(
    ("name", "says"),
    [("b.jpg", "b.jpg' again"), ("../../x.jpg", "is not a name under its root")],
)
def test_other_faults_of_names_are_refused_even_so(name: str, says: str, tmp_path: Path) -> None:
    for number, place in enumerate(("a.jpg", "b.jpg")):
        write_photo(tmp_path / place, 50 * number, width=WIDTH, height=HEIGHT)
    names = ("a.jpg", "b.jpg", name, "gone.jpg")
    images = [coco_image(number, one) for number, one in enumerate(names)]
    marked = [{"image_id": 1, "category_id": 5, "bbox": [1, 1, 4, 4]}]
    (tmp_path / "marks.json").write_text(json.dumps(coco_value(images, marked)))
    with pytest.raises(FormatError, match=says) as caught:
        read_coco(tmp_path / "marks.json", skip_missing=True)
    assert len(caught.value.faults) == 1


def test_a_photo_that_stands_otherwise_than_it_was_marked_is_refused(tmp_path: Path) -> None:
    # A camera held upright: its file lies on its side, with a note how to turn it.
    turned = Image.new("RGB", (WIDTH, HEIGHT)).getexif()
    turned[0x0112] = 6
    Image.new("RGB", (WIDTH, HEIGHT)).save(tmp_path / "a.jpg", exif=turned)
    marked = [{"image_id": 1, "category_id": 5, "bbox": [1, 1, 4, 4]}]
    image = coco_image(1, "a.jpg")
    (tmp_path / "marks.json").write_text(json.dumps(coco_value([image], marked)))
    says = f"a.jpg: found a picture of {HEIGHT} x {WIDTH} pixels, expected {WIDTH} x {HEIGHT}"
    with pytest.raises(FormatError, match=says):
        import_dataset("coco", tmp_path / "marks.json", tmp_path / "d")
    # Of the upright picture, or of a size that nobody says, all is well.
    for size in ({"width": HEIGHT, "height": WIDTH}, {"width": 0, "height": 0}):
        (tmp_path / "marks.json").write_text(json.dumps(coco_value([image | size], marked)))
        assert import_dataset("coco", tmp_path / "marks.json", tmp_path / "d", replace=True)


def test_an_outline_within_another_is_a_hole_where_that_is_said(tmp_path: Path) -> None:
    write_photo(tmp_path / "a.jpg", 9, width=WIDTH, height=HEIGHT)
    ring = [[1, 1, 9, 1, 9, 9, 1, 9], [3, 3, 6, 3, 6, 6, 3, 6]]
    marked = [{"image_id": 1, "category_id": 5, "segmentation": ring}]
    value = coco_value([coco_image(1, "a.jpg")], marked)
    (tmp_path / "marks.json").write_text(json.dumps(value))
    areas = []
    for holes in (False, True):
        (one,) = read_coco(tmp_path / "marks.json", holes=holes).garments["a.jpg"]
        mask = garment_mask(one, WIDTH, HEIGHT)
        assert mask is not None
        areas.append(int(mask.sum()))
    assert areas == [64, 64 - 9]
    dataset = import_dataset("coco", tmp_path / "marks.json", tmp_path / "d", holes=True)
    export_dataset("coco", dataset.folder, tmp_path / "out.json")
    (written,) = json.loads((tmp_path / "out.json").read_text())["annotations"]
    assert written["area"] == 55
    assert set(written["segmentation"]) == {"size", "counts"}


@pytest.mark.parametrize(
    ("json_place", "photo_place"),
    [
        ("{}/_annotations.coco.json", "{}/{}"),
        ("annotations/instances_{}2017.json", "{}2017/{}"),
        ("annotations/instances_{}2017.json", "images/{}2017/{}"),
        ("{}.json", "images/{}/{}"),
        ("{}.json", "{}/{}"),
    ],
)
def test_files_and_photos_are_found_where_tools_put_them(
    json_place: str, photo_place: str, tmp_path: Path
) -> None:
    for split, name in (("train", "a.jpg"), ("val", "b.jpg")):
        write_photo(tmp_path / photo_place.format(split, name), 9, width=WIDTH, height=HEIGHT)
        marked = [{"image_id": 1, "category_id": 5, "bbox": [1, 1, 4, 4]}]
        path = tmp_path / json_place.format(split)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(coco_value([coco_image(1, name)], marked)))
    reading = read_coco(tmp_path)
    assert [(row.image, row.split) for row in reading.annotations] == [
        (photo_place.format("train", "a.jpg"), "train"),
        (photo_place.format("val", "b.jpg"), "validation"),
    ]


def test_photos_are_found_in_the_one_folder_that_holds_them(tmp_path: Path) -> None:
    value = coco_value([coco_image(1, "a.jpg")], [])
    (tmp_path / "marks.json").write_text(json.dumps(value))
    for name in ("img", "more"):
        (tmp_path / name).mkdir()
    with pytest.raises(FormatError, match="--images FOLDER names the folder") as caught:
        read_coco(tmp_path / "marks.json")
    assert "--skip-unreadable" not in str(caught.value)
    write_photo(tmp_path / "img/a.jpg", 9, width=WIDTH, height=HEIGHT)
    assert [row.image for row in read_coco(tmp_path / "marks.json").annotations] == ["img/a.jpg"]
    write_photo(tmp_path / "more/a.jpg", 9, width=WIDTH, height=HEIGHT)
    with pytest.raises(FormatError, match="--images FOLDER names the folder"):
        read_coco(tmp_path / "marks.json")


def test_several_files_of_one_split_are_told(tmp_path: Path) -> None:
    write_coco(tmp_path)
    folder = tmp_path / "coco/annotations"
    (folder / "captions_train.json").write_text("{}")
    assert len(read_coco(tmp_path / "coco").annotations) == 4
    shutil.copy(folder / "instances_train.json", folder / "instances_train_new.json")
    with pytest.raises(
        UsageError, match=r"found instances_train.json, instances_train_new.json of"
    ):
        read_coco(tmp_path / "coco")
    reading = read_coco(
        folder / "instances_train_new.json", validation=folder / "instances_val.json"
    )
    assert [row.split for row in reading.annotations] == ["train", "train", "train", "validation"]
    with pytest.raises(UsageError, match=r"go with a FILE.json, not with a folder"):
        read_coco(tmp_path / "coco", test=folder / "instances_val.json")


def test_a_map_is_painted_from_garments_the_larger_behind(tmp_path: Path) -> None:
    write_photo(tmp_path / "a.jpg", 9, width=WIDTH, height=HEIGHT)
    marked = [
        # The smaller comes first: it is painted last all the same.
        {"image_id": 1, "category_id": 5, "segmentation": [[2, 2, 5, 2, 5, 5, 2, 5]]},
        {"image_id": 1, "category_id": 0, "segmentation": [[1, 1, 9, 1, 9, 8, 1, 8]]},
        {"image_id": 1, "category_id": 5, "bbox": [10, 8, 2, 2]},
    ]
    value = coco_value([coco_image(1, "a.jpg")], marked)
    (tmp_path / "marks.json").write_text(json.dumps(value))
    dataset = import_dataset("coco", tmp_path / "marks.json", tmp_path / "d", parsing=True)
    assert dataset.schema["parsing"].labels == ("background", "dress", "hat")
    wanted = np.zeros((HEIGHT, WIDTH), np.uint8)
    wanted[1:8, 1:9] = 1
    wanted[2:5, 2:5] = 2
    # Of a garment of which only the box is known, nobody knows the pixels.
    wanted[8:10, 10:12] = UNKNOWN_CLASS
    assert (pixels(dataset)[0] == wanted).all()


# What pycocotools 2.0 does to every numpy from 2 on.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_coco_goes_out_as_it_came_in_and_pycocotools_reads_it(tmp_path: Path) -> None:
    write_coco(tmp_path)
    dataset = import_dataset("coco", tmp_path / "coco", tmp_path / "d")
    out = tmp_path / "out.json"
    done = export_dataset("coco", dataset.folder, out)
    assert done.notes == ("4 garments", "all splits together: --split writes one")
    official = COCO(str(out))
    for one in official.loadAnns(official.getAnnIds()):
        mask = official.annToMask(one)
        assert mask.sum() == one["area"]
    again = import_dataset("coco", out, tmp_path / "again", images=tmp_path / "coco")
    assert again.schema["garments"] == dataset.schema["garments"]
    before, after = read_garments(dataset.folder), read_garments(again.folder)
    assert before.keys() == after.keys()
    for image, garments in before.items():
        for one, two in zip(garments, after[image], strict=True):
            assert (one.part, one.box, one.points, one.hidden, one.outlines) == (
                two.part, two.box, two.points, two.hidden, two.outlines,
            )  # fmt: skip
            assert one.facts["iscrowd"] == two.facts["iscrowd"]
            masks = [garment_mask(garment, WIDTH, HEIGHT) for garment in (one, two)]
            assert masks[0] is not None
            assert masks[1] is not None
            assert (masks[0] == masks[1]).all()
    one_split = export_dataset("coco", dataset.folder, tmp_path / "one.json", split="validation")
    assert one_split.images == 1


def test_what_has_no_garments_or_maps_has_no_such_form(tmp_path: Path) -> None:
    write_masks(tmp_path)
    folder = import_dataset("masks", tmp_path / "pixels", tmp_path / "d").folder
    with pytest.raises(UsageError, match="layout 'coco' holds 1 garments task; found 0 tasks"):
        export_dataset("coco", folder, tmp_path / "out.json")
    write_coco(tmp_path)
    folder = import_dataset("coco", tmp_path / "coco", tmp_path / "c").folder
    with pytest.raises(UsageError, match="layout 'masks' holds 1 segmentation task; found 0"):
        export_dataset("masks", folder, tmp_path / "out")
