"""DeepFashion2's layout in, results judged: the numbers of pycocotools on its own form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from lapel.data.dataset import Dataset
from lapel.data.deepfashion2.words import categories
from lapel.data.export import export_dataset
from lapel.data.exporters.deepfashion2_coco import export_deepfashion2_coco
from lapel.data.importing import import_dataset
from lapel.data.sketch.picture import Options
from lapel.data.sketch.writing import sketch_dataset
from lapel.evaluation.evaluate import evaluate
from lapel.evaluation.result import Evaluation

SIGMAS = np.array([sigma for one in categories() for sigma in one.sigmas])

#: A garment as COCO's files have it.
Entry = dict[str, Any]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Drawn garments that went through DeepFashion2's layout."""
    folder = tmp_path_factory.mktemp("drawn")
    options = Options(seed=4, size=96, several=3, tasks=("garments",))
    sketch_dataset(folder / "drawn", 14, options=options)
    export_dataset("deepfashion2", folder / "drawn", folder / "df2")
    return import_dataset("deepfashion2", folder / "df2", folder / "dataset")


@pytest.fixture(scope="module")
def results(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What somebody's model may have said: two answers a garment, a little off; some of another
    category, some missing.
    """
    folder = tmp_path_factory.mktemp("results")
    truth = export_deepfashion2_coco(dataset, folder / "truth.json", split="train").path
    coco = json.loads(truth.read_text("utf-8"))
    random = np.random.default_rng(3)
    kept = (one for one in coco["annotations"] * 2 if random.random() < 0.8)
    said = [_somewhat_off(one, random) for one in kept]
    path = folder / "results.json"
    path.write_text(json.dumps(said), encoding="utf-8")
    return path


def _somewhat_off(one: Entry, random: np.random.Generator) -> Entry:
    away = random.normal(0, 1.5, 4).round(2)
    box = [float(edge) for edge in np.maximum(np.array(one["bbox"]) + away, 1)]
    points = list(one["keypoints"])
    for place in range(0, len(points), 3):
        if points[place + 2]:
            points[place : place + 2] = [
                float(edge) for edge in np.array(points[place : place + 2]) + away[:2]
            ]
    other = random.random() < 0.2
    return {
        "image_id": one["image_id"],
        "category_id": int(random.integers(1, 14)) if other else one["category_id"],
        "bbox": box,
        "segmentation": one["segmentation"],
        "keypoints": points,
        "score": round(float(random.random()), 3),
    }


@pytest.fixture(scope="module")
def found(results: Path, dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    out = tmp_path_factory.mktemp("judged")
    return evaluate(results, dataset, split="train", out=out, resamples=20)


@pytest.mark.parametrize(
    ("measure", "kind", "visible"),
    [
        ("box", "bbox", False),
        ("mask", "segm", False),
        ("oks", "keypoints", False),
        ("oks_visible", "keypoints", True),
    ],
)
def test_it_is_what_deepfashion2s_own_form_gives(
    found: Evaluation,
    dataset: Dataset,
    results: Path,
    tmp_path: Path,
    measure: str,
    kind: str,
    *,
    visible: bool,
) -> None:
    written = export_deepfashion2_coco(
        dataset, tmp_path / "truth.json", split="train", visible_only=visible
    )
    truth = COCO(str(written.path))
    part = {"bbox": "bbox", "segm": "segmentation", "keypoints": "keypoints"}[kind]
    about = ("image_id", "category_id", "score", part)
    said = json.loads(results.read_text("utf-8"))
    if kind == "segm":
        # loadRes knows masks by their run lengths alone.
        said = [one | {"segmentation": _packed(one, truth)} for one in said]
    answers = truth.loadRes([{key: one[key] for key in about} for one in said])
    judge = COCOeval(truth, answers, kind)
    judge.params.kpt_oks_sigmas = SIGMAS
    judge.evaluate()
    judge.accumulate()
    precision = judge.eval["precision"][:, :, :, 0, -1]
    assert 0.1 < precision[0][precision[0] > -1].mean() < 1.0
    for number, values in (("ap", precision), ("ap50", precision[0]), ("ap75", precision[5])):
        expected = float(values[values > -1].mean())
        ours = found.numbers[f"garments.{measure}_{number}"]
        assert ours == pytest.approx(expected, abs=1e-12), number


def _packed(one: Entry, truth: COCO) -> Entry:
    mask: Entry = truth.annToRLE(one)
    return mask | {"counts": mask["counts"].decode()}


def test_what_it_writes_gives_the_same_once_more(
    found: Evaluation, dataset: Dataset, tmp_path: Path
) -> None:
    for name, measure in (("detections", "box"), ("segments", "mask"), ("keypoints", "oks")):
        path = found.out / f"{name}.json"
        again = evaluate(path, dataset, split="train", out=tmp_path / name, resamples=20)
        key = f"garments.{measure}_ap"
        assert again.numbers[key] == found.numbers[key]
        assert {row.name for row in again.tables} == {
            "deepfashion2 garments", "deepfashion2 subsets",
        }  # fmt: skip
