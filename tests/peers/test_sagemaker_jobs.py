"""AWS's own launchers train Fashion-MNIST by the code that Lapel sends, from the official files.

The ``sagemaker-training`` toolkit is what AWS's images of PyTorch run; ``sm_train.sh`` is what
version 3 of the SDK sends along. Each runs in its own environment, which finds torch and Lapel's
other needs in the project's (a path file, behind its own packages).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cloud_account import ObjectStore, moto_account

from lapel.cloud.aws import Account
from lapel.cloud.sagemaker.jobs import prepare
from lapel.cloud.sagemaker.local.machine import Image
from lapel.cloud.sagemaker.local.places import Places
from lapel.cloud.sagemaker.local.rehearsal import Course, rehearse
from lapel.cloud.sagemaker.planning import Wish, plan_job
from lapel.cloud.sagemaker.ranges import sagemaker_ranges
from lapel.cloud.sagemaker.requests import training_request, tuning_request
from lapel.cloud.sagemaker.roles import make_role
from lapel.cloud.sagemaker.sources import write_code
from lapel.data.readers.fashion_mnist import REMOTE, USUAL_PLACES
from lapel.data.reading.fetching import fetch_files, find_files
from lapel.inference.bundle import Bundle
from lapel.training.recipe_parts import RangePart

ROLE = "arn:aws:iam::123456789012:role/lapel/lapel-sagemaker"

#: One pass over 55,000 pictures by a network of 60,000 weights.
TINY = {"schedule.epochs": "1", "precision": "float32"}

#: What one pass comes to; a network that learned nothing has 0.1.
LEARNED = 0.8


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """An account of AWS as moto plays it, with a bucket and Fashion-MNIST's four files in it."""
    with moto_account(tmp_path_factory.mktemp("moto")) as store:
        yield store


