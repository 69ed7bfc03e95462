"""What tests of rented machines share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest

from lapel.cloud.aws import Account
from lapel.cloud.ec2.plan import Plan

Plans = Callable[..., Plan]


@pytest.fixture
def account(deep_learning_image: str) -> Account:
    """An empty account in which AWS's image is known."""
    assert deep_learning_image
    return Account()


@pytest.fixture
def plans() -> Plans:
    """Makes a plan; words of it may be others."""

    def plans(**words: Any) -> Plan:
        usual = {
            "name": "trainer",
            "kind": "g6.xlarge",
            "region": "eu-central-1",
            "open_to": "203.0.113.7/32",
            "bucket": "my-lapel-bucket",
        }
        return Plan(**{**usual, **words})

    return plans


@pytest.fixture
def belongings() -> Callable[[], dict[str, list[str]]]:
    """What stands in the emulated account, whoever made it; what moto brings is left out."""
    return what_is_there


def what_is_there() -> dict[str, list[str]]:
    ec2, iam = boto3.client("ec2"), boto3.client("iam")
    machines = [
        one["InstanceId"]
        for reservation in ec2.describe_instances()["Reservations"]
        for one in reservation["Instances"]
        if one["State"]["Name"] != "terminated"
    ]
    groups = [
        one["GroupName"]
        for one in ec2.describe_security_groups()["SecurityGroups"]
        if one["GroupName"] != "default"
    ]
    found = {
        "machines": machines,
        "groups": groups,
        "keys": [one["KeyName"] for one in ec2.describe_key_pairs()["KeyPairs"]],
        "volumes": [one["VolumeId"] for one in ec2.describe_volumes()["Volumes"]],
        "interfaces": [
            one["NetworkInterfaceId"]
            for one in ec2.describe_network_interfaces()["NetworkInterfaces"]
        ],
        "spot requests": [
            one["SpotInstanceRequestId"]
            for one in ec2.describe_spot_instance_requests()["SpotInstanceRequests"]
            if one["State"] in {"open", "active"}
        ],
        "roles": [one["RoleName"] for one in iam.list_roles()["Roles"]],
        "profiles": [
            one["InstanceProfileName"] for one in iam.list_instance_profiles()["InstanceProfiles"]
        ],
    }
    return {what: names for what, names in found.items() if names}
