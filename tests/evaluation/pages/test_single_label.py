"""What the report tells of a task of one label a picture."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import polars as pl

from lapel.data.dataset import Dataset
from lapel.evaluation.evaluate import evaluate


def test_labels_that_no_image_bears_stand_last_without_numbers(
    colour_bundle: Path, make_photos: Callable[..., Dataset], tmp_path: Path
) -> None:
    dataset = make_photos(tmp_path / "photos")
    rows = dataset.table.filter(dataset.table["colour"] != "green")
    rows.write_parquet(dataset.folder / "annotations.parquet")
    evaluate(colour_bundle, dataset.folder, out=tmp_path / "out", resamples=10)
    text = (tmp_path / "out" / "report.html").read_text("utf-8")
    section = text[text.index(">Per-class results</h2>") :]
    lines = re.findall(r"<tr>(.*?)</tr>", section[: section.index("</table>")], flags=re.DOTALL)
    cells = [re.sub(r"<[^>]*>", "|", line).split("|") for line in lines]
    told = [[cell for cell in line if cell] for line in cells]
    assert told[-1][:2] == ["green", "0"]
    assert told[-1][3:5] == ["\N{EN DASH}"] * 2
    assert all("\N{EN DASH}" not in line for line in told[:-1])
    # Below the header: each share of the others has its interval below it, as per cent.
    between = re.compile(r"\d+\.\d\N{EN DASH}\d+\.\d %")
    assert [sum(bool(between.fullmatch(cell)) for cell in line) for line in told] == [0, 3, 3, 0]


def test_a_model_that_is_no_better_than_one_answer_doubts_nobodys_labels(
    colour_bundle: Path, make_photos: Callable[..., Dataset], tmp_path: Path
) -> None:
    dataset = make_photos(tmp_path / "photos")
    caution = "hardly tells the labels apart"
    evaluate(colour_bundle, dataset.folder, out=tmp_path / "good", resamples=10)
    assert caution not in (tmp_path / "good" / "report.html").read_text("utf-8")
    colours = dataset.schema["colour"].labels
    others = dict(zip(colours, [*colours[1:], colours[0]], strict=True))
    wrong = [others[label] for label in dataset.table["colour"]]
    table = dataset.table.with_columns(pl.Series("colour", wrong))
    table.write_parquet(dataset.folder / "annotations.parquet")
    evaluate(colour_bundle, dataset.folder, out=tmp_path / "bad", resamples=10)
    assert caution in (tmp_path / "bad" / "report.html").read_text("utf-8")
