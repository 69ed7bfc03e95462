"""``lapel cloud sagemaker local``: the very request of a job, run on this machine."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lapel.cli.cloud import options as shared
from lapel.cli.cloud.sagemaker import options
from lapel.cli.console import complain
from lapel.cloud.interruptions import ENDING

if TYPE_CHECKING:
    from lapel.cloud.aws import Account
    from lapel.cloud.sagemaker.local.places import Places
    from lapel.cloud.sagemaker.planning import Wish

#: Places in S3 that folders of this machine stand for.
DATA_HERE, OUT_HERE = "s3://rehearsal/data", "s3://rehearsal/out"
MODEL_HERE, CHECKPOINTS_HERE = "s3://rehearsal/from", "s3://rehearsal/checkpoints"


@options.takes_job_options
def local(
    *,
    data: Annotated[
        str | None,
        typer.Option(metavar="S3|FOLDER", help="As of train; or a folder of this machine."),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(metavar="S3|FOLDER", help="As of train; or a folder of this machine."),
    ] = None,
    kind: options.Kind = "ml.m5.xlarge",
    hours: options.Hours = 8.0,
    job: options.JobOptions,
    interrupt: Annotated[
        list[float] | None,
        typer.Option(
            metavar="SECONDS", help="After which the machines are taken away; may be given again."
        ),
    ] = None,
    namespace: Annotated[
        bool,
        typer.Option(
            "--namespace", help="/opt/ml is that path itself, seen by the job alone; as root."
        ),
    ] = False,
    keep: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where each machine's /opt/ml stays.")
    ] = None,
    serve: Annotated[
        str | None,
        typer.Option(metavar="BUNDLE", help="Rehearse an endpoint instead, until Ctrl-C."),
    ] = None,
    port: Annotated[int, typer.Option(help="Of the endpoint, on loopback.")] = 8080,
    region: shared.Region = None,
    profile: shared.Profile = None,
) -> None:
    """Rehearse a training job here, without Docker and without an account.

    The request is the one that `train` would send. Channels are fetched, /opt/ml is laid out, its
    log is read by its expressions, checkpoints are mirrored, model.tar.gz is written back;
    --interrupt plays a spot machine that is taken away, Ctrl-C a job that is stopped.
    """
    account = shared.account(region, profile)
    if serve is not None:
        from lapel.cloud.sagemaker.hosting.rehearse import rehearse as answer

        answer(serve, port=port)
        return
    if data is None or out is None:
        from lapel.schema.errors import UsageError

        raise UsageError("name what to learn from, and where results go: --data, --out")
    standing = {
        DATA_HERE: data, OUT_HERE: out, MODEL_HERE: job.from_, CHECKPOINTS_HERE: job.checkpoints,
    }  # fmt: skip
    here = {place: Path(said) for place, said in standing.items() if said and not _in_s3(said)}
    job = replace(
        job,
        spot=job.spot or bool(interrupt),
        from_=_place(job.from_, MODEL_HERE, here),
        checkpoints=_place(job.checkpoints, CHECKPOINTS_HERE, here),
    )
    places = {"data": _place(data, DATA_HERE, here), "out": _place(out, OUT_HERE, here)}
    wanted = options.wish(job, **places, kind=kind, hours=hours)
    _rehearse(account, wanted, here, namespace=namespace, interrupt=interrupt, keep=keep)


def _rehearse(
    account: Account,
    wanted: Wish,
    here: Mapping[str, Path],
    *,
    namespace: bool,
    interrupt: Sequence[float] | None,
    keep: Path | None,
) -> None:
    from lapel.cloud.sagemaker.jobs import job_of
    from lapel.cloud.sagemaker.local.machine import Image
    from lapel.cloud.sagemaker.local.places import Places
    from lapel.cloud.sagemaker.local.rehearsal import Course, rehearse
    from lapel.cloud.sagemaker.words import job_lines

    places = Places(client=lambda: account.client("s3"), here=here)
    request = _request(wanted, places)
    with _asked_to_stop() as stopped:
        course = Course(
            image=Image(namespace=namespace),
            interruptions=tuple(interrupt or ()),
            stopped=stopped,
            work=keep,
        )
        job = job_of(rehearse(request, places, course, say=_show))
    model, checkpoints = (
        str(places.folder(place) or place) for place in (job.model, job.checkpoints)
    )
    for line in job_lines(replace(job, model="", checkpoints=checkpoints), None, rehearsed=True):
        complain(line)
    stays = f"lies below {keep}" if keep else "is gone (--keep FOLDER keeps it)"
    complain(f"  /opt/ml:  of the log, the rehearsed machine's; it {stays}")
    if job.state != "Completed":
        raise typer.Exit(1)
    print(f"Model: {model or 'none was written'}")


def _request(wanted: Wish, places: Places) -> dict[str, Any]:
    """The body of ``CreateTrainingJob``, as `train` would send it."""
    from lapel.cloud.sagemaker.jobs import SERVICE, prepare
    from lapel.cloud.sagemaker.planning import plan_job, read_recipe
    from lapel.cloud.sagemaker.refusals import refuse_faults
    from lapel.cloud.sagemaker.requests import training_request

    _, content = read_recipe(wanted)
    request = training_request(prepare(places.put, plan_job(wanted), content))
    refuse_faults(SERVICE, "CreateTrainingJob", request)
    complain(json.dumps(request, indent=2))
    return request


def _in_s3(place: str) -> bool:
    return place.startswith("s3:/")


def _place(said: str | None, instead: str, here: Mapping[str, Path]) -> str | None:
    """The place in S3 that a request names: what was said, or what a folder stands for."""
    return instead if instead in here else said


def _show(line: str) -> None:
    with suppress(OSError):  # a terminal that was closed: the job is still to be ended in order
        print(line, file=sys.stderr, flush=True)


@contextmanager
def _asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Asks within the block whether Ctrl-C was pressed, SIGTERM came, or the terminal closed."""
    asked: list[int] = []

    def remember(number: int, _frame: FrameType | None) -> None:
        asked.append(number)

    numbers = [signal.SIGINT, *(getattr(signal, name) for name in ENDING if hasattr(signal, name))]
    former = {number: signal.signal(number, remember) for number in numbers}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
