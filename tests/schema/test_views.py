"""Where the labels of each task lie in the flat view."""

from __future__ import annotations

from lapel.schema.labels import Schema, TaskSpec
from lapel.schema.views import flat_slices

SCHEMA = Schema(
    (
        TaskSpec(name="style", kind="single_label", labels=("casual", "formal")),
        TaskSpec(name="parts", kind="multi_label", labels=("칼라", "belt", "hood")),
        TaskSpec(name="season", kind="single_label", labels=("summer", "winter")),
    )
)


def test_tasks_lie_one_after_another_in_the_order_of_the_schema() -> None:
    slices = flat_slices(SCHEMA)
    assert list(slices) == ["style", "parts", "season"]
    assert slices == {"style": slice(0, 2), "parts": slice(2, 5), "season": slice(5, 7)}
