"""``lapel evaluate`` as a user types it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import coarse_tasks as coarse
import many_tasks as many
import numpy as np
import polars as pl
import pytest
from typed_commands import lapel

from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.inference.engines.table import ENGINES
from lapel.schema.annotation import Annotation
from lapel.schema.labels import Schema, TaskSpec


@pytest.fixture(scope="module")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A packed dataset of 18 pictures, all test, each of one strong colour."""
    labels = ("red", "green", "blue")
    pictures = np.random.default_rng(0).integers(0, 60, (18, 24, 24, 3), dtype=np.uint8)
    for row in range(18):
        pictures[row, :, :, row % 3] += 150
    return create_dataset(
        tmp_path_factory.mktemp("colours") / "dataset",
        name="strong colours",
        schema=Schema((TaskSpec(name="colour", kind="single_label", labels=labels),)),
        annotations=[
            Annotation(image=f"images.npy#{row}", labels={"colour": labels[row % 3]}, split="test")
            for row in range(18)
        ],
        images=pictures,
    ).folder


def test_it_prints_the_numbers_and_where_it_wrote_what(
    colour_bundle: Path, colours: Path, tmp_path: Path
) -> None:
    out = tmp_path / "report"
    done = lapel("evaluate", colour_bundle, colours, "--out", out)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("colours on strong colours, test split: 18 images, ")
    assert "Best epoch chosen on: not recorded in the bundle" in lines
    header = lines.index("task\tmeasure\tvalue\t95 % interval\tmajority")
    assert lines[header + 1].startswith("colour\t")
    accuracy = next(line.split("\t") for line in lines if "Accuracy" in line)
    assert accuracy == ["colour", "Accuracy", "100.00 %", "100.00 % to 100.00 %", "33.33 %"]
    written = [line.removeprefix("wrote ") for line in lines if line.startswith("wrote ")]
    assert len(written) == 5
    assert all(Path(path).is_file() for path in written)


def test_json_is_what_was_written(colour_bundle: Path, colours: Path, tmp_path: Path) -> None:
    done = lapel("evaluate", colour_bundle, colours, "--out", tmp_path, "--flip", "--json")
    assert done.returncode == 0
    printed = json.loads(done.stdout)
    assert printed == json.loads((tmp_path / "metrics.json").read_text("utf-8"))
    assert printed["test_time_augmentation"] == "flip"


def test_help_names_every_engine() -> None:
    said = lapel("evaluate", "--help").stdout
    assert [name for name in ("auto", *ENGINES) if name not in said] == []


def test_flip_is_named(colour_bundle: Path, colours: Path, tmp_path: Path) -> None:
    done = lapel("evaluate", colour_bundle, colours, "--out", tmp_path, "--flip")
    assert "test-time augmentation: flip" in done.stdout.splitlines()[0]


def test_failures_are_told_in_a_line_and_by_the_exit_code(
    colour_bundle: Path, colours: Path, tmp_path: Path
) -> None:
    done = lapel("evaluate", colour_bundle, colours, "--split", "train", "--out", tmp_path / "a")
    assert done.returncode == 1
    assert "has no 'train' split; it has: test (18)" in done.stderr
    done = lapel("evaluate", colour_bundle, colours, "--engine", "abacus", "--out", tmp_path / "b")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    done = lapel("evaluate", colour_bundle, tmp_path / "nothing", "--out", tmp_path / "c")
    assert done.returncode == 1
    assert str(tmp_path / "nothing") in done.stderr
    assert not list(tmp_path.iterdir())


def test_what_can_be_judged_is_named_where_there_is_no_test_split(
    colour_bundle: Path, tmp_path: Path
) -> None:
    dataset = tmp_path / "dataset"
    assert lapel("data", "import", "sketch", "12", dataset, "--size", "32").returncode == 0
    table = pl.read_parquet(dataset / "annotations.parquet")
    table.filter(pl.col("split") != "test").write_parquet(dataset / "annotations.parquet")
    done = lapel("evaluate", colour_bundle, dataset, "--out", tmp_path / "out")
    assert done.returncode == 1
    assert "has no 'test' split" in done.stderr
    assert "--split validation" in done.stderr
    command = f"lapel data split {dataset} --test 0.1"
    assert command in done.stderr
    assert lapel(*command.split()[1:]).returncode == 0
    assert set(Dataset.open(dataset).splits()) == {"train", "validation", "test"}


