"""Batch transform jobs in the emulated account, where moto only writes down that they ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from emulated_account import client
from moto.core.responses import EmptyResult
from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.models import FakeTransformJob
from moto.sagemaker.responses import SageMakerResponse

if TYPE_CHECKING:
    from hosting_account import HostingAccount


def let_jobs_run(monkeypatch: pytest.MonkeyPatch, account: HostingAccount) -> None:
    """Jobs ask the account's container, may run on without an end, and can be stopped."""
    first = FakeTransformJob.__init__

    def made(job: Any, *arguments: Any, **words: Any) -> None:
        first(job, *arguments, **words)
        if account.running:
            job.transform_job_status = "InProgress"
        elif account.container:
            _transform(account, job)

    def stop(response: Any) -> EmptyResult:
        name = response._get_param("TransformJobName")
        job = response.sagemaker_backend.transform_jobs.get(name)
        if job is None or job.transform_job_status != "InProgress":
            raise ValidationError(message=f"Could not stop {name}: it is not running.")
        job.transform_job_status = "Stopped"
        return EmptyResult()

    monkeypatch.setattr(FakeTransformJob, "__init__", made)
    monkeypatch.setattr(SageMakerResponse, "stop_transform_job", stop, raising=False)


def _transform(account: HostingAccount, job: Any) -> None:
    """Ask the container about each object below the input, as a batch does."""
    store = client("s3")
    source = job.transform_input["DataSource"]["S3DataSource"]["S3Uri"].removeprefix("s3://")
    bucket, _, prefix = source.partition("/")
    target = job.transform_output["S3OutputPath"].removeprefix("s3://")
    out_bucket, _, out_prefix = target.partition("/")
    headers = {
        "Content-Type": job.transform_input["ContentType"],
        "Accept": job.transform_output["Accept"],
    }
    for one in store.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", []):
        body = store.get_object(Bucket=bucket, Key=one["Key"])["Body"].read()
        status, answer, _ = account.ask(body, headers)
        if status != 200:
            job.transform_job_status, job.failure_reason = "Failed", "ClientError: Bad HTTP status"
            return
        key = f"{out_prefix}/{one['Key'].removeprefix(prefix)}.out"
        store.put_object(Bucket=out_bucket, Key=key, Body=answer)
