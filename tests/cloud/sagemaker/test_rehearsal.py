"""A job's very request runs here: channels, `/opt/ml`, log, checkpoints, model, and its ends."""

from __future__ import annotations

import json
import os
import signal
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from job_account import CONTAINER
from training_runs import SMALL, pattern_dataset

from lapel.cli.cloud.sagemaker import local
from lapel.cloud.aws import Account
from lapel.cloud.sagemaker.jobs import prepare
from lapel.cloud.sagemaker.local.machine import Image
from lapel.cloud.sagemaker.local.places import Places
from lapel.cloud.sagemaker.local.rehearsal import Course, rehearse
from lapel.cloud.sagemaker.planning import Wish, plan_job
from lapel.cloud.sagemaker.requests import training_request
from lapel.inference.predictor import Predictor
from lapel.schema.errors import CloudError
from lapel.schema.prediction import Prediction
from lapel.training.train import train

Run = Callable[..., tuple[int, str, str]]

ROLE = "arn:aws:iam::123456789012:role/lapel/jobs"
DATA, OUT = "s3://rehearsal/data", "s3://rehearsal/out"
CHANGES = {key: json.dumps(value) for key, value in SMALL.items()} | {"schedule.epochs": "4"}


@pytest.fixture(scope="module")
def patterns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("data") / "patterns"
    pattern_dataset(folder, {"train": 240, "validation": 60, "test": 30})
    return folder


def places_at(out: Path, data: Path) -> Places:
    return Places(client=no_s3, here={DATA: data, OUT: out})


def no_s3() -> None:
    raise AssertionError("nothing of this test lies in S3")


def job(places: Places, name: str, **said: Any) -> dict[str, Any]:
    """The request of a job that learns patterns."""
    wish = Wish(
        recipe="fashion-mnist-fast", data=DATA, out=OUT, role=ROLE, kind="ml.m5.xlarge",
        name=name, **{"changes": CHANGES, **said},
    )  # fmt: skip
    return training_request(prepare(places.put, plan_job(wish)))


def script(name: str, text: str, **said: Any) -> dict[str, Any]:
    """The request of a job whose container is a line of shell."""
    wish = Wish(recipe="x", data=DATA, out=OUT, role=ROLE, kind="ml.m5.xlarge", name=name, **said)
    request = training_request(plan_job(wish))
    request["AlgorithmSpecification"]["ContainerEntrypoint"] = ["/bin/sh", "-c"]
    request["AlgorithmSpecification"]["ContainerArguments"] = [text]
    return request


