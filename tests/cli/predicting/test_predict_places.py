"""``lapel predict --boxes`` and ``--draw``, ``lapel evaluate --whole``, as a user types them."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import dots
import pytest
from PIL import Image

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dots.write_dots_bundle(tmp_path_factory.mktemp("dots") / "bundle", several=True)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three photos, and a file of the boxes of two of them."""
    folder = tmp_path / "photos"
    folder.mkdir()
    lines = ["image,left,top,width,height"]
    for row in range(3):
        pixels, box, _ = dots.drawn(row + 1)
        Image.fromarray(pixels).save(folder / f"{row}.png")
        if row < 2:
            lines.append(f"photos/{row}.png,{','.join(map(str, box))}")
    (tmp_path / "boxes.csv").write_text("\n".join([*lines, "photos/9.png,1,2,3,4"]))
    return folder


def test_each_landmark_has_a_line(run: Run, bundle: Path, photos: Path) -> None:
    boxes = photos.parent / "boxes.csv"
    code, out, err = run("predict", bundle, photos, "--boxes", boxes)
    assert code == 0
    lines = [line.split("\t") for line in out.splitlines()]
    assert len(lines) == 3 * (1 + 3)
    _, _, label = dots.drawn(1)
    name, task, landmark, x, y, seen = lines[1]
    assert (name, task, landmark) == (str(photos / "0.png"), "points", "left dot")
    assert float(x) == pytest.approx(label.points["left dot"].x, abs=0.5)
    assert float(y) == pytest.approx(label.points["left dot"].y, abs=0.5)
    assert float(seen) > 0.5
    assert "has no box for 1 of 3 pictures" in err
    assert "1 of its pictures were not asked for; the first: photos/9.png" in err


def test_a_model_of_boxes_says_that_it_was_given_none(run: Run, bundle: Path, photos: Path) -> None:
    _, _, err = run("predict", bundle, photos)
    said = "this model looks at garments' boxes; 3 pictures without one seen whole: --boxes"
    assert err.count(said) == 1
    _, _, err = run("predict", bundle, photos, "--boxes", photos.parent / "boxes.csv")
    assert "seen whole" not in err


def test_a_table_has_columns_of_each_landmark(run: Run, bundle: Path, photos: Path) -> None:
    out = photos.parent / "answers.csv"
    assert run("predict", bundle, photos, "--out", out)[0] == 0
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {"points", "points.left dot.x", "points.hem.visible", "brighter"} <= set(rows[0])
    out = photos.parent / "answers.jsonl"
    assert run("predict", bundle, photos, "--out", out)[0] == 0
    first = json.loads(out.read_text().splitlines()[0])
    assert [point["name"] for point in first["answers"]["points"]["points"]] == list(dots.NAMES)


def test_drawings_stand_in_their_folder(run: Run, bundle: Path, photos: Path) -> None:
    drawings = photos.parent / "drawn"
    (photos / "torn.png").write_bytes(b"no picture")
    code, out, err = run("predict", bundle, photos, "--draw", drawings, "--keep-going")
    assert code == 0
    assert sorted(path.name for path in drawings.iterdir()) == ["0.jpg", "1.jpg", "2.jpg"]
    with Image.open(drawings / "0.jpg") as drawing:
        assert drawing.width > 1200  # the answers, heatmaps and attention side by side
    assert f"drawings in {drawings}" in err  # a pipe gets answers alone
    assert "drawings in" not in out


def test_photos_are_not_overwritten(run: Run, bundle: Path, photos: Path) -> None:
    with Image.open(photos / "0.png") as photo:
        photo.save(photos / "0.jpg")
    before = (photos / "0.jpg").read_bytes()
    code, _, err = run("predict", bundle, photos / "0.jpg", "--draw", photos)
    assert code == 2
    assert "choose another folder" in err
    assert (photos / "0.jpg").read_bytes() == before


def test_a_file_of_boxes_that_is_none(run: Run, bundle: Path, photos: Path) -> None:
    (photos.parent / "boxes.csv").write_text("image,left\na,b\n")
    code, out, err = run("predict", bundle, photos, "--boxes", photos.parent / "boxes.csv")
    assert (code, out) == (1, "")
    assert "line 1: found image,left, expected the columns image,left,top,width,height" in err


def test_whole_pictures_are_named(run: Run, bundle: Path, tmp_path: Path) -> None:
    dataset = dots.write_dots_dataset(tmp_path / "set", train=4, test=10)
    arguments = ("evaluate", bundle, dataset.folder, "--out", tmp_path / "out")
    code, out, _ = run(*arguments)
    assert code == 0
    assert "points\tNormalised error (NE)\t0.0" in out
    assert "--whole measures how much worse" in out
    _, out, _ = run(*arguments, "--whole")
    assert "test split, whole pictures: 10 images" in out


def test_a_terminal_shows_places(
    run: Run, bundle: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    _, _, label = dots.drawn(1)
    code, out, _ = run("predict", bundle, photos / "0.png", "--boxes", photos.parent / "boxes.csv")
    assert code == 0
    found = re.search(r"left dot at (\d+), (\d+)", out)
    assert found is not None
    place = label.points["left dot"]
    assert [int(found[1]), int(found[2])] == pytest.approx([place.x, place.y], abs=1)
    assert "hem at" not in out  # it cannot be seen
