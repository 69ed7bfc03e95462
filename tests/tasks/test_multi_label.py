"""What is particular to any of several labels; the rest is in the contract suite."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapel.schema.annotation import Tags
from lapel.schema.errors import SchemaError
from lapel.schema.labels import TaskSpec
from lapel.schema.prediction import MultiLabelAnswer
from lapel.tasks.multi_label import MultiLabelTask, sigmoid

LABELS = ("겨울", "lace", "knit")
SPEC = TaskSpec(name="tags", kind="multi_label", labels=LABELS)
TASK = MultiLabelTask(SPEC)


def answer(logits: list[float], **calibration: float) -> MultiLabelAnswer:
    (found,) = TASK.decode(np.array([logits], np.float32), calibration)
    assert isinstance(found, MultiLabelAnswer)
    return found


def test_tags_become_yes_no_and_unknown() -> None:
    target, weight = TASK.encode([Tags(("knit",), ("lace",)), Tags(), None])
    assert target.tolist() == [[0, 0, 1], [0, 0, 0], [0, 0, 0]]
    assert weight.tolist() == [[1, 0, 1], [1, 1, 1], [0, 0, 0]]
    assert target.dtype == weight.dtype == np.uint8


@given(st.lists(st.sampled_from(["yes", "no", "unknown"]), min_size=3, max_size=3))
def test_targets_are_what_holds_and_weights_what_is_known(states: list[str]) -> None:
    tags = Tags(
        tuple(label for label, state in zip(LABELS, states, strict=True) if state == "yes"),
        tuple(label for label, state in zip(LABELS, states, strict=True) if state == "unknown"),
    )
    target, weight = TASK.encode([tags])
    assert target[0].tolist() == [state == "yes" for state in states]
    assert weight[0].tolist() == [state != "unknown" for state in states]


def test_a_label_that_is_named_twice_is_refused() -> None:
    with pytest.raises(SchemaError, match="name these labels twice: lace"):
        Tags(("lace",), ("lace",))


def test_unknown_labels_outside_the_schema_are_refused_too() -> None:
    with pytest.raises(SchemaError, match="no label 'woolly'; it has: 겨울, lace, knit"):
        TASK.encode([Tags((), ("woolly",))])


def test_a_bare_name_is_refused_with_what_to_say() -> None:
    with pytest.raises(SchemaError, match=r"takes tags .*lace.*, found 'lace'; say Tags\(yes"):
        TASK.encode(["lace"])


def test_labels_hold_from_one_half_on_where_nothing_was_tuned() -> None:
    found = answer([0.0, -0.1, 2.0])
    assert found.labels == ("겨울", "knit")
    assert found.probabilities == pytest.approx((0.5, 1 / (1 + np.exp(-2))))
    assert [label for label, _ in found.top] == ["knit", "겨울", "lace"]


def test_each_label_has_its_own_threshold() -> None:
    found = answer([0.0, -0.1, 2.0], **{"threshold.lace": 0.4, "threshold.knit": 0.95})
    assert found.labels == ("겨울", "lace")


def test_thresholds_are_for_calibrated_probabilities() -> None:
    tuned = {"threshold.knit": 0.8}
    assert answer([-9, -9, 2.0], **tuned).labels == ("knit",)
    assert answer([-9, -9, 2.0], temperature=2.0, **tuned).labels == ()


def test_score_and_answer_share_temperature_and_thresholds() -> None:
    calibration = {"temperature": 1.7, "threshold.lace": 0.3, "threshold.knit": 0.71}
    output = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    said = [
        Tags(row.labels)
        for row in TASK.decode(output, calibration)
        if isinstance(row, MultiLabelAnswer)
    ]
    numbers = TASK.score(output, *TASK.encode(said), calibration).numbers()
    assert numbers["mean_f1"] == numbers["exact_match"] == 1.0
    assert TASK.score(output, *TASK.encode(said)).numbers()["exact_match"] < 1.0


def test_no_label_need_hold_and_the_best_are_named_still() -> None:
    found = answer([-3, -2, -1])
    assert found.labels == ()
    assert found.cells("tags") == {"tags": "", "tags.probability": ""}
    assert found.top[0][0] == "knit"


def test_equal_outputs_keep_the_order_of_the_schema() -> None:
    assert [label for label, _ in answer([1, 1, 1]).top] == list(LABELS)


def test_large_outputs_do_not_overflow() -> None:
    assert sigmoid(np.array([-1e30, -800.0, 0.0, 1e30])).tolist() == [0.0, 0.0, 0.5, 1.0]
