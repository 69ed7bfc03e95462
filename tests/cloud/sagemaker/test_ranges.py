"""A recipe's ranges as SageMaker takes them."""

from __future__ import annotations

import pytest

from lapel.cloud.sagemaker.ranges import sagemaker_ranges
from lapel.schema.errors import UsageError
from lapel.training.recipe_parts import RangePart


def test_each_kind_of_range_becomes_its_own() -> None:
    request = sagemaker_ranges(
        {
            "optimiser.learning_rate": RangePart(low=0.001, high=0.1, log=True),
            "schedule.epochs": RangePart(low=2, high=9, step=1),
            "loss.label_smoothing": RangePart(low=0, high=0.2, step=0.1),
            "model.backbone": RangePart(choices=("resnet18", "lapel-small")),
            "deterministic": RangePart(choices=(True, False)),
        }
    ).as_request()
    assert request["ContinuousParameterRanges"] == [
        {
            "Name": "optimiser.learning_rate",
            "ScalingType": "Logarithmic",
            "MinValue": "0.001",
            "MaxValue": "0.1",
        }
    ]
    assert request["IntegerParameterRanges"][0]["MaxValue"] == "9"
    words = {row["Name"]: row["Values"] for row in request["CategoricalParameterRanges"]}
    assert words == {
        "loss.label_smoothing": ["0", "0.1", "0.2"],
        "model.backbone": ["resnet18", "lapel-small"],
        "deterministic": ["true", "false"],
    }


def test_nothing_to_tune_is_said_with_an_example() -> None:
    with pytest.raises(UsageError, match="write ranges into the recipe"):
        sagemaker_ranges({})


def test_more_values_than_sagemaker_takes_are_refused() -> None:
    with pytest.raises(UsageError, match=r"tune\.batch has 101 values; SageMaker takes 30"):
        sagemaker_ranges({"batch": RangePart(low=0, high=50, step=0.5)})
