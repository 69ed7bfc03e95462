"""``lapel predict --garments --tags``, ``--coco``, and ``lapel evaluate`` of both, as typed."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import blocks
import polars as pl
import pytest
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.mask import area

from lapel.inference.predictor import Predictor
from lapel.inference.two_stage import TwoStagePredictor

Run = Callable[..., tuple[int, str, str]]

TOP, SKIRT = (10, 20, 40, 60), (80, 30, 30, 50)


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return blocks.write_blocks_bundle(tmp_path_factory.mktemp("finds") / "blocks")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """An empty scene, one with two garments, one with a skirt."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, drawn in (
        ("a", {}),
        ("b", {"top": TOP, "skirt": SKIRT}),
        ("c", {"skirt": SKIRT}),
    ):
        picture = blocks.block_picture(128, 96, drawn)
        Image.fromarray(picture).save(folder / f"{name}.png")
    return folder


def test_a_row_a_garment(
    run: Run, detector: Path, colour_bundle: Path, photos: Path, tmp_path: Path
) -> None:
    stages = ("--garments", detector, "--tags", colour_bundle)
    table = tmp_path / "garments.csv"
    code, out, _ = run("predict", *stages, photos, "--out", table)
    assert code == 0
    assert "3 garments of 3 pictures" in out
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["garment"], row["garment.label"], row["colour"]) for row in rows] == [
        ("0", "", ""),
        ("1", "top", "red"),
        ("2", "skirt", "blue"),
        ("1", "skirt", "blue"),
    ]
    assert (rows[1]["garment.left"], rows[1]["garment.width"]) == ("10.0", "40.0")
    parquet = tmp_path / "garments.parquet"
    assert run("predict", *stages, photos, "--out", parquet)[0] == 0
    assert pl.read_parquet(parquet)["garment.label"].to_list() == [None, "top", "skirt", "skirt"]
    lines = tmp_path / "garments.jsonl"
    assert run("predict", *stages, photos / "b.png", "--out", lines)[0] == 0
    (scene,) = (json.loads(line) for line in lines.read_text().splitlines())
    assert scene["garments"][0]["answers"]["colour"]["label"] == "red"
    assert len(scene["garments"][0]["answers"]["colour"]["top"]) == 3


def test_lines_for_programs(run: Run, detector: Path, colour_bundle: Path, photos: Path) -> None:
    code, out, _ = run("predict", "--garments", detector, "--tags", colour_bundle, photos / "b.png")
    assert code == 0
    lines = [line.split("\t")[1:] for line in out.splitlines()]
    assert [line[:2] for line in lines] == [
        ["1", "top"], ["1", "colour"], ["2", "skirt"], ["2", "colour"],
    ]  # fmt: skip
    assert lines[0][2:] == ["0.8627", "10.00", "20.00", "40.00", "60.00"]
    assert lines[3][2] == "blue"
    # The detector alone, a line a garment too.
    code, out, _ = run("predict", detector, photos / "b.png")
    assert [line.split("\t")[1:3] for line in out.splitlines()] == [
        ["garments", "top"], ["garments", "skirt"],
    ]  # fmt: skip


@pytest.mark.parametrize("tags", [True, False])
def test_cocos_json_can_be_read_by_its_tools(
    run: Run,
    detector: Path,
    colour_bundle: Path,
    photos: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    *,
    tags: bool,
) -> None:
    first = ("--garments", detector, "--tags", colour_bundle) if tags else (detector,)
    path = tmp_path / "found.json"
    out = tmp_path / "answers.csv"
    assert run("predict", *first, photos, "--coco", path, "--out", out)[0] == 0
    coco = COCO(str(path))
    capsys.readouterr()
    assert [image["width"] for image in coco.loadImgs(coco.getImgIds())] == [128] * 3
    found = coco.loadAnns(coco.getAnnIds())
    names = {one["id"]: one["name"] for one in coco.loadCats(coco.getCatIds())}
    assert [names[one["category_id"]] for one in found] == ["top", "skirt", "skirt"]
    assert area(coco.annToRLE(found[0])) == found[0]["area"] == 40 * 60
    assert found[0]["num_keypoints"] == 2
    assert found[0]["keypoints"][2] == 2
    if tags:
        assert [one["attributes"] for one in found] == [
            {"colour": "red"}, {"colour": "blue"}, {"colour": "blue"},
        ]  # fmt: skip
    else:
        assert "attributes" not in found[0]


@pytest.mark.parametrize("tags", [True, False])
def test_drawings_are_made(
    run: Run, detector: Path, colour_bundle: Path, photos: Path, tmp_path: Path, *, tags: bool
) -> None:
    first = ("--garments", detector, "--tags", colour_bundle) if tags else (detector,)
    code, _, err = run("predict", *first, photos, "--draw", tmp_path / "drawn")
    assert code == 0
    assert "drawings in" in err
    for name in ("a", "b", "c"):
        with Image.open(tmp_path / "drawn" / f"{name}.jpg") as drawing:
            assert drawing.width >= 400


