"""Names, roles and places that SageMaker would refuse, refused before anything is sent.

Source: the patterns of AWS's own description of the service ("Amazon SageMaker API reference").
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from lapel.cloud.tagging import owner_tags
from lapel.schema.errors import UsageError
from lapel.storage.s3.location import S3Location

#: Of jobs, models and endpoints.
NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*")
LONGEST_NAME = 63

#: What IAM takes as the name of a role.
ROLE_NAME = re.compile(r"[a-zA-Z0-9_+=,.@-]{1,64}")
ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[a-zA-Z_0-9+=,.@/-]+")
KIND = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9-]+")
REGISTRY = r"\d{12}\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/"
IMAGE = re.compile(REGISTRY + r"[a-z0-9._/-]+[:@]\S+")
TOPIC = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_.-]+")

#: The value of :data:`lapel.cloud.tagging.TAG` on everything of SageMaker.
OWNER = "sagemaker/"

#: What :func:`stamped` adds to a name, and how what it made is known again.
STAMP = "%y%m%d-%H%M%S"
STAMPED = re.compile(r"(?P<name>.+)-\d{6}-\d{6}")
STAMP_LENGTH = 14


def checked_resource_name(name: str, what: str, *, longest: int = LONGEST_NAME) -> str:
    """A name that SageMaker takes.

    Args:
        name: as the user gave it.
        what: of what, such as ``endpoint``.
        longest: characters that it may have.

    Raises:
        UsageError: other characters, or too many.
    """
    if not NAME.fullmatch(name) or len(name) > longest:
        raise UsageError(
            f"{name!r} is no name of {_a(what)}; expected 1 to {longest} of a-z, A-Z, 0-9 and -, "
            "with no - at its ends"
        )
    return name


def checked_role_name(name: str) -> str:
    """A name that IAM takes for a role.

    Raises:
        UsageError: other characters, or too many.
    """
    if not ROLE_NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name of a role; expected 1 to 64 of a-z, A-Z, 0-9 and _+=,.@-"
        )
    return name


def checked_role(arn: str) -> str:
    """The name in full (ARN) of a role that SageMaker takes on.

    Raises:
        UsageError: no ARN of a role.
    """
    if not ROLE.fullmatch(arn):
        raise UsageError(
            f"{arn!r} is no ARN of a role; expected one like "
            "arn:aws:iam::111122223333:role/lapel-sagemaker (docs/aws-sagemaker.md says how to "
            "make it)"
        )
    return arn


def checked_kind(kind: str) -> str:
    """A kind of machine, as SageMaker names it.

    Raises:
        UsageError: no such name; that AWS knows it is seen when the call is checked.
    """
    if KIND.fullmatch(kind):
        return kind
    hint = f"ml.{kind}" if KIND.fullmatch(f"ml.{kind}") else "ml.c7i.large"
    raise UsageError(f"{kind!r} is no kind of machine of SageMaker; expected one like {hint}")


def checked_image(image: str) -> str:
    """A container image in Amazon ECR: SageMaker pulls from nowhere else.

    Raises:
        UsageError: another registry, or no tag.
    """
    if not IMAGE.fullmatch(image):
        raise UsageError(
            f"{image!r} is no image in Amazon ECR; expected one like "
            "111122223333.dkr.ecr.eu-central-1.amazonaws.com/lapel-serve:0.1.0 "
            "(`lapel cloud sagemaker image` prints the commands that make it)"
        )
    return image


def refuse_far_image(image: str, region: str | None) -> None:
    """Refuse an image in the registry of a region from which SageMaker does not pull.

    Args:
        image: of a container; only one in Amazon ECR names a region.
        region: that SageMaker works in; none: it is not known, as in a dry run.

    Raises:
        UsageError: the image lies in another region.
    """
    found = re.match(REGISTRY, image)
    if found is None or region is None or found["region"] == region:
        return
    raise UsageError(
        f"the image {image} lies in {found['region']}; SageMaker in {region} pulls from its own "
        f"region alone: bring it there (`lapel cloud sagemaker image --region {region}` prints "
        f"the commands), or work in --region {found['region']}"
    )


def checked_topic(arn: str) -> str:
    """The ARN of an SNS topic, to which alarms are sent.

    Raises:
        UsageError: no such ARN.
    """
    if not TOPIC.fullmatch(arn):
        raise UsageError(
            f"{arn!r} is no ARN of an SNS topic; expected one like "
            "arn:aws:sns:eu-central-1:111122223333:lapel"
        )
    return arn


def checked_bucket_place(text: str, what: str) -> tuple[str, str]:
    """A place in S3.

    Args:
        text: as the user gave it.
        what: lies there, such as ``--capture``.

    Returns:
        The bucket, and the key without a ``/`` at its ends; the key may be empty.

    Raises:
        UsageError: no place in S3.
    """
    try:
        place = S3Location.parse(text)
    except UsageError as error:
        raise UsageError(f"{what}: {error}") from error
    return place.bucket, place.key


def tags(name: str) -> list[dict[str, str]]:
    """What everything that belongs to a job or an endpoint is tagged with."""
    return owner_tags(f"{OWNER}{name}")


def stamped(name: str) -> str:
    """A new name that begins with another one: AWS takes none a second time."""
    return f"{name}-{datetime.now(UTC).strftime(STAMP)}"


def _a(what: str) -> str:
    return f"an {what}" if what[0] in "aeiou" else f"a {what}"
