"""``lapel cloud sagemaker logs``: what a job says, while it says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lapel.cli import cloud_options as shared
from lapel.cli.console import complain, shown

if TYPE_CHECKING:
    from lapel.cloud.aws import Account

Job = Annotated[str, typer.Argument(metavar="NAME", help="A training or tuning job's name.")]


def logs(
    name: Job,
    *,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the job has ended.")
    ] = False,
    region: shared.Region = None,
    profile: shared.Profile = None,
) -> None:
    """Show what a training job says."""
    account = shared.account(region, profile)
    from lapel.cloud.sagemaker.logs import log_lines

    if follow:
        follow_job(account, name)
        return
    for line in log_lines(account, name):
        print(shown(line))


def follow_job(account: Account, name: str, price: float | None = None) -> None:
    """Show a job's log until it has ended, and then what it has cost.

    Raises:
        typer.Exit: the job has failed; exit code 1.
    """
    from lapel.cloud.sagemaker import jobs, words
    from lapel.cloud.sagemaker.logs import follow

    for line in follow(account, name, lambda: jobs.look_at(account, name).ended):
        print(shown(line), flush=True)
    job = jobs.look_at(account, name)
    for line in words.job_lines(job, words.price_of(job.kind, account.where(), price)):
        complain(line)
    if job.state == "Failed":
        raise typer.Exit(1)
