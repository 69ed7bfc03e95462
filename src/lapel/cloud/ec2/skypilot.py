"""A machine and its command as a task of SkyPilot, for those who rent by that.

SkyPilot finds the cheapest region or cloud, and tries again where none is left; its tasks are
YAML (https://docs.skypilot.co/en/latest/reference/yaml-spec.html). Nothing here imports it.
"""

from __future__ import annotations

import json
import math
import shlex
import textwrap
from collections.abc import Sequence

from lapel.cloud.aws import TAG
from lapel.cloud.ec2.user_data import MachineFacts

#: Seconds that a command has to save and end when its time is up.
SAVES_WITHIN = 120

_SETUP = """\
python3 -m pip install --quiet uv
uv venv --quiet --allow-existing --seed --python 3.12 ~/lapel
"""

_FROM_S3 = """\
~/lapel/bin/python -m pip install --quiet boto3
~/lapel/bin/python -c 'import sys, boto3; boto3.client("s3").download_file(*sys.argv[1:])' \\
  {bucket} {key} {file}
"""


def skypilot_task(
    facts: MachineFacts,
    *,
    kind: str,
    disk_gb: int,
    command: Sequence[str],
    image: str | None = None,
) -> str:
    """The YAML of a task that does the same on a machine which SkyPilot rents.

    Its time limit is the command's, since SkyPilot has none; the idle limit is SkyPilot's own,
    and takes the machine down.

    Args:
        facts: of the machine.
        kind: AWS's instance type.
        disk_gb: of the root volume; 0: as SkyPilot chooses.
        command: words to run; a single one is a line of shell.
        image: ``ami-...``; None: as SkyPilot chooses.
    """
    line = command[0] if len(command) == 1 else shlex.join(command)
    limit = f"timeout --kill-after={SAVES_WITHIN} {math.ceil(facts.hours * 3600)}"
    values = {"AWS_DEFAULT_REGION": facts.region, "PYTHONUNBUFFERED": "1"}
    if facts.bucket:
        values["LAPEL_BUCKET"] = facts.bucket
    lines = [
        "# Written by `lapel cloud ec2 up --emit skypilot`. Once: sky launch THIS-FILE --down",
        "# Gone on with when a spot machine is taken: sky jobs launch THIS-FILE",
        f"name: {json.dumps(facts.name)}",
        "resources:",
        *_resources(facts, kind, disk_gb, image),
        "envs:",
        *(f"  {key}: {json.dumps(value)}" for key, value in values.items()),
        "setup: |",
        textwrap.indent(_setup(facts.install), "  ").rstrip(),
        "run: |",
        "  export PATH=~/lapel/bin:$PATH",
        textwrap.indent(f"{limit} bash -c {shlex.quote(f'exec {line}')}", "  "),
    ]
    return "\n".join(lines) + "\n"


def _resources(facts: MachineFacts, kind: str, disk_gb: int, image: str | None) -> list[str]:
    lines = [
        f"  infra: {json.dumps(f'aws/{facts.region}')}",
        f"  instance_type: {json.dumps(kind)}",
        f"  use_spot: {json.dumps(facts.spot)}",
        f"  labels: {json.dumps({TAG: f'ec2-{facts.name}'})}",
    ]
    if disk_gb:
        lines.append(f"  disk_size: {disk_gb}")
    if image is not None:
        lines.append(f"  image_id: {json.dumps(image)}")
    if facts.idle_minutes:
        idle = math.ceil(facts.idle_minutes)
        lines.append(f"  autostop: {json.dumps({'idle_minutes': idle, 'down': True})}")
    return lines


def _setup(install: str) -> str:
    """Shell that brings Lapel into an environment of its own."""
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
