"""What AWS would refuse is refused here, before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hosting_account import BUCKET, what_is_there

from lapel.cloud.aws import Account
from lapel.cloud.sagemaker.hosting.deploy import deploy
from lapel.cloud.sagemaker.hosting.plan import Capture, EndpointPlan, Machines, Serverless
from lapel.schema.errors import UsageError

Run = Callable[..., tuple[int, str, str]]
Plans = Callable[..., EndpointPlan]


def test_a_kind_that_aws_does_not_know_is_refused_before_the_archive_is_sent(
    run: Run, colour_bundle: Path, named: list[str]
) -> None:
    words = ["cloud", "sagemaker", "deploy", colour_bundle, "shoes", *named]
    code, said, told = run(*words, "--kind", "ml.c7i.larg", "--yes")
    assert code == 2
    assert "did you mean ml.c7i.large" in told
    assert "PutObject" not in said + told
    assert "Uploading" not in said + told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"image": "lapel-serve:latest"}, "no image in Amazon ECR"),
        ({"role": "SageMakerRole"}, "no ARN of a role"),
        ({"name": "-shoes"}, "no name of an endpoint"),
        ({"name": "s" * 50}, "1 to 49 of"),
        ({"archive": "models/shoes"}, "no address in S3"),
        ({"topic": "lapel"}, "no ARN of an SNS topic"),
        ({"machines": {"kind": "c7i.large"}}, "expected one like ml.c7i.large"),
        ({"machines": {"count": 0}}, "needs --asynchronous"),
        ({"machines": {"count": 5, "most": 2}}, "less than --count"),
        ({"machines": {"memory": 2000}}, "expected one of 1024"),
        ({"machines": {"memory": 2048}, "capture": True}, "no requests of serverless"),
        ({"machines": {"memory": 2048}, "queue": "s3://bucket/queue"}, "exclude each other"),
        ({"queue": "s3://bucket/queue", "capture": True}, "lie in S3 anyway"),
    ],
)
def test_what_aws_would_refuse_is_refused_before_anything_is_sent(
    plans: Plans, words: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        plans(**{key: _made(key, value) for key, value in words.items()})


def _made(key: str, value: Any) -> Any:
    if key == "capture":
        return Capture(place=f"s3://{BUCKET}/captured", percent=20)
    if key == "machines":
        return Serverless(**value) if "memory" in value else Machines(**value)
    return value


def test_a_kind_of_machine_that_aws_does_not_know_is_refused_with_those_alike(
    account: Account, plans: Plans
) -> None:
    with pytest.raises(UsageError, match=r"ml\.c7i\.large"):
        deploy(account, plans(machines=Machines(kind="ml.c7i.larg")), say=lambda _: None)
    assert what_is_there() == {}
