"""Endpoints that could not come about are refused before anything is made or sent."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hosting_account import BUCKET, ROLE, client, what_is_there

from lapel.cloud.aws import Account
from lapel.cloud.sagemaker.hosting import archive as archiving
from lapel.cloud.sagemaker.hosting.archive import archived, look_at_model
from lapel.cloud.sagemaker.hosting.batch import BatchPlan
from lapel.cloud.sagemaker.hosting.deploy import deploy
from lapel.cloud.sagemaker.hosting.looking import look_before_a_batch, look_before_deploying
from lapel.cloud.sagemaker.hosting.plan import Capture, EndpointPlan, Serverless
from lapel.schema.errors import BundleError, LapelError, UsageError

Run = Callable[..., tuple[int, str, str]]
Plans = Callable[..., EndpointPlan]

NOWHERE = "s3://lapel-nowhere/shoes"


@pytest.mark.parametrize(
    "words",
    [{"archive": NOWHERE}, {"queue": NOWHERE}, {"capture": Capture(place=NOWHERE, percent=1)}],
    ids=lambda words: next(iter(words)),
)
def test_a_bucket_that_is_not_there_is_refused(
    account: Account, plans: Plans, words: dict[str, Any]
) -> None:
    with pytest.raises(UsageError, match="there is no bucket s3://lapel-nowhere"):
        look_before_deploying(account, plans(**words))


def test_an_image_of_another_region_is_refused(account: Account, plans: Plans) -> None:
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/lapel-serve:0.1.0"
    with pytest.raises(UsageError, match=r"lies in us-east-1; SageMaker in eu-central-1 pulls"):
        look_before_deploying(account, plans(image=image))
    batch = BatchPlan(
        name="night", image=image, role=ROLE, archive=NOWHERE, photos=NOWHERE, answers=f"{NOWHERE}2"
    )
    with pytest.raises(UsageError, match=r"`lapel cloud sagemaker image --region eu-central-1`"):
        look_before_a_batch(account, batch)
    assert account.calls == []


@pytest.mark.usefixtures("hosting")
def test_nothing_is_sent_where_role_or_bucket_are_not_there(
    run: Run, colour_bundle: Path, named: list[str]
) -> None:
    deploying = ["cloud", "sagemaker", "deploy", colour_bundle, "shoes", *named]
    for option, value, found in (
        ("--role", "arn:aws:iam::123456789012:role/lapel/nobody", "there is no role nobody"),
        ("--models", NOWHERE, "there is no bucket s3://lapel-nowhere"),
    ):
        code, _, told = run(*deploying, option, value)
        assert code == 2
        assert found in told
    assert what_is_there() == {}


def test_machines_do_not_become_serverless_which_is_seen_before_the_model_is_sent(
    run: Run, account: Account, plans: Plans, colour_bundle: Path, named: list[str]
) -> None:
    deploy(account, plans(), say=lambda _: None, every=0.01)
    before = what_is_there()
    words = ["cloud", "sagemaker", "deploy", colour_bundle, "shoes", *named]
    code, _, told = run(*words, "--serverless", "2048")
    assert code == 2
    assert "does not change machines into serverless" in told
    assert "PutObject" not in told
    with pytest.raises(UsageError, match="does not change machines into serverless"):
        deploy(account, plans(machines=Serverless(memory=2048)), say=lambda _: None, every=0.01)
    assert what_is_there() == before


def tar_of(name: str, size: int = 1) -> bytes:
    file = BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = size
        tar.addfile(entry, BytesIO(bytes(size)))
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "kind", "said"),
    [
        (None, UsageError, "there is no archive s3://"),
        (b"", BundleError, "it is no whole tar.gz"),
        (b"no archive at all", BundleError, "it is no whole tar.gz"),
        (tar_of("report/index.html"), BundleError, r"it holds report/index.html\); expected lapel"),
    ],
    ids=["nothing", "empty", "no archive", "another archive"],
)
def test_an_archive_that_holds_no_bundle_is_refused(
    account: Account, content: bytes | None, kind: type[LapelError], said: str
) -> None:
    place = f"s3://{BUCKET}/jobs/first/output/model.tar.gz"
    if content is not None:
        client("s3").put_object(Bucket=BUCKET, Key=place.split("/", 3)[3], Body=content)
    with pytest.raises(kind, match=said):
        look_at_model(account, place)


@pytest.mark.parametrize("name", ["./lapel.json", "bundle/lapel.json"])
def test_a_bundle_is_known_in_whatever_archive_it_was_packed(account: Account, name: str) -> None:
    place = f"s3://{BUCKET}/jobs/first/output/model.tar.gz"
    client("s3").put_object(Bucket=BUCKET, Key=place.split("/", 3)[3], Body=tar_of(name))
    model = look_at_model(account, place)
    assert archived(account, model, "shoes", models=None, say=lambda _: None) == place


def test_an_archive_too_large_to_be_looked_through_is_taken(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archiving, "LOOKED_THROUGH", 50)
    place = f"s3://{BUCKET}/jobs/first/output/model.tar.gz"
    body = tar_of("model.onnx", 5000)
    assert len(body) > 50
    client("s3").put_object(Bucket=BUCKET, Key=place.split("/", 3)[3], Body=body)
    model = look_at_model(account, place)
    assert archived(account, model, "shoes", models=None, say=lambda _: None) == place
