"""A bundle knows labels of another language in English, as its dataset did."""

from __future__ import annotations

from pathlib import Path

from training_runs import SMALL, pattern_dataset

from lapel.data.glossary import write_glossary
from lapel.inference.bundle import Bundle
from lapel.training.train import train


def test_english_goes_from_the_dataset_into_the_bundle(tmp_path: Path) -> None:
    data = pattern_dataset(tmp_path / "data", {"train": 24, "validation": 12}).folder
    changes = {**SMALL, "schedule.epochs": 1}
    plain = train("fashion-mnist-fast", data=data, out=tmp_path / "plain", changes=changes)
    assert Bundle.load(plain.bundle).english == {}
    write_glossary(data, {"across": "stripes across", "of no task": "unused"})
    known = train("fashion-mnist-fast", data=data, out=tmp_path / "known", changes=changes)
    assert Bundle.load(known.bundle).english == {"across": "stripes across"}
    # A glossary that was torn meanwhile does not take a run its end.
    (data / "glossary.json").write_text("{")
    torn = train("fashion-mnist-fast", data=data, out=tmp_path / "torn", changes=changes)
    assert Bundle.load(torn.bundle).english == {}