def test_a_missing_extra_is_named(colour_bundle: Path, colours: Path, tmp_path: Path) -> None:
    """An environment without polars, played by a path on which it is shadowed by a fault."""
    shadow = tmp_path / "shadow"
    shadow.mkdir()
    (shadow / "sitecustomize.py").write_text(
        "import sys, importlib.abc\n"
        "class Hidden(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] == 'polars':\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Hidden())\n"
    )
    command = [sys.executable, "-m", "lapel", "evaluate", colour_bundle, colours]
    done = subprocess.run(
        [*map(str, command), "--out", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(shadow), "PATH": ""},
    )
    assert done.returncode == 1
    assert "needs the extra 'data': pip install 'lapel[data]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_moved_bundle_evaluates_the_same(
    colour_bundle: Path, colours: Path, tmp_path: Path
) -> None:
    moved = shutil.copytree(colour_bundle, tmp_path / "elsewhere")
    first = lapel("evaluate", colour_bundle, colours, "--out", tmp_path / "a", "--json")
    second = lapel("evaluate", moved, colours, "--out", tmp_path / "b", "--json")
    assert json.loads(first.stdout)["tasks"] == json.loads(second.stdout)["tasks"]


@pytest.fixture(scope="module")
def many_things(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A model of four tasks, tags among them, and a dataset to judge it on."""
    folder = tmp_path_factory.mktemp("many")
    bundle = many.write_many_bundle(folder / "bundle")
    return bundle, many.write_many_dataset(folder / "dataset").folder


def test_the_main_numbers_of_every_task_are_lines(
    many_things: tuple[Path, Path], tmp_path: Path
) -> None:
    done = lapel("evaluate", *many_things, "--out", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    header = lines.index("task\tmeasure\tvalue\t95 % interval\tmajority")
    rows = [line.split("\t") for line in lines[header + 1 :] if "\t" in line]
    assert {row[0] for row in rows} == {*(spec.name for spec in many.MANY), "together"}
    assert len(rows) < 4 * len(many.MANY.tasks)  # the others are in metrics.json
    assert ["together", "Exact match"] in [row[:2] for row in rows]
    assert ["색상/태그", "Mean F1 per image"] in [row[:2] for row in rows]
    assert all(len(row) == 5 for row in rows)
    assert "stuck: says “print” for 100.0 % of the images; it is so for 75.0 %." in lines
    assert f"wrote {tmp_path / 'report'}" in lines


def test_on_a_terminal_the_main_numbers_of_all_tasks_fit(
    many_things: tuple[Path, Path], tmp_path: Path
) -> None:
    said = on_a_terminal("evaluate", *many_things, "--out", tmp_path)
    lines = [line.split() for line in said.splitlines()]
    assert ["task", "value", "95", "%", "interval", "majority", "above", "it"] in lines
    colour = next(line for line in lines if line[:2] == ["colour", "Accuracy"])
    assert colour[-1].startswith("+")
    assert ["stuck", "Accuracy", "75.0", "%"] in [line[:4] for line in lines]
    assert "Negative log-likelihood" not in said


def on_a_terminal(*arguments: str | Path) -> str:
    """What a command prints on a terminal of 100 columns."""
    import os
    import pty

    main, other = pty.openpty()
    command = [sys.executable, "-m", "lapel", *map(str, arguments)]
    environment = {**os.environ, "COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}
    with subprocess.Popen(command, stdout=other, stderr=other, env=environment) as process:
        os.close(other)
        parts = []
        try:
            while part := os.read(main, 65536):
                parts.append(part)
        except OSError:
            pass  # Linux says so when the other end is closed.
        assert process.wait() == 0
    os.close(main)
    return b"".join(parts).decode()


def test_a_public_benchmark_is_printed_as_its_paper_prints_it(tmp_path: Path) -> None:
    bundle = coarse.write_bundle(tmp_path / "bundle")
    dataset = coarse.write_dataset(tmp_path / "dataset").folder
    done = lapel("evaluate", bundle, dataset, "--out", tmp_path / "out", "--unknown-is-no")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    (header,) = (line.split("\t") for line in lines if line.startswith("method\t"))
    rows = {line.split("\t")[0]: line.split("\t") for line in lines if line.count("\t") > 10}
    paper = dict(zip(header, rows["Liu & Lu 2018"], strict=True))
    assert paper["All (mean of five types) top-3"] == "54.69"
    assert paper["All (global) top-3"] == "\N{EN DASH}"
    ours = dict(zip(header, rows["this model, unknown is no"], strict=True))
    assert all(float(cell) > 0 for cell in list(ours.values())[1:])
    assert "Ours is of 80 pictures, published rows of 40,000" in done.stdout
