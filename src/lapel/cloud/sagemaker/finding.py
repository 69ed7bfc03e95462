"""A training or tuning job by its name; and what jobs there are, where it is none."""

from __future__ import annotations

from lapel.cloud.aws import DENIED, Account, RefusedError
from lapel.cloud.sagemaker.jobs import UNKNOWN, Job, look_at
from lapel.cloud.sagemaker.tuning import TuningJob, look_at_tuning
from lapel.schema.errors import UsageError

#: Jobs of each kind that are named, the latest first.
NAMED = 10


def find(account: Account, name: str) -> Job | TuningJob:
    """What SageMaker says of a job.

    Raises:
        UsageError: there is none of that name in the account's region; names those there are.
        CloudError: AWS refuses otherwise, or cannot be reached.
    """
    try:
        return look_at(account, name)
    except RefusedError as error:
        if error.code not in UNKNOWN:
            raise
    try:
        return look_at_tuning(account, name)
    except RefusedError as error:
        if error.code not in UNKNOWN:
            raise
    region = account.where()
    there = [*training_jobs(account), *(f"{one} (tuning)" for one in _tuning_jobs(account))]
    known = f"the latest there: {', '.join(there)}" if there else "none was found there at all"
    raise UsageError(
        f"there is no job {name!r} in {region}; {known} (--region looks into another one)"
    )


def training_jobs(account: Account, containing: str | None = None) -> list[str]:
    """Names of the latest training jobs; none where they may not be listed.

    Args:
        account: whose.
        containing: part of their names, such as a tuning job's; none: any.
    """
    part = {} if containing is None else {"NameContains": containing}
    return _latest(account, "TrainingJob", "TrainingJobSummaries", **part)


def _tuning_jobs(account: Account) -> list[str]:
    return _latest(account, "HyperParameterTuningJob", "HyperParameterTuningJobSummaries")


def _latest(account: Account, kind: str, listed: str, **part: str) -> list[str]:
    """Names of the latest jobs of a kind, as SageMaker calls it; none where it may not be asked."""
    try:
        said = account.ask(
            "sagemaker",
            f"List{kind}s",
            {},
            SortBy="CreationTime",
            SortOrder="Descending",
            MaxResults=NAMED,
            **part,
        )
    except RefusedError as error:
        if error.code in DENIED:
            return []
        raise
    return [str(one[f"{kind}Name"]) for one in said.get(listed, [])]
