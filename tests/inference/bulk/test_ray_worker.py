"""What a worker of a cluster does with a part, tried in this process; the cluster is tried beside
Ray itself (tests/peers/test_ray.py).
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import blocks
import polars as pl
import pytest
from PIL import Image

from lapel.inference.bulk.predict import BulkRun, Question, bulk_run
from lapel.inference.bulk.ray_data import PartWorker, Work, part_row, work_of
from lapel.inference.finding import find_pictures
from lapel.schema.errors import UsageError
from lapel.schema.geometry import Box


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two garments, a torn file, and nothing at all."""
    folder = tmp_path / "photos"
    folder.mkdir()
    drawn = {"top": (10, 20, 40, 60), "skirt": (80, 30, 30, 50)}
    Image.fromarray(blocks.block_picture(128, 96, drawn)).save(folder / "a.png")
    (folder / "b.png").write_bytes((folder / "a.png").read_bytes()[:200])
    Image.fromarray(blocks.block_picture(128, 96, {})).save(folder / "c.png")
    return folder


def begun(tmp_path: Path, photos: Path, question: Question, **options: Any) -> Iterator[BulkRun]:
    with bulk_run(tmp_path / "out", question, find_pictures([str(photos)]), **options) as run:
        yield run


@pytest.fixture
def two(tmp_path: Path, photos: Path, colour_bundle: Path) -> Iterator[BulkRun]:
    """Work for two models that are nowhere but in a folder of this machine."""
    detector = blocks.write_blocks_bundle(tmp_path / "blocks")
    yield from begun(tmp_path, photos, Question(bundle=str(detector), tags=str(colour_bundle)))


def done(work: Work, run: BulkRun) -> tuple[pl.DataFrame, dict[str, Any]]:
    (row,) = (PartWorker(work).done(part_row(run, number)) for number in run.folder.missing)
    return pl.read_parquet(io.BytesIO(row["parquet"])), row


def test_the_rows_of_two_models_are_those_of_one_process(two: BulkRun, photos: Path) -> None:
    table, row = done(work_of(two), two)
    assert json.loads(row["failures"])[0][0] == str(photos / "b.png")
    assert table["garment"].to_list() == [1, 2, None, 0]
    assert table["image"].to_list() == [str(photos / f"{name}.png") for name in "aabc"]
    for _ in two.results():
        pass
    assert pl.read_parquet(two.folder.folder / "part-00000.parquet").equals(table)


def test_paths_lead_from_where_the_command_was_given(
    tmp_path: Path, photos: Path, colour_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photos.parent)
    (run,) = begun(tmp_path, Path(photos.name), Question(bundle=str(colour_bundle)))
    work = work_of(run)
    monkeypatch.chdir("/")
    table, _ = done(work, run)
    assert table["image"].to_list() == ["photos/a.png", "photos/b.png", "photos/c.png"]
    assert table["error"].null_count() == 2


def test_boxes_travel_with_their_pictures(
    tmp_path: Path, photos: Path, cropping_bundle: Path
) -> None:
    boxes = [Box(10, 20, 40, 60), None, Box(500, 500, 20, 20)]
    question = Question(bundle=str(cropping_bundle))
    for run in begun(tmp_path, photos, question, boxes=boxes):
        table, _ = done(work_of(run), run)
        assert table["error"].is_not_null().to_list() == [False, True, True]
        for _ in run.results():
            pass
        assert pl.read_parquet(run.folder.folder / "part-00000.parquet").equals(table)


@pytest.fixture
def cropping_bundle(colour_bundle: Path, tmp_path: Path) -> Path:
    """The bundle of colours, once more, as if it had learned on boxes."""
    folder = shutil.copytree(colour_bundle, tmp_path / "cropping")
    manifest = json.loads((folder / "lapel.json").read_text("utf-8"))
    manifest["preprocess"]["crop_to_box"] = True
    (folder / "lapel.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def test_a_worker_that_would_answer_otherwise_is_refused(two: BulkRun) -> None:
    work = work_of(two)
    with pytest.raises(UsageError, match=r"expected .*numpy 1\.0.*install the same everywhere"):
        PartWorker(replace(work, versions={**work.versions, "numpy": "1.0"}))
    with pytest.raises(UsageError, match=r"would answer with .* expected \['openvino', 'torch'\]"):
        PartWorker(replace(work, asked={**work.asked, "engine": ["openvino", "torch"]}))
