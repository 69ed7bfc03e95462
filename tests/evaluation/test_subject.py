"""What is said of the pictures that a model was judged on, and whether it has met them."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl
import pytest

from lapel.data.dataset import Dataset
from lapel.evaluation.evaluate import evaluate
from lapel.inference.bundle import NETWORK, Bundle, write_bundle

FEW = 10


def knowing(bundle: Path, folder: Path, seen: Mapping[str, Iterable[str]]) -> Path:
    """The same bundle, which tells what pictures it has seen: split to their SHA-256."""
    former = Bundle.load(bundle)
    write_bundle(
        folder,
        name=former.name,
        schema=former.schema,
        preprocess=former.preprocess,
        architecture=former.architecture,
        calibration=former.calibration,
        scores=former.scores,
        provenance=former.provenance,
        model_onnx=former.read(NETWORK),
        weights=b"",
        card="# Knowing",
        seen=seen,
    )
    return folder


def judged_as(split: str, dataset: Path, folder: Path) -> Dataset:
    """The test pictures of a dataset alone, as another split."""
    shutil.copytree(dataset, folder)
    table = Dataset.open(dataset).split("test").table
    table.with_columns(pl.lit(split).alias("split")).write_parquet(folder / "annotations.parquet")
    return Dataset.open(folder)


@pytest.mark.parametrize(
    ("split", "remark", "warning"),
    [
        ("train", "These are training pictures", "has learned from 1 of these"),
        ("validation", "These are validation pictures", "were chosen on 1 of these"),
    ],
)
def test_a_split_of_another_dataset_is_not_called_one_that_the_model_has_met(
    colour_bundle: Path,
    colour_dataset: Path,
    tmp_path: Path,
    split: str,
    remark: str,
    warning: str,
) -> None:
    own = Dataset.open(colour_dataset).split(split).table["sha256"].to_list()
    others = judged_as(split, colour_dataset, tmp_path / "others")
    all_of_them = others.table["sha256"].to_list()
    for name, seen, met, warned in (
        ("stranger", own, False, False),
        ("acquainted", own + all_of_them[:1], False, True),
        ("known", all_of_them, True, False),
    ):
        bundle = knowing(colour_bundle, tmp_path / name, {split: seen})
        out = tmp_path / f"of {name}"
        found = evaluate(bundle, others, split=split, out=out, resamples=FEW)
        remarks = found.subject.remarks
        assert any(said.startswith(remark) for said in remarks) is met, name
        assert any(warning in said for said in remarks) is warned, name
        doubted = "learnt from these very labels" in (out / "report.html").read_text("utf-8")
        assert doubted is (met and split == "train"), name
