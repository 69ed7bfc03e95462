"""What the score of an epoch is called."""

from __future__ import annotations

import pytest

from lapel.schema.labels import Schema, TaskSpec
from lapel.tasks.kinds import KINDS
from lapel.tasks.score_names import score_name

COLOUR = TaskSpec(name="colour", kind="single_label", labels=("blue", "red"))
TAGS = TaskSpec(name="tags", kind="multi_label", labels=("knit", "lace"))


@pytest.mark.parametrize(
    ("kind", "called"),
    [
        ("single_label", "accuracy"),
        ("multi_label", "mean average precision"),
        ("landmarks", "PCK@0.1"),
        ("segmentation", "mean IoU"),
        ("garments", "box AP"),
    ],
)
def test_a_score_is_called_what_it_is(kind: str, called: str) -> None:
    points = {"a": ("x",)} if kind == "garments" else {}
    spec = TaskSpec(name="it", kind=kind, labels=("a", "b"), points=points)
    assert score_name(Schema((spec,))) == called
    assert kind in KINDS


def test_a_score_of_several_tasks_is_called_a_mean() -> None:
    other = TaskSpec(name="shape", kind="single_label", labels=("round", "square"))
    assert score_name(Schema((COLOUR, other))) == "accuracy, mean of the tasks"
    assert score_name(Schema((COLOUR, TAGS))) == "mean score of the tasks"


def test_a_selected_score_is_named_with_its_task() -> None:
    assert score_name(Schema((COLOUR,)), select="colour.macro_f1") == "macro F1"
    assert score_name(Schema((COLOUR, TAGS)), select="colour.macro_f1") == "macro F1 of colour"
    assert score_name(Schema((COLOUR,)), vectors=True) == "MAP@R"