@pytest.fixture
def empty(tmp_path: Path) -> Places:
    """Places of jobs that learn nothing."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "dataset.json").write_text("{}")
    return places_at(tmp_path / "out", tmp_path / "data")


def members(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        return {m.name: f.read() for m in tar if (f := tar.extractfile(m)) is not None}


@dataclass(frozen=True)
class Learned:
    """A job that was stopped, and another one that went on to the end.

    Attributes:
        first: what is said of the former.
        second: what is said of the latter.
        heard: what each said.
        results: folder of what the latter left.
    """

    first: Mapping[str, Any]
    second: Mapping[str, Any]
    heard: tuple[Sequence[str], Sequence[str]]
    results: Path


@pytest.fixture(scope="module")
def learned(patterns: Path, tmp_path_factory: pytest.TempPathFactory) -> Learned:
    out = tmp_path_factory.mktemp("out")
    places = places_at(out, patterns)
    heard: list[str] = []
    # It is stopped when it has learned something: after its first epoch.
    stopping = Course(stopped=lambda: any("metric epoch=1" in line for line in heard))
    first = rehearse(job(places, "first"), places, stopping, say=heard.append)
    again: list[str] = []
    onwards = job(places, "second", checkpoints=f"{OUT}/first/checkpoints")
    second = rehearse(onwards, places, say=again.append)
    return Learned(first, second, (heard, again), out / "second" / "output")


def test_a_job_ends_with_a_model_that_answers(
    learned: Learned, patterns: Path, tmp_path: Path
) -> None:
    said, results = learned.second, learned.results
    assert said["TrainingJobStatus"] == "Completed", said
    assert said["ModelArtifacts"]["S3ModelArtifacts"] == f"{OUT}/second/output/model.tar.gz"
    numbers = {row["MetricName"]: row["Value"] for row in said["FinalMetricDataList"]}
    assert numbers["validation_accuracy"] > 0.5
    with tarfile.open(results / "model.tar.gz") as tar:
        tar.extractall(tmp_path / "model", filter="data")
    predictor = Predictor.load(tmp_path / "model")
    picture = tmp_path / "picture.png"
    write_picture(patterns, picture)
    answer = next(iter(predictor.predict([picture])))
    assert isinstance(answer, Prediction)
    assert answer.answers.keys() == {"pattern"}
    kept = members(results / "output.tar.gz")
    assert {"log.csv", "recipe.yaml", "run.json", "report/report.html"} <= set(kept)


def write_picture(dataset: Path, file: Path) -> None:
    import numpy as np
    from PIL import Image as Picture

    Picture.fromarray(np.load(dataset / "images.npy")[0]).save(file)


def test_a_job_that_was_stopped_goes_on_to_the_weights_of_a_plain_run(
    learned: Learned, patterns: Path, tmp_path: Path
) -> None:
    first, (heard, again) = learned.first, learned.heard
    assert (first["TrainingJobStatus"], first["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert first["ModelArtifacts"] == {}, "none was written"
    assert any("learned and saved" in line for line in heard)
    assert any(line.startswith("Going on from step") for line in again)
    run = train("fashion-mnist-fast", data=patterns, out=tmp_path / "run", changes=CHANGES)
    undisturbed = (run.bundle / "weights.safetensors").read_bytes()
    assert members(learned.results / "model.tar.gz")["weights.safetensors"] == undisturbed


def test_a_spot_machine_that_is_taken_away_is_followed_by_another(
    empty: Places, tmp_path: Path
) -> None:
    # Saves what it has when SIGTERM comes, and goes on from that.
    text = """
    trap 'echo saved > /opt/ml/checkpoints/state; exit 143' TERM
    if [ -e /opt/ml/checkpoints/state ]; then
      cp /opt/ml/checkpoints/state /opt/ml/model/state; exit 0
    fi
    echo metric epoch=1 validation_accuracy=0.5
    while :; do sleep 0.05; done
    """
    heard: list[str] = []
    request = script("taken", text, spot=True)
    said = rehearse(request, empty, Course(interruptions=(0.5,)), say=heard.append)
    assert said["TrainingJobStatus"] == "Completed"
    assert members(tmp_path / "out" / "taken" / "output" / "model.tar.gz") == {"state": b"saved\n"}
    assert any("taken away" in line for line in heard)
    assert said["FinalMetricDataList"][0]["Value"] == 0.5


def test_only_spot_machines_are_taken_away(empty: Places) -> None:
    with pytest.raises(CloudError, match="only spot machines"):
        rehearse(script("never", "exit 0"), empty, Course(interruptions=(1,)))


def test_a_job_that_fails_says_why(empty: Places, tmp_path: Path) -> None:
    text = "mkdir -p /opt/ml/output; echo no such task > /opt/ml/output/failure; exit 3"
    said = rehearse(script("failing", text), empty, say=lambda _: None)
    assert said["TrainingJobStatus"] == "Failed"
    assert said["FailureReason"] == "AlgorithmError: no such task\n, exit code: 3"
    assert not (tmp_path / "out" / "failing" / "output").exists()


def test_a_job_is_ended_when_its_time_is_up_whatever_it_does(empty: Places) -> None:
    request = script("endless", "trap '' TERM; while :; do sleep 0.05; done", hours=1 / 3600)
    said = rehearse(request, empty, Course(grace=0.5), say=lambda _: None)
    assert (said["TrainingJobStatus"], said["SecondaryStatus"]) == (
        "Stopped",
        "MaxRuntimeExceeded",
    )
    assert said["TrainingTimeInSeconds"] <= 5


def test_two_machines_see_each_other_and_one_that_fails_ends_both(empty: Places) -> None:
    text = """
    grep -q 127.0.0.2 /opt/ml/input/config/resourceconfig.json || exit 9
    grep -q '"current_host": "127.0.0.2"' /opt/ml/input/config/resourceconfig.json && exit 7
    while :; do sleep 0.05; done
    """
    heard: list[str] = []
    said = rehearse(script("pair", text, count=2), empty, say=heard.append)
    assert said["TrainingJobStatus"] == "Failed"
    assert said["FailureReason"].endswith("exit code: 7")


def test_channels_and_results_may_lie_in_s3(emulated: str, tmp_path: Path) -> None:
    assert emulated
    client = boto3.client("s3")
    where: Mapping[str, Any] = {"LocationConstraint": "eu-central-1"}
    client.create_bucket(Bucket="rehearsal", CreateBucketConfiguration=where)
    client.put_object(Bucket="rehearsal", Key="data/some/dataset.json", Body=b"{}")
    client.put_object(Bucket="rehearsal", Key="out/in-s3/checkpoints/state", Body=b"kept\n")
    text = """
    cp /opt/ml/input/data/dataset/some/dataset.json /opt/ml/model
    cat /opt/ml/checkpoints/state > /opt/ml/checkpoints/second
    """
    account = Account()
    places = Places(client=lambda: account.client("s3"))
    said = rehearse(script("in-s3", text), places, say=lambda _: None)
    assert said["TrainingJobStatus"] == "Completed", said
    client.download_file("rehearsal", "out/in-s3/output/model.tar.gz", str(tmp_path / "m.tar.gz"))
    assert members(tmp_path / "m.tar.gz") == {"dataset.json": b"{}"}
    second = client.get_object(Bucket="rehearsal", Key="out/in-s3/checkpoints/second")
    assert second["Body"].read() == b"kept\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs the rights to mount")
def test_opt_ml_may_be_that_very_path(
    empty: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    there = Path("/opt/ml").exists()
    text = 'getent hosts algo-2 && test -z "$SAGEMAKER_BASE_DIR" && ls /opt/ml > /opt/ml/model/seen'
    heard: list[str] = []
    course = Course(image=Image(namespace=True), work=Path("kept"))
    said = rehearse(script("mounted", text, count=2), empty, course, say=heard.append)
    assert said["TrainingJobStatus"] == "Completed", heard
    assert Path("/opt/ml").exists() == there, "nothing of it is seen outside"
    assert (tmp_path / "kept" / "attempt-1" / "algo-2" / "ml" / "model" / "seen").is_file()


def test_a_rehearsal_is_a_command(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for file in ("data/photo.jpg", "saved/state"):
        Path(file).parent.mkdir()
        Path(file).write_bytes(b"x")
    typed = (
        "cloud", "sagemaker", "local", "fashion-mnist-fast", "--data", "data", "--out", "out",
        "--checkpoints", "saved", "--name", "typed", "--keep", "kept",
    )  # fmt: skip
    code, _, said = run(*typed)
    assert code == 1
    assert '"TrainingJobName": "typed"' in said
    assert "typed: Failed" in said
    assert "the channel dataset holds no dataset" in said
    assert "/opt/ml:  of the log, the rehearsed machine's; it lies below kept" in said
    there = Path("kept/attempt-1/127.0.0.1/ml")
    assert (there / "input" / "data" / "dataset" / "photo.jpg").is_file()
    assert (there / "checkpoints" / "state").is_file(), "a folder may stand for them"
    assert str(tmp_path) not in said, "paths are those of a machine of SageMaker"
    code, _, said = run(*typed)
    assert code == 2
    assert "kept holds a former rehearsal; name another folder" in said


def test_a_rehearsal_that_is_stopped_says_how_it_goes_on_and_names_no_model(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The container has saved something and works on when the terminal is closed.
    text = "echo saved > /opt/ml/checkpoints/state; echo at /opt/ml/checkpoints; sleep 60"
    usual = local._request

    def standing_still(wanted: Wish, places: Places) -> dict[str, Any]:
        algorithm = {"ContainerEntrypoint": ["/bin/sh", "-c"], "ContainerArguments": [text]}
        request = usual(wanted, places)
        request["AlgorithmSpecification"] |= algorithm
        return request

    def pressed(line: str) -> None:
        heard.append(line)
        signal.raise_signal(signal.SIGHUP)

    heard: list[str] = []
    monkeypatch.setattr(local, "_request", standing_still)
    monkeypatch.setattr(local, "_show", pressed)
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    Path("data/dataset.json").write_text("{}")
    code, text, said = run(
        "cloud", "sagemaker", "local", "fashion-mnist-fast", "--data", "data", "--out", "out",
        "--name", "typed", *CONTAINER,
    )  # fmt: skip
    assert (code, text) == (1, ""), "no model is named that is not there"
    assert heard == ["at /opt/ml/checkpoints"]
    assert "typed: Stopped" in said
    assert "go on by: --checkpoints out/typed/checkpoints" in said
    assert Path("out/typed/checkpoints/state").read_text() == "saved\n"
    assert "it is gone (--keep FOLDER keeps it)" in said
