"""``lapel cloud sagemaker deploy|invoke|delete|endpoints|cost``: a model behind an endpoint."""

from __future__ import annotations

import json
from collections.abc import Iterable
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
from lapel.cli.cloud.sagemaker.batch import batch, image
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
    from lapel.cloud.sagemaker.hosting.costs import Running
    from lapel.cloud.sagemaker.hosting.invoke import Answered
    from lapel.cloud.sagemaker.hosting.plan import Machines, Serverless

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the endpoint.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands to their group."""
    for command in (deploy, invoke, batch, delete, endpoints, cost, image):
        app.command()(command)


def deploy(
    bundle: Bundle,
    name: Name,
    *,
    image: Image,
    role: Role,
    models: Models = None,
    kind: Annotated[str, typer.Option(metavar="KIND", help="Kind of machine.")] = "ml.c7i.large",
    count: Annotated[int, typer.Option(min=0, help="Machines, at the least.")] = 1,
    most: Annotated[
        int, typer.Option("--max", min=0, help="Machines under load; 0: always --count.")
    ] = 0,
    per_minute: Annotated[
        int, typer.Option(min=1, help="Requests a minute for each machine, with --max.")
    ] = 600,
    serverless: Annotated[
        int | None,
        typer.Option(metavar="MB", help="No machines: AWS starts the container when it is asked."),
    ] = None,
    concurrency: Annotated[
        int, typer.Option(min=1, help="Requests at a time, with --serverless.")
    ] = 5,
    asynchronous: Annotated[
        str | None,
        typer.Option(metavar="S3", help="Requests wait in a queue, answers are written to S3."),
    ] = None,
    capture: Annotated[
        str | None, typer.Option(metavar="S3", help="Where requests and answers are kept.")
    ] = None,
    capture_percent: Annotated[
        int, typer.Option(min=1, max=100, help="Of all requests, with --capture.")
    ] = 20,
    alarms: Annotated[
        str | None,
        typer.Option(metavar="ARN", help="SNS topic that is told of errors, delays, full memory."),
    ] = None,
    price: OwnPrice = None,
    yes: Yes = False,
    region: Region = None,
    profile: Profile = None,
    dry_run: DryRun = False,
) -> None:
    """Put a model behind an endpoint, or another model behind an endpoint that is there.

    What is there answers until the new one does, and stays if that fails. A failed start leaves
    nothing behind, nor does one that is ended by Ctrl-C, SIGTERM or a closed terminal.
    """
    aws = account(region, profile, dry_run=dry_run)
    from lapel.cloud.interruptions import interrupted_when_ended
    from lapel.cloud.sagemaker.hosting.archive import archived, look_at_model
    from lapel.cloud.sagemaker.hosting.costs import endpoint_cost
    from lapel.cloud.sagemaker.hosting.deploy import deploy as make
    from lapel.cloud.sagemaker.hosting.looking import look_before_deploying
    from lapel.cloud.sagemaker.hosting.plan import Capture, EndpointPlan

    def plan(archive: str) -> EndpointPlan:
        return EndpointPlan(
            name=name,
            image=image,
            role=role,
            archive=archive,
            machines=_machines(kind, count, most, per_minute, serverless, concurrency),
            queue=asynchronous,
            capture=None if capture is None else Capture(place=capture, percent=capture_percent),
            topic=alarms,
        )

    # All is checked, and the cost agreed, before anything is packed or sent.
    wanted = plan(models or bundle_place(bundle))
    look_before_deploying(aws, wanted)
    model = look_at_model(aws, bundle)
    agreed(endpoint_cost(wanted, aws.region_if_set(), price), yes=yes, dry_run=dry_run)
    with interrupted_when_ended():
        place = archived(aws, model, name, models=models, say=complain)
        done = make(aws, plan(place), say=complain)
    if dry_run:
        say_dry_run_is_over(aws)
        return
    print(f"{name} {'answers by the new model' if done.updated else 'answers'} ({done.called})")
    print(f"lapel cloud sagemaker invoke {name} PHOTO...")
    print(f"lapel cloud sagemaker delete {name}")


def _machines(
    kind: str, count: int, most: int, per_minute: int, serverless: int | None, concurrency: int
) -> Machines | Serverless:
    from lapel.cloud.sagemaker.hosting.plan import Machines, Serverless

    if serverless is not None:
        return Serverless(memory=serverless, concurrency=concurrency)
    return Machines(kind=kind, count=count, most=most, per_minute=per_minute)


def invoke(
    name: Name,
    photos: Annotated[list[str], typer.Argument(help="Pictures, folders of them, or patterns.")],
    *,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="File for the answers, .jsonl; else they are printed."),
    ] = None,
    top: Annotated[int | None, typer.Option(min=1, help="How many of the best labels.")] = None,
    threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Score from which garments are told.")
    ] = None,
    region: Region = None,
    profile: Profile = None,
    dry_run: DryRun = False,
) -> None:
    """Ask an endpoint about photos: a line of JSON each, as `lapel predict` writes it."""
    aws = account(region, profile, dry_run=dry_run)
    from lapel.cloud.sagemaker.hosting.invoke import Asked
    from lapel.cloud.sagemaker.hosting.invoke import invoke as ask
    from lapel.inference.finding import find_pictures

    found = find_pictures(photos)
    answers = ask(aws, name, found, Asked(top=top, threshold=threshold))
    if dry_run:
        list(answers)
        say_dry_run_is_over(aws)
        return
    failed = _write(answers, out)
    if out is not None and failed < len(found):
        print(f"answers in {shown(str(out))}")
    if failed:
        complain(f"{failed} of {len(found)} pictures got no answer")
        raise typer.Exit(EXIT_FAILED)


def _write(answers: Iterable[Answered], out: Path | None) -> int:
    """Print answers, or write them whole; how many pictures got none."""
    from lapel.storage.local import write_atomically

    lines, failed = [], 0
    for one in answers:
        if one.fault:
            failed += 1
            complain(f"{one.image}: {one.fault}")
            continue
        line = json.dumps(one.value, ensure_ascii=False)
        if out is None:
            print(shown(line), flush=True)
        else:
            lines.append(line)
    if out is not None and lines:
        write_atomically(out, ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace"))
    return failed


def delete(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of an endpoint, or of a batch.")],
    *,
    region: Region = None,
    profile: Profile = None,
    dry_run: DryRun = False,
) -> None:
    """Take down an endpoint, or the rest of a batch, with all that was made for it.

    What was captured, and answers, stay in S3: they are yours.
    """
    aws = account(region, profile, dry_run=dry_run)
    from lapel.cloud.sagemaker.hosting.remove import delete as remove

    left = f"not all of {name} is down yet: `lapel cloud sagemaker delete {name}` goes on with it"
    with told_if_interrupted(lambda: left):
        gone = remove(aws, name, say=(lambda _: None) if dry_run else complain)
    if dry_run:
        say_dry_run_is_over(aws)
        return
    counts = {
        "endpoint": gone.endpoints,
        "running job": gone.jobs,
        "model": gone.models,
        "alarm": gone.alarms,
        "scaling": int(gone.scaling),
    }
    said = [f"{count} {what}{'s' * (count > 1)}" for what, count in counts.items() if count]
    print(f"{name}: taken down ({', '.join(said)})")


def endpoints(
    *,
    price: OwnPrice = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """The endpoints that Lapel made, what they run on, and what they cost."""
    _show(account(region, profile), price)


def cost(
    *,
    price: OwnPrice = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """What the endpoints that are there cost an hour, together, and have cost."""
    found = _show(account(region, profile), price)
    known = [one.hourly for one in found if one.hourly is not None]
    if found:
        unknown = f"; {len(found) - len(known)} of unknown price" if len(known) < len(found) else ""
        print(f"together: {sum(known):.4g} USD an hour, {sum(known) * 730:.2f} a month{unknown}")


def _show(aws: Account, price: float | None) -> list[Running]:
    from lapel.cloud.sagemaker.hosting.costs import running_costs
    from lapel.cloud.sagemaker.hosting.listing import endpoints as listed

    found = running_costs(listed(aws), aws.region_if_set(), price)
    for one in found:
        print("\t".join([one.endpoint.name, one.endpoint.status, one.endpoint.runs_on, _paid(one)]))
        if one.endpoint.reason:
            complain(f"{one.endpoint.name}: {one.endpoint.reason}")
    if not found:
        print(f"no endpoints of ours in {aws.where()}")
    return found


def _paid(one: Running) -> str:
    if one.hourly is None:
        return "price unknown: give it by --price"
    if one.endpoint.memory:
        return "paid while it answers"
    so_far = "" if one.so_far is None else f", {one.so_far:.2f} USD so far"
    return f"{one.hourly:.4g} USD an hour{so_far}"
