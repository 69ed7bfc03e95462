"""Garments cut out of their pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typed_commands import lapel

from lapel.data.checking.check import check_dataset
from lapel.data.creating import create_dataset
from lapel.data.cutting import cut_garments
from lapel.data.dataset import Dataset
from lapel.data.images import packed_name
from lapel.data.sketch.picture import Options
from lapel.data.sketch.writing import sketch_dataset
from lapel.schema.annotation import Annotation
from lapel.schema.errors import UsageError
from lapel.schema.garments import Garment, Garments
from lapel.schema.labels import Schema, TaskSpec

OPTIONS = Options(seed=3, size=96, several=3, tasks=("garments",))


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Ten pictures of up to three garments. Not to be changed."""
    return sketch_dataset(tmp_path_factory.mktemp("scenes") / "scenes", 10, options=OPTIONS)


def test_each_garment_has_a_picture_with_its_labels_and_its_box(
    scenes: Dataset, tmp_path: Path
) -> None:
    made = cut_garments(scenes, tmp_path / "cut", least=12)
    names = ["category", "colour", "texture", "sleeve", "neckline", "length", "fit"]
    assert [task.name for task in made.schema] == names
    rows = {name: row for row, name in enumerate(made.names())}
    splits = dict(zip(scenes.names(), scenes.table["split"], strict=True))
    labels = scenes.labels("garments")
    wanted = 0
    for row, image in enumerate(scenes.names()):
        label = labels[row]
        assert isinstance(label, Garments)
        for number, one in enumerate(label.each, start=1):
            assert one.box is not None
            left, top, width, height = (int(side) for side in one.box)
            if min(width, height) < 12:
                continue
            wanted += 1
            place = rows[f"{image.removesuffix('.jpg')}-{number}.jpg"]
            assert made.table["group"][place] == image
            assert made.table["split"][place] == splits[image]
            assert made.labels("category")[place] == one.part
            assert made.labels("colour")[place] == one.facts["colour"]
            box = made.boxes()[place]
            assert box is not None
            assert (box.width, box.height) == (width, height)
            x, y = int(box.left), int(box.top)
            seen = made.pixels(made.names()[place])[y : y + height, x : x + width]
            there = scenes.pixels(image)[top : top + height, left : left + width]
            assert np.abs(seen.astype(int) - there).mean() < 6
    assert wanted == len(made) > 10
    assert check_dataset(made.folder).faults == 0


def test_more_is_cut_than_the_box_where_the_picture_goes_on(
    scenes: Dataset, tmp_path: Path
) -> None:
    bare = cut_garments(scenes, tmp_path / "bare", margin=0)
    wide = cut_garments(scenes, tmp_path / "wide", margin=0.25)
    assert [(box.left, box.top) for box in bare.boxes() if box] == [(0, 0)] * len(bare)
    assert (wide.table["width"] >= bare.table["width"]).all()
    assert (wide.table["width"] > bare.table["width"]).any()


def test_what_cannot_be_cut_says_why(scenes: Dataset, tmp_path: Path) -> None:
    plain = sketch_dataset(tmp_path / "plain", 2, options=Options(size=32))
    with pytest.raises(UsageError, match=r"no task of kind garments; it has: category \(single_"):
        cut_garments(plain, tmp_path / "cut")
    with pytest.raises(UsageError, match="no garment of at least 500 pixels"):
        cut_garments(scenes, tmp_path / "cut", least=500)
    assert not (tmp_path / "cut").exists()


def test_pictures_of_one_array_and_of_one_stem_are_kept_apart(tmp_path: Path) -> None:
    box = Garment(part="top", box=(4.0, 4.0, 20.0, 20.0))
    spec = TaskSpec(name="garments", kind="garments", labels=("top",))
    grays = np.stack([np.full((32, 32), level, np.uint8) for level in (40, 200)])
    names = [packed_name(row) for row in range(2)]
    packed = create_dataset(
        tmp_path / "packed",
        name="packed",
        schema=Schema((spec,)),
        annotations=[Annotation(image=name, labels={}) for name in names],
        images=grays,
        garments={name: [box] for name in names},
    )
    made = cut_garments(packed, tmp_path / "cut")
    assert made.names() == ["000000-1.jpg", "000001-1.jpg"]
    assert [round(float(made.pixels(name).mean())) for name in made.names()] == [40, 200]
    assert made.gray
    (tmp_path / "photos").mkdir()
    for name, level in (("a.png", 40), ("a.jpg", 200)):
        Image.fromarray(np.full((32, 32, 3), level, np.uint8)).save(tmp_path / "photos" / name)
    twins = create_dataset(
        tmp_path / "twins",
        name="twins",
        schema=Schema((spec,)),
        annotations=[Annotation(image=name, labels={}) for name in ("a.png", "a.jpg")],
        images=tmp_path / "photos",
        garments={name: [box] for name in ("a.png", "a.jpg")},
    )
    assert cut_garments(twins, tmp_path / "both").names() == ["a.png-1.jpg", "a.jpg-1.jpg"]


def test_garments_of_pictures_that_show_one_item_stay_together(tmp_path: Path) -> None:
    box = Garment(part="top", box=(4.0, 4.0, 20.0, 20.0))
    spec = TaskSpec(name="garments", kind="garments", labels=("top",))
    names = [packed_name(row) for row in range(3)]
    items = ("pair 1811", "pair 1811", None)
    pairs = create_dataset(
        tmp_path / "pairs",
        name="pairs",
        schema=Schema((spec,)),
        annotations=[
            Annotation(image=name, labels={}, group=item)
            for name, item in zip(names, items, strict=True)
        ],
        images=np.zeros((3, 32, 32), np.uint8),
        garments={name: [box] for name in names},
    )
    made = cut_garments(pairs, tmp_path / "cut")
    assert made.table["group"].to_list() == ["pair 1811", "pair 1811", names[2]]


def test_the_command_cuts(scenes: Dataset, tmp_path: Path) -> None:
    done = lapel("data", "cut", scenes.folder, "cut", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Dataset 'sketch-cut' in cut" in done.stdout
