"""The commands that take in benchmarks of retrieval, landmarks and many garments."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from garment_writers import write_deepfashion2, write_fashionpedia
from retrieval_writers import write_consumer_to_shop, write_in_shop, write_landmark_benchmark

from lapel.cli.main import app
from lapel.data.dataset import Dataset


def lapel(*words: object) -> None:
    """Run a command in this process."""
    app([str(word) for word in words], standalone_mode=False)


def test_each_benchmark_goes_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sources = {
        "deepfashion-in-shop": (write_in_shop, "In-shop"),
        "deepfashion-consumer-to-shop": (write_consumer_to_shop, "Consumer-to-shop"),
        "deepfashion-landmarks": (write_landmark_benchmark, "FLD"),
        "deepfashion2": (write_deepfashion2, "df2"),
        "fashionpedia": (write_fashionpedia, "fashionpedia"),
    }
    for layout, (write, source) in sources.items():
        write(tmp_path)
        folder = tmp_path / f"dataset of {layout}"
        lapel("data", "import", layout, tmp_path / source, folder, "--name", layout)
        dataset = Dataset.open(folder)
        assert (dataset.name, dataset.description.benchmark) == (layout, layout)
    shown = capsys.readouterr().out
    assert "  3 train, 2 query, 3 gallery; 4 items\n" in shown
    assert "landmarks (8 labels" in shown
    out = tmp_path / "train.json"
    lapel("data", "export", "deepfashion2-coco", tmp_path / "dataset of deepfashion2", out,
          "--split", "train")  # fmt: skip
    assert f"3 images in the layout 'deepfashion2-coco': {out}" in capsys.readouterr().out
    assert len(json.loads(out.read_text())["images"]) == 3
