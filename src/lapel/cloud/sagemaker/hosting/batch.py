"""A great many photos in S3, answered by machines that are there for as long as it takes.

Source: CreateTransformJob, Amazon SageMaker API reference; "Batch transform" and "Custom inference
code with batch transform", Amazon SageMaker AI developer guide. Each photo is a request of its
own, and its answer lies under the photo's key with ``.out`` behind it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from lapel.cloud.aws import Account
from lapel.cloud.container.serving import ERRORS_IN_PLACE
from lapel.cloud.container.serving import LATENCY as LATENCY_VARIABLE
from lapel.cloud.sagemaker.checks import (
    checked_bucket_place,
    checked_image,
    checked_kind,
    checked_resource_name,
    checked_role,
    stamped,
    tags,
)
from lapel.cloud.sagemaker.hosting.listing import EVERY
from lapel.cloud.sagemaker.hosting.log import last_lines
from lapel.cloud.sagemaker.hosting.plan import LONGEST, MOST_MACHINES, USUAL_KIND
from lapel.cloud.sagemaker.hosting.remove import remove_behind
from lapel.cloud.sagemaker.hosting.requests import PATIENT
from lapel.cloud.sagemaker.refusals import refuse_faults
from lapel.schema.errors import CloudError, UsageError
from lapel.storage.s3.client import s3_client
from lapel.storage.s3.location import S3Location
from lapel.storage.s3.store import S3Store

#: Photos that are sent to a machine at a time, and megabytes of each: their product is 100 at the
#: most.
AT_A_TIME, MEGABYTES = 4, 25

#: Attempts at a photo beside the first, and seconds for each.
RETRIES, SECONDS = 3, 60

ENDED = frozenset({"Completed", "Failed", "Stopped"})

#: What is written behind a photo's key.
ENDING = ".out"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPlan:
    """A batch to be run.

    Attributes:
        name: of it.
        image: of the container, in Amazon ECR.
        role: ARN of the role that SageMaker takes on.
        archive: place of ``model.tar.gz`` in S3.
        photos: place in S3 below which they lie.
        answers: place in S3 for the answers.
        kind: of the machines.
        count: of machines; photos are shared out among them.
        environment: variables of the container.

    Raises:
        UsageError: a value that AWS would refuse.
    """

    name: str
    image: str
    role: str
    archive: str
    photos: str
    answers: str
    kind: str = USUAL_KIND
    count: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what AWS would refuse."""
        checked_resource_name(self.name, "batch", longest=LONGEST)
        checked_image(self.image)
        checked_role(self.role)
        checked_kind(self.kind)
        photos = checked_bucket_place(self.photos, "the photos")
        answers = checked_bucket_place(self.answers, "the answers")
        if f"{'/'.join(answers)}/".startswith(f"{'/'.join(photos)}/"):
            raise UsageError(
                f"the answers ({self.answers}) lie among the photos ({self.photos}), and would be "
                "taken for photos the next time; name another place"
            )
        if not 1 <= self.count <= MOST_MACHINES:
            raise UsageError(f"--count {self.count}: expected 1 to {MOST_MACHINES}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchDone:
    """How a batch ended.

    Attributes:
        called: its name at AWS.
        seconds: that each machine worked, as is paid for; None: AWS does not say.
    """

    called: str
    seconds: float | None


def model_request(plan: BatchPlan, called: str) -> dict[str, Any]:
    """A body of ``CreateModel``: photos may wait, and one that cannot be read ends nothing."""
    variables = {ERRORS_IN_PLACE: "1", LATENCY_VARIABLE: PATIENT, **plan.environment}
    return {
        "ModelName": called,
        "PrimaryContainer": {
            "Image": plan.image,
            "ModelDataUrl": plan.archive,
            "Environment": variables,
        },
        "ExecutionRoleArn": plan.role,
        "EnableNetworkIsolation": True,
        "Tags": tags(plan.name),
    }


def job_request(plan: BatchPlan, called: str) -> dict[str, Any]:
    """A body of ``CreateTransformJob``."""
    return {
        "TransformJobName": called,
        "ModelName": called,
        "MaxConcurrentTransforms": AT_A_TIME,
        "MaxPayloadInMB": MEGABYTES,
        "BatchStrategy": "SingleRecord",
        "ModelClientConfig": {
            "InvocationsMaxRetries": RETRIES,
            "InvocationsTimeoutInSeconds": SECONDS,
        },
        "TransformInput": _photos(S3Location.parse(plan.photos)),
        "TransformOutput": {
            "S3OutputPath": str(S3Location.parse(plan.answers)),
            "Accept": "application/jsonlines",
            "AssembleWith": "None",
        },
        "TransformResources": {"InstanceType": plan.kind, "InstanceCount": plan.count},
        "Tags": tags(plan.name),
    }


def _photos(place: S3Location) -> dict[str, Any]:
    """What a batch reads: each object below a place is a request."""
    # With its "/": `shoes` shall not mean `shoes-old`.
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{place.bucket}/{place.prefix}"}
    return {
        "DataSource": {"S3DataSource": source},
        "ContentType": "application/octet-stream",
        "CompressionType": "None",
        "SplitType": "None",
    }


def start_batch(
    account: Account, plan: BatchPlan, *, say: Callable[[str], None] = lambda _: None
) -> str:
    """Start a batch; if it cannot be started, or that is interrupted, nothing is left of it.

    What could not come about is told before by
    :func:`lapel.cloud.sagemaker.hosting.looking.look_before_a_batch`.

    Args:
        account: that pays.
        plan: of the batch.
        say: told what is taken back.

    Returns:
        Its name at AWS.

    Raises:
        CloudError: AWS refuses.
        UsageError: AWS would refuse.
    """
    called = stamped(plan.name)
    refuse_faults("sagemaker", "CreateModel", model_request(plan, called))
    refuse_faults("sagemaker", "CreateTransformJob", job_request(plan, called))
    try:
        account.do("sagemaker", "CreateModel", {}, **model_request(plan, called))
        account.do("sagemaker", "CreateTransformJob", {}, **job_request(plan, called))
    except BaseException:
        _take_back(account, plan, called, say)
        raise
    return called


def _take_back(account: Account, plan: BatchPlan, called: str, say: Callable[[str], None]) -> None:
    """Stop a batch that AWS may have begun before its answer was lost, and take its model away."""
    with suppress(CloudError):  # as a rule there is none; the error on its way says more
        account.do("sagemaker", "StopTransformJob", {}, TransformJobName=called)
    try:
        remove_behind(account, plan.name, called, archive=plan.archive)
        say(f"{called}: taken away again")
    except CloudError as error:
        say(
            f"{called} could not be taken away ({error}); `lapel cloud sagemaker delete "
            f"{plan.name}` does it"
        )


def finish_batch(
    account: Account,
    plan: BatchPlan,
    called: str,
    *,
    say: Callable[[str], None],
    every: float = EVERY,
) -> BatchDone:
    """Wait for the end of a batch, and take its model away.

    Args:
        account: that pays.
        plan: of the batch.
        called: its name at AWS.
        say: told of each state.
        every: seconds between two looks.

    Raises:
        CloudError: it failed or was stopped; the reason is told, with the end of its log. Answers
            that were written stay.
    """
    found = _ended(account, called, say=say, every=every)
    remove_behind(account, plan.name, called, archive=plan.archive)
    if found["TransformJobStatus"] != "Completed":
        reason = found.get("FailureReason") or "AWS gives no reason"
        said = last_lines(account, called, since=found.get("CreationTime"), batch=True)
        lines = "\n".join(f"  {line}" for line in said)
        log = f"\nthe end of its log:\n{lines}" if lines else ""
        raise CloudError(
            f"the batch {called} is {found['TransformJobStatus']}: {reason}; answers so far lie "
            f"at {plan.answers}{log}"
        )
    begun, ended = found.get("TransformStartTime"), found.get("TransformEndTime")
    if begun is None or ended is None:
        return BatchDone(called=called, seconds=None)
    return BatchDone(called=called, seconds=(ended - begun).total_seconds())


def answers_of(account: Account, plan: BatchPlan) -> Iterator[dict[str, Any]]:
    """All answers of a batch, sorted by photo, each named by its key below the photos.

    Yields:
        As lines of ``lapel predict --out FILE.jsonl``; one that could not be read has ``error``.

    Raises:
        CloudError: what lies there is no answer of a model.
        StorageError: S3 refuses.
    """
    client = s3_client(profile=account.profile, region=account.region)
    store = S3Store(plan.answers, client=client)
    asked = set(S3Store(plan.photos, client=client).names())
    for name in store.names():
        image = name.removesuffix(ENDING)
        # Answers to other photos, of former batches, may lie beside these.
        if name.endswith(ENDING) and image in asked:
            for line in store.read(name).splitlines():
                yield {**_answer(line, f"{plan.answers}/{name}"), "image": image}


def _answer(line: bytes, place: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise CloudError(f"{place} holds no answer of a model: {error}") from error
    if not isinstance(found, dict):
        raise CloudError(f"{place} holds no answer of a model, but {type(found).__name__}")
    return found


def _ended(
    account: Account, called: str, *, say: Callable[[str], None], every: float
) -> Mapping[str, Any]:
    status = ""
    while True:
        found = account.ask(
            "sagemaker",
            "DescribeTransformJob",
            {"TransformJobStatus": "Completed"},
            TransformJobName=called,
        )
        if found["TransformJobStatus"] != status:
            status = str(found["TransformJobStatus"])
            say(f"{called}: {status}")
        if status in ENDED:
            return found
        time.sleep(every)
