"""What jobs of SageMaker use in the emulated account: a bucket with a dataset, and a role."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import boto3
import pytest

from lapel.cloud.aws import Account
from lapel.cloud.sagemaker.roles import make_role

ROLE = "arn:aws:iam::123456789012:role/lapel/lapel-sagemaker"
BUCKET = "tests-of-jobs"
DATA, OUT = f"s3://{BUCKET}/data/garments", f"s3://{BUCKET}/jobs"
#: An image that has Lapel: no code goes along.
CONTAINER = ("--container", "123456789012.dkr.ecr.eu-central-1.amazonaws.com/lapel-train:0.1.0")
#: moto knows the kinds of some years ago alone.
PLACES = ("--data", DATA, "--out", OUT, "--role", ROLE, "--kind", "ml.g4dn.xlarge")


@pytest.fixture
def bucket(emulated: str) -> str:
    """A bucket with something like a dataset, and a role that may use it."""
    assert emulated
    client = boto3.client("s3")
    where = {"LocationConstraint": "eu-central-1"}
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
    put(described("."), "data/garments/dataset.json")
    assert make_role(Account(), "lapel-sagemaker", BUCKET).arn == ROLE
    return BUCKET


def put(body: bytes, *keys: str) -> None:
    client = boto3.client("s3")
    for key in keys:
        client.put_object(Bucket=BUCKET, Key=key, Body=body)


def described(root: str) -> bytes:
    """The description of a dataset whose pictures lie at ``root``."""
    return json.dumps({"lapel_dataset": 1, "root": root}).encode()


def tuned_recipe(folder: Path) -> Path:
    """A recipe with something to tune."""
    recipe = folder / "mine.yaml"
    shipped = files("lapel.recipes") / "fashion-mnist-fast.yaml"
    ranges = "tune:\n  optimiser.learning_rate: {low: 0.01, high: 0.2, log: true}\n"
    recipe.write_text(shipped.read_text("utf-8") + ranges)
    return recipe
