"""``lapel cloud make-role`` and ``remove-role``: what SageMaker works under."""

from __future__ import annotations

from typing import Annotated

import typer

from lapel.cli import cloud_options as options
from lapel.cli.console import complain

Name = Annotated[str, typer.Argument(metavar="NAME", help="The role's name, your own choice.")]


def make_role(
    name: Name,
    bucket: Annotated[
        str, typer.Option(metavar="BUCKET", help="The one bucket that it may read and write.")
    ],
    dry_run: options.DryRun = False,
    region: options.Region = None,
    profile: options.Profile = None,
) -> None:
    """Make the role that SageMaker's jobs and endpoints work under; prints its ARN for --role."""
    account = options.account(region, profile, dry_run=dry_run)
    from lapel.cloud.roles import make_role as make

    print(make(account, name, bucket.removeprefix("s3://").rstrip("/")))


def remove_role(
    name: Name,
    dry_run: options.DryRun = False,
    region: options.Region = None,
    profile: options.Profile = None,
) -> None:
    """Remove a role that `lapel cloud make-role` made."""
    account = options.account(region, profile, dry_run=dry_run)
    from lapel.cloud.roles import remove_role as remove

    if remove(account, name):
        print(f"the role {name} {'would be' if dry_run else 'is'} removed")
    else:
        complain(f"there is no role {name}")
