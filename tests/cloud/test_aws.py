"""An account: calls are checked before they are sent, kept, shown, and refused in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

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


def test_texts_of_several_lines_are_shown_as_such_and_what_is_packed_by_its_length() -> None:
    text = f"#cloud-config\n  content: {'a' * 1234}\n"
    call = Call(service="ec2", operation="RunInstances", request={"UserData": text}, changes=True)
    assert str(call).splitlines() == [
        "ec2 RunInstances {",
        '  "UserData": "(2 lines, below)"',
        "}",
        "UserData:",
        "  #cloud-config",
        f"    content: {'a' * 40}... (1,234 characters)",
    ]


@pytest.mark.usefixtures("emulated")
def test_answers_in_pages_are_read_to_their_end() -> None:
    account, bucket = Account(), "lapel-pages"
    where = {"LocationConstraint": "eu-central-1"}
    account.do("s3", "CreateBucket", {}, Bucket=bucket, CreateBucketConfiguration=where)
    for key in "abc":
        account.do("s3", "PutObject", {}, Bucket=bucket, Key=key)
    answers = account.every("s3", "ListObjectsV2", {}, Bucket=bucket, MaxKeys=1)
    assert [[one["Key"] for one in page["Contents"]] for page in answers] == [["a"], ["b"], ["c"]]


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
def test_a_server_that_a_profile_names_calls_its_regions_as_it_likes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    own = "[profile own]\nregion = garage\nendpoint_url = http://127.0.0.1:9\n"
    (tmp_path / "config").write_text(f"{own}[profile aws]\nregion = eu-west-1\n", "utf-8")
    assert Account(profile="own").where() == "garage"
    assert Account(profile="own", region="nyc3").where() == "nyc3"
    with pytest.raises(UsageError, match="'nyc3' is no region of AWS"):
        Account(profile="aws", region="nyc3").where()


@pytest.mark.usefixtures("unreachable")
def test_what_is_missing_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    code, _, said = run("cloud", "ec2", "list")
    assert code == 1
    assert "no region is set; give --region, or set AWS_DEFAULT_REGION" in said
    code, _, said = run("cloud", "ec2", "list", "--region", "eu-west-1")
    assert code == 1
    assert "no AWS credentials were found; run `aws configure`" in said
    code, _, said = run("cloud", "ec2", "list", "--region", "eu-west-1", "--profile", "none")
    assert code == 1
    assert "~/.aws holds no profile 'none'; `aws configure list-profiles` shows yours" in said
    code, _, said = run("cloud", "s3", "list", "s3://bucket", "--profile", "none")
    assert (code, "~/.aws holds no profile 'none'" in said) == (1, True)
    code, _, said = run("cloud", "s3", "list", "--region", "eu west")
    assert (code, "s3: 'eu west' is no region; expected one like" in said) == (1, True)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "half")
    code, _, said = run("cloud", "ec2", "list", "--region", "eu-west-1")
    assert (code, "was found (env): AWS_SECRET_ACCESS_KEY is missing; set it" in said) == (1, True)


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
@pytest.mark.usefixtures("unreachable")
def test_buckets_of_another_server_are_paths_and_not_names_of_hosts(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for one in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(one, raising=False)
    monkeypatch.setenv(name, "http://127.0.0.1:9")
    client = Account(region="eu-west-1").client("s3")
    assert client.meta.config.s3 == {"addressing_style": "path"}
