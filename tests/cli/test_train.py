"""``lapel train`` as it is typed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import polars as pl
import pytest
from typed_commands import lapel

from lapel.cli.train import Pace, epoch_sentence, near
from lapel.training.epoch_line import epoch_line

SHORT = (
    "--set=batch=16",
    "--set=schedule.epochs=2",
    "--set=model.options.widths=[8]",
    "--set=doubtful_labels.folds=0",
)


def test_a_run_says_how_it_goes_and_where_everything_is(
    small_dataset: Path, tmp_path: Path
) -> None:
    where = ("--data", small_dataset, "--out", "run")
    result = lapel("train", "fashion-mnist-fast", *where, *SHORT, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert (
        len(re.findall(r"^metric epoch=\d seconds=.* train_loss=", result.stderr, re.MULTILINE))
        == 2
    )
    assert "110 training and 10 validation pictures" in result.stderr
    assert "Bundle: run/bundle" in result.stdout
    assert (tmp_path / "run" / "bundle" / "lapel.json").is_file()
    follow_up = re.search(r"Next: +lapel (evaluate run .*) --out REPORT", result.stdout)
    assert follow_up
    judged = lapel(*follow_up.group(1).split(), "--out", "report", cwd=tmp_path)
    assert judged.returncode == 0, judged.stderr
    assert "test split: 40 images" in judged.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["fashion-mnist-fast"],
            2,
            "lapel train fashion-mnist-fast --data DATASET --out RUN",
        ),
        (["fashion-mnist-fst", "--data", "x", "--out", "y"], 1, "did you mean fashion-mnist-fast"),
        (["fashion-mnist-fast", "--data", "nowhere", "--out", "y"], 1, "nowhere"),
        (["--resume", "nowhere"], 2, "holds no run to resume"),
        (["photos", "--data", "x", "--out", "y", "--budget", "soon"], 1, "as 90s, 10m or 1.5h"),
        (["fashion-mnist-fast", "--data", "x", "--out", "y", "--set", "a"], 1, "KEY=VALUE"),
    ],
)
def test_what_cannot_be_done_is_said_without_a_traceback(
    arguments: list[str], code: int, message: str, tmp_path: Path
) -> None:
    result = lapel("train", *arguments, cwd=tmp_path)
    assert result.returncode == code, result.stderr
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.iterdir())


def test_what_lies_below_the_current_folder_is_named_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert near(tmp_path / "data" / "shop") == "data/shop"
    assert near(Path("data")) == "data"
    assert near(Path("../shop")) == "../shop"
    assert near(tmp_path.parent / "shop") == str(tmp_path.parent / "shop")


def test_a_missing_validation_split_is_told_with_the_way_to_make_one(
    small_dataset: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    shutil.copytree(small_dataset, folder)
    table = pl.read_parquet(folder / "annotations.parquet")
    table.filter(pl.col("split") != "validation").write_parquet(folder / "annotations.parquet")
    result = lapel("train", "fashion-mnist-fast", "--data", folder, "--out", tmp_path / "run")
    assert result.returncode == 1
    assert f"make one: lapel data split {folder} --validation 0.1" in result.stderr
    assert not (tmp_path / "run").exists()


def test_from_scratch_within_a_budget(photo_dataset: Path, tmp_path: Path) -> None:
    small = ("--set=preprocess.height=32", "--set=preprocess.width=32", "--set=batch=4")
    network = ("--set=model.backbone=test_efficientnet", "--set=schedule.epochs=1")
    where = ("--data", photo_dataset, "--out", "run", "--budget", "5m", "--scratch")
    result = lapel("train", "photos", *where, *small, *network, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "Budget 5m: 1 epoch of the whole network" in result.stderr
    recipe = (tmp_path / "run" / "recipe.yaml").read_text()
    assert "weights: none" in recipe
    assert "budget: 5m" in recipe


def test_recipes_are_listed_with_what_they_stand_for() -> None:
    result = lapel("train", "--recipes")
    assert result.returncode == 0
    assert "fashion-mnist-fast: " in result.stdout
    assert "stands for: " in result.stdout


def test_an_epoch_is_one_line_that_tools_can_read() -> None:
    row = {"epoch": 3, "seconds": 12.34, "train_loss": 0.5, "validation_accuracy": 0.91234}
    assert epoch_line(row) == (
        "metric epoch=3 seconds=12.3 train_loss=0.5000 validation_accuracy=0.9123"
    )


def test_an_epoch_is_a_sentence_on_a_terminal() -> None:
    row = {"epoch": 3, "seconds": 72.0, "train_loss": 0.5, "validation_accuracy": 0.91234}
    assert epoch_sentence(row) == (
        "Epoch 3: 91.23 % on validation, training loss 0.500, after 1 min 12 s"
    )
    assert epoch_sentence(row, "mean IoU").startswith("Epoch 3: mean IoU 91.23 % on validation")


def test_the_time_between_epochs_is_not_taken_for_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([0.0, 1.0, 2.0, 50.0, 51.0])
    monkeypatch.setattr("time.monotonic", lambda: next(moments))
    pace = Pace()
    assert [pace.left(step, 10) for step in (1, 2, 3)] == [None, 8, 7]
    pace.skip()
    pace.left(4, 10)
    assert pace.left(5, 10) == 5
