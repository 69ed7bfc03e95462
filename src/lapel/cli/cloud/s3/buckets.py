"""``lapel cloud s3 make-bucket|remove``: buckets, and taking things down."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from lapel.cli.cloud.options import DryRun, Profile, Region, account, say_dry_run_is_over
from lapel.cli.console import complain
from lapel.schema.counting import counted
from lapel.schema.counting import size as in_words
from lapel.schema.errors import UsageError
from lapel.storage.s3.location import S3Location, bucket_named

if TYPE_CHECKING:
    from lapel.cloud.buckets import Removal

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether to delete.")]
LookOnly = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Look what is there, which needs an account; print the calls that would delete it, "
        "and send none of those.",
    ),
]


def add_to(app: typer.Typer) -> None:
    """Put the commands into the group."""
    app.command("make-bucket")(make_bucket)
    app.command()(remove)


def make_bucket(
    name: Annotated[
        str, typer.Argument(metavar="BUCKET", help="Unique in the world.", show_default=False)
    ],
    *,
    versions: Annotated[
        bool,
        typer.Option("--versions", help="Keep what is replaced or deleted for 30 days."),
    ] = False,
    kms_key: Annotated[
        str,
        typer.Option(
            metavar="KEY",
            help="Key of the key service.",
            show_default="S3's own keys, or what the bucket has",
        ),
    ] = "",
    region: Region = None,
    profile: Profile = None,
    dry_run: DryRun = False,
) -> None:
    """Make a private bucket: nothing public, encrypted, tagged, cut uploads ended after 7 days."""
    asked = account(region, profile, dry_run=dry_run)
    from lapel.cloud import buckets

    made = buckets.make_bucket(asked, name, versions=versions, kms_key=kms_key)
    address = f"s3://{bucket_named(name)}"
    if dry_run:
        print(f"{address} would be made in {asked.where()}")
        say_dry_run_is_over(asked)
        return
    where = asked.region_if_set() or "its region"  # of a server that is not AWS
    done = f"made in {where}" if made else f"was there in {where}, made by Lapel; set again"
    print(f"{address}: {done}")


def remove(
    place: Annotated[
        str,
        typer.Argument(
            metavar="S3", help="As s3://bucket/folder, or an object.", show_default=False
        ),
    ],
    *,
    bucket: Annotated[
        bool, typer.Option("--bucket", help="Delete the bucket, too; only one that Lapel made.")
    ] = False,
    yes: Yes = False,
    region: Region = None,
    profile: Profile = None,
    dry_run: LookOnly = False,
) -> None:
    """Delete what lies in S3 for good: with all versions, and uploads that were cut."""
    asked = account(region, profile, dry_run=dry_run)
    from lapel.cloud import buckets

    location = S3Location.parse(place)
    looking = account(region, profile) if dry_run else asked
    plan = buckets.plan_removal(looking, location, bucket=bucket)
    if not (plan.objects or plan.uploads or bucket):
        complain(f"nothing lies at {location}; `lapel cloud s3 list` shows what lies where")
        return
    what = _named(plan)
    if not dry_run and not yes:
        _agree(f"to be deleted for good: {what}")
    buckets.remove(asked, plan)
    print(f"{'would be deleted' if dry_run else 'deleted'}: {what}")
    if dry_run:
        say_dry_run_is_over(asked, nothing="deleted")


def _named(plan: Removal) -> str:
    """What a removal takes away, in words."""
    what = f"{counted(len(plan.objects), 'object')} ({in_words(plan.size)})"
    if plan.uploads:
        what += f" and {counted(len(plan.uploads), 'unfinished upload')}"
    if plan.bucket:
        return f"the bucket {plan.location} with {what}"
    return f"{what} at {plan.location}"


def _agree(what: str) -> None:
    complain(what)
    if not sys.stdin.isatty():
        raise UsageError("nobody is there to be asked; agree by --yes")
    if not typer.confirm("Go on?", err=True):
        complain("nothing was deleted")
        raise typer.Exit(1)


def list_buckets(region: str | None, profile: str | None) -> None:
    """Print the names of all buckets, and when they were made."""
    asked = account(region, profile)
    pages = asked.every("s3", "ListBuckets", {})
    found = [one for page in pages for one in page.get("Buckets", [])]
    for one in found:
        print(f"{one['CreationDate']:%Y-%m-%d}  s3://{one['Name']}")
    if not found:
        complain("there is no bucket in this account; `lapel cloud s3 make-bucket` makes one")


def say_costs(sizes: Mapping[str, Sequence[int]], region: str) -> None:
    """Say what lies there a storage class, and what that costs a month."""
    from lapel.cloud.prices import dollars, stored
    from lapel.storage.s3.storage_classes import STORAGE_CLASSES, StorageClass

    if not sizes:
        complain("nothing lies there")
    for kind, found in sorted(sizes.items()):
        known = STORAGE_CLASSES.get(kind, StorageClass(purpose=""))
        paid = sum(known.paid_for(size) for size in found)
        price = stored("s3", kind, region)
        cost = (
            "its price is not in the shipped table"
            if price is None
            else f"{dollars(price.amount * paid / 1e9)} a month at {price}"
        )
        complain(f"{kind}: {counted(len(found), 'object')}, {in_words(sum(found))}; {cost}")
