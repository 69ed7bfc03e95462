"""The rights that the documentation asks for are enough, valid, and those that are written out."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from botocore import xform_name
from rights_needed import missing

from lapel.cloud.aws import Call, service_model
from lapel.cloud.permissions import groups, policy
from lapel.schema.errors import UsageError

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "aws-rights.md"
WRITTEN = re.compile(r"<!-- policy: ([\w-]+) -->\n```json\n(.*?)```", re.DOTALL)
Run = Callable[..., tuple[int, str, str]]

#: Where the calls of each group of commands are made.
PLACES = {
    "ec2": ["src/lapel/cloud/ec2"],
    "s3-make-bucket": ["src/lapel/cloud/buckets.py", "src/lapel/cli/cloud/s3/buckets.py"],
    "sagemaker": ["src/lapel/cloud/sagemaker"],
    "sagemaker-endpoints": ["src/lapel/cloud/sagemaker/hosting"],
}
#: Folders in the place of one group that are another's.
OTHERS = {"sagemaker": "hosting"}
ASKING = {"ask", "do", "every"}

#: A managed policy may have so many characters, spaces apart:
#: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MOST_CHARACTERS = 6144


def written_calls(path: Path) -> Iterator[Call]:
    """Calls of an account whose service and operation stand in the code as words."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        words = [arg.value for arg in node.args if isinstance(arg, ast.Constant)][:2]
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if name in ASKING and len(words) == 2 and all(isinstance(word, str) for word in words):
            keys = {keyword.arg: "" for keyword in node.keywords if keyword.arg}
            yield Call(
                service=str(words[0]), operation=str(words[1]), request=keys, changes=name == "do"
            )


@pytest.mark.parametrize("group", PLACES)
def test_every_call_in_the_code_is_within_the_rights_of_its_group(group: str) -> None:
    files = [
        file
        for place in PLACES[group]
        for file in ([ROOT / place] if place.endswith(".py") else (ROOT / place).rglob("*.py"))
        if OTHERS.get(group) not in file.parts
    ]
    calls = [call for file in files for call in written_calls(file)]
    assert calls, f"no calls were found for {group}"
    # A bucket is made by those who use one, too.
    allowed = missing(group, calls)
    if group == "s3-make-bucket":
        allowed &= missing("s3", calls)
    assert allowed == set()


def test_every_request_of_the_transfers_is_within_the_rights_of_s3() -> None:
    """They go through boto3's client itself, method by method."""
    methods = {xform_name(name): name for name in service_model("s3").operation_names}
    words = {
        node.attr if isinstance(node, ast.Attribute) else node.value
        for file in (ROOT / "src/lapel/storage/s3").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute | ast.Constant)
    }
    words -= {"list_objects"}  # S3's first way to list, not used; a function of ours is called so
    asked = [methods[word] for word in words if isinstance(word, str) and word in methods]
    assert {"PutObject", "GetObject", "UploadPart", "ListObjectsV2"} <= set(asked)
    calls = [Call(service="s3", operation=one, request={}, changes=True) for one in asked]
    assert missing("s3", calls) == set()


@pytest.mark.parametrize("group", groups())
def test_the_page_shows_each_policy_as_it_is(group: str) -> None:
    written = dict(WRITTEN.findall(PAGE.read_text(encoding="utf-8")))
    assert json.loads(written[group]) == policy(group, bucket="my-lapel-bucket")


@pytest.mark.usefixtures("emulated")
def test_iam_takes_each_policy(run: Run) -> None:
    iam = boto3.client("iam")
    for group in groups():
        code, text, said = run("cloud", "policy", group, "--bucket", "my-lapel-bucket")
        assert code == 0, said
        made = iam.create_policy(PolicyName=group, PolicyDocument=text)
        assert made["Policy"]["PolicyName"] == group
        compact = re.sub(r"\s", "", text)
        assert len(compact) <= MOST_CHARACTERS, "IAM takes no longer policy"


def test_the_help_of_policy_names_every_group(run: Run) -> None:
    _, text, _ = run("cloud", "policy", "--help")
    words = set(re.findall(r"[\w-]+", text))
    assert set(groups()) <= words


@pytest.mark.parametrize("bucket", ["*", "name/", "name/runs", "s3://name/runs", "s3://*", "Name"])
def test_a_policy_names_one_bucket_and_nothing_wider(bucket: str, run: Run) -> None:
    for command in (("cloud", "policy", "s3"), ("cloud", "sagemaker", "role", "--dry-run")):
        code, text, said = run(*command, "--bucket", bucket)
        assert (code, text) == (2, ""), said
        assert "no name of a bucket" in said


def test_a_bucket_may_be_named_by_its_address(run: Run) -> None:
    _, text, said = run("cloud", "policy", "s3", "--bucket", "s3://name")
    assert "arn:aws:s3:::name/*" in text, said


def test_who_makes_images_may_push_them_and_take_them_down() -> None:
    # As of "Required IAM permissions for pushing an image", Amazon ECR user guide.
    needed = {
        "BatchCheckLayerAvailability", "BatchGetImage", "CompleteLayerUpload", "CreateRepository",
        "DeleteRepository", "GetAuthorizationToken", "InitiateLayerUpload", "PutImage",
        "UploadLayerPart",
    }  # fmt: skip
    calls = [Call(service="ecr", operation=one, request={}, changes=True) for one in needed]
    assert missing("sagemaker-images", calls) == set()


def test_scaling_may_be_tried_without_naming_anything_of_ours() -> None:
    # As of "Permissions validation", Application Auto Scaling user guide, and "Auto scaling
    # prerequisites", SageMaker developer guide.
    tried = {
        "cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:PutMetricAlarm",
        "sagemaker:DescribeEndpoint", "sagemaker:DescribeEndpointConfig",
        "sagemaker:UpdateEndpointWeightsAndCapacities",
    }  # fmt: skip
    anywhere = {
        action
        for statement in policy("sagemaker-endpoints", bucket="mine")["Statement"]
        if statement["Resource"] == "*" and "Condition" not in statement
        for action in statement["Action"]
    }
    assert tried <= anywhere


def test_a_policy_grants_nothing_by_star() -> None:
    for group in groups():
        for statement in policy(group, bucket="b" * 3)["Statement"]:
            actions = statement["Action"]
            for action in [actions] if isinstance(actions, str) else actions:
                assert action != "*"
                assert not action.endswith(":*")


def test_a_call_outside_the_rights_is_noticed() -> None:
    call = Call(service="ec2", operation="CreateVpc", request={}, changes=True)
    assert missing("ec2", [call]) == {"ec2:CreateVpc"}
    handed = Call(service="s3", operation="HeadObject", request={}, changes=False)
    assert missing("s3", [handed]) == set()


def test_other_parts_of_aws_have_other_names() -> None:
    text = json.dumps(policy("s3", bucket="mine", partition="aws-cn"))
    assert "arn:aws-cn:s3:::mine" in text
    assert "$" not in text


def test_a_group_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="'azure' is no group; expected one of s3"):
        policy("azure", bucket="mine")
