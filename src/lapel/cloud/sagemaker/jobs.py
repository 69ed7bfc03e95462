"""Training jobs: begun, looked at, ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from lapel.cloud.aws import Account, RefusedError
from lapel.cloud.sagemaker.refusals import refuse_faults
from lapel.cloud.sagemaker.requests import JobPlan
from lapel.cloud.sagemaker.sources import Put, send_code
from lapel.schema.errors import UsageError

SERVICE = "sagemaker"

#: What AWS says of a name that it does not know.
UNKNOWN = {"ValidationException", "ResourceNotFound", "ResourceNotFoundException"}

#: States in which nothing more happens.
ENDED = {"Completed", "Failed", "Stopped"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What SageMaker says of a training job.

    Attributes:
        name: the job's.
        state: ``InProgress``, ``Completed``, ``Failed``, ``Stopping`` or ``Stopped``.
        detail: what it does in that state, such as ``Downloading``.
        reason: why it failed; empty where it has not.
        metrics: the last value of each number that was read from its log.
        kind: of its machines.
        count: of its machines.
        spot: whether they are spare ones.
        model: where ``model.tar.gz`` lies; empty while there is none.
        seconds: it has been learning, waiting and taken machines included.
        billed: seconds of each machine that are paid for; None while it runs.
        began: when learning began.
        checkpoints: where its checkpoints lie, if it came so far.
    """

    name: str
    state: str
    detail: str = ""
    reason: str = ""
    metrics: Mapping[str, float]
    kind: str
    count: int
    spot: bool
    model: str = ""
    seconds: int | None = None
    billed: int | None = None
    began: datetime | None = None
    checkpoints: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in ENDED

    @property
    def hours(self) -> float | None:
        """Hours of machines that are paid for; None while it runs."""
        return None if self.billed is None else self.billed * self.count / 3600


def prepare(put_at: Put, plan: JobPlan, recipe: bytes | None = None) -> JobPlan:
    """Put beside a job's results what it needs beside its data.

    Args:
        put_at: writes to the bucket.
        plan: of the job.
        recipe: the content of its recipe's file, where it is one.

    Returns:
        The plan, with channels of code and recipe.
    """
    place = f"{plan.out}/{plan.name}/source"
    channels, archive = dict(plan.channels), None
    if not plan.own_container:
        channels["code"], archive = send_code(put_at, place)
    if recipe is not None:
        put_at(f"{place}/recipe/recipe.yaml", recipe)
        channels["recipe"] = f"{place}/recipe"
    return replace(plan, channels=channels, archive=archive)


def begin(account: Account, request: Mapping[str, Any]) -> str:
    """Begin a training job.

    Returns:
        Its ARN.

    Raises:
        UsageError: SageMaker would refuse it.
        CloudError: it does.
    """
    refuse_faults("sagemaker", "CreateTrainingJob", request)
    name = request["TrainingJobName"]
    instead = {"TrainingJobArn": f"arn:aws:sagemaker:region:account:training-job/{name}"}
    arn: str = account.do("sagemaker", "CreateTrainingJob", instead, **request)["TrainingJobArn"]
    return arn


def refuse_taken(account: Account, name: str) -> None:
    """Refuse a name before its code is sent: it would come to lie over the first job's.

    Raises:
        UsageError: there is, or was, a training job of that name.
    """
    if is_known(account, name):
        raise UsageError(f"there is, or was, a training job {name!r}; SageMaker takes a name once")


def is_known(account: Account, name: str) -> bool:
    """Whether there is a training job of that name."""
    try:
        said = account.ask("sagemaker", "DescribeTrainingJob", {}, TrainingJobName=name)
    except RefusedError as error:
        if error.code in UNKNOWN:
            return False
        raise
    return bool(said)


def look_at(account: Account, name: str) -> Job:
    """What SageMaker says of a training job.

    Raises:
        RefusedError: there is none of that name.
    """
    return job_of(account.ask("sagemaker", "DescribeTrainingJob", {}, TrainingJobName=name))


def job_of(said: Mapping[str, Any]) -> Job:
    """A training job from the answer of ``DescribeTrainingJob``."""
    machines = said.get("ResourceConfig", {})
    return Job(
        name=said["TrainingJobName"],
        state=said["TrainingJobStatus"],
        detail=said.get("SecondaryStatus", ""),
        reason=said.get("FailureReason", ""),
        metrics={row["MetricName"]: row["Value"] for row in said.get("FinalMetricDataList", [])},
        kind=machines.get("InstanceType", ""),
        count=machines.get("InstanceCount", 1),
        spot=said.get("EnableManagedSpotTraining", False),
        model=said.get("ModelArtifacts", {}).get("S3ModelArtifacts", ""),
        seconds=said.get("TrainingTimeInSeconds"),
        billed=said.get("BillableTimeInSeconds"),
        began=said.get("TrainingStartTime"),
        checkpoints=said.get("CheckpointConfig", {}).get("S3Uri", ""),
    )


def end(account: Account, name: str) -> None:
    """Tell a training job to end: it is given 120 s to save what it has learned."""
    account.do("sagemaker", "StopTrainingJob", {}, TrainingJobName=name)
