"""Predictions as rows and as plain values."""

from __future__ import annotations

import json

from lapel.schema.prediction import Prediction, SingleLabelAnswer

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
