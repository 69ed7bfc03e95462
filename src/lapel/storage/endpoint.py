"""The server that is asked for places in S3, where it is another one than AWS."""

from __future__ import annotations

import os

#: Where boto3's own chain names one; the same address means something else there.
_VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")


def own_server() -> str:
    """Its address; empty: AWS itself."""
    return next((os.environ[name] for name in _VARIABLES if os.environ.get(name)), "")
