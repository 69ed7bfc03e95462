"""Machines whose GPUs the usual images cannot use are not rented by mistake."""

from __future__ import annotations

import pytest

from lapel.cloud.old_gpus import refuse_old_gpu
from lapel.cloud.sagemaker.planning import Wish, plan_job
from lapel.schema.errors import UsageError


@pytest.mark.parametrize("kind", ["p2.xlarge", "p3.2xlarge", "p3dn.24xlarge", "g3.4xlarge"])
def test_a_gpu_that_is_too_old_is_refused_with_what_to_take(kind: str) -> None:
    with pytest.raises(UsageError, match=r"take g4dn\.xlarge, g5\.xlarge or g6\.xlarge, or else"):
        refuse_old_gpu(kind, "else")


@pytest.mark.parametrize("kind", ["p4d.24xlarge", "p5.48xlarge", "g4dn.xlarge", "c7i.large"])
def test_newer_ones_and_none_are_taken(kind: str) -> None:
    refuse_old_gpu(kind, "else")
    refuse_old_gpu(f"ml.{kind}", "else")


def test_a_job_with_an_image_of_ones_own_may_have_any() -> None:
    wish = Wish(
        recipe="fashion-mnist-fast",
        data="s3://clothes/data",
        out="s3://clothes/jobs",
        role="arn:aws:iam::123456789012:role/lapel/lapel-sagemaker",
        kind="ml.p3.2xlarge",
        image="123456789012.dkr.ecr.eu-central-1.amazonaws.com/torch:cu118",
    )
    assert plan_job(wish).kind == "ml.p3.2xlarge"
