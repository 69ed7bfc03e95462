"""``lapel predict`` as a user meets it."""

from __future__ import annotations

import csv
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from PIL import Image

from lapel.cli.main import main
from lapel.data.creating import create_dataset
from lapel.inference.predictor import Predictor
from lapel.schema.annotation import Annotation
from lapel.schema.labels import Schema, TaskSpec
from lapel.schema.prediction import Prediction

COLOURS = {"red": (220, 30, 20), "green": (10, 200, 40), "blue": (30, 20, 240)}

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, colour in COLOURS.items():
        Image.new("RGB", (30, 40), colour).save(folder / f"{name}.png")
    return folder


@pytest.fixture
def run(
    colour_bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Runs the command in this process; gives exit code, stdout and stderr."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        command = ["lapel", "predict", str(colour_bundle), *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as ended:
            main()
        assert isinstance(ended.value.code, int)
        return ended.value.code, *capsys.readouterr()

    return run


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_plain_lines_where_there_is_no_terminal(run: Run, photos: Path) -> None:
    code, out, err = run(photos / "red.png", photos / "blue.png")
    assert (code, err) == (0, "")
    lines = [line.split("\t") for line in out.splitlines()]
    assert [line[:3] for line in lines] == [
        [str(photos / "red.png"), "colour", "red"],
        [str(photos / "blue.png"), "colour", "blue"],
    ]
    assert all(0.5 < float(line[3]) < 1 for line in lines)


def on_a_terminal(*arguments: str | Path) -> str:
    """What ``lapel predict`` prints to a terminal of 120 columns, without its colours."""
    keeper, terminal = pty.openpty()
    command = [sys.executable, "-m", "lapel", "predict", *map(str, arguments)]
    environment = {**os.environ, "COLUMNS": "120", "TERM": "xterm"}
    with subprocess.Popen(command, stdout=terminal, stderr=terminal, env=environment) as process:
        os.close(terminal)
        said = b""
        try:
            while part := os.read(keeper, 65536):
                said += part
        except OSError:  # Linux says so when the other end has closed
            pass
    os.close(keeper)
    assert process.returncode == 0, said
    return re.sub(r"\x1b\[[0-9;]*m", "", said.decode())


def table_rows(text: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in line[1:-1].replace("┃", "│").split("│")]
        for line in text.splitlines()
        if line.startswith(("│", "┃"))
    ]


def test_a_table_on_a_terminal(colour_bundle: Path, photos: Path) -> None:
    for number in range(50):
        (photos / f"again_{number}.png").write_bytes((photos / "red.png").read_bytes())
    text = on_a_terminal(colour_bundle, photos)
    assert table_rows(text)[0] == ["image", "task", "answer", "probability"]
    assert text.count("again_") == 40
    assert "... and 13 more; --out FILE.csv keeps all" in text


