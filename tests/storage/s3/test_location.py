"""Addresses of S3, as people write them and as pathlib spells them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapel.schema.errors import StorageError, UsageError
from lapel.storage.s3.location import S3Location


def test_addresses_are_read_however_they_are_spelled() -> None:
    expected = S3Location("photos-of-ours", "runs/one")
    for place in (
        "s3://photos-of-ours/runs/one",
        "s3://photos-of-ours/runs/one/",
        Path("s3://photos-of-ours/runs/one"),
        expected,
    ):
        assert S3Location.parse(place) == expected
    assert str(expected) == "s3://photos-of-ours/runs/one"
    assert (expected.name, expected.prefix) == ("one", "runs/one/")


def test_a_bucket_alone_is_a_place() -> None:
    bucket = S3Location.parse("s3://bucket")
    assert (str(bucket), bucket.prefix, bucket.name) == ("s3://bucket", "", "bucket")
    assert bucket / "a/b" == S3Location("bucket", "a/b")


@pytest.mark.parametrize(
    "place",
    [
        "photos", "/tmp/photos", "s3://", "s3:///key", "s3://UPPER/key", "s3://ab/key",
        "s3://a..b/key", "s3://-bucket/key", "s3://bucket/../other", "s3://bucket/a//b",
        "s3://bucket//a", "s3://bucket/a\\b", "https://bucket/key", "s3://bucket/a\0b",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(place: str) -> None:
    with pytest.raises(UsageError, match=r"no address|no name of a bucket"):
        S3Location.parse(place)


def test_no_name_leaves_a_location() -> None:
    with pytest.raises(StorageError, match="not a name under its root"):
        S3Location("bucket", "runs") / "../other"


@given(key=st.text(max_size=40))
def test_an_address_that_is_read_is_written_the_same(key: str) -> None:
    try:
        found = S3Location.parse(f"s3://bucket/{key}")
    except UsageError:
        return
    assert S3Location.parse(str(found)) == found


def test_addresses_and_places_need_no_boto3() -> None:
    program = (
        "import sys; sys.modules['boto3'] = sys.modules['botocore'] = None\n"
        "from lapel.storage.s3.location import S3Location\n"
        "from lapel.storage.stores import open_store\n"
        "from lapel.schema.errors import MissingExtraError\n"
        "try:\n    open_store('s3://bucket/a')\n"
        "except MissingExtraError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    said = "s3://bucket/a needs the extra 'aws': pip install 'lapel[aws]'"
    assert done.stdout.startswith(said)
