"""A folder of answers in parts: whole, in order, gone on with, refused where anything differs."""

from __future__ import annotations

import fcntl
import json
from itertools import islice
from pathlib import Path
from typing import Any

import blocks
import polars as pl
import pytest
from PIL import Image

import lapel
from lapel.inference.bulk.predict import BulkSummary, Question, bulk_run, predict_in_bulk
from lapel.inference.finding import find_pictures
from lapel.inference.predictor import Predictor
from lapel.schema.errors import BundleError, StorageError, UsageError
from lapel.schema.prediction import Prediction

COLOURS = ("red", "green", "blue")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Twenty photos of one colour each, and two that are none."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(20):
        Image.new("RGB", (30, 20), COLOURS[number % 3]).save(folder / f"{number:02}.png")
    (folder / "07-torn.jpg").write_bytes(b"\xff\xd8\xff")
    (folder / "99-none.jpg").write_bytes(b"nothing")
    return folder


def table(out: Path) -> pl.DataFrame:
    return pl.read_parquet(sorted(out.glob("part-*.parquet")))


def begin(bundle: Path, photos: Path, out: Path, *, count: int, **options: Any) -> None:
    """Do so much of the work, then stop as a killed process does: without a word."""
    question = Question(bundle=str(bundle))
    pictures = find_pictures([str(photos)])
    with bulk_run(out, question, pictures, part_rows=5, **options) as run:
        for _ in islice(run.results(), count):
            pass


def test_every_picture_has_its_row_in_order(
    colour_bundle: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "answers"
    summary = lapel.predict_in_bulk(colour_bundle, photos, out, part_rows=5)
    assert summary == BulkSummary(folder=out, parts=5, pictures=22, rows=22, failed=2, kept=0)
    found = table(out)
    assert found["image"].to_list() == find_pictures([str(photos)])
    assert found.columns == ["image", "colour", "colour.probability", "error"]
    assert found.dtypes == [pl.String, pl.String, pl.Float64, pl.String]
    torn = found.filter(pl.col("error").is_not_null())
    assert [Path(name).name for name in torn["image"]] == ["07-torn.jpg", "99-none.jpg"]
    assert torn["colour"].null_count() == 2
    assert "torn or damaged" in torn["error"][0]
    # The answers are those that are had one by one.
    whole = found.filter(pl.col("error").is_null())
    for image, label, probability, _ in whole.iter_rows():
        (single,) = Predictor.load(colour_bundle).predict(image)
        assert isinstance(single, Prediction)
        cells = single.cells()
        assert (cells["colour"], cells["colour.probability"]) == (label, probability)


@pytest.mark.parametrize("count", [0, 1, 5, 6, 13, 21])
def test_stopped_anywhere_it_goes_on(
    count: int, colour_bundle: Path, photos: Path, tmp_path: Path
) -> None:
    whole, out = tmp_path / "whole", tmp_path / "answers"
    predict_in_bulk(colour_bundle, photos, whole, part_rows=5)
    begin(colour_bundle, photos, out, count=count)
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("part-*")}
    summary = predict_in_bulk(colour_bundle, photos, out, part_rows=5)
    # A part is kept once the picture after its last one was asked for.
    assert summary.kept == len(before) * 5 == max(count - 1, 0) // 5 * 5
    assert table(out).equals(table(whole))
    for name, changed in before.items():
        assert (out / name).stat().st_mtime_ns == changed


