"""Where models come from, and what is left of their archives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hosting_account import BUCKET, IMAGE, ROLE, HostingAccount, client, what_is_there

from lapel.cloud.archives import pack, unpack
from lapel.cloud.sagemaker.hosting.plan import unfit
from lapel.cloud.sagemaker.hosting.rehearse import rehearsed
from lapel.inference.bundle import Bundle
from lapel.schema.errors import CloudError

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def ready_at_once(hosting: HostingAccount) -> None:
    """Endpoints are ready when they are looked at first."""
    hosting.looks = 0


def archives() -> list[str]:
    return [key for key in what_is_there().get("objects", []) if key.endswith("model.tar.gz")]


def test_the_archive_is_the_bundle_and_lies_there_once(
    run: Run, colour_bundle: Path, named: list[str], tmp_path: Path
) -> None:
    words = ["cloud", "sagemaker", "deploy", colour_bundle, "shoes", *named]
    assert run(*words)[0] == 0
    (key,) = archives()
    assert key.startswith("models/shoes/")
    code, said, _ = run(*words)
    assert (code, said.splitlines()[0][:33]) == (0, "shoes answers by the new model (s")
    # The second model is made of the same archive, which goes with the last of them.
    assert archives() == [key]
    client("s3").download_file(BUCKET, key, str(tmp_path / "model.tar.gz"))
    unpack(tmp_path / "model.tar.gz", tmp_path / "model")
    assert Bundle.load(tmp_path / "model").files == Bundle.load(colour_bundle).files
    assert run("cloud", "sagemaker", "delete", "shoes")[0] == 0
    assert what_is_there() == {}


def test_what_a_training_job_left_is_taken_as_it_is_and_stays(
    run: Run, colour_bundle: Path, tmp_path: Path
) -> None:
    pack(colour_bundle, tmp_path / "model.tar.gz")
    key = "jobs/first/output/model.tar.gz"
    client("s3").upload_file(str(tmp_path / "model.tar.gz"), BUCKET, key)
    words = ["--image", IMAGE, "--role", ROLE, "--yes"]
    code, _, said = run("cloud", "sagemaker", "deploy", f"s3://{BUCKET}/{key}", "shoes", *words)
    assert code == 0, said
    assert archives() == [key]
    assert run("cloud", "sagemaker", "delete", "shoes")[0] == 0
    assert what_is_there() == {"objects": [key]}


def test_a_bundle_in_s3_is_fetched_checked_and_packed(
    run: Run, colour_bundle: Path, named: list[str]
) -> None:
    for path in colour_bundle.iterdir():
        client("s3").upload_file(str(path), BUCKET, f"runs/first/bundle/{path.name}")
    code, _, said = run(
        "cloud", "sagemaker", "deploy", f"s3://{BUCKET}/runs/first/bundle", "shoes", *named
    )
    assert code == 0, said
    assert len(archives()) == 1


def test_a_bundle_that_is_not_whole_reaches_nobody(
    run: Run, own_colour_bundle: Path, named: list[str]
) -> None:
    network = own_colour_bundle / "model.onnx"
    network.write_bytes(network.read_bytes()[:-1])
    code, _, said = run("cloud", "sagemaker", "deploy", own_colour_bundle, "shoes", *named)
    assert code == 1
    assert "is not the file that was bundled" in said
    assert "price" not in said, "before anybody thinks about what it costs"
    assert what_is_there() == {}


def test_nobody_is_asked_where_nobody_is_and_no_price_is_guessed(
    run: Run, colour_bundle: Path, named: list[str]
) -> None:
    words = [word for word in named if word != "--yes"]
    code, _, said = run("cloud", "sagemaker", "deploy", colour_bundle, "shoes", *words)
    assert code == 2
    assert "agree by --yes" in said
    assert "until `lapel cloud sagemaker delete shoes`" in said
    assert what_is_there() == {}
    code, _, said = run(
        "cloud", "sagemaker", "deploy", colour_bundle, "shoes", *words, "--kind", "ml.r7i.large"
    )
    assert "the price is not in the shipped table" in said


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("ml.g5.xlarge", "would stand idle"),
        ("ml.c7g.large", "linux/arm64"),
        ("ml.c7i.large", None),
        ("ml.m5.large", None),
    ],
)
def test_machines_that_the_image_cannot_use_are_told(kind: str, said: str | None) -> None:
    found = unfit(kind)
    assert found is None if said is None else found is not None and said in found


def test_a_rehearsal_that_cannot_start_says_why(colour_bundle: Path) -> None:
    with (
        pytest.raises(CloudError, match=r"(?s)ended with 2; it said:.*'abacus'"),
        rehearsed(colour_bundle, environment={"LAPEL_ENGINE": "abacus"}),
    ):
        pass


def test_the_commands_that_make_an_image_hold_the_accounts_number(run: Run) -> None:
    code, said, _ = run("cloud", "sagemaker", "image")
    assert code == 0
    registry = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
    assert f"docker push {registry}/lapel-serve:" in said
    assert "--file containers/serve/Dockerfile" in said
    code, _, said = run("cloud", "sagemaker", "image", "predict")
    assert code == 2
    assert "expected serve or train" in said
