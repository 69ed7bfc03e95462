"""What a rented machine shall be: everything that is decided before the first call to AWS."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from lapel.schema.errors import UsageError

#: AWS's public parameter that names its newest Deep Learning image with NVIDIA's driver:
#: https://docs.aws.amazon.com/dlami/latest/devguide/find-dlami-id.html
DEEP_LEARNING_IMAGE = (
    "/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id"
)

NAME = re.compile(r"[a-z][a-z0-9-]{0,30}[a-z0-9]|[a-z]")
#: S3's rules for bucket names:
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
IMAGE = re.compile(r"ami-[0-9a-z]+")
#: Bits of the widest network that is still "the caller's own".
WIDEST = 16
MOST_HOURS = 7 * 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A machine to be rented.

    Attributes:
        name: of the machine and of everything that belongs to it; 1 to 32 characters.
        kind: AWS's instance type, such as ``g6.xlarge``.
        region: such as ``eu-central-1``.
        open_to: the one network that may open SSH, such as ``203.0.113.7/32``; a bare address is
            one of itself alone.
        spot: spare capacity, cheaper, that AWS may take back with two minutes' notice.
        bucket: S3 bucket that the machine may read and write; none: it may call nothing of AWS.
        hours: after which the machine ends itself, whatever it does.
        idle_minutes: without work after which it ends itself; 0: never.
        image: ``ami-…``, or the name of a public SSM parameter that holds one.
        user: the image's own login.
        disk: GB of the root volume; 0: as large as the image wants.
        subnet: of another network than the region's default one.
        instance_profile: one that an administrator made, instead of one of our own.
        install: ``sent``: the code that runs here, sent when the first job is started; else what
            pip installs: a requirement, or ``s3://…/lapel-….whl`` (with or without extras in
            brackets behind it).

    Raises:
        UsageError: a value that would be refused, or that is not safe.
    """

    name: str
    kind: str
    region: str
    open_to: str
    spot: bool = False
    bucket: str | None = None
    hours: float = 8.0
    idle_minutes: float = 30.0
    image: str = DEEP_LEARNING_IMAGE
    user: str = "ubuntu"
    disk: int = 100
    subnet: str | None = None
    instance_profile: str | None = None
    install: str = "sent"

    def __post_init__(self) -> None:
        """Refuse here what AWS would refuse later, or take; write the network as AWS does."""
        checked_machine_name(self.name)
        object.__setattr__(self, "open_to", checked_network(self.open_to))
        if not re.fullmatch(r"[a-z0-9-]+\.[a-z0-9-]+", self.kind):
            raise UsageError(f"{self.kind!r} is no instance type; expected one like g6.xlarge")
        if self.bucket is not None and not BUCKET.fullmatch(self.bucket):
            raise UsageError(
                f"{self.bucket!r} is no name of a bucket; expected 3 to 63 of a-z 0-9 . -"
            )
        if not 0 < self.hours <= MOST_HOURS:
            raise UsageError(f"--hours {self.hours:g}: expected more than 0, at most {MOST_HOURS}")
        if self.idle_minutes < 0:
            raise UsageError(f"--idle of {self.idle_minutes:g} minutes: expected 0 (never) or more")
        if not IMAGE.fullmatch(self.image) and not self.image.startswith("/"):
            raise UsageError(
                f"--image {self.image}: expected ami-..., or an SSM parameter like "
                f"{DEEP_LEARNING_IMAGE}"
            )


def is_name(text: str) -> bool:
    """Whether a machine of ours may be called so."""
    return NAME.fullmatch(text) is not None


def checked_machine_name(name: str) -> str:
    """A machine's name.

    Raises:
        UsageError: it would not do as a part of AWS's names.
    """
    if not is_name(name):
        raise UsageError(
            f"{name!r} is no name for a machine; expected 1 to 32 of a-z, 0-9 and -, "
            "with a letter first"
        )
    return name


def checked_network(text: str) -> str:
    """A network that may open SSH, as AWS writes it; a bare address is one of itself alone.

    Raises:
        UsageError: no network, one of IPv6, or one so wide that it is open to strangers.
    """
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise UsageError(f"{text!r} is no network; expected one like 203.0.113.7/32") from error
    if network.version != 4:
        raise UsageError(
            f"{network} is of IPv6, and machines have IPv4 addresses alone; give the IPv4 "
            "address or network under which AWS sees you, as 203.0.113.7/32"
        )
    if network.prefixlen < WIDEST:
        raise UsageError(
            f"{network} would open SSH to strangers; name your own address or network, "
            f"/{WIDEST} at the widest"
        )
    return str(network)


def minutes_of(text: str) -> float:
    """Minutes of a time as ``30m``, ``2h`` or ``90s``; a bare number is minutes.

    Raises:
        ValueError: it is none.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|m|h|)\s*", text)
    if match is None:
        raise ValueError(f"{text!r} is no time; expected one as 30m or 2h, or 0 for never")
    return float(match[1]) * {"": 1.0, "m": 1.0, "s": 1 / 60, "h": 60.0}[match[2]]
