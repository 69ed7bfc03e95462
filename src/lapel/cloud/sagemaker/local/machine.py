"""One machine of a rehearsed job: its ``/opt/ml``, its variables, and its command."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lapel.cloud.container.layout import (
    CHANNELS,
    HOSTS,
    HYPERPARAMETERS,
    ROOT,
    ROOT_VARIABLE,
    OptMl,
)
from lapel.cloud.sagemaker.local.places import Places

GROUP = "homogeneousCluster"

#: Binds a folder to ``/opt/ml`` and a file to ``/etc/hosts``, seen by one process alone, and
#: becomes the command that follows.
BIND = 'mount --bind "$1" /opt/ml && mount --bind "$2" /etc/hosts && shift 2 && exec "$@"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What stands for a container's image.

    Attributes:
        command: what the image runs for ``train``, where the request names nothing.
        programs: folder of its programs, ``python3`` among them.
        namespace: whether ``/opt/ml`` is that very path, in a mount namespace of its own (which
            needs the rights to mount), or a prefix named by ``SAGEMAKER_BASE_DIR``.
    """

    command: tuple[str, ...] = (sys.executable, "-m", "lapel.cloud.container", "train")
    programs: Path = Path(sys.executable).parent
    namespace: bool = False

    def hosts(self, count: int) -> list[str]:
        """What machines are called: as SageMaker does, where names can be made known; else by
        addresses of this machine.
        """
        return [f"algo-{n}" if self.namespace else f"127.0.0.{n}" for n in range(1, count + 1)]


def lay_out(
    layout: OptMl, request: Mapping[str, Any], host: str, hosts: Sequence[str], places: Places
) -> None:
    """Fill a machine's ``/opt/ml`` as SageMaker does before it starts the container.

    Raises:
        CloudError: nothing lies where a channel is to come from.
        StorageError: it could not be fetched.
    """
    for folder in (layout.model, layout.data_out, layout.checkpoints, layout.config):
        folder.mkdir(parents=True, exist_ok=True)
    channels = request.get("InputDataConfig", [])
    kind = request["ResourceConfig"]["InstanceType"]
    written: dict[str, Any] = {
        HYPERPARAMETERS: dict(request.get("HyperParameters", {})),
        CHANNELS: {
            channel["ChannelName"]: {
                "TrainingInputMode": request["AlgorithmSpecification"]["TrainingInputMode"],
                "S3DistributionType": "FullyReplicated",
                "RecordWrapperType": "None",
            }
            for channel in channels
        },
        HOSTS: {
            "current_host": host,
            "current_instance_type": kind,
            "current_group_name": GROUP,
            "hosts": list(hosts),
            "instance_groups": [
                {"instance_group_name": GROUP, "instance_type": kind, "hosts": list(hosts)}
            ],
            "network_interface_name": "lo",
        },
    }
    for name, value in written.items():
        (layout.config / name).write_text(json.dumps(value, indent=2), encoding="utf-8")
    for channel in channels:
        place = channel["DataSource"]["S3DataSource"]["S3Uri"].rstrip("/")
        places.fetch(place, layout.channels_root / channel["ChannelName"])


def command(layout: OptMl, request: Mapping[str, Any], image: Image, count: int) -> list[str]:
    """What the container runs: as the request says, else as its image does."""
    algorithm = request["AlgorithmSpecification"]
    own = [*algorithm.get("ContainerEntrypoint", []), *algorithm.get("ContainerArguments", [])]
    words = own or list(image.command)
    if not image.namespace:
        return [word.replace(ROOT, str(layout.root)) for word in words]
    names = layout.root.parent / "hosts"
    known = "".join(f"127.0.0.1 {name}\n" for name in ("localhost", *image.hosts(count)))
    names.write_text(known, encoding="utf-8")
    # --propagation private is unshare's own default: nothing of it is seen outside.
    bind = ["unshare", "--mount", "/bin/sh", "-c", BIND, "sh", str(layout.root), str(names)]
    return [*bind, *words]


def environment(layout: OptMl, request: Mapping[str, Any], image: Image) -> dict[str, str]:
    """Variables of the container; those of this process stand for what an image brings."""
    name = request["TrainingJobName"]
    region = os.environ.get("AWS_DEFAULT_REGION") or os.environ.get("AWS_REGION") or "us-east-1"
    own = {
        "TRAINING_JOB_NAME": name,
        "TRAINING_JOB_ARN": f"arn:aws:sagemaker:{region}:000000000000:training-job/{name}",
        "AWS_REGION": region,
        "PATH": os.pathsep.join([str(image.programs), os.environ.get("PATH", os.defpath)]),
        "PYTHONUNBUFFERED": "1",
    }
    if not image.namespace:
        own[ROOT_VARIABLE] = str(layout.root)
    return {**os.environ, **own, **request.get("Environment", {})}