def test_all_done_is_nothing_to_do(colour_bundle: Path, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers"
    first = predict_in_bulk(colour_bundle, photos, out)
    again = predict_in_bulk(colour_bundle, photos, out)
    assert (again.rows, again.kept) == (first.rows, 22)


def test_a_part_that_is_not_what_was_written_is_made_anew(
    colour_bundle: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "answers"
    predict_in_bulk(colour_bundle, photos, out, part_rows=5)
    whole = table(out)
    (out / "part-00001.parquet").write_bytes(b"half a")
    (out / "part-00003.parquet").unlink()
    (out / ".part-00002.parquet.0123.partial").write_bytes(b"of a process that was killed")
    summary = predict_in_bulk(colour_bundle, photos, out, part_rows=5)
    assert summary.kept == 12
    assert table(out).equals(whole)
    assert not list(out.glob(".*.partial"))


def test_a_part_without_its_line_in_the_list_is_made_anew(
    colour_bundle: Path, photos: Path, tmp_path: Path
) -> None:
    """Killed between the two: the part stands there, and nobody says that it is whole."""
    out = tmp_path / "answers"
    begin(colour_bundle, photos, out, count=6)
    (out / "part-00001.parquet").write_bytes((out / "part-00000.parquet").read_bytes())
    predict_in_bulk(colour_bundle, photos, out, part_rows=5)
    assert table(out)["image"].to_list() == find_pictures([str(photos)])


class TestRefused:
    def refused(self, bundle: Path, photos: Path, out: Path, **options: Any) -> str:
        with pytest.raises(UsageError) as caught:
            predict_in_bulk(bundle, photos, out, **{"part_rows": 5, **options})
        return str(caught.value)

    @pytest.fixture
    def out(self, colour_bundle: Path, photos: Path, tmp_path: Path) -> Path:
        begin(colour_bundle, photos, tmp_path / "answers", count=6)
        return tmp_path / "answers"

    def test_another_bundle(self, many_bundle: Path, photos: Path, out: Path) -> None:
        fault = self.refused(many_bundle, photos, out)
        assert "model was ['colours'], now ['many']" in fault
        assert "name a new folder" in fault

    def test_the_same_bundle_calibrated_anew(
        self, own_colour_bundle: Path, photos: Path, out: Path
    ) -> None:
        from lapel.inference.bundle import update_bundle

        update_bundle(own_colour_bundle, scores={"test": {"colour.accuracy": 0.5}}, card="# New")
        predict_in_bulk(own_colour_bundle, photos, out, part_rows=5)  # the same answers
        update_bundle(own_colour_bundle, calibration={"colour": {"temperature": 3.0}})
        assert "bundle was" in self.refused(own_colour_bundle, photos, out)

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"top": 2}, "top was 1, now 2"),
            ({"part_rows": 6}, "part_rows was 5, now 6"),
        ],
    )
    def test_another_option(
        self, colour_bundle: Path, photos: Path, out: Path, options: Any, said: str
    ) -> None:
        assert said in self.refused(colour_bundle, photos, out, **options)

    def test_other_pictures(self, colour_bundle: Path, photos: Path, out: Path) -> None:
        (photos / "03.png").rename(photos / "03b.png")
        fault = self.refused(colour_bundle, photos, out)
        assert f"1 pictures are gone ({photos / '03.png'})" in fault
        assert f"1 pictures are new ({photos / '03b.png'})" in fault

    def test_files_of_somebody_else(self, colour_bundle: Path, photos: Path) -> None:
        before = sorted(photos.iterdir())
        assert "holds files that are no answers" in self.refused(colour_bundle, photos, photos)
        assert sorted(photos.iterdir()) == before

    def test_two_at_once(self, colour_bundle: Path, photos: Path, out: Path) -> None:
        with (out / ".lock").open() as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            with pytest.raises(StorageError, match="another process is writing answers"):
                predict_in_bulk(colour_bundle, photos, out, part_rows=5)

    def test_a_list_that_is_no_json(self, colour_bundle: Path, photos: Path, out: Path) -> None:
        (out / "progress.json").write_text("{")
        with pytest.raises(StorageError, match="is no JSON"):
            predict_in_bulk(colour_bundle, photos, out, part_rows=5)

    def test_a_list_that_somebody_changed(
        self, colour_bundle: Path, photos: Path, out: Path
    ) -> None:
        told = json.loads((out / "progress.json").read_text("utf-8"))
        told["parts"] = [{"file": "part-00000.parquet"}]
        (out / "progress.json").write_text(json.dumps(told))
        with pytest.raises(StorageError, match="does not tell of parts as it should"):
            predict_in_bulk(colour_bundle, photos, out, part_rows=5)

    def test_no_bundle_leaves_nothing(self, photos: Path, tmp_path: Path) -> None:
        with pytest.raises(BundleError):
            predict_in_bulk(photos, photos, tmp_path / "new")
        assert not (tmp_path / "new").exists()


