"""An AWS account on this machine: moto's server, in this process, empty before each test.

Fixtures for the ``conftest.py`` of whoever needs them.
"""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from lapel.cloud.ec2.plan import DEEP_LEARNING_IMAGE

#: The region that tests work in, and the account that moto plays.
REGION, ACCOUNT = "eu-central-1", "123456789012"

#: An address that belongs to nobody (RFC 5737), and the network of it alone.
OWN_NETWORK = "203.0.113.7/32"

#: Kept for the process, whose server stays where it is.
_CLIENTS: dict[tuple[str | None, ...], Any] = {}


@pytest.fixture(scope="session")
def aws_server() -> Iterator[str]:
    """The address of a server that speaks as AWS does."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def emulated(aws_server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """An empty account that boto3's chain finds, and no other; gives its address."""
    begin(monkeypatch, aws_server, tmp_path)
    return aws_server


def begin(monkeypatch: pytest.MonkeyPatch, server: str, folder: Path) -> None:
    """Empty the account, and let boto3's chain find it and no other."""
    reset = urllib.request.Request(f"{server}/moto-api/reset", method="POST")
    with urllib.request.urlopen(reset, timeout=30):
        pass
    set_environment(monkeypatch, server, folder)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    _keep_clients(monkeypatch)


def _keep_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Accounts share boto3's clients from test to test: each takes a fiftieth of a second."""
    from lapel.cloud.aws import Account

    make = Account.client

    def kept(account: Account, service: str) -> Any:
        server, region = os.environ["AWS_ENDPOINT_URL"], os.environ.get("AWS_DEFAULT_REGION")
        key = (service, account.profile, account.region or region, server)
        if key not in _CLIENTS:
            _CLIENTS[key] = make(account, service)
        return _CLIENTS[key]

    monkeypatch.setattr(Account, "client", kept)


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No account, no region and no network: what a dry run must do with."""
    set_environment(monkeypatch, "http://127.0.0.1:9", tmp_path)


@pytest.fixture
def deep_learning_image(emulated: str) -> str:
    """AWS's parameter of its Deep Learning image, which moto lacks, names an image that it has."""
    assert emulated
    return know_image()


def know_image() -> str:
    """Have the parameter of the Deep Learning image name an image that moto has."""
    from moto.ec2.models import ec2_backends
    from moto.ssm.models import Parameter, ssm_backends

    images = ec2_backends[ACCOUNT][REGION].describe_images()
    image = next(
        one.id for one in images if "ubuntu" in (one.name or "") and one.architecture == "x86_64"
    )
    parameter = Parameter(  # type: ignore[abstract]  # moto itself makes parameters so
        account_id=ACCOUNT,
        name=DEEP_LEARNING_IMAGE,
        value=image,
        parameter_type="String",
        description=None,
        allowed_pattern=None,
        keyid=None,
        last_modified_date=datetime.now(UTC),
        version=1,
        data_type="text",
    )
    ssm_backends[ACCOUNT][REGION]._parameters[DEEP_LEARNING_IMAGE].append(parameter)
    return str(image)


def set_environment(monkeypatch: pytest.MonkeyPatch, server: str, folder: Path) -> None:
    """Nothing of the real user's account is found; calls go to a server of the test's."""
    for name in (
        "AWS_PROFILE",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "no-credentials"))
    monkeypatch.setenv("LAPEL_STATE", str(folder / "state"))


@cache
def client(service: str) -> Any:
    """A client of the emulated account; there is one account a process, emptied in between."""
    import boto3

    return boto3.client(service)


def what_is_there() -> dict[str, list[str]]:
    """What stands in the emulated account, whoever made it; what moto brings is left out."""
    sagemaker = client("sagemaker")
    found = {
        "buckets": [one["Name"] for one in client("s3").list_buckets()["Buckets"]],
        "alarms": [
            one["AlarmName"] for one in client("cloudwatch").describe_alarms()["MetricAlarms"]
        ],
        "endpoints": [one["EndpointName"] for one in sagemaker.list_endpoints()["Endpoints"]],
        "endpoint configurations": [
            one["EndpointConfigName"]
            for one in sagemaker.list_endpoint_configs()["EndpointConfigs"]
        ],
        "models": [one["ModelName"] for one in sagemaker.list_models()["Models"]],
    }
    return what_is_rented() | {what: names for what, names in found.items() if names}


def what_is_rented() -> dict[str, list[str]]:
    """What stands in it of EC2 and IAM."""
    ec2, iam = client("ec2"), client("iam")
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
