"""What an endpoint shall be: everything that is decided before the first call to AWS."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from lapel.cloud.sagemaker.checks import (
    LONGEST_NAME,
    STAMP_LENGTH,
    checked_bucket_place,
    checked_image,
    checked_kind,
    checked_resource_name,
    checked_role,
    checked_topic,
)
from lapel.schema.errors import UsageError

#: Models and configurations are called NAME and a time.
LONGEST = LONGEST_NAME - STAMP_LENGTH

#: Megabytes that a serverless endpoint may have, and requests at a time. Source: API reference of
#: ProductionVariantServerlessConfig.
MEMORIES = (1024, 2048, 3072, 4096, 5120, 6144)
MOST_AT_A_TIME = 200

#: The least machine that is worth its price for a network of some megabytes, in our judgement.
USUAL_KIND = "ml.c7i.large"

#: Most machines that are started without a word: a slip of a finger should not cost a fortune.
MOST_MACHINES = 100


#: Kinds with a GPU, and those of AWS's own ARM processors: ml.g5, ml.p4d; ml.c7g, ml.m6gd.
WITH_GPU, ARM = re.compile(r"ml\.(g\d|p\d)"), re.compile(r"ml\.[cmrt]\d+g")


def unfit(kind: str) -> str | None:
    """What our image cannot make use of on a kind of machine; None: nothing."""
    if WITH_GPU.match(kind):
        return f"{kind} has a GPU, which would stand idle: the image answers on the processor"
    if ARM.match(kind):
        return f"{kind} is an ARM machine: build the image with --platform linux/arm64 for it"
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """Machines that run all the time.

    Attributes:
        kind: such as ``ml.c7i.large``.
        count: of them at the start, and at the least; 0 only where requests wait in a queue.
        most: of them under load; as many as ``count``: always so many.
        per_minute: requests a minute that each shall get, where their number follows the load.
    """

    kind: str = USUAL_KIND
    count: int = 1
    most: int = 0
    per_minute: int = 600

    def __post_init__(self) -> None:
        """Refuse what AWS would refuse."""
        checked_kind(self.kind)
        if not 0 <= self.count <= MOST_MACHINES or self.most > MOST_MACHINES:
            raise UsageError(
                f"--count {self.count}, --max {self.most}: expected at most {MOST_MACHINES}"
            )
        if self.most and self.most < self.count:
            raise UsageError(f"--max {self.most} is less than --count {self.count}")
        if self.per_minute < 1:
            raise UsageError(f"--per-minute {self.per_minute}: expected 1 or more")

    @property
    def scales(self) -> bool:
        """Whether their number follows the load."""
        return self.most > self.count


@dataclass(frozen=True, slots=True, kw_only=True)
class Serverless:
    """No machine of one's own: AWS starts the container when somebody asks.

    Attributes:
        memory: megabytes, one of :data:`MEMORIES`.
        concurrency: requests at a time; more are refused by AWS.
    """

    memory: int
    concurrency: int = 5

    def __post_init__(self) -> None:
        """Refuse what AWS would refuse."""
        if self.memory not in MEMORIES:
            raise UsageError(
                f"--serverless {self.memory}: expected one of {', '.join(map(str, MEMORIES))} MB"
            )
        if not 1 <= self.concurrency <= MOST_AT_A_TIME:
            raise UsageError(f"--concurrency {self.concurrency}: expected 1 to {MOST_AT_A_TIME}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """What is kept of requests and answers.

    Attributes:
        place: in S3.
        percent: of all requests, 1 to 100.
    """

    place: str
    percent: int

    def __post_init__(self) -> None:
        """Refuse what AWS would refuse."""
        checked_bucket_place(self.place, "--capture")
        if not 1 <= self.percent <= 100:
            raise UsageError(f"--capture-percent {self.percent}: expected 1 to 100")


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointPlan:
    """An endpoint to be made, or to be changed into.

    Attributes:
        name: of the endpoint.
        image: of the container, in Amazon ECR.
        role: ARN of the role that SageMaker takes on to fetch model and image, and to write logs.
        archive: place of ``model.tar.gz`` in S3.
        machines: or serverless: what it runs on.
        queue: place in S3 for answers, where requests wait in a queue; None: answered at once.
        capture: what is kept of requests; None: nothing.
        topic: ARN of the SNS topic that alarms are sent to; None: no alarms.
        environment: variables of the container.

    Raises:
        UsageError: a value that AWS would refuse, or two that do not go together.
    """

    name: str
    image: str
    role: str
    archive: str
    machines: Machines | Serverless = field(default_factory=Machines)
    queue: str | None = None
    capture: Capture | None = None
    topic: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what AWS would refuse."""
        checked_resource_name(self.name, "endpoint", longest=LONGEST)
        checked_image(self.image)
        checked_role(self.role)
        checked_bucket_place(self.archive, "the model")
        if self.topic is not None:
            checked_topic(self.topic)
        if self.queue is not None:
            checked_bucket_place(self.queue, "--asynchronous")
        if isinstance(self.machines, Serverless):
            self._check_serverless()
        elif self.machines.count == 0 and (self.queue is None or not self.machines.scales):
            raise UsageError(
                "--count 0 needs --asynchronous, where requests wait, and --max 1 or more"
            )
        if self.queue is not None and self.capture is not None:
            raise UsageError(
                "--capture is of requests that are answered at once; those of a queue lie in S3 "
                "anyway, beside their answers"
            )

    def _check_serverless(self) -> None:
        # Source: "Deploy models with Amazon SageMaker Serverless Inference", feature exclusions.
        if self.queue is not None:
            raise UsageError("--serverless and --asynchronous exclude each other at AWS")
        if self.capture is not None:
            raise UsageError("--capture: AWS keeps no requests of serverless endpoints")
