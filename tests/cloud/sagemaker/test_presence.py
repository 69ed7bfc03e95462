"""What a job or an endpoint is to use is looked for, and what is not there is named."""

from __future__ import annotations

import json

import pytest
from emulated_account import ACCOUNT, client
from moto.core.exceptions import AccessDeniedError
from moto.iam.models import IAMBackend
from rights_needed import missing

from lapel.cloud.aws import Account
from lapel.cloud.sagemaker.presence import keys_below, refuse_absent_bucket, refuse_absent_role
from lapel.schema.errors import UsageError

BUCKET = "lapel-presence-tests"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/lapel/learns"


@pytest.fixture
def account(emulated: str) -> Account:
    """An account with a bucket and a role."""
    assert emulated
    place = {"LocationConstraint": "eu-central-1"}
    client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    client("iam").create_role(RoleName="learns", Path="/lapel/", AssumeRolePolicyDocument=trust)
    return Account()


def test_a_bucket_of_another_region_is_refused(account: Account) -> None:
    with pytest.raises(UsageError, match=f"{BUCKET} lies in eu-central-1; SageMaker in eu-west-1"):
        refuse_absent_bucket(account.elsewhere("eu-west-1"), BUCKET)


def test_a_role_that_is_not_there_is_named_with_what_makes_it(account: Account) -> None:
    refuse_absent_role(account, ROLE)
    with pytest.raises(UsageError, match=r"there is no role works in this account .* --bucket"):
        refuse_absent_role(account, f"arn:aws:iam::{ACCOUNT}:role/lapel/works")
    with pytest.raises(UsageError, match=f"found the role {ROLE}, expected"):
        refuse_absent_role(account, f"arn:aws:iam::{ACCOUNT}:role/learns")
    assert missing("sagemaker-endpoints", account.calls) == set()
    assert missing("sagemaker", account.calls) == set()


def test_who_may_not_look_at_roles_goes_on(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object) -> None:
        raise AccessDeniedError(f"arn:aws:iam::{ACCOUNT}:user/somebody", "iam:GetRole")

    monkeypatch.setattr(IAMBackend, "get_role", denied)
    refuse_absent_role(account, f"arn:aws:iam::{ACCOUNT}:role/lapel/works")


def test_marks_of_folders_are_nothing(account: Account) -> None:
    for key in ("new/", "new/a.png", "new-too/b.png"):
        client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"1")
    assert keys_below(account, f"s3://{BUCKET}/new") == ["new/a.png"]
    assert missing("sagemaker", account.calls) == set()


@pytest.mark.usefixtures("unreachable")
def test_a_dry_run_looks_at_nothing() -> None:
    account = Account(dry_run=True)
    refuse_absent_bucket(account, "lapel-nowhere")
    refuse_absent_role(account, ROLE)
    assert [call.operation for call in account.calls] == ["HeadBucket", "GetRole"]
