"""Photos to an endpoint, answers back: at once and through a queue."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from unittest.mock import MagicMock

import pytest
from hosting_account import BUCKET, HostingAccount, what_is_there

from lapel.cloud.aws import Account
from lapel.cloud.sagemaker.hosting import invoke as invoking
from lapel.cloud.sagemaker.hosting.deploy import deploy
from lapel.cloud.sagemaker.hosting.invoke import Asked, invoke
from lapel.cloud.sagemaker.hosting.plan import EndpointPlan
from lapel.cloud.sagemaker.hosting.rehearse import Rehearsal
from lapel.schema.errors import CloudError
from lapel.storage.s3.location import S3Location

Run = Callable[..., tuple[int, str, str]]
Plans = Callable[..., EndpointPlan]


@pytest.fixture
def answering(hosting: HostingAccount, container: Rehearsal) -> HostingAccount:
    hosting.looks, hosting.container = 0, container.url
    return hosting


def test_one_bad_photo_is_told_and_the_others_are_answered(
    run: Run, account: Account, plans: Plans, answering: HostingAccount, photos: Path
) -> None:
    deploy(account, plans(), say=lambda _: None)
    (photos / "b.png").write_bytes(b"no picture")
    names = [photos / f"{name}.png" for name in "abcz"]
    code, said, told = run("cloud", "sagemaker", "invoke", "shoes", *names, "--top", "2")
    assert code == 1
    answers = [json.loads(line) for line in said.splitlines()]
    assert [Path(one["image"]).name for one in answers] == ["a.png", "c.png"]
    assert [one["answers"]["colour"]["label"] for one in answers] == ["red", "blue"]
    assert len(answers[0]["answers"]["colour"]["top"]) == 2
    assert "b.png: " in told
    assert "z.png: could not be read: No such file or directory; check its path" in told
    assert "2 of 4 pictures got no answer" in told
    assert answering.requests[0]["X-Amzn-SageMaker-Custom-Attributes"] == "top=2"


@pytest.mark.usefixtures("answering")
def test_answers_come_in_order_through_a_queue_and_leave_no_photo(
    account: Account, plans: Plans, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invoking, "LOOK_EVERY", 0.01)
    deploy(account, plans(queue=f"s3://{BUCKET}/queue"), say=lambda _: None)
    (photos / "d.png").write_bytes(b"no picture")
    found = list(invoke(account, "shoes", sorted(photos.iterdir()), Asked()))
    labels = [one.value["answers"]["colour"]["label"] for one in found[:3]]
    assert labels == ["red", "green", "blue"]
    assert "the container refused it" in found[3].fault
    assert not [key for key in what_is_there()["objects"] if "photos" in key]


def test_a_busy_container_is_asked_again(
    account: Account,
    plans: Plans,
    answering: HostingAccount,
    photos: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deploy(account, plans(), say=lambda _: None)
    monkeypatch.setattr(invoking, "PAUSE", 0.01)
    usual, refused = answering.ask, iter([True, True])

    def sometimes(body: bytes, headers: dict[str, str]) -> tuple[int, bytes, str]:
        if next(refused, False):
            return 503, b'{"error": {"code": "busy", "message": "too much"}}', "application/json"
        return usual(body, headers)

    monkeypatch.setattr(answering, "ask", sometimes)
    (found,) = invoke(account, "shoes", [photos / "a.png"], Asked())
    assert found.fault == ""


def test_an_endpoint_that_is_not_there_is_named(account: Account, photos: Path) -> None:
    with pytest.raises(CloudError, match="there is no endpoint shoes of ours in eu-central-1"):
        list(invoke(account, "shoes", [photos / "a.png"], Asked()))


@pytest.mark.usefixtures("unreachable")
def test_a_dry_run_shows_what_would_be_sent(run: Run, photos: Path) -> None:
    code, said, _ = run("cloud", "sagemaker", "invoke", "shoes", photos / "a.png", "--dry-run")
    assert code == 0
    assert "sagemaker-runtime InvokeEndpoint" in said


def test_a_photo_that_still_waits_in_the_queue_stays_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = tmp_path / "a.jpg"
    photo.write_bytes(b"a photo")
    store = MagicMock()
    place = {"OutputLocation": "s3://bucket/queue/answers/1.out"}
    monkeypatch.setattr(Account, "ask", lambda *_, **__: place)
    monkeypatch.setattr(invoking, "QUEUE_SECONDS", 0.0)
    queue = S3Location("bucket", "queue")
    with pytest.raises(CloudError, match=r"it will lie at s3://bucket/queue/answers/1\.out"):
        invoking._queued(Account(), "shop", photo, Asked(), queue, store)
    assert store.write.called
    assert not store.delete.called
    monkeypatch.setattr(invoking, "_taken", lambda *_: b"{}")
    assert invoking._queued(Account(), "shop", photo, Asked(), queue, store) == b"{}"
    assert store.delete.called