@pytest.fixture
def bucket(account: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in account.environment.items():
        monkeypatch.setenv(name, value)
    name = account.bucket()
    files = find_files(REMOTE, map(Path, USUAL_PLACES), needed=False) or fetch_files(REMOTE)
    client = account.client()
    for official, file in files.items():
        client.upload_file(str(file), name, f"fashion-mnist/{official}")
    return name


def sees_the_project(programs: Path) -> Path:
    """Let an environment find what the project's has, after its own packages."""
    here = [path for path in sys.path if path.endswith("site-packages")]
    sources = str(Path(__file__).parents[2] / "src")
    for packages in programs.parent.glob("lib/python*/site-packages"):
        (packages / "zz-lapel.pth").write_text("\n".join([*here, sources]) + "\n")
    return programs


def model_of(store: ObjectStore, bucket: str, key: str, folder: Path) -> Bundle:
    store.client().download_file(bucket, key, str(folder / "model.tar.gz"))
    with tarfile.open(folder / "model.tar.gz") as tar:
        tar.extractall(folder / "model", filter="data")
    return Bundle.load(folder / "model")


def test_the_toolkit_of_aws_images_runs_a_trial_of_a_tuning_job(
    account: ObjectStore, bucket: str, peer: Callable[[str], Path], tmp_path: Path
) -> None:
    programs = sees_the_project(peer("sagemaker-training"))
    out = f"s3://{bucket}/jobs"
    wish = Wish(
        recipe="fashion-mnist-tiny", data=f"s3://{bucket}/fashion-mnist", out=out, role=ROLE,
        kind="ml.m5.xlarge", name="trial", changes=TINY, format="fashion-mnist", report=False,
    )  # fmt: skip
    aws = Account()
    places = Places(client=lambda: aws.client("s3"))
    plan = prepare(places.put, plan_job(wish))
    ranges = sagemaker_ranges({"optimiser.learning_rate": RangePart(low=0.01, high=0.1)})
    tuning = tuning_request(plan, ranges, trials=2, parallel=1, strategy="Random", seed=0)
    heard: list[str] = []
    said = rehearse(
        trial_of(tuning, {"optimiser.learning_rate": "0.05"}),
        places,
        Course(image=Image(command=("train",), programs=programs), work=tmp_path / "work"),
        say=heard.append,
    )
    assert said["TrainingJobStatus"] == "Completed", "\n".join(heard)
    assert any("sagemaker-training-toolkit" in line for line in heard), "it was not AWS's toolkit"
    assert best_of(said) > LEARNED
    opt_ml = next((tmp_path / "work").glob("*/*/ml"))
    assert (opt_ml / "output" / "success").exists(), "the toolkit says that it went well"
    bundle = model_of(account, bucket, "jobs/trial/output/model.tar.gz", tmp_path)
    assert [task.name for task in bundle.schema] == ["category"]


def trial_of(tuning: dict[str, Any], values: dict[str, str]) -> dict[str, Any]:
    """The training job that SageMaker makes of a tuning job for some values."""
    definition = dict(tuning["TrainingJobDefinition"])
    static = definition.pop("StaticHyperParameters")
    objective = {"_tuning_objective_metric": "validation_accuracy"}
    name = tuning["HyperParameterTuningJobName"]
    return definition | {
        "TrainingJobName": name,
        "HyperParameters": static | values | objective,
    }


def best_of(said: dict[str, Any]) -> float:
    numbers = {row["MetricName"]: row["Value"] for row in said["FinalMetricDataList"]}
    return float(numbers["validation_accuracy"])


def test_two_machines_learn_together_through_torchrun(
    account: ObjectStore, bucket: str, drawn: Path, lapel: Callable[..., str], tmp_path: Path
) -> None:
    place = f"s3://{bucket}/drawn"
    lapel("cloud", "s3", "push", drawn, place)
    changes = {
        "tasks": "[category]", "preprocess.height": "64", "preprocess.width": "64",
        "model.network": "plain", "model.options.widths": "[8, 16]", "batch": "16",
        "schedule.epochs": "2", "schedule.stages": "[]", "doubtful_labels.folds": "0",
    }  # fmt: skip
    wish = Wish(
        recipe="deepfashion-small", data=place, out=f"s3://{bucket}/jobs", role=ROLE, count=2,
        kind="ml.m5.xlarge", name="pair", changes=changes, report=False,
    )  # fmt: skip
    aws = Account()
    places = Places(client=lambda: aws.client("s3"))
    heard: list[str] = []
    request = training_request(prepare(places.put, plan_job(wish)))
    said = rehearse(request, places, say=heard.append)
    assert said["TrainingJobStatus"] == "Completed", "\n".join(heard)
    assert any("2 processes of 8 each" in line for line in heard)
    bundle = model_of(account, bucket, "jobs/pair/output/model.tar.gz", tmp_path)
    assert [task.name for task in bundle.schema] == ["category"]


def test_a_script_that_fails_is_a_failure_to_the_toolkit_too(
    bucket: str, peer: Callable[[str], Path]
) -> None:
    programs = sees_the_project(peer("sagemaker-training"))
    wish = Wish(
        recipe="no-such-recipe", data=f"s3://{bucket}/fashion-mnist", out=f"s3://{bucket}/jobs",
        role=ROLE, kind="ml.m5.xlarge", name="failing",
    )  # fmt: skip
    aws = Account()
    places = Places(client=lambda: aws.client("s3"))
    plan = prepare(places.put, plan_job(wish))
    ranges = sagemaker_ranges({"batch": RangePart(choices=(32,))})
    tuning = tuning_request(plan, ranges, trials=1, parallel=1, strategy="Random", seed=0)
    heard: list[str] = []
    said = rehearse(
        trial_of(tuning, {"format": "no-such-layout"}),
        places,
        Course(image=Image(command=("train",), programs=programs)),
        say=heard.append,
    )
    assert said["TrainingJobStatus"] == "Failed"
    assert any("no-such-layout" in line for line in heard)
    assert "no layout is called 'no-such-layout'" in said["FailureReason"]


@pytest.mark.skipif(os.geteuid() != 0, reason="the SDK's script wants /opt/ml: needs to mount")
def test_the_sdk_of_version_3_runs_the_code_that_is_sent(
    account: ObjectStore, bucket: str, peer: Callable[[str], Path], tmp_path: Path
) -> None:
    programs = sees_the_project(peer("sagemaker-sdk"))
    write_code(tmp_path / "source")
    # The SDK looks at the role before it begins: ours is one that it takes.
    assert make_role(Account(), "lapel-sagemaker", bucket).arn == ROLE
    job = Path(__file__).parent / "instruments" / "sdk_job.py"
    out = f"s3://{bucket}/jobs"
    begun = subprocess.run(
        [
            programs / "python",
            job,
            tmp_path / "source",
            f"s3://{bucket}/fashion-mnist",
            out,
            bucket,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert begun.returncode == 0, begun.stdout + begun.stderr
    name = json.loads(begun.stdout.splitlines()[-1])["name"]
    request = Account().ask("sagemaker", "DescribeTrainingJob", {}, TrainingJobName=name)
    heard: list[str] = []
    places = Places(client=account.client)
    said = rehearse(
        request, places, Course(image=Image(programs=programs, namespace=True)), say=heard.append
    )
    assert said["TrainingJobStatus"] == "Completed", "\n".join(heard)
    assert any("metric epoch=1" in line for line in heard)
    key = said["ModelArtifacts"]["S3ModelArtifacts"].removeprefix(f"s3://{bucket}/")
    bundle = model_of(account, bucket, key, tmp_path)
    assert [task.name for task in bundle.schema] == ["category"]
