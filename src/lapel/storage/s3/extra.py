"""What is said where boto3 is not installed."""

from __future__ import annotations

from contextlib import AbstractContextManager

from lapel.schema.extras import naming_extra


def needs_aws(need: str) -> AbstractContextManager[None]:
    """Imports of what stands on boto3; where it is missing, the extra is named.

    Args:
        need: what was asked for, such as ``s3://bucket/photos``.

    Raises:
        MissingExtraError: boto3 is not installed.
    """
    return naming_extra(need, extra="aws")
