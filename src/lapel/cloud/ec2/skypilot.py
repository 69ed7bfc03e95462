"""A machine as a task of SkyPilot, for those who rent by that.

SkyPilot finds the cheapest region or cloud, and tries again where none is left; its tasks are
YAML (https://docs.skypilot.co/en/latest/reference/yaml-spec.html). Nothing here imports it.
"""

from __future__ import annotations

import json
import math
import shlex
import textwrap
from collections.abc import Iterator

from lapel.cloud.ec2.plan import Plan
from lapel.cloud.ec2.user_data import SENT
from lapel.cloud.tagging import TAG

#: Seconds that a command has to save and end when its time is up.
SAVES_WITHIN = 120

#: What a task runs unless another command is given by ``--env COMMAND=...``.
COMMAND = "lapel train --recipes"

_SETUP = """\
python3 -m pip install --quiet uv
python3 -m uv venv --quiet --seed --python 3.12 ~/lapel
"""

_FROM_S3 = """\
~/lapel/bin/python -m pip install --quiet boto3
~/lapel/bin/python -c 'import sys, boto3; boto3.client("s3").download_file(*sys.argv[1:])' \\
  {bucket} {key} {file}
"""


def task(plan: Plan) -> str:
    """The YAML of a task that does on a machine of SkyPilot's what ours would do.

    Its time limit is the command's, since SkyPilot has none; the idle limit is SkyPilot's own,
    and takes the machine down. An image is named only as ``ami-...``; else SkyPilot chooses.

    Args:
        plan: the machine.
    """
    values = {"COMMAND": COMMAND, "AWS_DEFAULT_REGION": plan.region, "PYTHONUNBUFFERED": "1"}
    if plan.bucket:
        values["LAPEL_BUCKET"] = plan.bucket
    seconds = math.ceil(plan.hours * 3600)
    lines = [
        "# sky launch -c NAME THIS-FILE --env COMMAND='lapel train ...'",
        "# On spot machines, gone on with when one is taken: sky jobs launch THIS-FILE --env ...",
        f"name: {json.dumps(plan.name)}",
        "resources:",
        *_resources(plan),
        "envs:",
        *(f"  {key}: {json.dumps(value)}" for key, value in values.items()),
        "setup: |",
        textwrap.indent(_setup(plan.install), "  ").rstrip(),
        "run: |",
        "  export PATH=~/lapel/bin:$PATH",
        f'  timeout --kill-after={SAVES_WITHIN} {seconds} bash -c "exec $COMMAND"',
    ]
    return "\n".join(lines) + "\n"


def _resources(plan: Plan) -> Iterator[str]:
    yield f"  infra: {json.dumps(f'aws/{plan.region}')}"
    yield f"  instance_type: {json.dumps(plan.kind)}"
    yield f"  use_spot: {json.dumps(plan.spot)}"
    yield f"  labels: {json.dumps({TAG: f'ec2-{plan.name}'})}"
    if plan.disk:
        yield f"  disk_size: {plan.disk}"
    if plan.image.startswith("ami-"):
        yield f"  image_id: {json.dumps(plan.image)}"
    if plan.idle_minutes:
        idle = math.ceil(plan.idle_minutes)
        yield f"  autostop: {json.dumps({'idle_minutes': idle, 'down': True})}"


def _setup(install: str) -> str:
    """Shell that brings Lapel into an environment of its own."""
    if install == SENT:  # nobody sends SkyPilot's machine a wheel; a bucket would hold one
        install = "lapel[train,aws]"
    if not install.startswith("s3://"):
        return f"{_SETUP}~/lapel/bin/python -m pip install --quiet {shlex.quote(install)}\n"
    place, _, extras = install.removeprefix("s3://").partition("[")
    bucket, _, key = place.partition("/")
    file = key.rpartition("/")[2]
    fetched = _FROM_S3.format(
        bucket=shlex.quote(bucket), key=shlex.quote(key), file=shlex.quote(file)
    )
    what = f"./{file}[{extras or 'train,aws]'}"
    return f"{_SETUP}{fetched}~/lapel/bin/python -m pip install --quiet {shlex.quote(what)}\n"
