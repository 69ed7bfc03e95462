"""``lapel cloud sagemaker logs``: what a job says, while it says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lapel.cli.cloud import options as shared
from lapel.cli.console import complain, shown

if TYPE_CHECKING:
    from lapel.cloud.aws import Account
    from lapel.cloud.sagemaker.jobs import Job as TrainedJob

Job = Annotated[str, typer.Argument(metavar="NAME", help="A training or tuning job's name.")]
TrainingJob = Annotated[str, typer.Argument(metavar="NAME", help="A training job's name.")]


def logs(
    name: TrainingJob,
    *,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the job has ended.")
    ] = False,
    region: shared.Region = None,
    profile: shared.Profile = None,
) -> None:
    """Show what a training job says."""
    account = shared.account(region, profile)
    job = _training_job(account, name)
    if follow:
        follow_job(account, name)
        return
    from lapel.cloud.sagemaker.logs import log_lines

    silent = True
    for line in log_lines(account, name):
        silent = False
        print(shown(line))
    if silent:
        complain(f"{name} has said nothing yet; it is {job.detail or job.state}")


def _training_job(account: Account, name: str) -> TrainedJob:
    """The job that has a log.

    Raises:
        UsageError: there is no such job, or it is a tuning job: its jobs have logs.
    """
    from lapel.cloud.sagemaker.finding import find, training_jobs
    from lapel.cloud.sagemaker.tuning import TuningJob
    from lapel.schema.errors import UsageError

    job = find(account, name)
    if isinstance(job, TuningJob):
        its = ", ".join(training_jobs(account, f"{name}-")) or "none has begun yet"
        raise UsageError(f"{name} is a tuning job; each of its jobs has a log of its own: {its}")
    return job


def follow_job(account: Account, name: str, price: float | None = None) -> None:
    """Show a job's log until it has ended, and then what it has cost.

    Raises:
        typer.Exit: the job has failed; exit code 1.
    """
    from lapel.cloud.sagemaker import jobs, words
    from lapel.cloud.sagemaker.logs import follow

    goes_on = f"{name} goes on, and costs: `lapel cloud sagemaker stop {name}` ends it"
    with shared.told_if_interrupted(lambda: goes_on):
        for line in follow(account, name, lambda: jobs.look_at(account, name).ended):
            print(shown(line), flush=True)
    job = jobs.look_at(account, name)
    for line in words.job_lines(job, words.price_of(job.kind, account.where(), price)):
        complain(line)
    if job.state == "Failed":
        raise typer.Exit(1)
