"""Predictions as rows and as plain values."""

from __future__ import annotations

import json

from lapel.schema.prediction import MultiLabelAnswer, Prediction, SingleLabelAnswer

ANSWER = SingleLabelAnswer(label="hat", probability=0.75, top=(("hat", 0.75), ("shoes", 0.25)))
PREDICTION = Prediction(image="a.jpg", width=3, height=4, answers={"category": ANSWER})


def test_a_row() -> None:
    assert list(PREDICTION.cells().items()) == [
        ("image", "a.jpg"),
        ("category", "hat"),
        ("category.probability", 0.75),
        ("category.2", "shoes"),
        ("category.2.probability", 0.25),
    ]


def test_plain_values() -> None:
    assert json.loads(json.dumps(PREDICTION.to_json())) == {
        "image": "a.jpg",
        "width": 3,
        "height": 4,
        "answers": {
            "category": {
                "label": "hat",
                "probability": 0.75,
                "top": [
                    {"label": "hat", "probability": 0.75},
                    {"label": "shoes", "probability": 0.25},
                ],
            }
        },
    }


def test_tags_in_a_row_and_one_below_another() -> None:
    tags = MultiLabelAnswer(
        labels=("레이스", "knit"),
        probabilities=(0.91234, 0.5),
        top=(("레이스", 0.91234), ("knit", 0.5), ("fur", 0.1)),
    )
    assert tags.cells("tags") == {"tags": "레이스|knit", "tags.probability": "0.9123|0.5000"}
    assert tags.lines() == (("레이스", 0.91234), ("knit", 0.5))
    assert [entry["label"] for entry in tags.to_json()["labels"]] == ["레이스", "knit"]
    assert len(tags.to_json()["top"]) == 3


def test_no_tag_at_all() -> None:
    none = MultiLabelAnswer(labels=(), probabilities=(), top=(("fur", 0.1),))
    assert none.cells("tags") == {"tags": "", "tags.probability": ""}
    assert none.lines() == ()
