"""What a rented machine is like: one is rented, and every test here looks at it."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from emulated_account import client, what_is_rented

from lapel.cloud.aws import Account
from lapel.cloud.ec2.inventory import inventory
from lapel.cloud.ec2.launch import launch
from lapel.cloud.ec2.machines import Machine
from lapel.cloud.ec2.offer import Offer
from lapel.cloud.ec2.teardown import take_down
from lapel.schema.errors import CloudError

Run = Callable[..., tuple[int, str, str]]

REGION = "eu-central-1"


@pytest.fixture(scope="module")
def rented(offer: Offer) -> Iterator[Machine]:
    machine = launch(Account(), offer)
    assert machine is not None
    yield machine
    take_down(Account(), REGION, "trainer")
    assert what_is_rented() == {}


@pytest.fixture
def seen(rented: Machine) -> dict[str, Any]:
    """The machine, as EC2 tells of it."""
    (reservation,) = client("ec2").describe_instances(InstanceIds=[rented.instance])["Reservations"]
    (machine,) = reservation["Instances"]
    return dict(machine)


def asked_of(machine: Machine, attribute: str) -> Any:
    answer = client("ec2").describe_instance_attribute(
        InstanceId=machine.instance, Attribute=attribute
    )
    return answer[attribute[0].upper() + attribute[1:]]["Value"]


def tags_of(thing: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in thing["Tags"]}


def the_group() -> dict[str, Any]:
    (group,) = client("ec2").describe_security_groups(GroupNames=["lapel-trainer"])[
        "SecurityGroups"
    ]
    return dict(group)


def test_it_ends_itself_and_lets_in_its_renter_alone(rented: Machine, seen: dict[str, Any]) -> None:
    tags = tags_of(seen)
    assert tags["lapel"] == "ec2/trainer"
    until = datetime.fromisoformat(tags["lapel:until"])
    assert timedelta(hours=7.9) < until - datetime.now(UTC) <= timedelta(hours=8)
    assert asked_of(rented, "instanceInitiatedShutdownBehavior") == "terminate"
    assert seen["MetadataOptions"]["HttpTokens"] == "required"
    assert seen["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
    assert seen["InstanceLifecycle"] == "spot"
    (volume,) = client("ec2").describe_volumes()["Volumes"]
    assert (volume["Encrypted"], volume["VolumeType"], volume["Size"]) == (True, "gp3", 100)
    group = the_group()
    assert seen["NetworkInterfaces"][0]["Groups"][0]["GroupId"] == group["GroupId"]
    (rule,) = group["IpPermissions"]
    assert (rule["FromPort"], rule["ToPort"], rule["IpProtocol"]) == (22, 22, "tcp")
    assert [one["CidrIp"] for one in rule["IpRanges"]] == ["203.0.113.7/32"]
    assert not rule.get("Ipv6Ranges")


def test_it_is_known_by_a_key_made_here(rented: Machine, tmp_path: Path) -> None:
    script = base64.b64decode(asked_of(rented, "userData")).decode()
    keys = yaml.safe_load(script)["ssh_keys"]
    host = tmp_path / "host"
    host.write_text(keys["ed25519_private"], encoding="utf-8")
    host.chmod(0o600)
    public = subprocess.check_output(["ssh-keygen", "-y", "-f", host], text=True).split()[:2]
    assert keys["ed25519_public"].split()[:2] == public
    alias, *known = rented.folder.known_hosts.read_text(encoding="utf-8").split()[:3]
    assert (alias, known) == ("trainer.eu-central-1.lapel", public)
    assert rented.folder.identity.stat().st_mode & 0o777 == 0o600


def test_it_may_use_its_bucket_alone(seen: dict[str, Any]) -> None:
    iam = client("iam")
    profile = seen["IamInstanceProfile"]["Arn"].rsplit("/", 1)[1]
    (role,) = iam.get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]["Roles"]
    (trusted,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trusted["Principal"] == {"Service": "ec2.amazonaws.com"}
    (name,) = iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]
    rights = iam.get_role_policy(RoleName=role["RoleName"], PolicyName=name)["PolicyDocument"]
    reached = {statement["Resource"] for statement in rights["Statement"]}
    assert reached == {"arn:aws:s3:::my-lapel-bucket", "arn:aws:s3:::my-lapel-bucket/*"}
    acted = json.dumps([statement["Action"] for statement in rights["Statement"]])
    assert "*" not in acted


def test_all_that_a_launch_makes_carries_its_token(rented: Machine, seen: dict[str, Any]) -> None:
    (key,) = client("ec2").describe_key_pairs()["KeyPairs"]
    (volume,) = client("ec2").describe_volumes()["Volumes"]
    for thing in (seen, the_group(), key, volume):
        assert tags_of(thing)["lapel:launch"] == rented.launch
    (role,) = client("iam").list_roles()["Roles"]
    assert role["RoleName"].endswith(f"trainer_{rented.launch}")
    assert rented.folder.launch == rented.launch


def test_nothing_of_another_launch_is_taken_down(rented: Machine) -> None:
    before = what_is_rented()
    assert inventory(Account(), REGION, "trainer", {"ffffff"}) == {}
    take_down(Account(), REGION, "trainer", launches={"ffffff"})
    assert what_is_rented() == before
    assert rented.folder.identity.is_file()
    assert list(inventory(Account(), REGION, "trainer", {rented.launch})) == ["trainer"]


def test_its_cost_counts_disk_and_address(rented: Machine, run: Run) -> None:
    assert rented.disk == 100
    code, out, said = run("cloud", "ec2", "cost", "trainer", "--price", "2")
    assert code == 0, said
    assert "2.00 USD an hour (as given by --price)" in out
    assert "its disk of 100 GB: 0.01304 USD an hour" in out
    assert "its public address: 0.005 USD an hour" in out
    assert "so far " in out
    assert "about 16.14 USD: it ends itself by" in out


def test_it_is_listed(rented: Machine, run: Run) -> None:
    code, out, _ = run("cloud", "ec2", "list")
    assert code == 0
    header, row = out.splitlines()
    assert header.split()[:4] == ["name", "region", "state", "kind"]
    assert row.split()[:5] == ["trainer", REGION, "running", "g6.xlarge", "spot"]
    assert row.split()[-1] == rented.address


def test_its_name_is_in_use_which_is_said_before_a_price(rented: Machine, run: Run) -> None:
    words = ("--kind", "g6.xlarge", "--from", "203.0.113.7/32", "--yes")
    code, _, said = run("cloud", "ec2", "up", "trainer", *words)
    assert code == 2
    assert f"there is a machine trainer in {REGION} ({rented.instance}, running)" in said
    assert "USD" not in said
    assert what_is_rented()["machines"] == [rented.instance]


def test_of_all_machines_none_ends_unless_somebody_agrees(
    rented: Machine, run: Run, typed: Callable[[str], None]
) -> None:
    code, _, said = run("cloud", "ec2", "down", "--all")
    assert code == 2
    assert "--all ends all of these and nobody is there to be asked; agree by --yes" in said
    assert f"trainer in {REGION}: {rented.instance}, g6.xlarge, running" in said
    typed("n\n")
    code, _, said = run("cloud", "ec2", "down", "--all")
    assert code == 1
    assert "nothing was ended" in said
    assert what_is_rented()["machines"] == [rented.instance]


@pytest.mark.usefixtures("rented")
def test_another_address_is_let_in_instead(run: Run) -> None:
    code, out, said = run("cloud", "ec2", "open", "trainer", "--from", "198.51.100.7")
    assert code == 0, said
    assert out == "trainer is open to 198.51.100.7/32 alone\n"
    (rule,) = the_group()["IpPermissions"]
    assert [one["CidrIp"] for one in rule["IpRanges"]] == ["198.51.100.7/32"]
    assert run("cloud", "ec2", "open", "trainer", "--from", "203.0.113.7")[0] == 0


@pytest.mark.usefixtures("rented")
def test_the_old_address_stays_let_in_until_the_new_one_is(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = the_group()["IpPermissions"]
    do = Account.do

    def refused(self: Account, service: str, operation: str, *rest: Any, **request: Any) -> Any:
        if operation == "AuthorizeSecurityGroupIngress":
            raise CloudError("EC2 refuses: too many rules")
        return do(self, service, operation, *rest, **request)

    monkeypatch.setattr(Account, "do", refused)
    assert run("cloud", "ec2", "open", "trainer", "--from", "198.51.100.7")[0] != 0
    assert the_group()["IpPermissions"] == before


@pytest.mark.usefixtures("rented")
def test_an_address_that_no_machine_is_reached_from_shuts_nobody_out(run: Run) -> None:
    before = the_group()["IpPermissions"]
    code, _, said = run("cloud", "ec2", "open", "trainer", "--from", "2001:db8::7")
    assert code == 2
    assert "is of IPv6, and machines have IPv4 addresses alone" in said
    assert the_group()["IpPermissions"] == before
