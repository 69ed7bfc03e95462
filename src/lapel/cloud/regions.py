"""AWS's regions, as botocore lists them."""

from __future__ import annotations

import difflib
import os
from functools import cache

from botocore.exceptions import BotoCoreError
from botocore.session import Session, get_session

from lapel.schema.errors import UsageError


def checked_region(name: str, *, profile: str | None = None) -> str:
    """A region's name, which AWS knows; where another server is named, any.

    Args:
        name: such as ``eu-central-1``.
        profile: of ``~/.aws/config``, which may name a server; none: as boto3's chain says.

    Raises:
        UsageError: botocore lists no such region.
    """
    if name in _listed() or _goes_elsewhere(profile):
        return name
    close = difflib.get_close_matches(name, sorted(_listed()), n=1, cutoff=0.5)
    hint = f"; did you mean {close[0]}?" if close else "."
    raise UsageError(
        f"{name!r} is no region of AWS{hint} A region that is younger than your boto3 needs a "
        "newer one: pip install -U boto3"
    )


def _goes_elsewhere(profile: str | None) -> bool:
    """Whether the environment or a profile names a server, of all services or of some."""
    if any(one.startswith("AWS_ENDPOINT_URL") for one in os.environ):
        return True
    try:
        return not {"endpoint_url", "services"}.isdisjoint(
            Session(profile=profile).get_scoped_config()
        )
    except BotoCoreError:  # no such profile, which is said where a client is made
        return False


@cache
def _listed() -> frozenset[str]:
    core = get_session()
    return frozenset(
        region
        for partition in core.get_available_partitions()
        for region in core.get_available_regions("ec2", partition)
    )
