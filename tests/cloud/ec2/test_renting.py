"""A rented machine, from the command that makes it to the empty account after it."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from lapel.cloud.aws import Account, Call
from lapel.cloud.ec2.listing import regions

Run = Callable[..., tuple[int, str, str]]
Belongings = Callable[[], dict[str, list[str]]]

UP = ("cloud", "ec2", "up", "trainer", "--kind", "g6.xlarge", "--from", "203.0.113.7/32", "--yes")


def the_machine() -> dict[str, Any]:
    (reservation,) = boto3.client("ec2").describe_instances(
        Filters=[{"Name": "instance-state-name", "Values": ["running"]}]
    )["Reservations"]
    (machine,) = reservation["Instances"]
    return dict(machine)


def asked_of(machine: str, attribute: str) -> Any:
    answer = boto3.client("ec2").describe_instance_attribute(
        InstanceId=machine, Attribute=attribute
    )
    return answer[attribute[0].upper() + attribute[1:]]["Value"]


def first_start(machine: str) -> str:
    return base64.b64decode(asked_of(machine, "userData")).decode()


@pytest.mark.usefixtures("deep_learning_image")
def test_a_machine_is_rented_listed_priced_and_taken_down(run: Run, belongings: Belongings) -> None:
    code, out, said = run(*UP, "--bucket", "my-lapel-bucket", "--hours", "4")
    assert code == 0, said
    assert "1.01 USD an hour (as known in 2025, check at aws.amazon.com/ec2/pricing)" in said
    assert "up to 4 hours: 4.02 USD" in said, "the cost is said before"
    assert "it ends itself after 4 hours, or 30 minutes without work" in said
    assert out.startswith("trainer runs: i-")

    code, out, _ = run("cloud", "ec2", "list")
    assert code == 0
    header, row = out.splitlines()
    assert header.split()[:4] == ["name", "region", "state", "kind"]
    assert row.split()[:4] == ["trainer", "eu-central-1", "running", "g6.xlarge"]

    code, out, _ = run("cloud", "ec2", "cost", "trainer", "--price", "2")
    assert code == 0
    assert "2.00 USD an hour (as given by --price)" in out
    assert "at most 8.00 USD" in out

    assert set(belongings()) >= {"machines", "groups", "keys", "volumes", "roles", "profiles"}
    code, out, _ = run("cloud", "ec2", "down", "trainer")
    assert code == 0
    assert out.startswith("trainer in eu-central-1 is taken down; it was up for 0.0 hours")
    assert belongings() == {}
    code, _, said = run("cloud", "ec2", "down", "trainer")
    assert code == 0, "taken down twice is taken down"
    assert "nothing is there under the name trainer" in said


@pytest.mark.usefixtures("deep_learning_image")
def test_the_machine_ends_itself_and_lets_in_its_renter_alone(run: Run) -> None:
    assert run(*UP, "--hours", "4", "--disk", "80")[0] == 0
    machine = the_machine()
    tags = {tag["Key"]: tag["Value"] for tag in machine["Tags"]}
    assert tags["lapel"] == "ec2/trainer"
    until = datetime.fromisoformat(tags["lapel:until"])
    assert timedelta(hours=3.9) < until - datetime.now(UTC) <= timedelta(hours=4)
    assert asked_of(machine["InstanceId"], "instanceInitiatedShutdownBehavior") == "terminate"
    assert machine["MetadataOptions"]["HttpTokens"] == "required"
    assert machine["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
    assert "IamInstanceProfile" not in machine, "without a bucket it may call nothing of AWS"
    (volume,) = boto3.client("ec2").describe_volumes()["Volumes"]
    assert (volume["Encrypted"], volume["VolumeType"], volume["Size"]) == (True, "gp3", 80)
    (group,) = boto3.client("ec2").describe_security_groups(
        GroupIds=[machine["NetworkInterfaces"][0]["Groups"][0]["GroupId"]]
    )["SecurityGroups"]
    (rule,) = group["IpPermissions"]
    assert (rule["FromPort"], rule["ToPort"], rule["IpProtocol"]) == (22, 22, "tcp")
    assert [one["CidrIp"] for one in rule["IpRanges"]] == ["203.0.113.7/32"]
    assert not rule.get("Ipv6Ranges")


@pytest.mark.usefixtures("deep_learning_image")
def test_the_machine_is_known_by_a_key_made_here(run: Run, tmp_path: Path) -> None:
    assert run(*UP)[0] == 0
    keys = yaml.safe_load(first_start(the_machine()["InstanceId"]))["ssh_keys"]
    folder = tmp_path / "state" / "ec2" / "eu-central-1" / "trainer"
    host = tmp_path / "host"
    host.write_text(keys["ed25519_private"], encoding="utf-8")
    host.chmod(0o600)
    public = subprocess.check_output(["ssh-keygen", "-y", "-f", host], text=True).split()[:2]
    assert keys["ed25519_public"].split()[:2] == public
    alias, *known = (folder / "known_hosts").read_text(encoding="utf-8").split()[:3]
    assert (alias, known) == ("trainer.eu-central-1.lapel", public)
    identity = folder / "id_ed25519"
    assert identity.stat().st_mode & 0o777 == 0o600
    assert run("cloud", "ec2", "down", "trainer")[0] == 0
    assert not folder.exists(), "its keys are thrown away with it"


@pytest.mark.usefixtures("deep_learning_image")
def test_a_machine_with_a_bucket_may_use_that_bucket_alone(run: Run) -> None:
    assert run(*UP, "--bucket", "s3://my-lapel-bucket/")[0] == 0
    iam = boto3.client("iam")
    profile = the_machine()["IamInstanceProfile"]["Arn"].rsplit("/", 1)[1]
    (role,) = iam.get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]["Roles"]
    (trusted,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trusted["Principal"] == {"Service": "ec2.amazonaws.com"}
    (name,) = iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]
    rights = iam.get_role_policy(RoleName=role["RoleName"], PolicyName=name)["PolicyDocument"]
    reached = {statement["Resource"] for statement in rights["Statement"]}
    assert reached == {"arn:aws:s3:::my-lapel-bucket", "arn:aws:s3:::my-lapel-bucket/*"}
    acted = json.dumps([statement["Action"] for statement in rights["Statement"]])
    assert "*" not in acted


@pytest.mark.usefixtures("deep_learning_image")
def test_spare_capacity_ends_when_it_is_taken_back(run: Run, belongings: Belongings) -> None:
    code, _, said = run(*UP, "--spot")
    assert code == 0, said
    assert ", spot, in eu-central-1" in said
    assert the_machine()["InstanceLifecycle"] == "spot"
    # Taken back by AWS: the machine is gone, what was made for it is not, and costs nothing.
    boto3.client("ec2").terminate_instances(InstanceIds=[the_machine()["InstanceId"]])
    _, out, _ = run("cloud", "ec2", "list")
    assert "ended; left: security group" in out
    code, _, said = run(*UP, "--spot")
    assert code == 0, said
    assert "removed what an ended machine trainer had left" in said
    assert run("cloud", "ec2", "down", "--all")[0] == 0
    assert belongings() == {}


@pytest.mark.usefixtures("unreachable")
def test_a_dry_run_shows_every_call_and_needs_no_account(run: Run) -> None:
    code, out, said = run(
        *UP[:-1], "--bucket", "my-lapel-bucket", "--spot", "--region", "us-east-1", "--dry-run"
    )
    assert code == 0, said
    calls = [line.split()[1] for line in out.splitlines() if line.startswith(("ec2 ", "iam "))]
    assert calls == [
        "CreateSecurityGroup",
        "AuthorizeSecurityGroupIngress",
        "CreateRole",
        "PutRolePolicy",
        "CreateInstanceProfile",
        "AddRoleToInstanceProfile",
        "ImportKeyPair",
        "RunInstances",
    ]
    assert '"HttpTokens": "required"' in out
    assert "0.8048 USD an hour (on demand, which spot does not exceed; as known in 2025" in said
    assert "PRIVATE KEY" not in out
    assert "nothing was sent; it would also ask ec2 DescribeInstanceTypes, ssm GetParameter" in said
    code, out, _ = run("cloud", "ec2", "down", "trainer", "--region", "us-east-1", "--dry-run")
    assert code == 0
    assert "ec2 TerminateInstances" in out
    assert "iam DeleteRole " in out


@pytest.mark.usefixtures("deep_learning_image")
def test_down_works_from_another_computer_and_leaves_strangers_alone(
    run: Run, belongings: Belongings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ec2 = boto3.client("ec2")
    image = ec2.describe_images()["Images"][0]["ImageId"]
    stranger = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, InstanceType="t3.micro")
    ec2.create_key_pair(KeyName="lapel-trainer-2")
    assert run(*UP)[0] == 0
    monkeypatch.setenv("LAPEL_STATE", str(tmp_path / "another computer"))
    assert run("cloud", "ec2", "down", "--all")[0] == 0
    left = belongings()
    assert left["machines"] == [stranger["Instances"][0]["InstanceId"]]
    assert left["keys"] == ["lapel-trainer-2"]
    assert "roles" not in left


@pytest.mark.usefixtures("deep_learning_image")
def test_machines_of_every_region_are_found(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    image = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
    assert run(*UP)[0] == 0
    assert run(*UP, "--region", "us-east-1", "--image", image, "--user", "ec2-user")[0] == 0
    known = regions(Account())
    assert {"eu-central-1", "us-east-1"} < set(known)
    # Of moto's regions, so many as show the point.
    near = ["eu-central-1", "eu-west-1", "us-east-1"]
    monkeypatch.setattr("lapel.cloud.ec2.listing.regions", lambda _: near)
    code, out, _ = run("cloud", "ec2", "list", "--all-regions")
    assert code == 0
    assert [row.split()[1] for row in out.splitlines()[1:]] == ["eu-central-1", "us-east-1"]
    code, out, _ = run("cloud", "ec2", "cost", "--all-regions")
    assert code == 0
    assert "g6.xlarge in us-east-1, running" in out
    assert run("cloud", "ec2", "down", "--all", "--all-regions")[0] == 0
    _, _, said = run("cloud", "ec2", "list", "--all-regions")
    assert "nothing is rented in any region" in said


@pytest.mark.usefixtures("deep_learning_image")
def test_a_name_that_is_in_use_is_refused_and_its_machine_stays(
    run: Run, belongings: Belongings
) -> None:
    assert run(*UP)[0] == 0
    before = belongings()
    code, _, said = run(*UP)
    assert code == 2
    assert "there is a machine trainer in eu-central-1 (i-" in said
    assert belongings() == before


@pytest.mark.usefixtures("deep_learning_image")
def test_nothing_is_rented_unless_someone_agrees(run: Run, belongings: Belongings) -> None:
    code, _, said = run(*UP[:-1])
    assert code == 2
    assert "nobody is there to be asked; agree by --yes" in said
    assert belongings() == {}


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("typed", "code"), [("n\n", 1), ("y\n", 0)])
@pytest.mark.usefixtures("deep_learning_image")
def test_who_is_asked_decides(
    run: Run, belongings: Belongings, monkeypatch: pytest.MonkeyPatch, typed: str, code: int
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    ended, _, said = run(*UP[:-1])
    assert ended == code
    assert ("nothing was started" in said) == (code == 1)
    assert bool(belongings()) == (code == 0)


@pytest.mark.usefixtures("deep_learning_image")
def test_another_address_is_let_in_instead(run: Run) -> None:
    assert run(*UP)[0] == 0
    code, out, said = run("cloud", "ec2", "open", "trainer", "--from", "2001:db8::7")
    assert code == 0, said
    assert out == "trainer is open to 2001:db8::7/128 alone\n"
    (group,) = boto3.client("ec2").describe_security_groups(GroupNames=["lapel-trainer"])[
        "SecurityGroups"
    ]
    (rule,) = group["IpPermissions"]
    assert not rule.get("IpRanges")
    assert [one["CidrIpv6"] for one in rule["Ipv6Ranges"]] == ["2001:db8::7/128"]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--kind", "g6.enormous"), "AWS has no g6.enormous"),
        (("--kind", "c7g.xlarge"), "c7g.xlarge runs arm64, the image"),
        (("--image", "/aws/service/none"), "AWS names no image by /aws/service/none"),
        (("--image", "ami-0123456789abcdef0"), "there is no image ami-0123456789abcdef0"),
        (("--from", "0.0.0.0/0"), "would open SSH to strangers"),
        (("--from", "::/0"), "would open SSH to strangers"),
        (("--from", "home"), "'home' is no network"),
        (("--disk", "1"), "--disk 1: the image needs"),
        (("--hours", "0"), "--hours 0: expected more than 0"),
        (("--hours", "1000"), "at most 168"),
        (("--idle", "soon"), "'soon' is no time"),
        (("--bucket", "My_Bucket"), "is no name of a bucket"),
        (("--public-key", "/nowhere.pub"), "/nowhere.pub could not be read"),
        (("--subnet", "subnet-0123456789abcdef0"), "subnet-0123456789abcdef0"),
    ],
)
@pytest.mark.usefixtures("deep_learning_image")
def test_what_would_be_refused_or_unsafe_is_refused_before_anything_is_made(
    run: Run, belongings: Belongings, words: tuple[str, ...], complaint: str
) -> None:
    code, _, said = run(*UP, *words)
    assert code in {1, 2}
    assert complaint in said
    assert belongings() == {}


@pytest.mark.usefixtures("deep_learning_image")
def test_a_key_of_the_users_own_signs_in(run: Run, tmp_path: Path) -> None:
    own = tmp_path / "own"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", own], check=True)
    assert run(*UP, "--public-key", own.with_suffix(".pub"))[0] == 0
    (key,) = boto3.client("ec2").describe_key_pairs(IncludePublicKey=True)["KeyPairs"]
    assert key["PublicKey"].split()[1] == own.with_suffix(".pub").read_text().split()[1]
    assert not (tmp_path / "state/ec2/eu-central-1/trainer/id_ed25519").exists()


@pytest.mark.usefixtures("deep_learning_image")
def test_a_launch_that_is_ended_from_outside_leaves_nothing(
    run: Run, belongings: Belongings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end_while_starting(call: Call) -> None:
        if call.operation == "RunInstances":
            os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("lapel.cli.cloud_options._name_call", end_while_starting)
    code, _, said = run(*UP, "--bucket", "my-lapel-bucket")
    assert code != 0
    assert "it did not come about; removing what was made for it" in said
    assert belongings() == {}
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.usefixtures("unreachable")
def test_a_machine_can_be_written_down_for_skypilot(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "task.yaml"
    words = ("--region", "eu-west-1", "--spot", "--emit", "skypilot", file)
    code, out, said = run(*UP, *words)
    assert code == 0, said
    assert out == f"wrote {file}\n"
    resources = yaml.safe_load(file.read_text(encoding="utf-8"))["resources"]
    assert resources["instance_type"] == "g6.xlarge"
    assert resources["use_spot"] is True
    code, _, said = run(*UP, "--region", "eu-west-1", "--emit", "terraform", file)
    assert code == 2
    assert "--emit terraform is not known" in said
