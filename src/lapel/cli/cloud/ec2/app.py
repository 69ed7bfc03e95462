"""``lapel cloud ec2``: train on a rented machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from lapel.cli.cloud import options
from lapel.cli.cloud.ec2.remote import add_to
from lapel.cli.cloud.ec2.up import stand_in, up
from lapel.cli.console import complain

if TYPE_CHECKING:
    from lapel.cloud.aws import Account
    from lapel.cloud.ec2.inventory import Belongings
    from lapel.cloud.ec2.machines import Machine

ec2_app = typer.Typer(
    help="Train on a rented machine that ends itself.",
    no_args_is_help=True,
)

ec2_app.command()(up)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The machine's name, your own choice.")]
AllRegions = Annotated[
    bool, typer.Option("--all-regions", help="In every region that the account may use.")
]


@ec2_app.command(name="list")
def list_(
    all_regions: AllRegions = False,
    region: options.Region = None,
    profile: options.Profile = None,
) -> None:
    """Show the rented machines, what they cost so far, and what ended ones have left."""
    from datetime import UTC, datetime

    account = options.account(region, profile)
    from lapel.cloud.ec2.listing import COLUMNS, everywhere, regions, rows

    where = regions(account) if all_regions else [account.where()]
    found = rows(everywhere(account, where), datetime.now(UTC))
    if not found:
        complain(f"nothing is rented in {where[0] if len(where) == 1 else 'any region'}")
        return
    widths = [max(map(len, column)) for column in zip(COLUMNS, *found, strict=True)]
    for row in (COLUMNS, *found):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


@ec2_app.command()
def cost(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="One machine alone.", show_default="all")
    ] = None,
    price: options.OwnPrice = None,
    all_regions: AllRegions = False,
    region: options.Region = None,
    profile: options.Profile = None,
) -> None:
    """Say what the rented machines have cost so far, and will cost at most."""
    from datetime import UTC, datetime

    account = options.account(region, profile)
    from lapel.cloud.ec2.costs import cost as cost_of
    from lapel.cloud.ec2.listing import regions
    from lapel.cloud.ec2.machines import machines

    where = regions(account) if all_regions else [account.where()]
    there: list[Machine] = []
    for one in where:
        there += machines(account.elsewhere(one), one, name)
    for machine in there:
        print("\n".join(cost_of(machine, datetime.now(UTC), own_price=price)))
    if not there:
        complain(_nothing("rented", account, name, all_regions=all_regions))


@ec2_app.command()
def down(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Which one.", show_default=False)
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every machine of ours.")] = False,
    all_regions: AllRegions = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, with --all.")] = False,
    dry_run: options.DryRun = False,
    region: options.Region = None,
    profile: options.Profile = None,
) -> None:
    """End a machine and remove everything that was made for it; works from any computer.

    What lies in S3 stays. With --all it says first what would go, and asks.
    """
    from datetime import UTC, datetime

    from lapel.schema.errors import UsageError

    if (name is None) != all_:
        raise UsageError("name one machine, or give --all")
    account = options.account(region, profile, dry_run=dry_run)
    from lapel.cloud.ec2.costs import came_to
    from lapel.cloud.ec2.teardown import take_down

    gone = 0
    to_end = _to_end(account, name, all_regions=all_regions, yes=yes)
    with options.told_if_interrupted(_left_by_down):
        for one, owner in to_end:
            was = take_down(account.elsewhere(one), one, owner, say=complain)
            if was and not dry_run:
                ran = [f"; {came_to(each, datetime.now(UTC))}" for each in was.machines]
                print(f"{owner} in {one} is taken down{''.join(ran)}")
                gone += 1
    if dry_run:
        options.say_dry_run_is_over(account)
    elif not gone:
        complain(_nothing("there", account, name, all_regions=all_regions))


def _left_by_down() -> str:
    return (
        "not all of it is down yet, and a machine that is left costs money: the same command goes "
        "on with it, `lapel cloud ec2 list` shows what is left"
    )


def _nothing(what: str, account: Account, name: str | None, *, all_regions: bool) -> str:
    """Where nothing was found; who looked in one region may have meant another."""
    named = f" under the name {name}" if name else ""
    if all_regions:
        return f"nothing is {what}{named} in any region"
    return (
        f"nothing is {what}{named} in {account.where()}; `lapel cloud ec2 list --all-regions` "
        "looks in every region"
    )


@ec2_app.command(name="open")
def open_(
    name: Name,
    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="NETWORK",
            help="The only IPv4 address or network that may open SSH from now on.",
            show_default="this computer's, as checkip.amazonaws.com sees it",
        ),
    ] = None,
    dry_run: options.DryRun = False,
    region: options.Region = None,
    profile: options.Profile = None,
) -> None:
    """Let your new address in, and the old one no more, when you have moved."""
    account = options.account(region, profile, dry_run=dry_run)
    from lapel.cloud.ec2.network import own_network, reopen
    from lapel.cloud.ec2.plan import checked_machine_name

    checked_machine_name(name)
    network = from_ or (stand_in() if dry_run else own_network())
    opened = reopen(account, account.where(), name, network)
    if dry_run:
        options.say_dry_run_is_over(account)
    else:
        print(f"{name} is open to {opened} alone")


def _to_end(
    account: Account, name: str | None, *, all_regions: bool, yes: bool
) -> list[tuple[str, str]]:
    """Region and name of what goes; of several that nobody named, the user agrees first."""
    from lapel.cloud.ec2.listing import everywhere, regions
    from lapel.cloud.ec2.plan import checked_machine_name

    where = regions(account) if all_regions else [account.where()]
    if name is not None and not all_regions:
        return [(where[0], checked_machine_name(name))]
    there = everywhere(account, where, name)
    if name is None and there:
        options.agreed(
            _what_goes(there),
            yes=yes,
            dry_run=account.dry_run,
            because="--all ends all of these",
            otherwise="nothing was ended",
        )
    return list(there)


def _what_goes(there: Mapping[tuple[str, str], Belongings]) -> Iterator[str]:
    for (region, name), its in sorted(there.items()):
        machines = [f"{one.instance}, {one.kind}, {one.state}" for one in its.machines]
        yield f"{name} in {region}: {', '.join(machines or its.leftovers())}"


add_to(ec2_app)
