"""The bodies of the requests that begin jobs, from a plan: plain values, nothing is asked or sent.

Source: CreateTrainingJob and CreateHyperParameterTuningJob, Amazon SageMaker API reference.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lapel.cloud.old_gpus import refuse_old_gpu
from lapel.cloud.sagemaker.checks import tags
from lapel.cloud.sagemaker.metrics import DIRECTION, OBJECTIVE, metric_definitions
from lapel.cloud.sagemaker.ranges import Ranges

#: AWS's training images of PyTorch, as of 2026-11 (aws.github.io/deep-learning-containers).
IMAGES = "public.ecr.aws/deep-learning-containers/pytorch"
GPU_IMAGE = f"{IMAGES}:2.14-cu133-amzn2023-sagemaker"
CPU_IMAGE = f"{IMAGES}:2.14-cpu-amzn2023-sagemaker"

#: Kinds of machines with a GPU of NVIDIA.
GPU_KINDS = re.compile(r"ml\.(g|p)\d")

#: Where the code of ours lies in a container, and the line that runs it.
CODE = "/opt/ml/input/data/code"
ENTRY = "train.py"
ENTRY_POINT = ("python3", f"{CODE}/{ENTRY}")
CHECKPOINTS = "/opt/ml/checkpoints"

#: Channels of the data, and of the model to learn on from, as the container looks for them.
DATASET, MODEL = "dataset", "model"

#: Seconds that a job may take without asking AWS for more: 28 days
#: (https://docs.aws.amazon.com/general/latest/gr/sagemaker.html).
LONGEST = 28 * 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPlan:
    """What a training job is to be; of a tuning job: each of its jobs.

    Attributes:
        name: no job of the account has it, or ever had.
        role: ARN of the role that the job takes on.
        image: the container's.
        own_container: the image has Lapel, and runs by itself what SageMaker asks for.
        channels: name of each to its place in S3; with an image of others, ``code`` is among them.
        archive: the same code as a ``tar.gz`` in S3, for tuning; none: an own container.
        hyperparameters: name to text.
        out: place in S3 below which SageMaker writes ``NAME/output/model.tar.gz``.
        checkpoints: place in S3 of what goes on where a job was ended.
        kind: of machine, such as ``ml.g5.xlarge``.
        count: of machines.
        disk: GB of each.
        seconds: after which a job is ended.
        spot: on spare machines, for less, which may be taken away.
        wait: seconds that waiting for spare machines and learning may take together.
    """

    name: str
    role: str
    image: str
    own_container: bool = False
    channels: Mapping[str, str]
    archive: str | None = None
    hyperparameters: Mapping[str, str] = field(default_factory=dict)
    out: str
    checkpoints: str
    kind: str
    count: int = 1
    disk: int = 50
    seconds: int
    spot: bool = False
    wait: int | None = None


def image_for(kind: str) -> str:
    """AWS's training image for a kind of machine.

    Raises:
        UsageError: there is none for its GPU.
    """
    refuse_old_gpu(kind, "name an image with an older CUDA by --image or --container")
    return GPU_IMAGE if GPU_KINDS.match(kind) else CPU_IMAGE


def training_request(plan: JobPlan) -> dict[str, Any]:
    """The body of ``CreateTrainingJob``."""
    algorithm = _algorithm(plan)
    if not plan.own_container:
        # Not by AWS's toolkit: it keeps SIGTERM from the script that it runs
        # (https://github.com/aws/sagemaker-training-toolkit/issues/125).
        algorithm["ContainerEntrypoint"] = list(ENTRY_POINT)
    return {
        "TrainingJobName": plan.name,
        "HyperParameters": dict(plan.hyperparameters),
        "AlgorithmSpecification": algorithm,
        **_shared(plan, plan.channels),
        "Tags": tags(plan.name),
    }


def tuning_request(
    plan: JobPlan, ranges: Ranges, *, trials: int, parallel: int, strategy: str, seed: int
) -> dict[str, Any]:
    """The body of ``CreateHyperParameterTuningJob``.

    Args:
        plan: of each of its jobs.
        ranges: what is tried.
        trials: jobs in all.
        parallel: jobs at once.
        strategy: ``Bayesian`` or ``Random``.
        seed: of the choices.
    """
    static = dict(plan.hyperparameters)
    if plan.archive is not None:
        # A tuning job names no entry point: AWS's image runs its toolkit, which asks for these.
        static |= {"sagemaker_program": ENTRY, "sagemaker_submit_directory": plan.archive}
    channels = {name: place for name, place in plan.channels.items() if name != "code"}
    objective = {"Type": DIRECTION, "MetricName": OBJECTIVE}
    return {
        "HyperParameterTuningJobName": plan.name,
        "HyperParameterTuningJobConfig": {
            "Strategy": strategy,
            "HyperParameterTuningJobObjective": objective,
            "ResourceLimits": {
                "MaxNumberOfTrainingJobs": trials,
                "MaxParallelTrainingJobs": parallel,
            },
            "ParameterRanges": ranges.as_request(),
            "TrainingJobEarlyStoppingType": "Auto",
            "RandomSeed": seed,
        },
        "TrainingJobDefinition": {
            "StaticHyperParameters": static,
            "AlgorithmSpecification": _algorithm(plan),
            **_shared(plan, channels),
        },
        "Tags": tags(plan.name),
    }


def _algorithm(plan: JobPlan) -> dict[str, Any]:
    return {
        "TrainingImage": plan.image,
        "TrainingInputMode": "File",
        "MetricDefinitions": metric_definitions(),
    }


def _shared(plan: JobPlan, channels: Mapping[str, str]) -> dict[str, Any]:
    stopping: dict[str, Any] = {"MaxRuntimeInSeconds": plan.seconds}
    if plan.spot:
        # As long again for waiting; more than AWS lets a job take would be refused.
        stopping["MaxWaitTimeInSeconds"] = plan.wait or max(
            plan.seconds, min(2 * plan.seconds, LONGEST)
        )
    return {
        "RoleArn": plan.role,
        "InputDataConfig": [_channel(name, place) for name, place in channels.items()],
        "OutputDataConfig": {"S3OutputPath": plan.out, "CompressionType": "GZIP"},
        "ResourceConfig": {
            "InstanceType": plan.kind,
            "InstanceCount": plan.count,
            "VolumeSizeInGB": plan.disk,
        },
        "StoppingCondition": stopping,
        "EnableManagedSpotTraining": plan.spot,
        "EnableInterContainerTrafficEncryption": plan.count > 1,
        "CheckpointConfig": {"S3Uri": plan.checkpoints, "LocalPath": CHECKPOINTS},
        "RetryStrategy": {"MaximumRetryAttempts": 2},
    }


def _channel(name: str, place: str) -> dict[str, Any]:
    source = {
        "S3DataType": "S3Prefix",
        # With its "/": `shoes` shall not bring `shoes-old`. An archive is an object of its own.
        "S3Uri": place if place.endswith(".tar.gz") else f"{place}/",
        "S3DataDistributionType": "FullyReplicated",
    }
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}
