"""``lapel predict`` of models that answer pixel by pixel, as a user types it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import colour_fields
import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return colour_fields.write_fields_bundle(tmp_path_factory.mktemp("blocks") / "bundle")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for row in range(2):
        picture = colour_fields.painted(colour_fields.drawn_mask(row, width=200, height=150))
        Image.fromarray(picture).save(folder / f"{row}.png")
    return folder


def test_each_class_has_a_line(run: Run, bundle: Path, photos: Path) -> None:
    code, out, _ = run("predict", bundle, photos)
    assert code == 0
    lines = [line.split("\t") for line in out.splitlines()]
    assert lines[0][1:3] == ["parsing", "background"]
    assert {line[2] for line in lines[:3]} == {"background", "red", "green"}
    assert sum(float(line[3]) for line in lines[:3]) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_has_a_column_a_class(
    run: Run, bundle: Path, photos: Path, tmp_path: Path, ending: str
) -> None:
    out = tmp_path / f"answers.{ending}"
    assert run("predict", bundle, photos, "--out", out)[0] == 0
    if ending == "csv":
        with out.open(newline="") as file:
            rows = list(csv.DictReader(file))
    else:
        import polars as pl

        rows = pl.read_parquet(out).to_dicts()
    assert rows[0]["parsing"] == "background|red|green"
    assert float(rows[0]["parsing.red"]) == pytest.approx(1 / 6, abs=0.02)
    assert float(rows[0]["parsing.blue"]) == 0


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # of pycocotools
def test_json_has_masks_that_other_tools_read(
    run: Run, bundle: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "answers.jsonl"
    assert run("predict", bundle, photos, "--out", out)[0] == 0
    answer = json.loads(out.read_text().splitlines()[0])["answers"]["parsing"]
    red = next(entry for entry in answer["classes"] if entry["label"] == "red")
    found = coco.decode(red["mask"])
    assert found.shape == (150, 200)
    truth = colour_fields.drawn_mask(0, width=200, height=150) == 1
    assert (found == truth).mean() > 0.97
    assert red["share"] == pytest.approx(found.mean())


def test_drawings_and_masks_stand_side_by_side(
    run: Run, bundle: Path, photos: Path, tmp_path: Path
) -> None:
    drawn = tmp_path / "drawn"
    assert run("predict", bundle, photos, "--draw", drawn)[0] == 0
    names = sorted(path.name for path in drawn.iterdir())
    assert names == ["0.jpg", "0.parsing.png", "1.jpg", "1.parsing.png"]
    with Image.open(drawn / "0.parsing.png") as mask:
        assert mask.mode == "P"
        values = np.asarray(mask)
    truth = colour_fields.drawn_mask(0, width=200, height=150)
    assert (values == truth).mean() > 0.95
    with Image.open(drawn / "0.jpg") as drawing:
        assert drawing.width > 2 * 400  # the photo, and the classes over it


def test_masks_do_not_overwrite_photos(run: Run, bundle: Path, photos: Path) -> None:
    (photos / "1.png").rename(photos / "0.parsing.png")
    before = (photos / "0.parsing.png").read_bytes()
    code, _, err = run("predict", bundle, photos, "--draw", photos)
    assert code == 2
    assert "choose another" in err
    assert (photos / "0.parsing.png").read_bytes() == before


def test_large_photos_are_seen_in_tiles(run: Run, bundle: Path, photos: Path) -> None:
    code, out, _ = run("predict", bundle, photos, "--tile", "100")
    assert code == 0
    assert len({line.split("\t")[0] for line in out.splitlines()}) == 2


def test_tiles_of_a_model_of_whole_photos_are_refused(
    run: Run, photos: Path, tmp_path: Path
) -> None:
    several = colour_fields.write_fields_bundle(tmp_path / "b", several=True)
    code, out, err = run("predict", several, photos, "--tile", "100")
    assert (code, out) == (2, "")
    assert "about the whole photo too (strongest)" in err