def test_csv(run: Run, photos: Path, colour_bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers" / "a.csv"
    code, said, _ = run(photos, "--out", out)
    assert code == 0
    assert said == f"3 pictures answered in {out}\n"
    found = rows(out)
    assert list(found[0]) == ["image", "colour", "colour.probability"]
    assert [row["colour"] for row in found] == ["blue", "green", "red"]
    (prediction,) = Predictor.load(colour_bundle).predict([photos / "blue.png"])
    assert isinstance(prediction, Prediction)
    # All digits are kept: the number read back is the number computed.
    assert float(found[0]["colour.probability"]) == prediction.cells()["colour.probability"]


def test_csv_with_more_labels(run: Run, photos: Path, tmp_path: Path) -> None:
    run(photos, "--out", tmp_path / "a.csv", "--top", "2")
    row = rows(tmp_path / "a.csv")[0]
    assert list(row)[1:] == ["colour", "colour.probability", "colour.2", "colour.2.probability"]
    assert row["colour.2"] != row["colour"]


def test_jsonl(run: Run, photos: Path, tmp_path: Path) -> None:
    run(photos, "--out", tmp_path / "a.jsonl")
    lines = (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()
    first = json.loads(lines[0])
    assert len(lines) == 3
    assert (first["width"], first["height"]) == (30, 40)
    assert first["answers"]["colour"]["label"] == "blue"
    assert len(first["answers"]["colour"]["top"]) == 3


def test_parquet(run: Run, photos: Path, tmp_path: Path) -> None:
    run(photos, "--out", tmp_path / "a.parquet")
    table = pl.read_parquet(tmp_path / "a.parquet")
    assert table.columns == ["image", "colour", "colour.probability"]
    assert table["colour"].to_list() == ["blue", "green", "red"]
    assert table["colour.probability"].dtype == pl.Float64


def test_the_same_file_to_the_byte(run: Run, class_folders: Path, tmp_path: Path) -> None:
    for name, batch in (("a", 32), ("b", 32), ("c", 1), ("d", 5)):
        run(class_folders, "--out", tmp_path / f"{name}.jsonl", "--batch", str(batch))
    assert len({(tmp_path / f"{name}.jsonl").read_bytes() for name in "abcd"}) == 1


class TestBadPictures:
    @pytest.fixture
    def damaged(self, photos: Path) -> Path:
        whole = (photos / "red.png").read_bytes()
        (photos / "torn.png").write_bytes(whole[: len(whole) // 2])
        (photos / "page.jpg").write_text("<html>")
        return photos

    def test_are_said_skipped_and_end_with_one(
        self, run: Run, damaged: Path, tmp_path: Path
    ) -> None:
        code, _, err = run(damaged, "--out", tmp_path / "a.csv")
        assert code == 1
        assert len(rows(tmp_path / "a.csv")) == 3
        assert f"{damaged / 'torn.png'}: torn or damaged" in err
        assert f"{damaged / 'page.jpg'}: found bytes that begin with b'<html>'" in err
        assert err.endswith("2 of 5 pictures could not be read\n")

    def test_keep_going(self, run: Run, damaged: Path) -> None:
        code, out, err = run(damaged, "--keep-going")
        assert code == 0
        assert len(out.splitlines()) == 3
        assert "2 of 5 pictures could not be read" in err

    def test_none_left_is_a_failure_and_writes_nothing(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("kept")
        code, _, err = run(tmp_path / "missing.jpg", "--keep-going", "--out", tmp_path / "a.csv")
        assert code == 1
        assert "not written: none of 1 pictures could be read" in err
        assert (tmp_path / "a.csv").read_text() == "kept"

    def test_names_cannot_drive_the_terminal(self, run: Run, photos: Path) -> None:
        (photos / "red.png").rename(photos / "a\x1b[2J\n.png")
        _, out, _ = run(photos)
        assert "\x1b" not in out
        assert "a\\x1b[2J\\n.png\tcolour\tred" in out


@pytest.mark.parametrize("name", ["=1+1.png", "+a.png", "-b.png", "@c.png"])
def test_a_spreadsheet_runs_no_file_name(
    run: Run, photos: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (photos / "red.png").rename(photos / name)
    monkeypatch.chdir(photos)
    run("--out", tmp_path / "a.csv", "--", name)
    assert rows(tmp_path / "a.csv")[0]["image"] == f"'{name}"


def test_a_name_that_is_not_utf8(run: Run, photos: Path, tmp_path: Path) -> None:
    name = os.fsdecode(os.fsencode(photos) + b"/caf\xe9.png")
    (photos / "red.png").rename(name)
    for ending in ("csv", "jsonl", "parquet"):
        code, _, _ = run(photos, "--out", tmp_path / f"a.{ending}")
        assert code == 0
    assert "caf\\udce9.png" in (tmp_path / "a.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["a.txt", "a.csv.gz"])
def test_another_ending(run: Run, photos: Path, tmp_path: Path, name: str) -> None:
    code, _, err = run(photos, "--out", tmp_path / name)
    assert code == 2
    assert "expected a file that ends in .csv, .jsonl, .parquet" in err


def test_no_pictures(run: Run, tmp_path: Path) -> None:
    code, _, err = run(tmp_path)
    assert code == 2
    assert f"no pictures in {tmp_path}; expected JPEG, PNG or WebP files" in err


def test_no_bundle(
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["lapel", "predict", str(tmp_path), str(photos)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert "holds no bundle" in capsys.readouterr().err


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_place_that_cannot_be_written_costs_no_waiting(
    ending: str, run: Run, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(Predictor, "predict", answer_nothing)
    code, _, err = run(photos, "--out", tmp_path / "file" / f"a.{ending}")
    assert code == 1
    assert f"a.{ending} could not be written: " in err
    assert "Traceback" not in err


def answer_nothing(*_: object, **__: object) -> Iterator[Prediction]:
    """Answers that nobody may ask for."""
    return (pytest.fail(why) for why in ["a picture was looked at"])


class TestManyAnswers:
    """A model of several tasks, one of them any of several labels."""

    @pytest.fixture
    def colour_bundle(self, many_bundle: Path) -> Path:
        return many_bundle

    @pytest.fixture
    def photos(self, tmp_path: Path) -> Path:
        folder = tmp_path / "photos"
        folder.mkdir()
        for name, colour in {
            "black": (0, 0, 0),
            "magenta": (250, 0, 250),
            "teal": (0, 200, 110),
        }.items():
            Image.new("RGB", (30, 40), colour).save(folder / f"{name}.png")
        return folder

    def test_a_line_an_answer(self, run: Run, photos: Path) -> None:
        _, out, _ = run(photos)
        lines = [line.split("\t") for line in out.splitlines()]
        assert [line[:3] for line in lines if line[1] == "shades"] == [
            [str(photos / "black.png"), "shades", ""],
            [str(photos / "magenta.png"), "shades", "빨강|=파랑"],
            [str(photos / "teal.png"), "shades", "[green]|=파랑"],
        ]
        assert [line[1] for line in lines] == ["colour", "shades"] * 3

    def test_csv_has_the_columns_of_every_task(
        self, run: Run, photos: Path, tmp_path: Path
    ) -> None:
        run(photos, "--out", tmp_path / "a.csv")
        found = rows(tmp_path / "a.csv")
        assert list(found[0])[1:] == [
            "colour",
            "colour.probability",
            "shades",
            "shades.probability",
        ]
        assert [row["shades"] for row in found] == ["", "빨강|=파랑", "[green]|=파랑"]
        # The threshold of 파랑 is 0.3, so it holds although it is improbable.
        probabilities = [float(text) for text in found[2]["shades.probability"].split("|")]
        assert probabilities[0] > 0.5 > probabilities[1] > 0.3

    def test_a_tag_runs_no_formula(self, run: Run, tmp_path: Path) -> None:
        Image.new("RGB", (9, 9), (0, 0, 250)).save(tmp_path / "blue.png")
        run(tmp_path / "blue.png", "--out", tmp_path / "a.csv")
        assert rows(tmp_path / "a.csv")[0]["shades"] == "'=파랑"

    def test_jsonl_has_every_task_with_all_digits(
        self, run: Run, photos: Path, tmp_path: Path
    ) -> None:
        run(photos, "--out", tmp_path / "a.jsonl")
        lines = (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()
        answers = json.loads(lines[1])["answers"]
        assert list(answers) == ["colour", "shades"]
        assert [entry["label"] for entry in answers["shades"]["labels"]] == ["빨강", "=파랑"]
        assert len(answers["shades"]["top"]) == 3

    def test_parquet_agrees_with_csv(self, run: Run, photos: Path, tmp_path: Path) -> None:
        run(photos, "--out", tmp_path / "a.parquet")
        run(photos, "--out", tmp_path / "a.csv")
        table = pl.read_parquet(tmp_path / "a.parquet")
        assert table["shades"].to_list() == [row["shades"] for row in rows(tmp_path / "a.csv")]

    def test_a_terminal_shows_tags_below_each_other(
        self, colour_bundle: Path, photos: Path
    ) -> None:
        found = table_rows(on_a_terminal(colour_bundle, photos))
        assert ["", "shades", "(none)", ""] in found
        first = next(row for row in found if row[2] == "빨강")
        following = found[found.index(first) + 1]
        assert first[:2] == ["", "shades"]
        assert following[:3] == ["", "", "=파랑"]
        assert float(following[3]) > 0.3

    def test_columns_that_would_hide_each_other(
        self,
        photos: Path,
        tmp_path: Path,
        make_many_bundle: Callable[..., Path],
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        bundle = make_many_bundle(tmp_path / "bundle", tags="colour.probability")
        out = tmp_path / "a.csv"
        monkeypatch.setattr(
            sys, "argv", ["lapel", "predict", str(bundle), str(photos), "--out", str(out)]
        )
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 2
        assert "share a column of the table: colour.probability" in capsys.readouterr().err
        assert not out.exists()


def test_a_dataset_stands_for_the_pictures_of_its_rows(run: Run, photos: Path) -> None:
    """Not for masks or drawings that lie below it, nor for its pictures' whole folder."""
    rows = [Annotation(image=f"{name}.png", labels={}, split="train") for name in ("red", "blue")]
    folder = photos / "dataset"
    schema = Schema((TaskSpec(name="colour", kind="single_label", labels=("red", "blue")),))
    create_dataset(folder, name="two", schema=schema, annotations=rows, images=photos)
    Image.new("L", (30, 40)).save(folder / "mask.png")
    code, out, err = run(folder)
    assert (code, err) == (0, "")
    lines = [line.split("\t") for line in out.splitlines()]
    assert [(Path(line[0]).resolve(), line[2]) for line in lines] == [
        (photos / "red.png", "red"),
        (photos / "blue.png", "blue"),
    ]


def test_a_dataset_whose_pictures_are_no_files_says_so(run: Run, small_dataset: Path) -> None:
    code, out, err = run(small_dataset)
    assert (code, out) == (2, "")
    assert "packed in images.npy" in err
