"""Jobs that would fail are refused before anything is sent, and before anything costs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from job_account import BUCKET, DATA, OUT, PLACES, ROLE, described, put, tuned_recipe
from rights_needed import missing

from lapel.cloud.aws import Account
from lapel.cloud.sagemaker import jobs
from lapel.cloud.sagemaker.channels import look_before_a_job
from lapel.cloud.sagemaker.planning import Wish, plan_job
from lapel.cloud.sagemaker.requests import JobPlan
from lapel.schema.errors import UsageError

Run = Callable[..., tuple[int, str, str]]

AT = f"s3://{BUCKET}"
FAR = "123456789012.dkr.ecr.us-east-1.amazonaws.com/lapel-train:0.1.0"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"--kind": "ml.g5.xlarg"}, "did you mean ml.g5.xlarge"),
        ({"--kind": "g5.xlarge"}, "expected one like ml.g5.xlarge"),
        ({"--kind": "ml.p3.2xlarge"}, "take ml.g4dn.xlarge, ml.g5.xlarge or ml.g6.xlarge, or name"),
        ({"--role": "lapel"}, "'lapel' is no ARN of a role"),
        ({"--name": "my_job"}, "'my_job' is no name of a job"),
        ({"--data": "demo/garments"}, "--data: 'demo/garments' is no address in S3"),
        ({"--hours": "1000"}, "found 1000 hours"),
        ({"--set": "schedule.epoch=3"}, "did you mean 'epochs'"),
        ({"--format": "fashion-minst"}, "--format: no layout is called 'fashion-minst'; known:"),
    ],
)
@pytest.mark.usefixtures("unreachable")
def test_what_sagemaker_would_refuse_is_refused_without_asking(
    changed: dict[str, str], expected: str, run: Run
) -> None:
    code, _, said = run("cloud", "sagemaker", "train", "fashion-mnist-fast", *given(changed))
    assert code in {1, 2}, "1 where the recipe has faults"
    assert expected in said


def given(changed: dict[str, str]) -> list[str]:
    """Options of a job, some of them others."""
    options = dict(zip(PLACES[::2], PLACES[1::2], strict=True)) | changed
    return [*(word for pair in options.items() for word in pair), "--yes"]


@pytest.fixture
def places(bucket: str) -> Account:
    """An account with much that is no dataset and no model."""
    assert bucket
    put(b"{}", "run/run.json", "run/recipe.yaml", "run/checkpoints/last", "torn/dataset.json")
    put(b"{}", "bundle/lapel.json", "ended/run.json", "ended/bundle/lapel.json", "out/model.tar.gz")
    put(described("../photos"), "beside/dataset.json")
    put(described("/elsewhere/photos"), "far/dataset.json")
    return Account()


def job(**said: str) -> JobPlan:
    wish: dict[str, Any] = {"data": DATA, "out": OUT, "role": ROLE, "kind": "ml.m5.xlarge"}
    return plan_job(Wish(recipe=None, **(wish | said)))


def test_a_job_that_could_only_fail_is_refused_for_what_was_found(places: Account) -> None:
    run_found = "(checkpoints/, recipe.yaml, run.json)"
    cases = [
        ({"data": f"{AT}/nothing"}, f"nothing lies at {AT}/nothing"),
        ({"data": f"{AT}/nothing", "format": "folder"}, f"nothing lies at {AT}/nothing"),
        ({"data": f"{AT}/run"}, f"found a run at {AT}/run {run_found}, expected a dataset"),
        ({"data": f"{AT}/bundle"}, f"found a bundle at {AT}/bundle (lapel.json), expected"),
        ({"data": f"{AT}/data"}, f"found no dataset at {AT}/data (garments/), expected"),
        ({"data": f"{AT}/torn"}, "no description of a dataset"),
        ({"data": f"{AT}/beside"}, "has its pictures elsewhere (../photos)"),
        ({"data": f"{AT}/far"}, "has its pictures elsewhere (/elsewhere/photos)"),
        ({"from_": f"{AT}/run"}, f"--from: found no model at {AT}/run {run_found}"),
        ({"from_": f"{AT}/run/weights.tar.gz"}, "expected a bundle's folder, or model.tar.gz"),
        ({"data": "s3://no-such-bucket/data"}, "there is no bucket s3://no-such-bucket"),
        ({"out": "s3://no-such-bucket/jobs"}, "there is no bucket s3://no-such-bucket"),
        ({"checkpoints": "s3://no-such-bucket/x"}, "there is no bucket s3://no-such-bucket"),
        ({"from_": "s3://no-such-bucket/bundle"}, "there is no bucket s3://no-such-bucket"),
        ({"role": f"{ROLE}s"}, "there is no role lapel-sagemakers in this account"),
        ({"container": FAR}, "lies in us-east-1; SageMaker in eu-central-1 pulls from its own"),
    ]
    for said, expected in cases:
        with pytest.raises(UsageError, match=re.escape(expected)):
            look_before_a_job(places, job(**said))
    for place in ("bundle", "ended", "out", "out/model.tar.gz"):
        look_before_a_job(places, job(from_=f"{AT}/{place}"))
    assert missing("sagemaker", places.calls) == set()


@pytest.mark.usefixtures("places")
@pytest.mark.parametrize("command", ["train", "tune"])
def test_nothing_is_sent_for_a_job_that_is_refused(command: str, run: Run, tmp_path: Path) -> None:
    recipe = tuned_recipe(tmp_path)
    code, _, said = run("cloud", "sagemaker", command, recipe, *given({"--data": f"{AT}/run"}))
    assert (code, f"found a run at {AT}/run" in said) == (2, True), said
    assert "PutObject" not in said
    client = boto3.client("sagemaker")
    assert client.list_training_jobs()["TrainingJobSummaries"] == []
    found = client.list_hyper_parameter_tuning_jobs()
    assert found["HyperParameterTuningJobSummaries"] == []


def test_the_rights_written_down_are_enough_for_what_is_called() -> None:
    account = Account(region="eu-central-1", dry_run=True)
    account.do("sagemaker", "StopHyperParameterTuningJob", {}, HyperParameterTuningJobName="a")
    jobs.end(account, "a")
    look_before_a_job(account, job(from_=f"{OUT}/a"))
    assert {call.operation for call in account.calls} >= {"HeadBucket", "GetRole", "GetObject"}
    assert missing("sagemaker", account.calls) == set()
