"""The task for SkyPilot says what the plan says; SkyPilot's own loader reads it in tests/peers."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import yaml

from lapel.cloud.ec2.plan import Plan
from lapel.cloud.ec2.skypilot import task


def read(text: str) -> dict[str, Any]:
    found = yaml.safe_load(text)
    assert isinstance(found, dict)
    return found


def test_a_plan_is_told_in_skypilots_words(plans: Callable[..., Plan]) -> None:
    said = read(task(plans(spot=True, hours=2, idle_minutes=20, disk=200)))
    assert said["name"] == "trainer"
    assert said["resources"] == {
        "infra": "aws/eu-central-1",
        "instance_type": "g6.xlarge",
        "use_spot": True,
        "labels": {"lapel": "ec2-trainer"},
        "disk_size": 200,
        "autostop": {"idle_minutes": 20, "down": True},
    }
    assert said["envs"]["LAPEL_BUCKET"] == "my-lapel-bucket"
    assert 'timeout --kill-after=120 7200 bash -c "exec $COMMAND"' in said["run"]


def test_an_image_is_named_only_where_it_is_one(plans: Callable[..., Plan]) -> None:
    assert "image_id" not in read(task(plans()))["resources"]
    named = read(task(plans(image="ami-0123456789abcdef0")))
    assert named["resources"]["image_id"] == "ami-0123456789abcdef0"


def test_a_wheel_of_the_bucket_is_fetched(plans: Callable[..., Plan]) -> None:
    place = "s3://my-lapel-bucket/lapel/wheels/0123/lapel-0.1.0-py3-none-any.whl"
    setup = read(task(plans(install=place)))["setup"]
    assert "my-lapel-bucket lapel/wheels/0123/lapel-0.1.0-py3-none-any.whl" in setup
    assert "./lapel-0.1.0-py3-none-any.whl[train,aws]" in setup
    subprocess.run(["bash", "-n"], input=setup, text=True, check=True)
