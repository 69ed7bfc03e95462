"""Jobs of SageMaker: begun, looked at, followed and ended."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from job_account import CONTAINER, OUT, PLACES, ROLE, tuned_recipe

from lapel.cloud.aws import Account
from lapel.cloud.sagemaker import jobs, words
from lapel.cloud.sagemaker.logs import GROUP
from lapel.cloud.sagemaker.tuning import best_changes, tuning_of
from lapel.training.recipe import load_recipe

Run = Callable[..., tuple[int, str, str]]


def calls_in(text: str) -> list[tuple[str, dict[str, Any]]]:
    """The calls that a dry run printed: service and operation, and the request."""
    decoder = json.JSONDecoder()
    calls = re.finditer(r"^([a-z0-9]+ [A-Z]\w+) (?=\{)", text, re.MULTILINE)
    return [(call[1], decoder.raw_decode(text, call.end())[0]) for call in calls]


@pytest.mark.usefixtures("unreachable")
def test_a_dry_run_shows_every_call_and_needs_no_account(run: Run) -> None:
    code, text, said = run(
        "cloud", "sagemaker", "train", "fashion-mnist-fast", *PLACES, "--spot", "--hours", "2",
        "--set", "schedule.epochs=3", "--name", "first", "--dry-run", "--region", "us-east-1",
    )  # fmt: skip
    assert code == 0, said
    calls = calls_in(text)
    assert [name for name, _ in calls] == ["s3 PutObject"] * 4 + ["sagemaker CreateTrainingJob"]
    names = [str(request["Key"]).rsplit("/", 1)[-1] for _, request in calls[:-1]]
    assert names[-1] == "sourcedir.tar.gz"
    assert "train.py" in names
    assert re.fullmatch(r"<[\d,]+ bytes>", calls[0][1]["Body"]), "a file is shown by its size"
    request = calls[-1][1]
    assert request["HyperParameters"] == {
        "recipe": "fashion-mnist-fast",
        "report": "true",
        "schedule.epochs": "3",
    }
    assert request["StoppingCondition"] == {
        "MaxRuntimeInSeconds": 7200,
        "MaxWaitTimeInSeconds": 14400,
    }
    assert request["CheckpointConfig"]["S3Uri"] == f"{OUT}/first/checkpoints"
    assert "up to 2 hours" in said
    assert "nothing was sent; it would make the 5 calls shown, and " in said


def test_a_job_is_begun_looked_at_and_its_log_is_shown(bucket: str, run: Run) -> None:
    code, _, said = run("cloud", "sagemaker", "train", "fashion-mnist-fast", *PLACES)
    assert code == 2, "nobody was there to agree to the cost"
    assert "agree by --yes" in said
    code, _, said = run(
        "cloud", "sagemaker", "train", "fashion-mnist-fast", *PLACES, "--yes", "--name", "first",
        "--price", "1.5",
    )  # fmt: skip
    assert code == 0, said
    assert "12.00 USD" in said, "what eight hours cost at most"
    there = boto3.client("s3").list_objects_v2(Bucket=bucket, Prefix="jobs/first/source/")
    assert there["KeyCount"] == 4
    request = boto3.client("sagemaker").describe_training_job(TrainingJobName="first")
    code_channel = next(c for c in request["InputDataConfig"] if c["ChannelName"] == "code")
    assert code_channel["DataSource"]["S3DataSource"]["S3Uri"] == f"{OUT}/first/source/code/"
    write_log("first/algo-1-1700000000", ["metric epoch=1 seconds=2.0", "Best epoch 1"])
    code, text, said = run("cloud", "sagemaker", "logs", "first", "--follow")
    assert code == 0, said
    assert text.splitlines() == ["metric epoch=1 seconds=2.0", "Best epoch 1"]
    code, text, _ = run("cloud", "sagemaker", "status", "first", "--price", "1.5")
    assert text.startswith("first: Completed")
    assert "1 x ml.g4dn.xlarge" in text
    code, _, said = run("cloud", "sagemaker", "stop", "first")
    assert code == 0, said
    assert "first has ended already: Completed" in said
    code, text, said = run(
        "cloud", "sagemaker", "train", "fashion-mnist-fast", *PLACES, "--yes", "--name", "first"
    )
    assert code == 2, "a name is taken once"
    assert "there is, or was, a training job 'first'" in said
    assert "PutObject" not in text + said, "the first job's code is not written over"


def write_log(stream: str, lines: list[str]) -> None:
    logs = boto3.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName=stream)
    events = [{"timestamp": int(time.time() * 1000), "message": line} for line in lines]
    logs.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=events)


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize(("command", "by"), [("train", "SIGINT"), ("tune", "SIGHUP")])
def test_a_job_that_is_interrupted_while_it_begins_is_named(
    command: str, by: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask_for = Account.do

    def cut_off(account: Account, service: str, operation: str, *rest: Any, **more: Any) -> Any:
        answer = ask_for(account, service, operation, *rest, **more)
        if service == "sagemaker":
            signal.raise_signal(getattr(signal, by))
        return answer

    monkeypatch.setattr(Account, "do", cut_off)
    words = ("cloud", "sagemaker", command, tuned_recipe(tmp_path), *PLACES, *CONTAINER, "--yes")
    code, _, said = run(*words, "--name", "c")
    assert code == 128 + getattr(signal, by)
    assert "c may run, and cost: `lapel cloud sagemaker stop c` ends it; what was sent for" in said
    assert f"it lies at {OUT}/c/source" in said


@pytest.mark.usefixtures("emulated")
def test_a_job_that_is_not_there_is_named_with_those_that_are(run: Run) -> None:
    for command in (("status",), ("logs",), ("logs", "--follow"), ("stop",)):
        code, _, said = run("cloud", "sagemaker", *command, "frist")
        assert (code, "none was found there at all" in said) == (2, True), said
    begin_both()
    for command in (("status",), ("logs",), ("stop",)):
        code, _, said = run("cloud", "sagemaker", *command, "frist")
        assert code == 2
        assert "there is no job 'frist' in eu-central-1; the latest there: " in said
        assert "first, search (tuning)" in said
    code, _, said = run("cloud", "sagemaker", "logs", "first")
    assert (code, "first has said nothing yet" in said) == (0, True), said
    code, _, said = run("cloud", "sagemaker", "logs", "search")
    assert code == 2
    assert "search is a tuning job; each of its jobs has a log of its own: search-001" in said


def begin_both() -> None:
    """A training job, a tuning job, and one of its jobs."""
    client = boto3.client("sagemaker")
    algorithm = {"TrainingImage": CONTAINER[1], "TrainingInputMode": "File"}
    shared = {
        "RoleArn": ROLE,
        "OutputDataConfig": {"S3OutputPath": OUT},
        "ResourceConfig": {
            "InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 50,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        "AlgorithmSpecification": algorithm,
    }  # fmt: skip
    for name in ("search-001", "first"):
        client.create_training_job(TrainingJobName=name, **shared)
    limits = {"MaxParallelTrainingJobs": 1}
    client.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="search",
        HyperParameterTuningJobConfig={"Strategy": "Random", "ResourceLimits": limits},
        TrainingJobDefinition=shared,
    )


@pytest.mark.usefixtures("bucket")
def test_a_recipe_of_ones_own_goes_along_and_is_tuned(run: Run, tmp_path: Path) -> None:
    recipe = tuned_recipe(tmp_path)
    code, text, said = run(
        "cloud", "sagemaker", "tune", recipe, *PLACES, "--yes", "--name", "search", "--trials", "6",
    )  # fmt: skip
    assert code == 0, said
    assert "Results: s3://tests-of-jobs/jobs/search/output" in text
    made = boto3.client("sagemaker").describe_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="search"
    )
    config = made["HyperParameterTuningJobConfig"]
    assert config["ResourceLimits"]["MaxNumberOfTrainingJobs"] == 6
    assert config["HyperParameterTuningJobObjective"]["MetricName"] == "validation_accuracy"
    static = made["TrainingJobDefinition"]["StaticHyperParameters"]
    assert static["sagemaker_program"] == "train.py"
    assert static["sagemaker_submit_directory"].endswith("/search/source/sourcedir.tar.gz")
    channels = [c["ChannelName"] for c in made["TrainingJobDefinition"]["InputDataConfig"]]
    assert channels == ["dataset", "recipe"]
    best = tmp_path / "best.yaml"
    code, text, said = run(
        "cloud", "sagemaker", "status", "search", "--recipe", recipe, "--best", best
    )
    assert code == 0, said
    assert text.startswith("search: ")
    # The best job of any search is the same one to moto, and its values are no keys of ours.
    assert load_recipe(best).tune == {}
    code, text, said = run(
        "cloud", "sagemaker", "tune", recipe, *PLACES, "--yes", "--name", "search"
    )
    assert code == 2, "a name is taken once"
    assert "there is, or was, a tuning job 'search'" in said
    assert "PutObject" not in text + said, "the first search's code is not written over"


def test_the_best_job_of_a_search_becomes_a_recipe() -> None:
    said = {
        "HyperParameterTuningJobName": "search",
        "HyperParameterTuningJobStatus": "Completed",
        "TrainingJobStatusCounters": {"Completed": 6, "Stopped": 0},
        "BestTrainingJob": {
            "TrainingJobName": "search-004",
            "TunedHyperParameters": {"optimiser.learning_rate": "0.0425", "augment": '"gentle"'},
            "FinalHyperParameterTuningJobObjectiveMetric": {
                "MetricName": "validation_accuracy",
                "Value": 0.9321,
            },
        },
    }
    job = tuning_of(said)
    assert best_changes(job) == {"optimiser.learning_rate": "0.0425", "augment": "gentle"}
    assert "  best:  search-004, validation accuracy 0.9321" in list(words.tuning_lines(job))


def test_what_spot_saved_and_what_it_cost_is_said() -> None:
    said = {
        "TrainingJobName": "first",
        "TrainingJobStatus": "Completed",
        "ResourceConfig": {"InstanceType": "ml.g5.xlarge", "InstanceCount": 2},
        "EnableManagedSpotTraining": True,
        "TrainingTimeInSeconds": 3600,
        "BillableTimeInSeconds": 1080,
    }
    lines = list(words.job_lines(jobs.job_of(said), words.price_of("x", None, 1.0)))
    assert "  took:     1 h 0 min; 18 min 0 s billed, 70% saved" in lines
    assert any("0.60 USD at" in line for line in lines)


def test_a_job_that_was_stopped_says_how_it_is_gone_on_with_and_names_no_model() -> None:
    said = {
        "TrainingJobName": "first",
        "TrainingJobStatus": "Stopped",
        "ModelArtifacts": {"S3ModelArtifacts": f"{OUT}/first/output/model.tar.gz"},
        "CheckpointConfig": {"S3Uri": f"{OUT}/first/checkpoints"},
    }
    lines = list(words.job_lines(jobs.job_of(said), None))
    assert f"  go on by: --checkpoints {OUT}/first/checkpoints" in lines
    assert not any("model.tar.gz" in line for line in lines)


@pytest.mark.usefixtures("unreachable")
def test_a_job_is_told_to_end(run: Run) -> None:
    # moto does not know StopTrainingJob: the call is seen here, and checked against AWS's model.
    code, text, said = run("cloud", "sagemaker", "stop", "first", "--dry-run")
    assert code == 0, said
    assert calls_in(text) == [("sagemaker StopTrainingJob", {"TrainingJobName": "first"})]
    assert "first would be told to end" in said
    assert "nothing was sent; it would make the 1 call shown" in said
    code, _, said = run("cloud", "sagemaker", "role", "jobs", "--delete", "--dry-run")
    assert code == 0, said
    assert "the role jobs would be taken down" in said
