"""``lapel cloud policy``: the rights in AWS that a group of commands needs."""

from __future__ import annotations

import json
import os
from typing import Annotated

import typer

from lapel.cli.cloud import options


def policy(
    group: Annotated[
        str,
        typer.Argument(
            metavar="GROUP",
            help="Of commands: s3, s3-make-bucket, ec2, sagemaker, sagemaker-endpoints, "
            "sagemaker-images; or sagemaker-execution, the role of jobs and endpoints.",
        ),
    ],
    bucket: Annotated[
        str,
        typer.Option(
            metavar="BUCKET", help="The bucket that data and runs lie in: NAME or s3://NAME."
        ),
    ],
    region: options.Region = None,
) -> None:
    """Print the IAM policy that a group of commands needs; asks and changes nothing."""
    from lapel.cloud import permissions

    written = permissions.policy(
        group,
        bucket=bucket,
        partition=permissions.partition(region or os.environ.get("AWS_DEFAULT_REGION", "")),
    )
    print(json.dumps(written, indent=2))
