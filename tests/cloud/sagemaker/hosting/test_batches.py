"""A great many photos in S3: all answered, the bad ones told, nothing left running."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from hosting_account import BUCKET, IMAGE, ROLE, HostingAccount, client, what_is_there
from rights_needed import missing

from lapel.cloud.aws import Account
from lapel.cloud.interruptions import interrupted_when_ended
from lapel.cloud.sagemaker.hosting.batch import BatchPlan, answers_of, start_batch
from lapel.cloud.sagemaker.hosting.looking import look_before_a_batch
from lapel.cloud.sagemaker.hosting.rehearse import Rehearsal, rehearsed
from lapel.cloud.sagemaker.hosting.remove import delete
from lapel.schema.errors import CloudError, UsageError

Run = Callable[..., tuple[int, str, str]]

Ending = Callable[[signal.Signals], Callable[[], None]]

PHOTOS, ANSWERS = f"s3://{BUCKET}/photos", f"s3://{BUCKET}/answers"

#: Keys of what lies in the bucket before a batch.
STORED = ["photos-old/e.png", *(f"photos/new/{name}.png" for name in "abcd")]


def plan(**words: str) -> BatchPlan:
    usual = {
        "name": "night",
        "image": IMAGE,
        "role": ROLE,
        "archive": f"s3://{BUCKET}/models/night/0123456789abcdef/model.tar.gz",
        "photos": PHOTOS,
        "answers": ANSWERS,
    }
    return BatchPlan(**{**usual, **words})  # type: ignore[arg-type] # words are texts here


@pytest.mark.usefixtures("stored")
def test_every_photo_is_answered_and_a_bad_one_ends_nothing(
    run: Run, hosting: HostingAccount, colour_bundle: Path, named: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "answers.jsonl"
    words = ["cloud", "sagemaker", "batch", colour_bundle, PHOTOS, ANSWERS, *named, "--out", out]
    with rehearsed(colour_bundle, environment={"LAPEL_ERRORS_IN_PLACE": "1"}) as rehearsal:
        hosting.container = rehearsal.url
        code, said, told = run(*words)
    assert code == 1  # one photo could not be read, which programs should hear
    assert "4 answers in" in said
    assert "1 of 4 photos could not be read" in told
    values = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert [value["image"] for value in values] == [f"new/{name}.png" for name in "abcd"]
    labels = [value["answers"]["colour"]["label"] for value in values[:3]]
    assert labels == ["red", "green", "blue"]
    assert values[3]["error"]["code"] == "not_a_picture"
    # Photos and answers are the user's; of ours nothing is left.
    there = what_is_there()
    assert set(there) == {"objects"}
    assert not [key for key in there["objects"] if key.startswith("models/")]


def test_the_container_is_told_to_answer_bad_photos(account: Account) -> None:
    start_batch(account, plan())
    bodies = {call.operation: call.request for call in account.calls}
    variables = bodies["CreateModel"]["PrimaryContainer"]["Environment"]
    assert variables["LAPEL_ERRORS_IN_PLACE"] == "1"
    job = bodies["CreateTransformJob"]
    assert job["MaxConcurrentTransforms"] * job["MaxPayloadInMB"] <= 100
    assert job["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"] == f"{PHOTOS}/"


@pytest.mark.usefixtures("stored")
def test_a_batch_that_fails_says_so_and_leaves_no_model(
    run: Run,
    hosting: HostingAccount,
    container: Rehearsal,
    colour_bundle: Path,
    named: list[str],
) -> None:
    # Without the word about bad photos, one of them ends the batch, as AWS does it.
    hosting.container = container.url
    code, _, told = run("cloud", "sagemaker", "batch", colour_bundle, PHOTOS, ANSWERS, *named)
    assert code == 1
    assert "is Failed: ClientError: Bad HTTP status" in told
    assert set(what_is_there()) == {"objects"}


@pytest.mark.usefixtures("stored")
def test_a_running_batch_is_stopped_by_name(
    run: Run, hosting: HostingAccount, colour_bundle: Path, named: list[str], account: Account
) -> None:
    hosting.running = True
    words = ["cloud", "sagemaker", "batch", colour_bundle, PHOTOS, ANSWERS, *named]
    code, said, _ = run(*words, "--name", "night", "--no-wait")
    assert code == 0
    assert "lapel cloud sagemaker delete night" in said
    gone = delete(account, "night", say=lambda _: None)
    assert (gone.jobs, gone.models, gone.endpoints) == (1, 1, 0)
    (job,) = client("sagemaker").list_transform_jobs()["TransformJobSummaries"]
    assert job["TransformJobStatus"] == "Stopped"
    assert what_is_there() == {"objects": STORED}
    assert missing("sagemaker-endpoints", account.calls) == set()


def test_answers_do_not_go_among_the_photos() -> None:
    with pytest.raises(UsageError, match="lie among the photos"):
        plan(answers=f"{PHOTOS}/answers")
    assert plan(answers=f"{PHOTOS}-answers").answers == f"{PHOTOS}-answers"


@pytest.mark.usefixtures("stored")
def test_a_batch_that_cannot_be_started_leaves_no_model(
    run: Run, hosting: HostingAccount, colour_bundle: Path, named: list[str]
) -> None:
    hosting.refuses["create_transform_job"] = "The account-level service limit is 0 Instances"
    code, _, told = run("cloud", "sagemaker", "batch", colour_bundle, PHOTOS, ANSWERS, *named)
    assert code == 1
    assert "service limit is 0" in told
    assert what_is_there() == {"objects": STORED}


@pytest.mark.usefixtures("stored")
def test_a_batch_that_is_ended_while_it_starts_does_not_run(
    run: Run, hosting: HostingAccount, colour_bundle: Path, named: list[str], ending: Ending
) -> None:
    hosting.running = True
    hosting.when["create_transform_job"] = ending(signal.SIGHUP)
    code, _, told = run("cloud", "sagemaker", "batch", colour_bundle, PHOTOS, ANSWERS, *named)
    assert code == 129
    assert re.search(r"^lapel-batch-\d{6}-\d{6}: taken away again$", told, re.MULTILINE)
    (job,) = client("sagemaker").list_transform_jobs()["TransformJobSummaries"]
    assert job["TransformJobStatus"] == "Stopped"
    assert what_is_there() == {"objects": STORED}


def test_a_batch_that_is_ended_as_its_model_is_made_leaves_none(
    account: Account, hosting: HostingAccount, ending: Ending
) -> None:
    hosting.when["create_model"] = ending(signal.SIGTERM)
    said: list[str] = []
    with pytest.raises(KeyboardInterrupt), interrupted_when_ended():
        start_batch(account, plan(), say=said.append)
    assert [line.partition(": ")[2] for line in said] == ["taken away again"]
    assert what_is_there() == {}


@pytest.mark.usefixtures("stored", "quick")
def test_who_ends_the_waiting_is_told_that_the_batch_goes_on_and_how_to_stop_it(
    run: Run, hosting: HostingAccount, colour_bundle: Path, named: list[str], ending: Ending
) -> None:
    hosting.running = True
    hosting.when["describe_transform_job"] = ending(signal.SIGTERM)
    words = ["cloud", "sagemaker", "batch", colour_bundle, PHOTOS, ANSWERS, *named]
    code, _, told = run(*words, "--name", "night")
    assert code == 143
    assert "goes on at AWS, costs money" in told
    assert "`lapel cloud sagemaker delete night` stops it" in told


@pytest.mark.parametrize("place", ["empty", "photos/new/a.png", "marked"])
@pytest.mark.usefixtures("stored")
def test_a_batch_without_photos_is_not_started(account: Account, place: str) -> None:
    client("s3").put_object(Bucket=BUCKET, Key="marked/", Body=b"")  # a folder, as consoles make it
    with pytest.raises(UsageError, match=f"no photos lie below s3://{BUCKET}/{place}; name"):
        look_before_a_batch(account, plan(photos=f"s3://{BUCKET}/{place}"))


@pytest.mark.parametrize("what", ["photos", "answers", "archive"])
@pytest.mark.usefixtures("stored")
def test_a_batch_in_a_bucket_that_is_not_there_is_not_started(account: Account, what: str) -> None:
    with pytest.raises(UsageError, match="there is no bucket s3://lapel-nowhere"):
        look_before_a_batch(account, plan(**{what: "s3://lapel-nowhere/night"}))
    look_before_a_batch(account, plan())
    assert missing("sagemaker-endpoints", account.calls) == set()


@pytest.mark.usefixtures("stored")
def test_a_job_of_others_that_is_named_like_ours_goes_on(
    hosting: HostingAccount, account: Account
) -> None:
    hosting.running = True
    start_batch(account, plan())
    ours, theirs = client("sagemaker"), "night-261103-120000"
    (job,) = ours.list_transform_jobs()["TransformJobSummaries"]
    said = ours.describe_transform_job(TransformJobName=job["TransformJobName"])
    keys = ("ModelName", "TransformInput", "TransformOutput", "TransformResources")
    tags = [{"Key": "team", "Value": "night"}]
    same = {key: said[key] for key in keys}
    ours.create_transform_job(TransformJobName=theirs, Tags=tags, **same)
    assert delete(account, "night", say=lambda _: None).jobs == 1
    states = {
        one["TransformJobName"]: one["TransformJobStatus"]
        for one in ours.list_transform_jobs()["TransformJobSummaries"]
    }
    assert states == {job["TransformJobName"]: "Stopped", theirs: "InProgress"}


@pytest.mark.usefixtures("stored")
def test_answers_of_former_batches_are_not_among_those_of_this_one(account: Account) -> None:
    for key, text in {"old.png": "{}", "new/a.png": '{"answers": {}}'}.items():
        client("s3").put_object(Bucket=BUCKET, Key=f"answers/{key}.out", Body=text.encode())
    assert list(answers_of(account, plan())) == [{"answers": {}, "image": "new/a.png"}]
    client("s3").put_object(Bucket=BUCKET, Key="answers/new/b.png.out", Body=b"<html>")
    with pytest.raises(CloudError, match=r"answers/new/b\.png\.out holds no answer"):
        list(answers_of(account, plan()))
