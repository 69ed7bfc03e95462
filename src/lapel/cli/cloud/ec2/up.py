"""``lapel cloud ec2 up``: rent a machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lapel.cli.cloud import options
from lapel.cli.console import complain

if TYPE_CHECKING:
    from lapel.cloud.aws import Account
    from lapel.cloud.ec2.plan import Plan

#: Stands for this computer's address where nothing is sent: an address of documentation (RFC 5737).
OFFLINE = "192.0.2.1/32"


def up(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The machine's name, your own choice.")
    ],
    kind: Annotated[
        str, typer.Option(metavar="TYPE", help="Instance type, as g6.xlarge (one GPU of 24 GB).")
    ],
    *,
    spot: Annotated[
        bool,
        typer.Option(
            "--spot", help="Spare capacity: much cheaper, and taken back at two minutes' notice."
        ),
    ] = False,
    bucket: Annotated[
        str | None,
        typer.Option(
            metavar="BUCKET",
            help="S3 bucket that the machine may read and write: data, runs, and where a run "
            "goes on from when its machine is gone.",
            show_default="it may call nothing of AWS",
        ),
    ] = None,
    hours: Annotated[
        float, typer.Option(help="Hours after which it ends itself, whatever it does.")
    ] = 8.0,
    idle: Annotated[
        str,
        typer.Option(
            metavar="TIME", help="Time without work after which it ends itself; 0: never."
        ),
    ] = "30m",
    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="NETWORK",
            help="The only IPv4 address or network that may open SSH.",
            show_default="this computer's, as checkip.amazonaws.com sees it",
        ),
    ] = None,
    image: Annotated[
        str | None,
        typer.Option(
            metavar="AMI",
            help="ami-..., or an SSM parameter that names one.",
            show_default="AWS's Deep Learning base image of Ubuntu 24.04",
        ),
    ] = None,
    user: Annotated[str, typer.Option(help="The image's own login.")] = "ubuntu",
    disk: Annotated[int, typer.Option(metavar="GB", min=0, help="Of its encrypted disk.")] = 100,
    subnet: Annotated[
        str | None,
        typer.Option(help="A public subnet.", show_default="one of the region's default network"),
    ] = None,
    instance_profile: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Instance profile that an administrator made.",
            show_default="one of its own for --bucket",
        ),
    ] = None,
    install: Annotated[
        str,
        typer.Option(
            metavar="WHAT",
            help="sent: the very code that runs here; else what pip installs there: a requirement, "
            "or a wheel as s3://.../lapel-....whl.",
        ),
    ] = "sent",
    public_key: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Public half of a key of your own that signs in.",
            show_default="a new key of this machine alone",
        ),
    ] = None,
    emit: Annotated[
        tuple[str, Path] | None,
        typer.Option(
            metavar="skypilot FILE",
            help="Rent nothing; write the machine as a task of SkyPilot, for those who have it.",
            show_default=False,
        ),
    ] = None,
    price: options.OwnPrice = None,
    yes: options.Yes = False,
    dry_run: options.DryRun = False,
    region: options.Region = None,
    profile: options.Profile = None,
) -> None:
    """Rent a machine, after saying what it costs; a launch that fails leaves nothing.

    SSH is open to one address alone, the machine's key is made here, its disk is encrypted, its
    metadata asks for tokens, and when it shuts down it is gone.
    """
    account = options.account(region, profile, dry_run=dry_run)
    from lapel.cloud.ec2.network import own_network
    from lapel.cloud.ec2.plan import DEEP_LEARNING_IMAGE, Plan, minutes_of
    from lapel.schema.errors import UsageError

    try:
        idle_minutes = minutes_of(idle)
    except ValueError as error:
        raise UsageError(f"--idle: {error}") from error
    plan = Plan(
        name=name,
        kind=kind,
        region=account.where(),
        open_to=from_ or (OFFLINE if emit else stand_in() if dry_run else own_network()),
        spot=spot,
        bucket=bucket and bucket.removeprefix("s3://").rstrip("/"),
        hours=hours,
        idle_minutes=idle_minutes,
        image=image or DEEP_LEARNING_IMAGE,
        user=user,
        disk=disk,
        subnet=subnet,
        instance_profile=instance_profile,
        install=install,
    )
    if emit is not None:
        _emit(plan, *emit)
        return
    _rent(account, plan, public_key, price=price, yes=yes)


def stand_in() -> str:
    """What stands for this computer's network in a dry run, which asks nobody; says so."""
    complain(
        f"{OFFLINE} stands for this computer's address, which checkip.amazonaws.com would be asked "
        "for; --from names it"
    )
    return OFFLINE


def _rent(
    account: Account, plan: Plan, public_key: Path | None, *, price: float | None, yes: bool
) -> None:
    from lapel.cloud.ec2.launch import launch
    from lapel.cloud.ec2.offer import look

    key = None if public_key is None else _read_key(public_key)
    offer = look(account, plan, own_price=price, say=complain)
    options.agreed(offer.cost(), yes=yes, dry_run=account.dry_run)
    machine = launch(account, offer, public_key=key, say=complain)
    if machine is None:
        complain("names of zeros stand for what AWS would answer")
        options.say_dry_run_is_over(account)
        return
    print(f"{machine.name} runs: {machine.instance}, {machine.user}@{machine.address}")
    where = f"{machine.name} --region {account.where()}"
    print(f"next: lapel cloud ec2 run {where} -- lapel train ...")
    print(f"then: lapel cloud ec2 down {where}")


def _read_key(file: Path) -> str:
    from lapel.schema.errors import UsageError

    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} could not be read: {error}; name a public key") from error
    if not text.startswith(("ssh-ed25519 ", "ssh-rsa ")) or "\n" in text:
        raise UsageError(f"{file} holds no public key that EC2 takes: ssh-ed25519 or ssh-rsa")
    return text


def _emit(plan: Plan, what: str, file: Path) -> None:
    from lapel.cloud.ec2.skypilot import task
    from lapel.schema.errors import UsageError
    from lapel.storage.local import write_atomically

    if what != "skypilot":
        raise UsageError(f"--emit {what} is not known; expected --emit skypilot FILE")
    write_atomically(file, task(plan).encode())
    print(f"wrote {file}")
