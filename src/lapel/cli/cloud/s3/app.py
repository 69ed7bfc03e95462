"""``lapel cloud s3``: datasets, runs and bundles to S3 and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lapel.cli.cloud.options import Profile, Region, account, told_if_interrupted
from lapel.cli.cloud.s3 import buckets
from lapel.cli.cloud.s3.words import say_moved, say_verified
from lapel.cli.console import EXIT_FAILED, complain, shown
from lapel.schema.counting import bytes_of, counted
from lapel.schema.errors import UsageError
from lapel.storage.s3.storage_classes import STORAGE_CLASSES

if TYPE_CHECKING:
    from lapel.storage.s3.options import TransferOptions

s3_app = typer.Typer(
    help="Datasets, runs and bundles to S3 and back.",
    no_args_is_help=True,
)

Address = Annotated[
    str, typer.Argument(metavar="S3", help="As s3://bucket/folder.", show_default=False)
]
Workers = Annotated[
    int, typer.Option(min=1, max=32, help="Files, and parts of large files, under way at once.")
]
PartSize = Annotated[
    str,
    typer.Option(
        metavar="SIZE", help="Larger files go in parts of this size; 5MiB or more, as 16MiB."
    ),
]
NoReplace = Annotated[
    bool, typer.Option("--no-replace", help="Refuse to replace other content by this.")
]
LookOnly = Annotated[
    bool, typer.Option("--dry-run", help="Look, say what would be moved, and move nothing.")
]


@s3_app.command()
def push(
    source: Annotated[
        Path, typer.Argument(metavar="PATH", help="Folder, or one file.", show_default=False)
    ],
    place: Address,
    *,
    storage_class: Annotated[
        str,
        typer.Option(
            metavar="CLASS",
            help=f"What it is kept as: {', '.join(STORAGE_CLASSES)}.",
        ),
    ] = "STANDARD",
    encryption: Annotated[
        str,
        typer.Option(
            metavar="AES256|aws:kms", help="Ask for it with each file.", show_default="the bucket's"
        ),
    ] = "",
    kms_key: Annotated[
        str, typer.Option(metavar="KEY", help="Key of the key service.", show_default=False)
    ] = "",
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete in S3 what PATH does not have.")
    ] = False,
    no_replace: NoReplace = False,
    workers: Workers = 8,
    part_size: PartSize = "16MiB",
    dry_run: LookOnly = False,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Send a folder, or a file, to S3: what is there already is not sent again.

    Killed or cut at any moment, the same command goes on where it stood. A manifest with the
    SHA-256 of every file lies beside them: `verify` and `pull` compare with it.
    """
    options = _options(
        storage_class=storage_class,
        encryption=encryption,
        kms_key=kms_key,
        delete=delete,
        replace=not no_replace,
        workers=workers,
        part_size=part_size,
        dry_run=dry_run,
    )
    from lapel.storage.s3.storage_classes import warning_of
    from lapel.storage.s3.transfer import push as send

    sizes = _sizes(source)
    if warning := warning_of(storage_class, sizes):
        complain(f"note: {warning}")
    with told_if_interrupted(lambda: _left(dry_run, "sent")), _bar() as bar:
        done = send(
            source, place, options=options, progress=bar, client=_client(region, profile, place)
        )
    say_moved(done, "send", "sent", f"to {place}")


