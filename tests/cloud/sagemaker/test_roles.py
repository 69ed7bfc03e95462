"""The role of jobs and endpoints: for one bucket, made once, and never somebody else's."""

from __future__ import annotations

import json
from collections.abc import Callable

import boto3
import pytest
from emulated_account import what_is_there
from job_account import BUCKET

Run = Callable[..., tuple[int, str, str]]


def test_a_role_for_one_bucket_is_made_and_taken_down(emulated: str, run: Run) -> None:
    assert emulated
    code, text, said = run("cloud", "sagemaker", "role", "jobs", "--bucket", BUCKET)
    assert code == 0, said
    assert text.strip() == "arn:aws:iam::123456789012:role/lapel/jobs"
    iam = boto3.client("iam")
    rights = json.dumps(iam.get_role_policy(RoleName="jobs", PolicyName="lapel")["PolicyDocument"])
    assert f"arn:aws:s3:::{BUCKET}/*" in rights
    trust = iam.get_role(RoleName="jobs")["Role"]["AssumeRolePolicyDocument"]
    assert trust["Statement"][0]["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    code, text, said = run("cloud", "sagemaker", "role", "jobs", "--bucket", "s3://another-one")
    assert (code, text.strip()) == (0, "arn:aws:iam::123456789012:role/lapel/jobs"), said
    assert "the role jobs was there; it may use the bucket another-one now, and no other" in said
    rights = json.dumps(iam.get_role_policy(RoleName="jobs", PolicyName="lapel")["PolicyDocument"])
    assert "arn:aws:s3:::another-one/*" in rights
    assert BUCKET not in rights
    for _ in range(2):  # what is gone already is no error
        assert run("cloud", "sagemaker", "role", "jobs", "--delete")[0] == 0
    assert what_is_there() == {}


@pytest.mark.usefixtures("emulated")
def test_a_role_of_others_is_left_alone(run: Run) -> None:
    iam = boto3.client("iam")
    iam.create_role(RoleName="theirs", AssumeRolePolicyDocument="{}")
    for words in (("--bucket", BUCKET), ("--delete",)):
        code, text, said = run("cloud", "sagemaker", "role", "theirs", *words)
        assert (code, text) == (2, "")
        assert "there is a role arn:aws:iam::123456789012:role/theirs already" in said
    assert iam.list_role_policies(RoleName="theirs")["PolicyNames"] == []


@pytest.mark.usefixtures("emulated")
@pytest.mark.parametrize("name", ["lapel-*", "two words", "", "a" * 65])
def test_what_is_no_name_of_a_role_is_refused_before_aws_is_asked(run: Run, name: str) -> None:
    for words in (("--bucket", BUCKET), ("--delete",)):
        code, text, said = run("cloud", "sagemaker", "role", name, *words)
        assert (code, text) == (2, "")
        assert "is no name of a role" in said
    assert what_is_there() == {}
