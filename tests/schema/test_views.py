"""Grouped and flat views of labels are one and the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapel.schema.annotation import Label, Tags
from lapel.schema.errors import SchemaError
from lapel.schema.labels import Schema, TaskSpec
from lapel.schema.views import flat_names, flat_slices, from_flat, to_flat

SCHEMA = Schema(
    (
        TaskSpec(name="style", kind="single_label", labels=("casual", "formal")),
        TaskSpec(name="parts", kind="multi_label", labels=("칼라", "belt", "hood")),
    )
)


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    names = draw(st.lists(st.text("abcdef가나", min_size=1), min_size=1, max_size=4, unique=True))
    words = st.lists(st.text("xyz다라 /|=", min_size=1, max_size=4), min_size=1, unique=True)
    return Schema(
        tuple(
            TaskSpec(
                name=name,
                kind=draw(st.sampled_from(["single_label", "multi_label"])),
                labels=tuple(draw(words.filter(lambda found: all(w.strip() for w in found)))),
            )
            for name in names
        )
    )


@st.composite
def labelled(draw: st.DrawFn) -> tuple[Schema, dict[str, Label]]:
    schema = draw(schemas())
    labels: dict[str, Label] = {}
    for task in schema:
        if task.kind == "single_label":
            labels[task.name] = draw(st.none() | st.sampled_from(task.labels))
            continue
        states = [draw(st.sampled_from(["yes", "no", "unknown"])) for _ in task.labels]
        found = {
            state: tuple(w for w, s in zip(task.labels, states, strict=True) if s == state)
            for state in ("yes", "unknown")
        }
        everything_unknown = len(found["unknown"]) == len(task.labels)
        labels[task.name] = None if everything_unknown else Tags(found["yes"], found["unknown"])
    return schema, labels


@given(labelled())
def test_the_views_convert_without_loss(case: tuple[Schema, dict[str, Label]]) -> None:
    schema, labels = case
    vector = to_flat(schema, labels)
    assert from_flat(schema, vector) == labels
    assert np.array_equal(to_flat(schema, from_flat(schema, vector)), vector)


@given(labelled())
def test_the_position_of_every_name_is_known(case: tuple[Schema, dict[str, Label]]) -> None:
    schema, _ = case
    names, slices = flat_names(schema), flat_slices(schema)
    for task in schema:
        assert names[slices[task.name]] == tuple(f"{task.name}={label}" for label in task.labels)
    assert sum(len(task.labels) for task in schema) == len(names)


def test_a_vector_with_two_answers_to_one_question_is_refused() -> None:
    with pytest.raises(SchemaError, match="exactly one label, found 2 yes"):
        from_flat(SCHEMA, [1, 1, 0, 0, 0])
    with pytest.raises(SchemaError, match=r"shape \(4,\), expected \(5,\)"):
        from_flat(SCHEMA, [1, 0, 0, 0])


def test_labels_of_another_kind_or_task_are_refused() -> None:
    with pytest.raises(SchemaError, match="'parts' is multi_label, found 'belt'"):
        to_flat(SCHEMA, {"parts": "belt"})
    with pytest.raises(SchemaError, match="no task 'season'; the schema has: style, parts"):
        to_flat(SCHEMA, {"season": "winter"})
    with pytest.raises(SchemaError, match="name these labels twice: belt"):
        Tags(("belt",), ("belt",))