def test_wrong_commands_say_what_is_meant(
    run: Run, detector: Path, colour_bundle: Path, photos: Path, tmp_path: Path
) -> None:
    for arguments, says in (
        (("--garments", detector, photos), "--garments and --tags go together"),
        (("--tags", colour_bundle, photos), "--garments and --tags go together"),
        ((detector,), "PATHS"),
        (
            ("--garments", detector, "--tags", colour_bundle, photos, "--tile", "64"),
            "leave out --boxes and --tile",
        ),
        ((colour_bundle, photos, "--coco", tmp_path / "x.json"), "one task of kind garments"),
        ((colour_bundle, photos, "--threshold", "0.2"), "finds none"),
    ):
        code, _, err = run("predict", *arguments)
        assert code == 2, arguments
        assert says in err


def test_both_stages_are_judged(
    run: Run, detector: Path, colour_bundle: Path, tmp_path: Path
) -> None:
    blocks.write_blocks_dataset(tmp_path / "set", train=2, test=6)
    out = tmp_path / "judged"
    data = tmp_path / "set" / "dataset"
    code, said, _ = run("evaluate", detector, data, "--tags", colour_bundle, "--out", out)
    assert code == 0
    assert "Garments read in their found boxes:" in said
    written = json.loads((out / "two_stages.json").read_text())
    assert set(written) == {"found boxes", "true boxes"}
    assert written["true boxes"]["found"] == 1.0
    # For programs it is written likewise, beside the JSON that is printed.
    code, said, _ = run(
        "evaluate", detector, data, "--tags", colour_bundle, "--out", tmp_path / "json", "--json"
    )
    assert code == 0
    assert "garments" in json.loads(said)["tasks"]
    assert json.loads((tmp_path / "json" / "two_stages.json").read_text()) == written
    # A file of results finds nothing for a tagger to read.
    other = tmp_path / "other"
    code, _, err = run(
        "evaluate", out / "detections.json", data, "--tags", colour_bundle, "--out", other
    )
    assert code == 2
    assert "is a file of results; name the model" in err
    assert not other.exists()
    # And its file of results once more, by its name alone.
    again = tmp_path / "again"
    assert run("evaluate", out / "detections.json", data, "--out", again)[0] == 0
    first, second = (
        json.loads((folder / "metrics.json").read_text())["tasks"]["garments"]["numbers"]
        for folder in (out, again)
    )
    assert first["box_ap"] == second["box_ap"]


@pytest.mark.parametrize("tags", [True, False])
def test_a_place_for_cocos_json_that_cannot_be_written_costs_no_waiting(
    run: Run,
    detector: Path,
    colour_bundle: Path,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    tags: bool,
) -> None:
    def answer_nothing(*_: object, **__: object) -> list[object]:
        pytest.fail("a picture was looked at")

    monkeypatch.setattr(Predictor, "predict", answer_nothing)
    monkeypatch.setattr(TwoStagePredictor, "predict", answer_nothing)
    first = ("--garments", detector, "--tags", colour_bundle) if tags else (detector,)
    (tmp_path / "file").write_text("in the way")
    for place in (tmp_path / "file" / "x.json", photos):
        code, _, err = run("predict", *first, photos, "--coco", place)
        assert code == 1
        assert f"{place} could not be written: " in err


def test_what_predict_finds_is_judged_by_the_names_of_its_pictures(
    run: Run, detector: Path, tmp_path: Path
) -> None:
    data = blocks.write_blocks_dataset(tmp_path / "set", train=2, test=6).folder
    path, judged, again = tmp_path / "found.json", tmp_path / "judged", tmp_path / "again"
    answers = tmp_path / "answers.csv"
    options = ("--coco", path, "--out", answers, "--threshold", "0")
    assert run("predict", detector, data, *options)[0] == 0
    assert run("evaluate", detector, data, "--out", judged)[0] == 0
    # All pictures are in it, with the numbers that evaluate gives those of the split.
    truth = json.loads((judged / "truth.json").read_text())
    numbers = {one["id"] for one in json.loads(path.read_text())["images"]}
    assert numbers == set(range(1, 9)) > {one["id"] for one in truth["images"]}
    code, said, _ = run("evaluate", path, data, "--out", again)
    assert code == 0
    assert "2 pictures of the file passed over" in said
    first, second = (
        json.loads((folder / "metrics.json").read_text())["tasks"]["garments"]["numbers"]
        for folder in (judged, again)
    )
    for number in ("box_ap", "mask_ap", "recall"):
        assert first[number] == pytest.approx(second[number])


def test_a_threshold_tells_less_or_more(
    run: Run, detector: Path, colour_bundle: Path, photos: Path
) -> None:
    stages = ("--garments", detector, "--tags", colour_bundle)
    for first in ((detector,), stages):
        assert run("predict", *first, photos, "--threshold", "1")[1] == ""
        assert "skirt" in run("predict", *first, photos, "--threshold", "0")[1]
