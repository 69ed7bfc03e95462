"""An account: calls are checked before they are sent, kept, shown, and refused in words."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lapel.cloud.aws import Account, Call, RefusedError
from lapel.schema.errors import UsageError

Run = Callable[..., tuple[int, str, str]]


@pytest.mark.usefixtures("emulated")
def test_a_call_that_aws_would_not_take_is_not_sent() -> None:
    account = Account()
    with pytest.raises(UsageError, match="ec2 has no operation 'RunInstance'"):
        account.do("ec2", "RunInstance", {})
    with pytest.raises(UsageError, match="ec2 RunInstances would be refused"):
        account.do("ec2", "RunInstances", {}, MinCount="one", MaxCount=1)
    assert account.calls == []


@pytest.mark.usefixtures("unreachable")
def test_a_dry_run_needs_no_account_and_shows_what_changes_something() -> None:
    shown: list[Call] = []
    account = Account(region="eu-west-1", dry_run=True, show=shown.append)
    assert account.ask("iam", "ListRoles", {"Roles": [1]}) == {"Roles": [1]}
    assert account.do("iam", "DeleteRole", {}, RoleName="old") == {}
    assert [call.operation for call in account.calls] == ["ListRoles", "DeleteRole"]
    assert [call.operation for call in shown] == ["DeleteRole"]
    assert str(shown[0]) == 'iam DeleteRole {\n  "RoleName": "old"\n}'


@pytest.mark.usefixtures("emulated")
def test_answers_in_pages_are_read_to_their_end() -> None:
    account = Account()
    for number in range(3):
        account.do("iam", "CreateInstanceProfile", {}, InstanceProfileName=f"p{number}", Path="/x/")
    pages = account.every("iam", "ListInstanceProfiles", {}, PathPrefix="/x/")
    names = [one["InstanceProfileName"] for page in pages for one in page["InstanceProfiles"]]
    assert sorted(names) == ["p0", "p1", "p2"]
    filters = [{"Name": "architecture", "Values": ["x86_64"]}]
    answers = list(account.every("ec2", "DescribeImages", {}, Filters=filters, MaxResults=10))
    assert sum(len(one["Images"]) for one in answers) > 10 or len(answers) == 1


@pytest.mark.usefixtures("emulated")
def test_a_refusal_keeps_awss_word_and_says_what_was_asked() -> None:
    with pytest.raises(RefusedError, match=r"AWS refused iam GetRole \(NoSuchEntity\)") as caught:
        Account().ask("iam", "GetRole", {}, RoleName="nobody")
    assert caught.value.code == "NoSuchEntity"


@pytest.mark.usefixtures("emulated")
def test_another_region_is_the_same_account() -> None:
    account = Account()
    assert account.where() == "eu-central-1"
    other = account.elsewhere("us-east-1")
    other.ask("ec2", "DescribeRegions", {})
    assert other.where() == "us-east-1"
    assert account.calls == other.calls


@pytest.mark.usefixtures("unreachable")
def test_what_is_missing_is_named(run: Run) -> None:
    code, _, said = run("cloud", "ec2", "list")
    assert code == 1
    assert "no region is set; give --region, or set AWS_DEFAULT_REGION" in said
    code, _, said = run("cloud", "ec2", "list", "--region", "eu-west-1")
    assert code == 1
    assert "no AWS credentials were found; run `aws configure`" in said
    code, _, said = run("cloud", "ec2", "list", "--region", "eu-west-1", "--profile", "none")
    assert code == 1
    assert "none" in said
