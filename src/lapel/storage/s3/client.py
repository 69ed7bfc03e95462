"""boto3's client of S3, as Lapel asks it."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config

#: Signatures and addresses that AWS and the servers that speak its protocol all know.
CONFIG = {
    "signature_version": "s3v4",
    "s3": {"addressing_style": "path"},
    "retries": {"mode": "standard", "max_attempts": 6},
    "connect_timeout": 10,
}


def s3_client() -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
    """A client from boto3's own chain; ``AWS_ENDPOINT_URL`` leads to another server."""
    return boto3.client("s3", config=Config(**CONFIG))
