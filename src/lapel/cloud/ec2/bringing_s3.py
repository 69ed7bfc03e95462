"""Runs and bundles home from S3, where a training kept them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lapel.cloud.ec2.bringing import Brought, take_place
from lapel.storage.folders import refuse_occupied
from lapel.storage.local import PARTIAL_SUFFIX
from lapel.storage.s3.transfer import TransferOptions, pull


def bring_from_s3(
    place: str,
    out: Path,
    client: Any = None,  # noqa: ANN401 - boto3 makes its clients at run time
) -> Brought:
    """Fetch a folder of S3; as :func:`lapel.cloud.ec2.bringing.bring` from a machine.

    Args:
        place: ``s3://BUCKET/KEY``.
        out: the folder here, not there yet or empty.
        client: of boto3; none: from its chain.

    Raises:
        StorageError: something stands at ``out``, the disk refuses, nothing lies there, or S3
            refuses or cannot be reached.
    """
    refuse_occupied(out, replace=False)
    partial = out.absolute().with_name(f".{out.name}.pulled{PARTIAL_SUFFIX}")
    moved = pull(place, partial, options=TransferOptions(delete=True), client=client)
    take_place(partial, out)
    files = len(moved.moved) + len(moved.unchanged)
    return Brought(folder=out, files=files, fetched=len(moved.moved))
