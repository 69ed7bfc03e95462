"""Bodies of the requests that make a machine, from its plan alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from lapel.cloud.ec2.launches import BEGAN, LAUNCH, Launch
from lapel.cloud.ec2.machines import OWNER
from lapel.cloud.ec2.plan import Plan
from lapel.cloud.permissions import partition, policy
from lapel.cloud.tagging import owner_tags

#: IAM's path of our roles and profiles: what a policy can be limited to.
PATH = "/lapel/"
SSH_PORT = 22
#: Stands between name and token in IAM's names; no machine's name holds it.
LAUNCH_MARK = "_"


def belongings(plan: Plan) -> str:
    """The name of a machine's security group and key pair; unique in its region."""
    return f"lapel-{plan.name}"


def role_name(region: str, name: str, token: str) -> str:
    """The name of a launch's role and instance profile: IAM knows no regions.

    With the launch's token in it, a role is never taken for that of another launch.
    """
    return f"{role_prefix(region)}{name}{LAUNCH_MARK}{token}"


def role_prefix(region: str) -> str:
    """What the names of all roles of a region's machines begin with."""
    return f"lapel-ec2-{region}-"


def tags(launch: Launch) -> list[dict[str, str]]:
    """What everything of a launch carries."""
    return [
        *owner_tags(OWNER + launch.plan.name),
        {"Key": "Name", "Value": belongings(launch.plan)},
        {"Key": LAUNCH, "Value": launch.token},
        {"Key": BEGAN, "Value": launch.began.isoformat(timespec="seconds")},
    ]


def instance_tags(launch: Launch, *, price: float | None, now: datetime) -> list[dict[str, str]]:
    """What the machine itself carries besides: enough to reach it from another computer."""
    plan = launch.plan
    until = now.astimezone(UTC) + timedelta(hours=plan.hours)
    own = {
        "lapel:until": until.isoformat(timespec="seconds"),
        "lapel:user": plan.user,
        "lapel:disk": str(plan.disk),
    }
    if plan.bucket:
        own["lapel:bucket"] = plan.bucket
    if price is not None:
        own["lapel:price"] = f"{price:g}"
    return tags(launch) + [{"Key": key, "Value": value} for key, value in own.items()]


def security_group(launch: Launch, vpc: str) -> dict[str, Any]:
    """``CreateSecurityGroup``: nothing may come in until a rule says so."""
    plan = launch.plan
    return {
        "GroupName": belongings(plan),
        "Description": f"SSH to the rented machine {plan.name}",
        "VpcId": vpc,
        "TagSpecifications": [{"ResourceType": "security-group", "Tags": tags(launch)}],
    }


def ssh_from(network: str) -> list[dict[str, Any]]:
    """The rule that lets one network in, by SSH."""
    source = {"CidrIp": network, "Description": "the one who rents"}
    ports = {"IpProtocol": "tcp", "FromPort": SSH_PORT, "ToPort": SSH_PORT}
    return [{**ports, "IpRanges": [source]}]


def trust() -> str:
    """Who may take the machine's role: EC2, for the machine."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "ec2.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def bucket_rights(bucket: str, region: str) -> str:
    """What the machine may do in AWS: use one bucket."""
    return json.dumps(policy("s3", bucket=bucket, partition=partition(region)))


def instance(
    launch: Launch,
    *,
    image: str,
    root_device: str,
    group: str,
    subnet: str,
    user_data: str,
    tagged: list[dict[str, str]],
    client_token: str,
) -> dict[str, Any]:
    """``RunInstances``: one machine that terminates when it shuts down.

    Args:
        launch: what it shall be, and for which attempt.
        image: ``ami-…``.
        root_device: of the image, such as ``/dev/sda1``.
        group: its security group.
        subnet: where it stands.
        user_data: what it does when it first starts.
        tagged: tags of the machine itself.
        client_token: makes a repeated call start no second machine.
    """
    plan = launch.plan
    volume: dict[str, Any] = {"Encrypted": True, "VolumeType": "gp3", "DeleteOnTermination": True}
    if plan.disk:
        volume["VolumeSize"] = plan.disk
    request: dict[str, Any] = {
        "ImageId": image,
        "InstanceType": plan.kind,
        "MinCount": 1,
        "MaxCount": 1,
        "ClientToken": client_token,
        "KeyName": belongings(plan),
        "UserData": user_data,
        "InstanceInitiatedShutdownBehavior": "terminate",
        # Tokens alone, and none that travels further than the machine itself.
        "MetadataOptions": {
            "HttpTokens": "required",
            "HttpEndpoint": "enabled",
            "HttpPutResponseHopLimit": 1,
        },
        "BlockDeviceMappings": [{"DeviceName": root_device, "Ebs": volume}],
        "NetworkInterfaces": [
            {
                "DeviceIndex": 0,
                "SubnetId": subnet,
                "Groups": [group],
                "AssociatePublicIpAddress": True,
                "DeleteOnTermination": True,
            }
        ],
        "TagSpecifications": [
            {"ResourceType": "instance", "Tags": tagged},
            *({"ResourceType": kind, "Tags": tags(launch)} for kind in _tagged_with_it(plan)),
        ],
    }
    profile = plan.instance_profile or (
        plan.bucket and role_name(plan.region, plan.name, launch.token)
    )
    if profile:
        request["IamInstanceProfile"] = {"Name": profile}
    if plan.spot:
        request["InstanceMarketOptions"] = {
            "MarketType": "spot",
            "SpotOptions": {
                "SpotInstanceType": "one-time",
                "InstanceInterruptionBehavior": "terminate",
            },
        }
    return request


def _tagged_with_it(plan: Plan) -> list[str]:
    kinds = ["volume", "network-interface"]
    return [*kinds, "spot-instances-request"] if plan.spot else kinds
