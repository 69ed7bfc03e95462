"""The role of jobs and endpoints: for one bucket, made once, and never somebody else's."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from emulated_account import client, what_is_there
from job_account import BUCKET
from moto.core.exceptions import AccessDeniedError
from moto.iam.models import IAMBackend
from moto.s3.responses import S3Response
from rights_needed import missing

from lapel.cloud.aws import Account
from lapel.cloud.sagemaker.roles import UNKNOWN, bucket_of, make_role

Run = Callable[..., tuple[int, str, str]]

ARN = "arn:aws:iam::123456789012:role/lapel/jobs"


def role(*words: str) -> tuple[str, ...]:
    return ("cloud", "sagemaker", "role", "jobs", *words)


@pytest.fixture
def buckets(emulated: str) -> None:
    assert emulated
    for name in (BUCKET, "another-one"):
        where = {"LocationConstraint": "eu-central-1"}
        client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=where)


def rights() -> str:
    said = client("iam").get_role_policy(RoleName="jobs", PolicyName="lapel")
    return json.dumps(said["PolicyDocument"])


@pytest.mark.usefixtures("buckets")
def test_a_role_for_one_bucket_is_made_and_taken_down(run: Run) -> None:
    code, text, said = run(*role("--bucket", BUCKET))
    assert code == 0, said
    assert text.strip() == ARN
    assert f"arn:aws:s3:::{BUCKET}/*" in rights()
    trust = client("iam").get_role(RoleName="jobs")["Role"]["AssumeRolePolicyDocument"]
    assert trust["Statement"][0]["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    code, text, said = run(*role("--bucket", BUCKET))
    assert (code, text.strip()) == (0, ARN), said
    for _ in range(2):  # what is gone already is no error
        assert run(*role("--delete"))[0] == 0
    assert set(what_is_there()) == {"buckets"}


@pytest.mark.usefixtures("buckets")
def test_a_role_loses_its_bucket_only_if_somebody_agrees(run: Run) -> None:
    account = Account()
    make_role(account, "jobs", BUCKET)
    code, text, said = run(*role("--bucket", "s3://another-one"))
    assert (code, text) == (2, "")
    assert f"the role jobs may use s3://{BUCKET}, and would use s3://another-one instead" in said
    assert "agree by --yes" in said
    assert bucket_of(account, "jobs") == BUCKET
    code, text, said = run(*role("--bucket", "s3://another-one", "--yes"))
    assert (code, text.strip()) == (0, ARN), said
    assert "the role jobs was there; it may use the bucket another-one, and no other" in said
    assert bucket_of(account, "jobs") == "another-one"
    assert BUCKET not in rights()
    assert missing("sagemaker", account.calls) == set()


@pytest.mark.usefixtures("emulated")
@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({"Resource": [f"arn:aws:s3:::{BUCKET}/*", f"arn:aws:s3:::{BUCKET}"]}, BUCKET),
        ({"Resource": [f"arn:aws:s3:::{BUCKET}/*", "arn:aws:s3:::another-one"]}, UNKNOWN),
        ({"NotResource": f"arn:aws:s3:::{BUCKET}"}, UNKNOWN),
        ({"Resource": "*"}, UNKNOWN),
    ],
)
def test_rights_that_were_changed_by_hand_name_one_bucket_or_are_not_guessed_at(
    changed: dict[str, object], wanted: str
) -> None:
    make_role(Account(), "jobs", BUCKET)
    statement = {"Effect": "Allow", "Action": "s3:*", **changed}
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    client("iam").put_role_policy(RoleName="jobs", PolicyName="lapel", PolicyDocument=document)
    assert bucket_of(Account(), "jobs") == wanted


@pytest.mark.usefixtures("emulated")
def test_who_may_look_at_neither_rights_nor_bucket_is_asked_and_goes_on(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object) -> None:
        raise AccessDeniedError("arn:aws:iam::123456789012:user/somebody", "iam:GetRolePolicy")

    make_role(Account(), "jobs", "another-one")
    with monkeypatch.context() as patch:
        patch.setattr(IAMBackend, "get_role_policy", denied)
        patch.setattr(S3Response, "head_bucket", lambda _: (403, {}, ""))
        code, text, said = run(*role("--bucket", BUCKET))
        assert (code, text) == (2, "")
        assert "the role jobs may use a bucket that could not be found out, and would" in said
        code, text, said = run(*role("--bucket", BUCKET, "--yes"))
    assert (code, text.strip()) == (0, ARN), said
    assert f"note: s3://{BUCKET} may not be looked into by you" in said
    assert bucket_of(Account(), "jobs") == BUCKET


@pytest.mark.usefixtures("emulated")
def test_a_role_for_a_bucket_that_is_not_there_is_not_made(run: Run) -> None:
    code, text, said = run(*role("--bucket", "lapel-nowhere"))
    assert (code, text) == (2, "")
    assert "there is no bucket s3://lapel-nowhere; name one of yours" in said
    assert what_is_there() == {}


@pytest.mark.usefixtures("emulated")
def test_a_role_of_others_is_left_alone(run: Run) -> None:
    iam = client("iam")
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


@pytest.mark.usefixtures("unreachable")
def test_the_region_of_the_environment_says_whose_arns_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "cn-north-1")
    account = Account(dry_run=True, show=lambda _: None)
    make_role(account, "jobs", BUCKET)
    (put,) = [call for call in account.calls if call.operation == "PutRolePolicy"]
    assert f"arn:aws-cn:s3:::{BUCKET}" in put.request["PolicyDocument"]
