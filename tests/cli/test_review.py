"""Commands around the review: photos without labels, what is refused at once, answers taken in."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from lapel.evaluation.review_round import begin_review
from lapel.review.records import Given
from lapel.review.store import ReviewStore
from lapel.storage.holding import held

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def wardrobe(class_folders: Path, tmp_path: Path, run: Run) -> Path:
    """Photos that nobody has labelled."""
    shutil.copytree(class_folders, tmp_path / "photos")
    (tmp_path / "asked.yaml").write_text("category: [dress, hat, shoes]\n", "utf-8")
    code, out, _ = run(
        "data", "import", "unlabelled", tmp_path / "photos", tmp_path / "wardrobe",
        "--labels", tmp_path / "asked.yaml",
    )  # fmt: skip
    assert code == 0
    assert "no photo has a label yet" in out
    return tmp_path / "wardrobe"


def test_photos_may_be_asked_what_a_model_answers_or_a_dataset_asks(
    class_folders: Path, tmp_path: Path, run: Run, many_bundle: Path, photo_dataset: Path
) -> None:
    for number, (like, tasks) in enumerate(
        [(many_bundle, "colour (3 labels), shades"), (photo_dataset, "category (3 labels)")]
    ):
        target = tmp_path / f"made {number}"
        code, out, _ = run("data", "import", "unlabelled", class_folders, target, "--like", like)
        assert code == 0
        assert tasks in out


def test_what_photos_are_to_be_asked_must_be_said(
    class_folders: Path, tmp_path: Path, run: Run
) -> None:
    code, _, error = run("data", "import", "unlabelled", class_folders, tmp_path / "made")
    assert code == 2
    assert "--labels FILE.yaml, or --like MODEL or DATASET" in error


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--host", "0.0.0.0"], "token"),
        (["--by", "margin"], "to order by margin takes a model"),
        (["--task", "colour"], "no task 'colour'"),
        (["--split", "validation"], "no 'validation' split"),
        (["--token-file", "none.txt"], "could not be read"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_served(
    wardrobe: Path, run: Run, options: list[str], says: str
) -> None:
    code, _, error = run("review", wardrobe, *options)
    assert code in (1, 2)
    assert says in error


def test_no_round_begins_that_nobody_can_be_shown(wardrobe: Path, run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, _, error = run("review", wardrobe, "--port", taken.getsockname()[1])
    assert code == 1
    assert "cannot listen" in error
    with held(wardrobe / "review.sqlite.lock", busy=""):
        code, _, error = run("review", wardrobe, "--port", 0)
    assert code == 1
    assert "another `lapel review`" in error
    assert not (wardrobe / "review.sqlite").exists()


def test_answers_are_taken_in_and_ties_are_listed(wardrobe: Path, run: Run) -> None:
    from lapel.data.dataset import Dataset

    with ReviewStore(wardrobe / "review.sqlite") as store:
        begin_review(Dataset.open(wardrobe), store, by="order", overlap=2)
        for who, labels in {"mina": ("dress", "hat"), "jun": ("dress", "shoes")}.items():
            for item, label in enumerate(labels, start=1):
                given = {"category": Given(value=label, verdict="given")}
                store.submit(item, who, given, revision=0)
    code, out, _ = run("data", "import", "review", wardrobe)
    assert code == 0
    assert "2 answers about 2 photos, 1 label changed" in out
    assert "mina: 2 answers" in out
    assert "open, as people do not agree (1):" in out
    assert ": category\n" in out
    code, out, _ = run("data", "import", "review", wardrobe, "--several", "last", "--only-labelled",
                       "--out", wardrobe.with_name("labelled"))  # fmt: skip
    assert code == 0
    assert f"{wardrobe.with_name('labelled')}: train 2" in out
