"""A whole job: its attempts, what is kept of them, and what SageMaker would say of it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lapel.cloud.archives import pack
from lapel.cloud.container.layout import ROOT, OptMl
from lapel.cloud.sagemaker.local.attempt import (
    GRACE,
    Attempt,
    Limits,
    Log,
    as_there,
    run_attempt,
)
from lapel.cloud.sagemaker.local.machine import Image, lay_out
from lapel.cloud.sagemaker.local.places import Places
from lapel.schema.errors import CloudError, UsageError

#: Characters of a container's reason that SageMaker shows.
SHOWN = 1024

#: Folder of an attempt, in which each machine has one.
ATTEMPT = "attempt-{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How a job is rehearsed.

    Attributes:
        image: what stands for the container's.
        interruptions: seconds after which spot machines are taken away, attempt by attempt; after
            the last one they are left.
        stopped: asked whether the user wants the job to end.
        grace: seconds between SIGTERM and SIGKILL.
        work: folder for the machines' ``/opt/ml``, to be looked at afterwards; none: one that is
            removed in the end.
    """

    image: Image = field(default_factory=Image)
    interruptions: Sequence[float] = ()
    stopped: Callable[[], bool] = lambda: False
    grace: float = GRACE
    work: Path | None = None


def rehearse(
    request: Mapping[str, Any],
    places: Places,
    course: Course | None = None,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Run a training job's request on this machine.

    Channels are fetched, ``/opt/ml`` is laid out, the container's command runs, its log goes
    through the expressions of the request, checkpoints are mirrored and brought back,
    ``model.tar.gz`` is written to where the request says.

    Args:
        request: the body of ``CreateTrainingJob``, as it would be sent.
        places: where it reads and writes.
        course: how it is rehearsed.
        say: told of each line of the log.

    Returns:
        What ``DescribeTrainingJob`` would say, as far as this machine can.

    Raises:
        UsageError: the folder ``work`` holds a former rehearsal, whose files would be taken for
            this one's.
        CloudError: a channel is empty; the request asks for what only AWS can do.
        StorageError: S3, or this machine's disk, refuses.
    """
    course = course or Course()
    if course.interruptions and not request.get("EnableManagedSpotTraining"):
        raise CloudError("only spot machines are taken away: ask for --spot, or rehearse without")
    if course.work is not None:
        if (course.work / ATTEMPT.format(1)).exists():
            raise UsageError(f"{course.work} holds a former rehearsal; name another folder")
        # Whole: a container has a working folder of its own.
        return _rehearse(request, places, course, say, course.work.resolve())
    with tempfile.TemporaryDirectory(prefix="lapel-sagemaker-") as work:
        return _rehearse(request, places, course, say, Path(work).resolve())


def _rehearse(
    request: Mapping[str, Any],
    places: Places,
    course: Course,
    say: Callable[[str], None],
    work: Path,
) -> dict[str, Any]:
    log = Log(say=say, definitions=request["AlgorithmSpecification"].get("MetricDefinitions", []))
    hosts = course.image.hosts(request["ResourceConfig"]["InstanceCount"])
    attempts: list[Attempt] = []
    with _opt_ml(course.image.namespace):
        while True:
            number = len(attempts)
            machines = work / ATTEMPT.format(number + 1)
            layouts = [OptMl(machines / host / "ml") for host in hosts]
            for layout, host in zip(layouts, hosts, strict=True):
                lay_out(layout, request, host, hosts, places)
                _restore(layout, request, places)
            limits = _limits(request, course, attempts)
            attempts.append(run_attempt(layouts, request, course.image, log, limits, places))
            if attempts[-1].cause != "Interrupted":
                break
            say(f"The machines were taken away after {attempts[-1].seconds:.0f} s")
    failed = not attempts[-1].cause and any(attempts[-1].codes)
    kept = {} if failed else _keep(layouts, request, places)
    return _described(request, attempts, layouts, log, kept.get("model", ""))


def _limits(request: Mapping[str, Any], course: Course, attempts: Sequence[Attempt]) -> Limits:
    spent = sum(attempt.seconds for attempt in attempts)
    number = len(attempts)
    return Limits(
        runtime=request["StoppingCondition"]["MaxRuntimeInSeconds"] - spent,
        taken=course.interruptions[number] if number < len(course.interruptions) else None,
        stopped=course.stopped,
        grace=course.grace,
    )


def _restore(layout: OptMl, request: Mapping[str, Any], places: Places) -> None:
    place = request.get("CheckpointConfig", {}).get("S3Uri")
    if place:
        places.restore(place.rstrip("/"), layout.checkpoints)


def _keep(layouts: Sequence[OptMl], request: Mapping[str, Any], places: Places) -> dict[str, str]:
    """Write back what all machines left, the model and what else they put out; says where each
    came to lie that is there.
    """
    out = f"{request['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{request['TrainingJobName']}"
    kept = {"model": [one.model for one in layouts], "output": [one.data_out for one in layouts]}
    written: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="lapel-sagemaker-") as made:
        for name, folders in kept.items():
            together = Path(made) / name
            for folder in folders:
                shutil.copytree(folder, together, dirs_exist_ok=True)
            if any(together.iterdir()):
                archive = Path(made) / f"{name}.tar.gz"
                pack(together, archive)
                written[name] = f"{out}/output/{archive.name}"
                places.keep(archive, written[name])
    return written


def _described(
    request: Mapping[str, Any],
    attempts: Sequence[Attempt],
    layouts: Sequence[OptMl],
    log: Log,
    model: str,
) -> dict[str, Any]:
    """What is known of the job; places where nothing came to lie are left out."""
    last = attempts[-1]
    state, detail = "Completed", "Completed"
    said: dict[str, Any] = {}
    if last.cause:
        state, detail = "Stopped", last.cause
    elif any(last.codes):
        state = detail = "Failed"
        said["FailureReason"] = _reason(last, layouts)
    if any(any(layout.checkpoints.iterdir()) for layout in layouts):
        said["CheckpointConfig"] = dict(request.get("CheckpointConfig", {}))
    seconds = max(1, round(sum(attempt.seconds for attempt in attempts)))
    return said | {
        "TrainingJobName": request["TrainingJobName"],
        "TrainingJobStatus": state,
        "SecondaryStatus": detail,
        "ModelArtifacts": {"S3ModelArtifacts": model} if model else {},
        "FinalMetricDataList": [
            {"MetricName": name, "Value": value, "Timestamp": datetime.fromtimestamp(at, UTC)}
            for name, (value, at) in log.metrics.items()
        ],
        "ResourceConfig": dict(request["ResourceConfig"]),
        "EnableManagedSpotTraining": request.get("EnableManagedSpotTraining", False),
        "TrainingTimeInSeconds": seconds,
        "BillableTimeInSeconds": seconds,
    }


def _reason(attempt: Attempt, layouts: Sequence[OptMl]) -> str:
    """Why a job failed, in SageMaker's form: of the first machine that says so."""
    for layout, code in zip(layouts, attempt.codes, strict=True):
        if code and layout.failure.is_file():
            text = as_there(layout.failure.read_text("utf-8", errors="replace"), layout)[:SHOWN]
            return f"AlgorithmError: {text}, exit code: {code}"
    code = next(code for code in attempt.codes if code)
    return f"AlgorithmError: the container said no reason, exit code: {code}"


@contextmanager
def _opt_ml(needed: bool) -> Iterator[None]:
    """``/opt/ml`` is there to be mounted upon; where it was not before, it is gone afterwards."""
    root = Path(ROOT)
    if not needed or root.is_dir():
        yield
        return
    try:
        root.mkdir(parents=True)
    except OSError as error:
        raise CloudError(
            f"{ROOT} cannot be made here ({error.strerror}); rehearse without a namespace, below a "
            "prefix"
        ) from error
    try:
        yield
    finally:
        root.rmdir()
