"""What is said where boto3 is not installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lapel.schema.errors import MissingExtraError


@contextmanager
def needs_aws(need: str) -> Iterator[None]:
    """Imports of what stands on boto3; where it is missing, the extra is named.

    Args:
        need: what was asked for, such as ``s3://bucket/photos``.

    Raises:
        MissingExtraError: boto3 is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in {"boto3", "botocore"}:
            raise MissingExtraError(extra="aws", need=need) from error
        raise
