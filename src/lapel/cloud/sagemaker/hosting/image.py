"""The commands that build our images and bring them into an account's registry."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

from lapel.cloud.aws import Account
from lapel.cloud.permissions import partition
from lapel.schema.errors import UsageError

#: The Dockerfiles of a checkout, by what they are for.
IMAGES = ("serve", "train")


def image_uri(registry: str, repository: str) -> str:
    """The image of this very version of Lapel in a registry."""
    return f"{registry}/{repository}:{version('lapel')}"


def image_commands(account: Account, which: str, *, repository: str | None) -> Sequence[str]:
    """What a user types into a shell, in a checkout of Lapel.

    Args:
        account: whose registry it is; asked for its number.
        which: ``serve`` or ``train``.
        repository: the image's name there; None: ``lapel-serve`` or ``lapel-train``.

    Raises:
        CloudError: AWS does not say who is asking.
        UsageError: there is no such image.
    """
    if which not in IMAGES:
        raise UsageError(f"found {which!r}, expected {' or '.join(IMAGES)}")
    name = repository or f"lapel-{which}"
    region = account.where()
    told = account.ask("sts", "GetCallerIdentity", {"Account": "111122223333"})
    ending = ".cn" if partition(region) == "aws-cn" else ""
    registry = f"{told['Account']}.dkr.ecr.{region}.amazonaws.com{ending}"
    uri = image_uri(registry, name)
    make = (
        f"aws ecr create-repository --region {region} --repository-name {name} "
        "--image-tag-mutability IMMUTABLE --image-scanning-configuration scanOnPush=true"
    )
    sign_in = (
        f"aws ecr get-login-password --region {region} "
        f"| docker login --username AWS --password-stdin {registry}"
    )
    # Without attestations, which SageMaker takes for another kind of image.
    build = (
        "docker build --platform linux/amd64 --provenance=false "
        f"--file containers/{which}/Dockerfile --tag {uri} ."
    )
    return [make, sign_in, build, f"docker push {uri}"]
