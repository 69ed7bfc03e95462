"""Jobs of SageMaker: seen before they cost anything, begun, looked at, followed and ended."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from emulated_account import what_is_there

from lapel.cloud.aws import Account
from lapel.cloud.permissions import missing
from lapel.cloud.sagemaker import jobs, words
from lapel.cloud.sagemaker.logs import GROUP
from lapel.cloud.sagemaker.tuning import best_changes, tuning_of
from lapel.training.recipe import load_recipe

Run = Callable[..., tuple[int, str, str]]

ROLE = "arn:aws:iam::123456789012:role/lapel/lapel-sagemaker"
BUCKET = "tests-of-jobs"
DATA, OUT = f"s3://{BUCKET}/data/garments", f"s3://{BUCKET}/jobs"
#: moto knows the kinds of some years ago alone.
PLACES = ("--data", DATA, "--out", OUT, "--role", ROLE, "--kind", "ml.g4dn.xlarge")


@pytest.fixture
def bucket(emulated: str) -> str:
    """A bucket with something like a dataset."""
    assert emulated
    client = boto3.client("s3")
    where = {"LocationConstraint": "eu-central-1"}
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
    client.put_object(Bucket=BUCKET, Key="data/garments/dataset.json", Body=b"{}")
    return BUCKET


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


def write_log(stream: str, lines: list[str]) -> None:
    logs = boto3.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName=stream)
    events = [{"timestamp": int(time.time() * 1000), "message": line} for line in lines]
    logs.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=events)


@pytest.mark.usefixtures("bucket")
def test_a_name_is_taken_once(run: Run) -> None:
    train = ("cloud", "sagemaker", "train", "fashion-mnist-fast", *PLACES, "--yes", "--name", "a")
    assert run(*train)[0] == 0
    code, text, said = run(*train)
    assert code == 2
    assert "there is, or was, a training job 'a'" in said
    assert "PutObject" not in text + said, "the first job's code is not written over"


@pytest.mark.usefixtures("bucket")
def test_a_name_of_a_search_is_taken_once(run: Run, tmp_path: Path) -> None:
    recipe = tuned_recipe(tmp_path)
    tune = ("cloud", "sagemaker", "tune", recipe, *PLACES, "--yes", "--name", "b")
    code, _, said = run(*tune)
    assert code == 0, said
    code, text, said = run(*tune)
    assert code == 2
    assert "there is, or was, a tuning job 'b'" in said
    assert "PutObject" not in text + said, "the first search's code is not written over"


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize("command", ["train", "tune"])
def test_a_job_that_is_interrupted_while_it_begins_is_named(
    command: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask_for = Account.do

    def cut_off(account: Account, service: str, operation: str, *rest: Any, **more: Any) -> Any:
        answer = ask_for(account, service, operation, *rest, **more)
        if service == "sagemaker":
            raise KeyboardInterrupt
        return answer

    monkeypatch.setattr(Account, "do", cut_off)
    words = ("cloud", "sagemaker", command, tuned_recipe(tmp_path), *PLACES, "--yes")
    code, _, said = run(*words, "--name", "c")
    assert code == 130
    assert "c may run, and cost: `lapel cloud sagemaker stop c` ends it" in said


def tuned_recipe(folder: Path) -> Path:
    recipe = folder / "mine.yaml"
    shipped = Path(jobs.__file__).parents[2] / "recipes" / "fashion-mnist-fast.yaml"
    ranges = "tune:\n  optimiser.learning_rate: {low: 0.01, high: 0.2, log: true}\n"
    recipe.write_text(shipped.read_text() + ranges)
    return recipe


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"--kind": "ml.g5.xlarg"}, "did you mean ml.g5.xlarge"),
        ({"--kind": "g5.xlarge"}, "expected one like ml.g5.xlarge"),
        ({"--role": "lapel"}, "'lapel' is no ARN of a role"),
        ({"--name": "my_job"}, "'my_job' is no name of a job"),
        ({"--data": "demo/garments"}, "--data: 'demo/garments' is no address in S3"),
        ({"--hours": "1000"}, "found 1000 hours"),
        ({"--set": "schedule.epoch=3"}, "did you mean 'epochs'"),
        ({"--data": f"s3://{BUCKET}/elsewhere"}, "nothing lies at"),
    ],
)
@pytest.mark.usefixtures("bucket")
def test_what_sagemaker_would_refuse_is_refused_here(
    changed: dict[str, str], expected: str, run: Run
) -> None:
    given = dict(zip(PLACES[::2], PLACES[1::2], strict=True)) | changed
    options = [word for pair in given.items() for word in pair]
    code, _, said = run("cloud", "sagemaker", "train", "fashion-mnist-fast", *options, "--yes")
    assert code in {1, 2}
    assert expected in said
    assert boto3.client("sagemaker").list_training_jobs()["TrainingJobSummaries"] == []
    assert "PutObject" not in said, "nothing was sent"


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


@pytest.mark.usefixtures("unreachable")
def test_a_job_is_told_to_end(run: Run) -> None:
    # moto does not know StopTrainingJob: the call is seen here, and checked against AWS's model.
    code, text, said = run("cloud", "sagemaker", "stop", "first", "--dry-run")
    assert code == 0, said
    assert calls_in(text) == [("sagemaker StopTrainingJob", {"TrainingJobName": "first"})]
    assert "first would be told to end" in said
    code, _, said = run("cloud", "sagemaker", "role", "jobs", "--delete", "--dry-run")
    assert code == 0, said
    assert "the role jobs would be taken down" in said


def test_a_role_for_one_bucket_is_made_and_taken_down(emulated: str, run: Run) -> None:
    assert emulated
    code, text, said = run("cloud", "sagemaker", "role", "jobs", "--bucket", BUCKET)
    assert code == 0, said
    assert text.strip() == "arn:aws:iam::123456789012:role/lapel/jobs"
    iam = boto3.client("iam")
    rights = json.dumps(iam.get_role_policy(RoleName="jobs", PolicyName="lapel")["PolicyDocument"])
    assert f"arn:aws:s3:::{BUCKET}/*" in rights
    trust = iam.get_role(RoleName="jobs")["Role"]["AssumeRolePolicyDocument"]
    assert trust["Statement"][0]["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    for _ in range(2):  # what is gone already is no error
        assert run("cloud", "sagemaker", "role", "jobs", "--delete")[0] == 0
    assert what_is_there() == {}


def test_the_rights_written_down_are_enough_for_what_is_called() -> None:
    account = Account(dry_run=True)
    account.do("sagemaker", "StopHyperParameterTuningJob", {}, HyperParameterTuningJobName="a")
    jobs.end(account, "a")
    jobs.check_data(account, DATA)
    assert missing("sagemaker", account.calls) == set()
