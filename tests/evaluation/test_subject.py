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
    ("split", "remark"),
    [("train", "These are training pictures"), ("validation", "These are validation pictures")],
)
def test_a_split_of_another_dataset_is_not_called_one_that_the_model_has_met(
    colour_bundle: Path, colour_dataset: Path, tmp_path: Path, split: str, remark: str
) -> None:
    own = Dataset.open(colour_dataset).split(split).table["sha256"].to_list()
    others = judged_as(split, colour_dataset, tmp_path / "others")
    first = others.table["sha256"].to_list()[:1]
    for name, seen, met in (("stranger", own, False), ("acquainted", own + first, True)):
        bundle = knowing(colour_bundle, tmp_path / name, {split: seen})
        out = tmp_path / f"of {name}"
        found = evaluate(bundle, others, split=split, out=out, resamples=FEW)
        assert any(said.startswith(remark) for said in found.subject.remarks) is met
        doubted = "learnt from these very labels" in (out / "report.html").read_text("utf-8")
        assert doubted is (met and split == "train")