@s3_app.command()
def pull(
    place: Address,
    target: Annotated[
        Path, typer.Argument(metavar="PATH", help="Folder, or file, to write.", show_default=False)
    ],
    *,
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete in PATH what S3 does not have.")
    ] = False,
    no_replace: NoReplace = False,
    unfinished: Annotated[
        bool, typer.Option("--unfinished", help="Take what is there of a push that has not ended.")
    ] = False,
    workers: Workers = 8,
    part_size: PartSize = "16MiB",
    dry_run: LookOnly = False,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Fetch what lies in S3: what is here already is not fetched again.

    Each file is compared with the SHA-256 of the manifest before it takes its name. Killed or
    cut at any moment, the same command goes on where it stood.
    """
    options = _options(
        delete=delete,
        replace=not no_replace,
        unfinished=unfinished,
        workers=workers,
        part_size=part_size,
        dry_run=dry_run,
    )
    from lapel.storage.s3.transfer import pull as fetch

    with told_if_interrupted(lambda: _left(dry_run, "fetched")), _bar() as bar:
        done = fetch(
            place, target, options=options, progress=bar, client=_client(region, profile, place)
        )
    say_moved(done, "fetch", "fetched", f"to {target}")


@s3_app.command("list")
def list_place(
    place: Annotated[
        str | None,
        typer.Argument(metavar="S3", help="As s3://bucket/folder.", show_default="your buckets"),
    ] = None,
    *,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """List what lies in S3: size, storage class, when it was written, name; and what it costs."""
    if place is None:
        buckets.list_buckets(region, profile)
        return
    client = _client(region, profile, place)
    from lapel.storage.s3.listing import described_object, list_objects, list_unfinished
    from lapel.storage.s3.location import S3Location

    sizes: dict[str, list[int]] = {}
    location = S3Location.parse(place)
    found = list(list_objects(location, client=client))
    if not found and location.key:
        found = [described_object(location, client=client)]
    for one in found:
        sizes.setdefault(one.storage_class, []).append(one.size)
        written = one.modified.strftime("%Y-%m-%d %H:%M")
        print(f"{one.size:>15,}  {one.storage_class:<12}  {written}  {shown(one.name)}")
    buckets.say_costs(sizes, client.meta.region_name)
    if cut := list_unfinished(place, client=client):
        complain(
            f"note: {counted(len(cut), 'upload')} never ended and cost money until `lapel cloud s3 "
            "abort` ends them, or the push is done again"
        )


@s3_app.command()
def verify(
    place: Address,
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[PATH]", help="Folder here to compare, too.", show_default=False),
    ] = None,
    *,
    read: Annotated[
        bool,
        typer.Option("--read", help="Fetch and hash every object, not only compare S3's tags."),
    ] = False,
    workers: Workers = 8,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Compare what lies in S3 with the manifest of its push; exit code 1 if they differ.

    Files that the manifest does not name are counted, not compared: nothing is known of them.
    """
    options = _options(workers=workers)
    from lapel.storage.s3.transfer import verify as compare

    client = _client(region, profile, place)
    with _bar() as bar:
        found = compare(place, folder, read=read, options=options, progress=bar, client=client)
    say_verified(found, place, read=read)
    if not found.whole:
        raise typer.Exit(EXIT_FAILED)


@s3_app.command()
def abort(place: Address, *, region: Region = None, profile: Profile = None) -> None:
    """End uploads that were cut and are not gone on with: their parts cost money."""
    client = _client(region, profile, place)
    from lapel.storage.s3.listing import abort_unfinished

    ended = abort_unfinished(place, client=client)
    for one in ended:
        print(f"ended  {one.begun:%Y-%m-%d %H:%M}  {shown(one.name)}")
    print(f"{counted(len(ended), 'unfinished upload')} ended below {place}")


buckets.add_to(s3_app)


def _left(dry_run: bool, did: str) -> str:
    """What an interruption leaves, and what to do about it."""
    return "" if dry_run else f"what was {did} so far stays; the same command goes on from there"


def _client(region: str | None, profile: str | None, place: str) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
    from lapel.storage.s3.extra import needs_aws

    with needs_aws(place):
        from lapel.storage.s3.client import s3_client

    account(region, profile).region_if_set()  # refuses one that is none
    return s3_client(profile=profile, region=region)


def _options(*, part_size: str = "16MiB", **others: Any) -> TransferOptions:  # noqa: ANN401 - the options' own types
    from lapel.storage.s3.extra import needs_aws

    with needs_aws("lapel cloud s3"):
        from lapel.storage.s3.transfer import TransferOptions

    try:
        size = bytes_of(part_size)
    except ValueError as error:
        raise UsageError(f"--part-size: {error}") from error
    return TransferOptions(part_size=size, **others)


def _bar() -> Any:  # noqa: ANN401 - rich is imported only here
    from lapel.cli.transfer_bar import TransferBar

    return TransferBar()


def _sizes(source: Path) -> list[int]:
    from lapel.storage.s3.folder_files import local_files

    if source.is_dir():
        return [file.size for file in local_files(source).values()]
    return [source.stat().st_size] if source.is_file() else []
