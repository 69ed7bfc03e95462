"""Commands whose datasets, models, photos and answers lie in S3."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import blocks
import polars as pl
import pytest
from cloud_account import ObjectStore
from PIL import Image

from lapel.storage.s3.store import S3Store
from lapel.storage.s3.transfer import push

Run = Callable[..., tuple[int, str, str]]

COLOURS = {"red": (220, 30, 20), "green": (10, 200, 40), "blue": (30, 20, 240)}


@pytest.fixture
def bucket(aws: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bucket, and a machine that has fetched nothing yet."""
    monkeypatch.setenv("LAPEL_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return f"s3://{aws.bucket()}"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for name, colour in COLOURS.items():
        (folder / name).mkdir(parents=True)
        Image.new("RGB", (30, 40), colour).save(folder / name / "one.png")
    return folder


def test_predict_from_s3_into_s3(run: Run, bucket: str, photos: Path, colour_bundle: Path) -> None:
    push(colour_bundle, f"{bucket}/model")
    push(photos, f"{bucket}/photos")
    answers = f"{bucket}/answers/colours.csv"
    code, said, _ = run("predict", f"{bucket}/model", f"{bucket}/photos", "--out", answers)
    assert code == 0
    assert said == f"3 pictures answered in {answers}\n"
    text = S3Store(f"{bucket}/answers").read("colours.csv").decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {row["image"]: row["colour"] for row in rows} == {
        f"{bucket}/photos/{name}/one.png": name for name in COLOURS
    }
    one = f"{bucket}/photos/red/one.png"
    assert run("predict", f"{bucket}/model", one)[1].startswith(f"{one}\tcolour\tred")
    code, _, complaint = run("predict", f"{bucket}/model", f"{bucket}/photos/none.png")
    assert code == 1
    assert f"{bucket}/photos/none.png: {bucket}/photos/none.png could not be" in complaint


def test_garments_of_two_models_into_s3(
    run: Run, bucket: str, colour_bundle: Path, tmp_path: Path
) -> None:
    finder = blocks.write_blocks_bundle(tmp_path / "blocks")
    scene = blocks.block_picture(128, 96, {"skirt": (80, 30, 30, 50)})
    Image.fromarray(scene).save("scene.png")
    answers, drawings = f"{bucket}/answers/garments.csv", f"{bucket}/drawings"
    stages = ("--garments", finder, "--tags", colour_bundle)
    code, said, _ = run("predict", *stages, "scene.png", "--out", answers, "--draw", drawings)
    assert code == 0
    assert said == f"1 garments of 1 pictures in {answers}\ndrawings in {drawings}\n"
    assert S3Store(drawings).exists("scene.jpg")


def test_bulk_answers_in_s3_are_gone_on_with(
    run: Run, bucket: str, photos: Path, colour_bundle: Path, tmp_path: Path
) -> None:
    model = f"{bucket}/model"
    push(colour_bundle, model)
    push(photos, f"{bucket}/photos")
    out = f"{bucket}/answers"
    bulk = ("predict", model, f"{bucket}/photos", "--out", out, "--part-rows", "2")
    code, said, _ = run(*bulk)
    assert (code, said) == (0, f"3 pictures answered in {out}: 2 files, 3 rows\n")
    code, said, _ = run(*bulk)
    assert code == 0
    assert said.startswith("3 pictures were done before; going on with 0\n")
    data = [S3Store(out).read(name) for name in S3Store(out).names() if name.endswith(".parquet")]
    rows = pl.concat([pl.read_parquet(io.BytesIO(one)) for one in data])
    assert sorted(rows["colour"]) == ["blue", "green", "red"]
    assert not (tmp_path / "s3:").exists()


def test_a_report_in_s3(
    run: Run, bucket: str, photos: Path, own_colour_bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "labels.csv").write_text(
        "image,colour\n" + "".join(f"{name}/one.png,{name}\n" for name in COLOURS)
    )
    table = ("data", "import", "table", "labels.csv", "dataset", "--images", photos)
    assert run(*table, "--single", "colour")[0] == 0
    data, report = f"{bucket}/colours", f"{bucket}/reports/one"
    code, said, _ = run("data", "shards", "dataset", data)
    assert code == 0
    assert said.startswith("3 pictures in 1 shard, ")
    assert said.endswith(f": {data}\n")
    push(own_colour_bundle, f"{bucket}/model")
    code, said, _ = run("evaluate", f"{bucket}/model", data, "--split", "train", "--out", report)
    assert code == 0
    assert f"wrote {report}/report.html" in said
    assert b"<html" in S3Store(report).read("report.html")
    assert run("data", "explore", data, "--out", f"{bucket}/page.html")[1].endswith(
        f"{bucket}/page.html\n"
    )
    assert run("data", "check", data)[0] == 0
    code, said, _ = run("data", "export", "folder", data, f"{bucket}/folders")
    assert code == 0
    assert S3Store(f"{bucket}/folders").exists("train/red/one.png")


def test_faults_name_the_address(run: Run, bucket: str, own_colour_bundle: Path) -> None:
    push(own_colour_bundle, f"{bucket}/model")
    store = S3Store(f"{bucket}/model")
    store.write("model.onnx", b"changed")
    code, _, complaint = run("predict", f"{bucket}/model", "photo.png")
    assert code == 1
    assert f"{bucket}/model/model.onnx is not the file that was bundled" in complaint
    assert run("predict", f"{bucket}/none", "photo.png")[2].startswith(
        f"lapel: {bucket}/none holds no bundle"
    )
    code, _, complaint = run("data", "check", f"{bucket}/none")
    assert complaint.startswith(f"lapel: {bucket}/none is no dataset")
    assert run("data", "import", "folder", "photos", f"{bucket}/data")[0] != 0
