"""The image that a machine starts from, and the kind of machine that it must fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lapel.cloud.aws import Account, RefusedError
from lapel.cloud.ec2.plan import IMAGE, Plan
from lapel.schema.errors import CloudError, UsageError

#: What a dry run goes on with.
PRETENDED = "ami-00000000000000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image (AMI).

    Attributes:
        name: AWS's name, ``ami-…``.
        root_device: of its first volume, such as ``/dev/sda1``.
        architecture: ``x86_64`` or ``arm64``.
    """

    name: str
    root_device: str
    architecture: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What an instance type is.

    Attributes:
        name: such as ``g6.xlarge``.
        cores: virtual ones.
        memory: GB.
        gpus: their number.
        gpu: their name; empty where there is none.
        architectures: that it runs.
        spot: whether AWS sells it as spare capacity.
    """

    name: str
    cores: int
    memory: float
    gpus: int
    gpu: str
    architectures: tuple[str, ...]
    spot: bool

    def __str__(self) -> str:
        if not self.cores:  # a dry run has asked nobody
            return self.name
        gpu = f"{self.gpus} x {self.gpu}" if self.gpus else "no GPU"
        return f"{self.name} ({self.cores} cores, {self.memory:g} GB, {gpu})"


def find_kind(account: Account, plan: Plan) -> Kind:
    """The kind of machine that a plan names.

    Raises:
        UsageError: AWS has no such kind in the region, or not as spot.
        CloudError: AWS refuses, or cannot be reached.
    """
    pretended = {"InstanceType": plan.kind, "SupportedUsageClasses": ["on-demand", "spot"]}
    try:
        answer = account.ask(
            "ec2",
            "DescribeInstanceTypes",
            {"InstanceTypes": [pretended]},
            InstanceTypes=[plan.kind],
        )
    except RefusedError as error:
        if error.code == "InvalidInstanceType":
            raise UsageError(f"AWS has no {plan.kind} in {plan.region}") from error
        raise
    if not answer["InstanceTypes"]:
        raise UsageError(f"AWS has no {plan.kind} in {plan.region}")
    kind = _kind(answer["InstanceTypes"][0])
    if plan.spot and not kind.spot:
        raise UsageError(f"AWS sells no {plan.kind} as spot; leave --spot away")
    return kind


def find_image(account: Account, plan: Plan, kind: Kind) -> Image:
    """The image that a plan names, by itself or by a public SSM parameter.

    Raises:
        UsageError: there is no such parameter or image, the kind cannot run it, or the disk is
            too small for it.
        CloudError: AWS refuses, or cannot be reached.
    """
    name = plan.image if IMAGE.fullmatch(plan.image) else _parameter(account, plan)
    pretended = {"ImageId": name, "RootDeviceName": "/dev/sda1", "Architecture": "x86_64"}
    try:
        answer = account.ask("ec2", "DescribeImages", {"Images": [pretended]}, ImageIds=[name])
    except RefusedError as error:
        if error.code.startswith("InvalidAMIID"):
            raise UsageError(f"there is no image {name} in {plan.region}") from error
        raise
    if not answer["Images"]:
        raise UsageError(f"there is no image {name} in {plan.region}, or you may not use it")
    found = answer["Images"][0]
    architecture = found["Architecture"]
    _check_disk(plan, found)
    if kind.architectures and architecture not in kind.architectures:
        raise UsageError(
            f"{plan.kind} runs {' and '.join(kind.architectures)}, the image {name} is for "
            f"{architecture}; name another --image or --kind"
        )
    return Image(name=name, root_device=found["RootDeviceName"], architecture=architecture)


def _check_disk(plan: Plan, image: Mapping[str, Any]) -> None:
    """Refuse a disk that the image would not fit on."""
    least = max(
        (one.get("Ebs", {}).get("VolumeSize", 0) for one in image.get("BlockDeviceMappings", [])),
        default=0,
    )
    if plan.disk and plan.disk < least:
        raise UsageError(f"--disk {plan.disk}: the image needs {least} GB; give that or more, or 0")


def _parameter(account: Account, plan: Plan) -> str:
    try:
        answer = account.ask(
            "ssm", "GetParameter", {"Parameter": {"Value": PRETENDED}}, Name=plan.image
        )
    except RefusedError as error:
        if error.code == "ParameterNotFound":
            raise UsageError(
                f"AWS names no image by {plan.image} in {plan.region}; give --image ami-... or "
                "another parameter (https://docs.aws.amazon.com/dlami/)"
            ) from error
        raise
    value = str(answer["Parameter"]["Value"])
    if not IMAGE.fullmatch(value):
        raise CloudError(f"the parameter {plan.image} holds {value!r}, no image")
    return value


def _kind(found: dict[str, Any]) -> Kind:
    devices = found.get("GpuInfo", {}).get("Gpus", [])
    return Kind(
        name=found["InstanceType"],
        cores=found.get("VCpuInfo", {}).get("DefaultVCpus", 0),
        memory=round(found.get("MemoryInfo", {}).get("SizeInMiB", 0) / 1024, 1),
        gpus=sum(device.get("Count", 1) for device in devices),
        gpu=devices[0].get("Name", "GPU") if devices else "",
        architectures=tuple(found.get("ProcessorInfo", {}).get("SupportedArchitectures", ())),
        spot="spot" in found.get("SupportedUsageClasses", ["spot"]),
    )
