"""Options that every command about AWS has, and the account that they lead to."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from lapel.cli.console import complain, shown
from lapel.schema.counting import counted

if TYPE_CHECKING:
    from lapel.cloud.aws import Account, Call

Region = Annotated[
    str | None,
    typer.Option(
        "--region",
        metavar="NAME",
        help="AWS region, as eu-central-1.",
        show_default="as AWS_DEFAULT_REGION or ~/.aws says",
    ),
]
Profile = Annotated[
    str | None,
    typer.Option(
        "--profile",
        metavar="NAME",
        help="Profile of ~/.aws/config.",
        show_default="as AWS_PROFILE or boto3's chain says",
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Print the calls that would change something at AWS, name those that would only look, "
        "check all against AWS's own description, and send none; needs no account and no network.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether the cost is all right.")]
OwnPrice = Annotated[
    float | None,
    typer.Option(
        "--price",
        min=0,
        metavar="USD",
        help="What an hour of one machine costs you, where the shipped table does not know or "
        "you pay another price.",
        show_default="as the shipped table says",
    ),
]


def account(region: str | None, profile: str | None, *, dry_run: bool = False) -> Account:
    """The account that the options lead to.

    A dry run prints each call that would change something on stdout, whole but for what is packed;
    otherwise its name is said on stderr when it is made.

    Raises:
        MissingExtraError: boto3 is not installed.
    """
    from lapel.cli.extras import needs_extra

    with needs_extra("aws", "Working on AWS"):
        from lapel.cloud.aws import Account

    return Account(
        region=region, profile=profile, dry_run=dry_run, show=_print_call if dry_run else _name_call
    )


def agreed(
    lines: Iterable[str],
    *,
    yes: bool,
    dry_run: bool = False,
    because: str = "this costs money",
    otherwise: str = "nothing was started",
) -> None:
    """Say what something costs or ends on stderr, and go on only if the user agrees.

    Args:
        lines: the cost, as :func:`lapel.cloud.prices.estimate` says it, or what goes.
        yes: agreed already.
        dry_run: nothing will be spent, so nobody is asked.
        because: why somebody must agree.
        otherwise: said where the user does not.

    Raises:
        UsageError: nobody is there to be asked.
        typer.Exit: the user does not agree; exit code 1.
    """
    from lapel.schema.errors import UsageError

    for line in lines:
        complain(line)
    if yes or dry_run:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{because} and nobody is there to be asked; agree by --yes")
    if not typer.confirm("Go on?", err=True):
        complain(otherwise)
        raise typer.Exit(1)


def say_dry_run_is_over(account: Account, *, nothing: str = "sent") -> None:
    """Say on stderr that nothing was sent: how many calls were shown, and which would only look.

    Args:
        account: of the dry run.
        nothing: what was done to nothing, where it was looked what is there.
    """
    looks = [f"{one.service} {one.operation}" for one in account.calls if not one.changes]
    would = f"it would make the {counted(len(account.calls) - len(looks), 'call')} shown"
    if looks:
        look = "looks" if len(looks) == 1 else "look"
        would += f", and {len(looks):,} that only {look}: {', '.join(dict.fromkeys(looks))}"
    complain(f"dry run: nothing was {nothing}; {would}")


@contextmanager
def told_if_interrupted(left: Callable[[], str]) -> Iterator[None]:
    """Within the block, SIGTERM and a closed terminal interrupt as Ctrl-C does.

    Args:
        left: asked then what is left, and what to do about it; empty: nothing is said.
    """
    from lapel.cloud.interruptions import interrupted_when_ended

    try:
        with interrupted_when_ended():
            yield
    except KeyboardInterrupt:
        if words := left():
            complain(words)
        raise


def _print_call(call: Call) -> None:
    for line in str(call).splitlines():
        print(shown(line))


def _name_call(call: Call) -> None:
    complain(f"aws: {call.service} {call.operation}")