def test_columns_do_not_depend_on_what_is_seen(colour_bundle: Path, tmp_path: Path) -> None:
    """The first parts show no garment at all, and still have every column, with its kind."""
    detector = blocks.write_blocks_bundle(tmp_path / "blocks")
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(4):
        drawn = {"top": (10, 20, 40, 60), "skirt": (80, 30, 30, 50)} if number == 3 else {}
        picture = blocks.block_picture(128, 96, drawn)
        Image.fromarray(picture).save(folder / f"{number}.png")
    out = tmp_path / "answers"
    summary = predict_in_bulk(detector, folder, out, tags=colour_bundle, part_rows=1)
    assert (summary.pictures, summary.rows, summary.parts) == (4, 5, 4)
    parts = [pl.read_parquet(path) for path in sorted(out.glob("*.parquet"))]
    assert len({tuple(part.schema.items()) for part in parts}) == 1
    found = pl.concat(parts)
    assert found["garment"].to_list() == [0, 0, 0, 1, 2]
    assert found["colour"].to_list() == [None, None, None, "red", "blue"]
    assert found["garment.left"].dtype == pl.Float64
    alone = tmp_path / "found"
    predict_in_bulk(detector, folder, alone)
    assert table(alone).columns == [
        "image",
        "garments",
        "garments.probability",
        "garments.box",
        "error",
    ]


def test_many_tasks_and_names_that_are_not_utf8(many_bundle: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    name = str(folder) + "/caf\udce9.png"
    Image.new("RGB", (30, 20), (250, 0, 250)).save(folder / "a.png")
    (folder / "a.png").rename(name)
    out = tmp_path / "answers"
    predict_in_bulk(many_bundle, [folder], out, top=2)
    assert predict_in_bulk(many_bundle, [folder], out, top=2).kept == 1
    (row,) = table(out).iter_rows(named=True)
    assert row["image"].endswith("caf\\udce9.png")
    assert (row["shades"], row["colour.2.probability"] > 0) == ("빨강|=파랑", True)


def test_what_it_holds_does_not_grow_with_the_number_of_pictures(
    colour_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pictures are taken as they are needed: never more than a few batches ahead of the answers."""
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.new("RGB", (30, 20), "red").save(folder / "0.png")
    for number in range(1, 300):
        (folder / f"{number}.png").hardlink_to(folder / "0.png")
    asked = 0
    prepare = Predictor.prepare

    def counted(self: Predictor, *args: Any, **options: Any) -> Any:
        nonlocal asked
        asked += 1
        return prepare(self, *args, **options)

    monkeypatch.setattr(Predictor, "prepare", counted)
    question = Question(bundle=str(colour_bundle), batch=8)
    pictures = find_pictures([str(folder)])
    furthest = 0
    with bulk_run(tmp_path / "answers", question, pictures, part_rows=50) as run:
        for answered, _ in enumerate(run.results(), start=1):
            furthest = max(furthest, asked - answered)
    assert furthest <= 4 * 8


def test_the_list_is_plain(colour_bundle: Path, photos: Path, tmp_path: Path) -> None:
    """What is told of the work can be read by anybody's program."""
    out = tmp_path / "answers"
    predict_in_bulk(colour_bundle, photos, out, part_rows=5)
    told = json.loads((out / "progress.json").read_text("utf-8"))
    assert (told["pictures"], told["done"], told["failed"]) == (22, 22, 2)
    assert [part["file"] for part in told["parts"]] == sorted(
        path.name for path in out.glob("part-*")
    )
    assert json.loads((out / "pictures.json").read_text("utf-8")) == find_pictures([str(photos)])
