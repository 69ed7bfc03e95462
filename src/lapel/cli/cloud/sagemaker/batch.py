"""``lapel cloud sagemaker batch|image``: a great many photos at once; the containers' images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lapel.cli.cloud.options import (
    DryRun,
    OwnPrice,
    Profile,
    Region,
    Yes,
    account,
    agreed,
    say_dry_run_is_over,
    told_if_interrupted,
)
from lapel.cli.cloud.sagemaker.models import (
    Bundle,
    Image,
    Models,
    Role,
    bundle_place,
)
from lapel.cli.console import EXIT_FAILED, complain, shown

if TYPE_CHECKING:
    from lapel.cloud.aws import Account
    from lapel.cloud.sagemaker.hosting.batch import BatchPlan


def batch(
    bundle: Bundle,
    photos: Annotated[str, typer.Argument(metavar="PHOTOS", help="Place in S3 of the photos.")],
    answers: Annotated[str, typer.Argument(metavar="ANSWERS", help="Place in S3 for answers.")],
    *,
    image: Image,
    role: Role,
    name: Annotated[str, typer.Option(metavar="NAME", help="Name of the batch.")] = "lapel-batch",
    models: Models = None,
    kind: Annotated[str, typer.Option(metavar="KIND", help="Kind of machine.")] = "ml.c7i.large",
    count: Annotated[int, typer.Option(min=1, help="Machines; photos are shared out.")] = 1,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="All answers in one file here, .jsonl, at the end."),
    ] = None,
    wait: Annotated[bool, typer.Option(help="Wait for the end.")] = True,
    price: OwnPrice = None,
    yes: Yes = False,
    region: Region = None,
    profile: Profile = None,
    dry_run: DryRun = False,
) -> None:
    """Answer for all photos below a place in S3, on machines that are there for so long.

    Ended while it waits (Ctrl-C, SIGTERM, a closed terminal), the batch goes on at AWS until its
    photos are answered; `lapel cloud sagemaker delete NAME` stops it.

    The answers to `a/b.jpg` lie below ANSWERS as `a/b.jpg.out`, lines of JSON as `lapel predict`
    writes them. A photo that cannot be read gets its error there, and does not end the batch.
    """
    aws = account(region, profile, dry_run=dry_run)
    from lapel.cloud.interruptions import interrupted_when_ended
    from lapel.cloud.sagemaker.hosting.archive import archived, look_at_model
    from lapel.cloud.sagemaker.hosting.batch import BatchPlan, start_batch
    from lapel.cloud.sagemaker.hosting.costs import batch_cost
    from lapel.cloud.sagemaker.hosting.looking import look_before_a_batch

    def plan(archive: str) -> BatchPlan:
        return BatchPlan(
            name=name, image=image, role=role, archive=archive, photos=photos, answers=answers,
            kind=kind, count=count,
        )  # fmt: skip

    wanted = plan(models or bundle_place(bundle))
    look_before_a_batch(aws, wanted)
    model = look_at_model(aws, bundle)
    agreed(batch_cost(wanted, aws.region_if_set(), price), yes=yes, dry_run=dry_run)
    with interrupted_when_ended():
        made = plan(archived(aws, model, name, models=models, say=complain))
        called = start_batch(aws, made, say=complain)
        if dry_run or not wait:
            _say_started(aws, made, called)
        else:
            _finish(aws, made, called, price=price, out=out)


def _say_started(aws: Account, plan: BatchPlan, called: str) -> None:
    if aws.dry_run:
        say_dry_run_is_over(aws)
        return
    print(f"{called} runs; its answers will lie at {plan.answers}")
    print(f"lapel cloud sagemaker delete {plan.name}  # stops it, or takes its model away after")


def _finish(
    aws: Account, plan: BatchPlan, called: str, *, price: float | None, out: Path | None
) -> None:
    from lapel.cloud.sagemaker.hosting.batch import finish_batch
    from lapel.cloud.sagemaker.hosting.costs import batch_paid

    goes_on = (
        f"{called} goes on at AWS, costs money and ends by itself when its photos are answered "
        f"(at {plan.answers}); `lapel cloud sagemaker delete {plan.name}` stops it, or takes "
        "its model away after"
    )
    with told_if_interrupted(lambda: goes_on):
        done = finish_batch(aws, plan, called, say=complain)
    if done.seconds is not None:
        complain(batch_paid(plan, done.seconds, aws.region_if_set(), price))
    print(f"answers at {plan.answers}")
    if out is not None:
        _gather(aws, plan, out)


def _gather(aws: Account, plan: BatchPlan, out: Path) -> None:
    """Write all answers into one file, whole, and say how many photos could not be read."""
    from lapel.cloud.sagemaker.hosting.batch import answers_of
    from lapel.storage.local import atomic_path

    answered = failed = 0
    with atomic_path(out) as partial, partial.open("wb") as file:
        for value in answers_of(aws, plan):
            answered += 1
            failed += "error" in value
            line = json.dumps(value, ensure_ascii=False) + "\n"
            file.write(line.encode("utf-8", "backslashreplace"))
    print(f"{answered} answers in {shown(str(out))}")
    if failed:
        complain(f"{failed} of {answered} photos could not be read")
    if failed or not answered:
        raise typer.Exit(EXIT_FAILED)


def image(
    which: Annotated[str, typer.Argument(metavar="serve|train", help="Which image.")] = "serve",
    *,
    repository: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Its name in ECR.", show_default="lapel-serve or -train"),
    ] = None,
    region: Region = None,
    profile: Profile = None,
    dry_run: DryRun = False,
) -> None:
    """Print the commands that build an image of ours and bring it into your account's ECR.

    They need Docker, the AWS CLI and a checkout of Lapel; nothing is built here.
    """
    aws = account(region, profile, dry_run=dry_run)
    from lapel.cloud.sagemaker.hosting.image import image_commands

    for line in image_commands(aws, which, repository=repository):
        print(line)
