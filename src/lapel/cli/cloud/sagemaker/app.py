"""``lapel cloud sagemaker``: jobs and endpoints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lapel.cli.cloud import options as shared
from lapel.cli.cloud.sagemaker.hosting import add_to as add_hosting_to
from lapel.cli.cloud.sagemaker.local import local
from lapel.cli.cloud.sagemaker.logs import Job, logs
from lapel.cli.cloud.sagemaker.train import train, tune
from lapel.cli.console import complain, shown

if TYPE_CHECKING:
    from lapel.cloud.aws import Account
    from lapel.cloud.sagemaker.tuning import TuningJob

sagemaker_app = typer.Typer(
    help="Training and tuning jobs, endpoints, batches; rehearsed here without Docker.",
    no_args_is_help=True,
)
sagemaker_app.command()(train)
sagemaker_app.command()(tune)
sagemaker_app.command()(local)
sagemaker_app.command()(logs)
add_hosting_to(sagemaker_app)


@sagemaker_app.command()
def status(
    name: Job,
    *,
    best: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the recipe of a tuning job's best job here."),
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(help="The recipe that was tuned; needed with --best.")
    ] = None,
    price: shared.OwnPrice = None,
    region: shared.Region = None,
    profile: shared.Profile = None,
) -> None:
    """Say how far a job is, how well it learns, and what it has cost."""
    account = shared.account(region, profile)
    from lapel.cloud.sagemaker import words
    from lapel.cloud.sagemaker.finding import find
    from lapel.cloud.sagemaker.tuning import TuningJob
    from lapel.schema.errors import UsageError

    job = find(account, name)
    if isinstance(job, TuningJob):
        lines = words.tuning_lines(job)
    else:
        lines = words.job_lines(job, words.price_of(job.kind, account.where(), price))
    for line in lines:
        print(shown(line))
    if best is None:
        return
    if not isinstance(job, TuningJob):
        raise UsageError(f"--best is of tuning jobs, and {name} is a training job")
    _write_best(job, recipe, best)


def _write_best(tuned: TuningJob, recipe: str | None, file: Path) -> None:
    from lapel.cloud.sagemaker.tuning import best_changes
    from lapel.schema.errors import UsageError
    from lapel.storage.local import write_atomically

    if recipe is None:
        raise UsageError("--best needs the recipe that was tuned: --recipe NAME")
    import yaml

    from lapel.training.recipe import load_recipe

    learned = load_recipe(recipe, best_changes(tuned)).model_dump(mode="json", exclude_unset=True)
    learned.pop("tune", None)
    text = yaml.safe_dump(learned, sort_keys=False, allow_unicode=True)
    write_atomically(file, text.encode())
    print(f"Recipe: {file}")


@sagemaker_app.command()
def stop(
    name: Job,
    *,
    dry_run: shared.DryRun = False,
    region: shared.Region = None,
    profile: shared.Profile = None,
) -> None:
    """End a job: it has two minutes to save what it has learned."""
    account = shared.account(region, profile, dry_run=dry_run)
    from lapel.cloud.sagemaker.finding import find
    from lapel.cloud.sagemaker.jobs import end
    from lapel.cloud.sagemaker.tuning import TuningJob, end_tuning

    if dry_run:
        end(account, name)
        complain(f"{name} would be told to end")
        shared.say_dry_run_is_over(account)
        return
    job = find(account, name)
    if job.ended:
        complain(f"{name} has ended already: {job.state}")
        return
    (end_tuning if isinstance(job, TuningJob) else end)(account, name)
    complain(f"{name} was told to end")


@sagemaker_app.command()
def role(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the role.")] = "lapel-sagemaker",
    *,
    bucket: Annotated[
        str | None,
        typer.Option(
            metavar="BUCKET", help="The one that it may read and write: NAME or s3://NAME."
        ),
    ] = None,
    delete: Annotated[bool, typer.Option("--delete", help="Take it down.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask before it loses another bucket.")
    ] = False,
    dry_run: shared.DryRun = False,
    region: shared.Region = None,
    profile: shared.Profile = None,
) -> None:
    """Make the role that jobs and endpoints take on, or take it down; prints its ARN.

    A role of that name that was made so before may use --bucket from then on, and no other: of
    another one it is asked first.
    """
    account = shared.account(region, profile, dry_run=dry_run)
    from lapel.cloud.sagemaker.roles import delete_role
    from lapel.schema.errors import UsageError

    if delete:
        delete_role(account, name)
        complain(f"the role {name} {'would be taken down' if dry_run else 'is gone'}")
    elif bucket is not None:
        _make_role(account, name, bucket, yes=yes)
    else:
        raise UsageError("name the bucket that the role may use: --bucket BUCKET")
    if dry_run:
        shared.say_dry_run_is_over(account)


def _make_role(account: Account, name: str, bucket: str, *, yes: bool) -> None:
    from lapel.cloud.bucket_presence import region_of_bucket
    from lapel.cloud.sagemaker.roles import UNKNOWN, bucket_of, make_role
    from lapel.storage.s3.location import bucket_named

    used = bucket_named(bucket)
    former = bucket_of(account, name)
    region_of_bucket(account, used, unsure=complain)  # refuses one that is not there
    if former not in (None, used):
        now = "a bucket that could not be found out" if former == UNKNOWN else f"s3://{former}"
        shared.agreed(
            [f"the role {name} may use {now}, and would use s3://{used} instead of it"],
            yes=yes,
            because="what works under it loses its bucket",
            otherwise="nothing was changed",
        )
    made = make_role(account, name, used)
    if account.dry_run:
        complain(f"the role {name} would be made, and its ARN printed")
        return
    if not made.made:
        complain(f"the role {name} was there; it may use the bucket {used}, and no other")
    print(made.arn)
