"""Label some, train, review the doubtful ones, train on: from a plain folder, by commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from training_runs import PATTERNS, draw_pattern

from lapel.data.dataset import Dataset
from lapel.evaluation.review_round import begin_review
from lapel.inference.bundle import Bundle
from lapel.inference.predictor import Predictor
from lapel.review.records import GIVEN, Given
from lapel.review.store import ReviewStore
from lapel.review.tables import REVIEW_FILE

Run = Callable[..., tuple[int, str, str]]

SHORT = ("--set", "schedule.epochs=6", "--set", "doubtful_labels.folds=0", "--set", "batch=8")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A plain folder; what is on each photo nobody has said, but its name knows."""
    import numpy as np

    random = np.random.default_rng(11)
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(120):
        kind = int(random.integers(3))
        picture = Image.fromarray(draw_pattern(kind, random))
        picture.save(folder / f"{PATTERNS[kind]}_{number:03d}.png")
    return folder


def answer(data: Path, count: int, *, split: str, model: Path | None = None) -> list[str]:
    """Begin a round as `lapel review` does, and answer it rightly; the photos asked about."""
    asked = []
    with ReviewStore(data / REVIEW_FILE) as store:
        predictor = None if model is None else Predictor.load(model)
        begin_review(Dataset.open(data), store, predictor=predictor, split=split, count=count)
        for number in list(store.waiting("kim")):
            item = store.item(number)
            asked.append(item.image)
            given = {"pattern": Given(value=item.image.split("_")[0], verdict=GIVEN)}
            store.submit(number, "kim", given, revision=store.revision(number, "kim"))
    return asked


def known(data: Path, split: str) -> int:
    return sum(label is not None for label in Dataset.open(data).split(split).labels("pattern"))


def test_label_train_review_train(photos: Path, run: Run, tmp_path: Path) -> None:
    asked, data = tmp_path / "asked.yaml", tmp_path / "data"
    asked.write_text(f"pattern: [{', '.join(PATTERNS)}]\n")
    assert run("data", "import", "unlabelled", photos, data, "--labels", asked)[0] == 0
    assert run("data", "split", data, "--validation", "0.2", "--redraw")[0] == 0
    answer(data, 20, split="validation")
    first = answer(data, 15, split="train")
    code, out, _ = run("data", "import", "review", data)
    assert code == 0, out
    assert (known(data, "train"), known(data, "validation")) == (15, 20)

    one, two = tmp_path / "one", tmp_path / "two"
    code, _, said = run("train", "fashion-mnist-fast", "--data", data, "--out", one, *SHORT)
    assert code == 0, said
    assert "Leaving out 81 of 96 training pictures" in said

    second = answer(data, 20, split="train", model=one)
    assert not set(first) & set(second)
    assert run("data", "import", "review", data)[0] == 0
    assert known(data, "train") == 35
    code, _, said = run("train", "--from", one, "--data", data, "--out", two)
    assert code == 0, said
    assert f"Going on from {one / 'bundle'}: its backbone and its heads of pattern" in said
    assert "35 training and 20 validation pictures" in said
    assert (
        Bundle.load(two).provenance["from"]["weights"]
        == Bundle.load(one).files["weights.safetensors"]
    )


def test_two_ways_of_beginning_are_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    code, _, said = run(
        "train", "--from", tmp_path / "one", "--data", tmp_path, "--out", tmp_path / "two"
    )
    assert code == 2
    assert f"--from {tmp_path / 'one'} is a folder without a bundle" in said
