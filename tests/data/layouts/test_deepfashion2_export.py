"""DeepFashion2's layout, written: what comes back is what was there."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from garment_writers import write_deepfashion2, write_fashionpedia

from lapel.data.dataset import Dataset
from lapel.data.export import export_dataset
from lapel.data.garments import read_garments, write_garments
from lapel.data.importing import import_dataset
from lapel.data.sketch.picture import Options
from lapel.data.sketch.writing import sketch_dataset
from lapel.imaging.outlines import garment_mask
from lapel.schema.errors import UsageError
from lapel.schema.garments import Garment

SIZE = 96
DRAWN = Options(seed=2, size=SIZE, several=3, tasks=("garments",))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Twenty pictures of up to three garments. Not to be changed."""
    return sketch_dataset(tmp_path_factory.mktemp("drawn") / "drawn", 20, options=DRAWN)


def test_a_source_comes_back_file_by_file(tmp_path: Path) -> None:
    write_deepfashion2(tmp_path)
    source, out = tmp_path / "df2", tmp_path / "out"
    folder = import_dataset("deepfashion2", source, tmp_path / "dataset").folder
    done = export_dataset("deepfashion2", folder, out)
    files = sorted(path.relative_to(source) for path in source.rglob("*") if path.is_file())
    assert sorted(path.relative_to(out) for path in out.rglob("*") if path.is_file()) == files
    for file in files:
        if file.suffix == ".json":
            assert json.loads((out / file).read_text()) == json.loads((source / file).read_text())
        else:
            assert (out / file).read_bytes() == (source / file).read_bytes()
    assert (done.images, done.left_out) == (6, 0)


def test_drawn_garments_come_back_from_it_pixel_by_pixel(drawn: Dataset, tmp_path: Path) -> None:
    done = export_dataset("deepfashion2", drawn.folder, tmp_path / "df2")
    back = import_dataset("deepfashion2", tmp_path / "df2", tmp_path / "back")
    assert back.splits() == drawn.splits()
    count = sum(map(len, read_garments(drawn.folder).values()))
    assert f"garments whose masks were written as outlines: {count}" in done.notes
    assert back.names()[:2] == ["train/image/000001.jpg", "train/image/000002.jpg"]
    ours, theirs = read_garments(drawn.folder), read_garments(back.folder)
    hashes = dict(zip(drawn.table["sha256"], drawn.names(), strict=True))
    for name, digest in zip(back.names(), back.table["sha256"], strict=True):
        for one, other in zip(ours[hashes[digest]], theirs[name], strict=True):
            assert (other.part, other.box) == (one.part, one.box)
            assert (other.points, other.hidden) == (one.points, one.hidden)
            assert {other.facts[key] == one.facts[key] for key in ("scale", "source")} == {True}
            mask, again = garment_mask(one, SIZE, SIZE), garment_mask(other, SIZE, SIZE)
            assert mask is not None
            assert again is not None
            assert (mask == again).all()


def test_records_are_as_deepfashion2_writes_them(drawn: Dataset, tmp_path: Path) -> None:
    export_dataset("deepfashion2", drawn.folder, tmp_path / "df2")
    record = json.loads((tmp_path / "df2/train/annos/000001.json").read_text())
    assert {"source", "pair_id", "item1"} <= set(record)
    item = record["item1"]
    assert set(item) == {
        "segmentation", "scale", "occlusion", "zoom_in", "viewpoint", "landmarks", "style",
        "bounding_box", "category_id", "category_name",
    }  # fmt: skip
    assert all(isinstance(side, int) for side in item["bounding_box"])
    assert item["style"] == 0
    assert all(len(outline) >= 8 for outline in item["segmentation"])
    # A test photo has its record, too, where what it shows is known.
    assert (tmp_path / "df2/test/annos/000001.json").is_file()


def test_a_photo_of_unknown_garments_is_left_out_unless_it_is_a_test(tmp_path: Path) -> None:
    folder = tmp_path / "few"
    sketch_dataset(folder, 20, options=DRAWN)
    table = Dataset.open(folder).table
    unknown = [place for place in range(20) if place in (3, 9)]
    cells = [None if place in unknown else count for place, count in enumerate(table["garments"])]
    counts = pl.Series("garments", cells, dtype=pl.UInt32)
    table.with_columns(counts).write_parquet(folder / "annotations.parquet")
    done = export_dataset("deepfashion2", folder, tmp_path / "df2")
    assert (done.images, done.left_out) == (19, 1)
    assert len(list((tmp_path / "df2/train/annos").iterdir())) == 15
    assert len(list((tmp_path / "df2/test/image").iterdir())) == 2
    assert len(list((tmp_path / "df2/test/annos").iterdir())) == 1


def test_what_is_no_garment_of_deepfashion2_is_refused(tmp_path: Path) -> None:
    write_fashionpedia(tmp_path)
    folder = import_dataset("fashionpedia", tmp_path / "fashionpedia", tmp_path / "other").folder
    with pytest.raises(UsageError, match=r"found a 'shirt, blouse' with 0 landmarks, expected one"):
        export_dataset("deepfashion2", folder, tmp_path / "df2")
    plain = sketch_dataset(tmp_path / "plain", 3, options=Options(size=32))
    with pytest.raises(UsageError, match=r"sketch --tasks garments"):
        export_dataset("deepfashion2", plain.folder, tmp_path / "df2")
    assert not (tmp_path / "df2").exists()


def test_boxes_are_found_where_there_are_outlines_alone(tmp_path: Path) -> None:
    folder = sketch_dataset(tmp_path / "one", 1, options=Options(size=32)).folder
    corners = ((4.0, 6.0), (20.0, 6.0), (20.0, 30.5), (4.0, 30.5))
    bare = Garment(part="skirt", outlines=(corners,))
    write_garments(folder, {"000000.jpg": [bare]})
    done = export_dataset("deepfashion2", folder, tmp_path / "df2")
    item = json.loads((tmp_path / "df2/train/annos/000001.json").read_text())["item1"]
    assert item["bounding_box"] == [4, 6, 20, 31]
    assert item["segmentation"] == [[4, 6, 20, 6, 20, 30.5, 4, 30.5]]
    assert item["landmarks"] == [0] * 24
    assert "garments without any landmark: 1" in done.notes
    write_garments(folder, {"000000.jpg": [Garment(part="skirt")]})
    with pytest.raises(UsageError, match="without box, outline and mask"):
        export_dataset("deepfashion2", folder, tmp_path / "again")


def test_garments_are_read_without_asking_for_landmarks(drawn: Dataset, tmp_path: Path) -> None:
    export_dataset("deepfashion2", drawn.folder, tmp_path / "df2")
    back = import_dataset("deepfashion2", tmp_path / "df2", tmp_path / "back", points=False)
    options = Options(seed=2, size=SIZE, several=3, tasks=("garments",), points=False)
    bare = sketch_dataset(tmp_path / "bare", 1, options=options)
    assert back.schema["garments"] == bare.schema["garments"]
    assert back.schema["garments"].point_names == ()
    assert any(one.points for each in read_garments(back.folder).values() for one in each)
