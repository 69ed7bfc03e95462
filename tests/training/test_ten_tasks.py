"""A table with ten columns of Korean labels, from the CSV to a bundle that answers elsewhere."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from training_runs import SMALL, draw_pattern

from lapel.data.importing import import_dataset
from lapel.data.splitting.split import split_dataset
from lapel.evaluation.evaluate import evaluate
from lapel.training.train import train

PATTERNS = ("가로줄", "세로줄", "점")
SINGLE = ("무늬", "색상", "기장", "핏", "소재", "카테고리", "넥라인", "소매")
MULTI = ("스타일", "태그")


def write_table(folder: Path, count: int) -> Path:
    """Photos of three patterns; every column tells the pattern in its own words."""
    random = np.random.default_rng(3)
    table = folder / "labels.csv"
    with table.open("w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["image", *SINGLE, *MULTI])
        for number in range(count):
            kind = number % 3
            name = f"사진_{number:03d}.png"
            Image.fromarray(draw_pattern(kind, random)).save(folder / name)
            single = [f"{column} {PATTERNS[kind]}" for column in SINGLE]
            both = "|".join(PATTERNS[: kind + 1])
            rows.writerow([name, *single, both, both if number % 4 else ""])
    return table


def test_ten_tasks_in_korean_answer_elsewhere_with_nothing_but_the_bundle(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    table = write_table(source, 240)
    multi = [f"{column}:|" for column in MULTI]
    import_dataset("table", table, tmp_path / "d", images=source, single=SINGLE, multi=multi)
    split_dataset(tmp_path / "d", validation=0.2, test=0.2)
    trained = train(
        "fashion-mnist-fast", data=tmp_path / "d", out=tmp_path / "run", changes={**SMALL}
    )
    evaluate(trained.bundle, tmp_path / "d", out=tmp_path / "report", resamples=20)
    report = (tmp_path / "report/report.html").read_text("utf-8")
    assert all(column in report for column in (*SINGLE, *MULTI))
    assert "세로줄" in (tmp_path / "report/per_class.csv").read_text("utf-8-sig")

    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(trained.bundle, elsewhere / "bundle")
    shutil.copy(source / "사진_001.png", elsewhere)
    shutil.rmtree(tmp_path / "d")
    shutil.rmtree(tmp_path / "run")
    shutil.rmtree(source)
    without_torch = (
        "import sys; sys.modules['torch'] = None\n"
        "sys.argv = ['lapel', 'predict', 'bundle', '사진_001.png', '--out', 'answers.csv']\n"
        "from lapel.cli.main import main; main()"
    )
    subprocess.run([sys.executable, "-c", without_torch], cwd=elsewhere, check=True)
    with (elsewhere / "answers.csv").open(encoding="utf-8-sig", newline="") as file:
        (answer,) = csv.DictReader(file)
    assert {column: answer[column] for column in SINGLE} == {
        column: f"{column} 세로줄" for column in SINGLE
    }
    assert answer["스타일"] == "가로줄|세로줄"
    assert len(json.loads((elsewhere / "bundle/lapel.json").read_text("utf-8"))["schema"]) == 10
