"""Tuning jobs: begun, looked at, ended; and the recipe of the best of their jobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lapel.cloud.aws import Account, RefusedError
from lapel.cloud.container.hyperparameters import settings_of
from lapel.cloud.sagemaker.jobs import ENDED, UNKNOWN
from lapel.cloud.sagemaker.refusals import refuse_faults
from lapel.schema.errors import UsageError

NAME = "HyperParameterTuningJobName"


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningJob:
    """What SageMaker says of a tuning job.

    Attributes:
        name: the job's.
        state: ``InProgress``, ``Completed``, ``Failed``, ``Stopping`` or ``Stopped``.
        counts: its jobs by state.
        best: name of the best job so far; empty while there is none.
        score: of the best job; None while there is none.
        values: hyperparameters that were tried in the best job.
        seconds: of machines that its jobs have been paid for; None where SageMaker does not say.
        reason: why it failed.
    """

    name: str
    state: str
    counts: Mapping[str, int]
    best: str = ""
    score: float | None = None
    values: Mapping[str, str]
    seconds: int | None = None
    reason: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in ENDED


def begin_tuning(account: Account, request: Mapping[str, Any]) -> str:
    """Begin a tuning job.

    Returns:
        Its ARN.

    Raises:
        UsageError: SageMaker would refuse it.
        CloudError: it does.
    """
    refuse_faults("sagemaker", "CreateHyperParameterTuningJob", request)
    name = request[NAME]
    key = "HyperParameterTuningJobArn"
    instead = {key: f"arn:aws:sagemaker:region:account:hyper-parameter-tuning-job/{name}"}
    arn: str = account.do("sagemaker", "CreateHyperParameterTuningJob", instead, **request)[key]
    return arn


def refuse_taken_tuning(account: Account, name: str) -> None:
    """Refuse a name before its code is sent: it would come to lie over the first job's.

    Raises:
        UsageError: there is, or was, a tuning job of that name.
    """
    if is_known_tuning(account, name):
        raise UsageError(f"there is, or was, a tuning job {name!r}; SageMaker takes a name once")


def is_known_tuning(account: Account, name: str) -> bool:
    """Whether there is a tuning job of that name."""
    try:
        said = account.ask("sagemaker", "DescribeHyperParameterTuningJob", {}, **{NAME: name})
    except RefusedError as error:
        if error.code in UNKNOWN:
            return False
        raise
    return bool(said)


def look_at_tuning(account: Account, name: str) -> TuningJob:
    """What SageMaker says of a tuning job.

    Raises:
        RefusedError: there is none of that name.
    """
    return tuning_of(
        account.ask("sagemaker", "DescribeHyperParameterTuningJob", {}, **{NAME: name})
    )


def tuning_of(said: Mapping[str, Any]) -> TuningJob:
    """A tuning job from the answer of ``DescribeHyperParameterTuningJob``."""
    best = said.get("BestTrainingJob", {})
    metric = best.get("FinalHyperParameterTuningJobObjectiveMetric", {})
    return TuningJob(
        name=said[NAME],
        state=said["HyperParameterTuningJobStatus"],
        counts=dict(said.get("TrainingJobStatusCounters", {})),
        best=best.get("TrainingJobName", ""),
        score=metric.get("Value"),
        values=dict(best.get("TunedHyperParameters", {})),
        seconds=said.get("ConsumedResources", {}).get("RuntimeInSeconds"),
        reason=said.get("FailureReason", ""),
    )


def end_tuning(account: Account, name: str) -> None:
    """Tell a tuning job, and all jobs of it that run, to end."""
    account.do("sagemaker", "StopHyperParameterTuningJob", {}, **{NAME: name})


def best_changes(job: TuningJob) -> dict[str, str]:
    """What the best job changed in the recipe: dotted key to its value as YAML.

    Raises:
        UsageError: no job has been judged yet.
    """
    if not job.best:
        raise UsageError(f"the tuning job {job.name} has no best job yet; it is {job.state}")
    return dict(settings_of(job.values).changes)
