"""AWS's regions, as botocore lists them."""

from __future__ import annotations

import difflib
import os
from functools import cache

from botocore.session import get_session

from lapel.schema.errors import UsageError


def checked_region(name: str) -> str:
    """A region's name, which AWS knows; where another server is named, any.

    Raises:
        UsageError: botocore lists no such region.
    """
    if any(one.startswith("AWS_ENDPOINT_URL") for one in os.environ) or name in _listed():
        return name
    close = difflib.get_close_matches(name, sorted(_listed()), n=1, cutoff=0.5)
    hint = f"; did you mean {close[0]}?" if close else "."
    raise UsageError(
        f"{name!r} is no region of AWS{hint} A region that is younger than your boto3 needs a "
        "newer one: pip install -U boto3"
    )


@cache
def _listed() -> frozenset[str]:
    core = get_session()
    return frozenset(
        region
        for partition in core.get_available_partitions()
        for region in core.get_available_regions("ec2", partition)
    )
