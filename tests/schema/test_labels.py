"""Label spaces: their order is their meaning, and differences are spelled out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapel.schema.errors import SchemaError
from lapel.schema.labels import Schema, TaskSpec


def task(name: str = "style", *labels: str) -> TaskSpec:
    return TaskSpec(name=name, kind="single_label", labels=labels or ("casual", "formal"))


texts = st.text(min_size=1, max_size=8).map(str.strip).filter(bool)
specs = st.builds(
    TaskSpec,
    name=texts,
    kind=st.sampled_from(["single_label", "multi_label"]),
    labels=st.lists(texts, min_size=1, max_size=5, unique=True).map(tuple),
)
schemas = st.lists(specs, min_size=1, max_size=4, unique_by=lambda spec: spec.name).map(
    lambda tasks: Schema(tuple(tasks))
)


@given(schema=schemas)
def test_there_and_back(schema: Schema) -> None:
    again = Schema.from_json(schema.to_json())
    assert again == schema
    assert again.fingerprint == schema.fingerprint
    assert schema.differences(again) == []


@given(first=schemas, second=schemas)
def test_fingerprints_and_differences_tell_the_same(first: Schema, second: Schema) -> None:
    same = first.fingerprint == second.fingerprint
    assert same == (first == second) == (not first.differences(second))


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (Schema((task(),)), None),
        (Schema((task("style", "formal", "casual"),)), "has the same labels in another order"),
        (Schema((task("style", "casual", "sporty"),)), "only in the second: sporty"),
        (Schema((task("style", "casual", "sporty"),)), "only in the first: formal"),
        (Schema((task("fit"),)), "task 'style' is only in the first"),
        (Schema((task("fit"),)), "task 'fit' is only in the second"),
        (
            Schema((TaskSpec(name="style", kind="multi_label", labels=("casual", "formal")),)),
            "is single_label in the first, multi_label in the second",
        ),
    ],
)
def test_differences_in_sentences(other: Schema, said: str | None) -> None:
    found = "\n".join(Schema((task(),)).differences(other))
    assert said in found if said else found == ""


def test_the_order_of_tasks_counts() -> None:
    first, second = task("a"), task("b")
    ordered, turned = Schema((first, second)), Schema((second, first))
    assert ordered.differences(turned) == ["the same tasks stand in another order"]


def test_looking_up() -> None:
    schema = Schema((task("style"), task("fit", "slim", "loose")))
    assert schema["fit"].index("loose") == 1
    assert [spec.name for spec in schema] == ["style", "fit"]
    with pytest.raises(SchemaError, match="no task 'colour'; the schema has: style, fit"):
        schema["colour"]
    with pytest.raises(SchemaError, match="task 'fit' has no label 'lose'; it has: slim, loose"):
        schema["fit"].index("lose")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"name": ""}, "a task needs a name"),
        ({"name": " style"}, "without outer blanks, found ' style'"),
        ({"labels": ()}, "task 'style' has no labels"),
        ({"labels": ("a", " ")}, "has an empty label"),
        ({"labels": ("a", "b", "a")}, "names these labels twice: a"),
    ],
)
def test_impossible_tasks(values: dict[str, object], said: str) -> None:
    with pytest.raises(SchemaError, match=said):
        TaskSpec(**{"name": "style", "kind": "single_label", "labels": ("a",), **values})  # type: ignore[arg-type]  # wrong on purpose


def test_impossible_schemas() -> None:
    with pytest.raises(SchemaError, match="needs at least one task"):
        Schema(())
    with pytest.raises(SchemaError, match="two tasks share a name: style, style"):
        Schema((task(), task()))


@pytest.mark.parametrize(
    "value", [None, {}, "style", [1], [{}], [{"name": 1, "kind": "", "labels": []}]]
)
def test_json_of_another_shape(value: object) -> None:
    with pytest.raises(SchemaError, match=r"a schema is a list|a task is an object"):
        Schema.from_json(value)
