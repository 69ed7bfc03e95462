"""What people are asked next: the most doubtful first, with what the model says of each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.evaluation.review_round import begin_review
from lapel.inference.predictor import Predictor
from lapel.review.proposing import given_answers, proposals
from lapel.review.store import ReviewStore
from lapel.schema.annotation import Annotation
from lapel.schema.errors import DatasetError, SchemaError, UsageError
from lapel.schema.labels import Schema, TaskSpec

COLOURS = ("red", "green", "blue")
SCHEMA = Schema((TaskSpec(name="colour", kind="single_label", labels=COLOURS),))

#: From surely red to hardly any colour; file name to pixels.
PHOTOS = {
    "sure.png": (250, 0, 0),
    "blueish.png": (60, 60, 140),
    "green.png": (20, 200, 20),
    "gray.png": (120, 120, 121),
}


def make(folder: Path, schema: Schema = SCHEMA) -> Dataset:
    (folder / "photos").mkdir()
    rows = []
    for number, (name, colour) in enumerate(PHOTOS.items()):
        Image.fromarray(np.full((24, 24, 3), colour, np.uint8)).save(folder / "photos" / name)
        split = "test" if name == "green.png" else "train"
        known = {"colour": "red"} if number == 0 else {}
        rows.append(Annotation(image=name, labels=known, split=split))
    return create_dataset(
        folder / "dataset",
        name="colours",
        schema=schema,
        annotations=rows,
        images=folder / "photos",
    )


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return make(tmp_path)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ReviewStore]:
    with ReviewStore(tmp_path / "review.sqlite") as opened:
        yield opened


@pytest.fixture(scope="module")
def predictor(colour_bundle: Path) -> Predictor:
    return Predictor.load(colour_bundle)


def asked(store: ReviewStore) -> list[str]:
    return [store.item(number).image for number in store.waiting("mina")]


def test_the_most_doubtful_come_first_and_none_of_the_test_split(
    dataset: Dataset, store: ReviewStore, predictor: Predictor
) -> None:
    begun = begin_review(dataset, store, predictor=predictor, diverse=False)
    assert asked(store) == ["gray.png", "blueish.png", "sure.png"]
    assert not begun.resumed
    items = [store.item(number) for number in store.waiting("mina")]
    doubts = [item.doubt for item in items if item.doubt is not None]
    assert doubts == sorted(doubts, reverse=True)
    assert len(doubts) == 3
    assert proposals(items[1], begun.round.tasks) == {"colour": "blue"}
    assert items[2].standing == {"colour": "red"}
    json.dumps([item.machine for item in items])


def test_the_same_command_goes_on_and_the_next_round_asks_for_others(
    dataset: Dataset, store: ReviewStore, predictor: Predictor
) -> None:
    begin_review(dataset, store, predictor=predictor, diverse=False, count=2)
    answer(store, 1)
    again = begin_review(dataset, store, predictor=predictor, diverse=False, count=2)
    assert again.resumed
    assert asked(store) == ["blueish.png"]
    answer(store, 2)
    following = begin_review(dataset, store, predictor=predictor, diverse=False, count=2)
    assert (following.round.number, asked(store)) == (2, ["sure.png"])
    answer(store, 3)
    with pytest.raises(DatasetError, match=r"3 were answered before.*lapel data import review"):
        begin_review(dataset, store, predictor=predictor, diverse=False, count=2)


def test_another_question_is_asked_about_the_same_photos(
    store: ReviewStore, tmp_path: Path
) -> None:
    size = TaskSpec(name="size", kind="single_label", labels=("S", "L"))
    dataset = make(tmp_path, Schema((*SCHEMA, size)))
    begin_review(dataset, store, tasks=["colour"], by="order")
    for item in (1, 2, 3):
        answer(store, item)
    begun = begin_review(dataset, store, tasks=["size"], by="order")
    assert [spec.name for spec in begun.round.tasks] == ["size"]
    assert asked(store) == ["sure.png", "blueish.png", "gray.png"]


def answer(store: ReviewStore, item: int) -> None:
    given = given_answers(store.item(item), SCHEMA, {"colour": "red"})
    store.submit(item, "mina", given, revision=0)


def test_without_a_model_the_labels_that_stand_are_proposed(
    dataset: Dataset, store: ReviewStore
) -> None:
    begun = begin_review(dataset, store, by="order")
    assert asked(store) == ["sure.png", "blueish.png", "gray.png"]
    first, second, _ = (store.item(number) for number in store.waiting("mina"))
    assert proposals(first, begun.round.tasks) == {"colour": "red"}
    assert proposals(second, begun.round.tasks) == {"colour": None}


def test_the_drawn_order_is_the_same_every_time(dataset: Dataset, tmp_path: Path) -> None:
    orders = []
    for name in ("one.sqlite", "two.sqlite"):
        with ReviewStore(tmp_path / name) as store:
            begin_review(dataset, store)
            orders.append(asked(store))
    assert orders[0] == orders[1]
    assert sorted(orders[0]) == ["blueish.png", "gray.png", "sure.png"]


def test_a_drawn_order_may_have_proposals_too(
    dataset: Dataset, store: ReviewStore, predictor: Predictor
) -> None:
    begun = begin_review(dataset, store, predictor=predictor, by="random", split="test")
    (item,) = (store.item(number) for number in store.waiting("mina"))
    assert (item.image, proposals(item, begun.round.tasks)) == ("green.png", {"colour": "green"})


def test_a_photo_that_is_gone_is_told_and_the_others_are_asked(
    dataset: Dataset, store: ReviewStore, colour_bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "photos" / "sure.png").unlink()
    for order in ("random", "entropy"):
        begun = begin_review(dataset, store, predictor=Predictor.load(colour_bundle), by=order)
        (gone,) = begun.unreadable
        assert gone.image == "sure.png"
        assert "could not be read" in gone.fault or "no such file" in gone.fault.lower()
        assert store.left() == 2


def test_only_photos_without_a_label_if_asked_for(
    dataset: Dataset, store: ReviewStore, predictor: Predictor
) -> None:
    begin_review(dataset, store, predictor=predictor, unlabelled_only=True, diverse=False)
    assert asked(store) == ["gray.png", "blueish.png"]


def test_a_model_of_other_labels_is_refused(
    tmp_path: Path, store: ReviewStore, predictor: Predictor
) -> None:
    other = Schema((TaskSpec(name="colour", kind="single_label", labels=("red", "pink")),))
    with pytest.raises(SchemaError, match="only in the first: pink; only in the second: green"):
        begin_review(make(tmp_path, other), store, predictor=predictor)


def test_what_the_model_does_not_answer_is_not_asked(
    tmp_path: Path, store: ReviewStore, predictor: Predictor
) -> None:
    size = TaskSpec(name="size", kind="single_label", labels=("s", "m"))
    begun = begin_review(make(tmp_path, Schema((size, *SCHEMA))), store, predictor=predictor)
    assert begun.unasked == ("size",)
    assert begun.round.tasks == SCHEMA


def test_what_cannot_be_is_refused(dataset: Dataset, store: ReviewStore) -> None:
    with pytest.raises(UsageError, match="to order by margin takes a model"):
        begin_review(dataset, store, by="margin")
    with pytest.raises(UsageError, match="1 photo or more"):
        begin_review(dataset, store, count=0)
