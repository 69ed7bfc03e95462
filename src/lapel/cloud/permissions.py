"""Which rights in AWS each group of commands needs: the least that will do.

They stand in ``permissions.json``, in IAM's own words, and nowhere else: the documentation and
``lapel cloud policy`` print them, and the tests hold every call that is made against them.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from string import Template
from typing import Any

from lapel.schema.errors import UsageError
from lapel.storage.s3.location import bucket_named


def groups() -> list[str]:
    """Names of the groups of commands."""
    return list(_statements())


def policy(group: str, *, bucket: str, partition: str = "aws") -> dict[str, Any]:
    """The IAM policy that a user of a group of commands needs.

    Args:
        group: of commands, as :func:`groups` names them.
        bucket: that data and runs lie in, by its name or as ``s3://name``.
        partition: ``aws``, ``aws-cn`` or ``aws-us-gov``.

    Raises:
        UsageError: there is no such group, or the bucket's name is none, such as ``*``, which
            would let in to all.
    """
    if group not in _statements():
        raise UsageError(f"{group!r} is no group; expected one of {', '.join(groups())}")
    text = Template(json.dumps(_statements()[group]))
    filled = text.substitute(bucket=bucket_named(bucket), partition=partition)
    return {"Version": "2012-10-17", "Statement": json.loads(filled)}


def partition(region: str) -> str:
    """The part of AWS that a region is in, as ARNs name it."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


@cache
def _statements() -> dict[str, list[dict[str, Any]]]:
    text = files("lapel.cloud").joinpath("permissions.json").read_text(encoding="utf-8")
    found: dict[str, list[dict[str, Any]]] = json.loads(text)
    return found
