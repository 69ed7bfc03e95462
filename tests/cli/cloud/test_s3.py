"""``lapel cloud s3`` as a user types it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cloud_account import ObjectStore

Run = Callable[..., tuple[int, str, str]]

#: Files enough that a push of them is still under way when some have arrived.
MANY, ARRIVED = 300, 5


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.jpg").write_bytes(bytes([number]) * 1000)
    return folder


def test_from_an_empty_account_and_back_to_it(
    aws: ObjectStore, run: Run, photos: Path, tmp_path: Path
) -> None:
    place = "s3://lapel-story/photos"
    assert "there is no bucket in this account" in run("cloud", "s3", "list")[2]
    made = run("cloud", "s3", "make-bucket", "lapel-story")
    assert made[:2] == (0, "s3://lapel-story: made in eu-central-1\n")
    code, out, _ = run("cloud", "s3", "push", photos, place, "--dry-run")
    assert (code, out.splitlines()[0]) == (0, "send    0.jpg")
    assert out.splitlines()[-1] == f"3 files (3.0 KB) would be sent to {place}; 0 there already"
    code, out, _ = run("cloud", "s3", "push", photos, place)
    assert (code, out) == (0, f"3 files (3.0 KB) sent to {place}; 0 there already\n")
    assert run("cloud", "s3", "push", photos, place)[1].startswith("0 files (0 B) sent")

    code, out, err = run("cloud", "s3", "list", place)
    assert code == 0
    assert [line.split()[-1] for line in out.splitlines()] == [
        "0.jpg", "1.jpg", "2.jpg", "lapel-manifest.json"
    ]  # fmt: skip
    assert "STANDARD: 4 objects" in err
    assert run("cloud", "s3", "list", f"{place}/1.jpg")[1].split()[-1] == "1.jpg"
    assert run("cloud", "s3", "list", f"{place}/9.jpg")[0] == 1
    assert run("cloud", "s3", "list")[1].split()[-1] == "s3://lapel-story"

    code, out, _ = run("cloud", "s3", "verify", place, photos, "--read")
    assert (code, out) == (0, f"{place}: whole (3 files, 3.0 KB, read and hashed)\n")
    assert run("cloud", "s3", "pull", place, tmp_path / "there")[0] == 0
    assert (tmp_path / "there" / "2.jpg").read_bytes() == (photos / "2.jpg").read_bytes()

    (photos / "1.jpg").write_bytes(b"other")
    code, out, _ = run("cloud", "s3", "verify", place, photos)
    assert (code, out.splitlines()[0]) == (1, "differs here: 1.jpg")

    code, _, err = run("cloud", "s3", "remove", place)
    assert (code, "agree by --yes" in err) == (2, True)
    assert re.search(rf"(?m)^to be deleted for good: 4 objects \(3\.\d KB\) at {place}$", err)
    code, out, err = run("cloud", "s3", "remove", place, "--dry-run")
    assert (code, out.startswith("s3 DeleteObjects {")) == (0, True)
    assert "dry run: nothing was deleted; it would make the 1 call shown" in err
    code, out, _ = run("cloud", "s3", "remove", "s3://lapel-story", "--bucket", "--yes")
    assert code == 0
    assert out.startswith("deleted: the bucket s3://lapel-story with 4 objects (3.")
    assert aws.client().list_buckets()["Buckets"] == []


def test_a_push_that_is_ended_says_that_it_goes_on_and_does(
    aws: ObjectStore, run: Run, tmp_path: Path
) -> None:
    for number in range(MANY):
        (tmp_path / f"{number}.jpg").write_bytes(bytes([number % 256]) * 1000)
    run("cloud", "s3", "make-bucket", "lapel-story")
    place = "s3://lapel-story/photos"
    command = [sys.executable, "-m", "lapel", "cloud", "s3", "push", str(tmp_path), place]
    pushing = subprocess.Popen(
        [*command, "--workers", "1"], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    while aws.client().list_objects_v2(Bucket="lapel-story")["KeyCount"] < ARRIVED:
        assert pushing.poll() is None
        time.sleep(0.02)
    pushing.send_signal(signal.SIGTERM)
    said, told = pushing.communicate()
    assert (pushing.returncode, said) == (128 + signal.SIGTERM, "")
    assert told.splitlines()[-2:] == [
        "what was sent so far stays; the same command goes on from there",
        "lapel: ended by SIGTERM",
    ]
    code, said, _ = run("cloud", "s3", "push", tmp_path, place)
    moved = re.fullmatch(rf"(\d+) files \(.*\) sent to {place}; (\d+) there already\n", said)
    assert moved is not None, said
    sent, there = map(int, moved.groups())
    assert (code, sent + there, there > 0) == (0, MANY, True)


def test_a_dry_run_shows_the_calls_and_makes_none(aws: ObjectStore, run: Run) -> None:
    code, out, err = run("cloud", "s3", "make-bucket", "lapel-story", "--dry-run")
    assert code == 0
    assert "s3 PutPublicAccessBlock {" in out
    assert out.endswith("s3://lapel-story would be made in eu-central-1\n")
    assert "nothing was sent; it would make the 5 calls shown, and 1 that only looks" in err
    assert aws.client().list_buckets()["Buckets"] == []


@pytest.mark.usefixtures("aws")
def test_wrong_commands_are_told_apart_from_failures(run: Run, photos: Path) -> None:
    code, _, err = run("cloud", "s3", "push", photos, "bucket/photos")
    assert (code, "is no address in S3; expected s3://bucket/key" in err) == (2, True)
    code, _, err = run("cloud", "s3", "push", photos, "s3://nobody-made-this/a")
    assert (code, "there is no such bucket: `lapel cloud s3 make-bucket`" in err) == (1, True)
    code, _, err = run("cloud", "s3", "push", photos, "s3://bucket/a", "--part-size", "3 bananas")
    assert (code, "--part-size: found '3 bananas'" in err) == (2, True)


def test_small_files_in_a_class_for_large_ones_are_said(
    aws: ObjectStore, run: Run, photos: Path
) -> None:
    place = f"s3://{aws.bucket()}/photos"
    code, _, err = run("cloud", "s3", "push", photos, place, "--storage-class", "STANDARD_IA")
    assert code == 0
    assert "3 of 3 files are paid for as 128 KiB each" in err


def test_what_no_manifest_names_is_not_called_whole(
    aws: ObjectStore, run: Run, photos: Path
) -> None:
    bucket = f"s3://{aws.bucket()}"
    run("cloud", "s3", "push", photos, f"{bucket}/photos")
    code, _, err = run("cloud", "s3", "verify", bucket)
    assert (code, f"verify what lies below it: {bucket}/photos" in err) == (1, True)
    code, _, err = run("cloud", "s3", "verify", f"{bucket}/photo")
    assert (code, f"nothing lies at {bucket}/photo; `lapel cloud s3 list" in err) == (1, True)
    code, _, err = run("cloud", "s3", "verify", f"{bucket}/photos/1.jpg")
    assert (code, "photos/1.jpg is a single file; verify the folder" in err) == (1, True)
    code, out, err = run("cloud", "s3", "remove", f"{bucket}/photo", "--yes")
    assert (code, out, f"nothing lies at {bucket}/photo;" in err) == (0, "", True)

    run("cloud", "s3", "push", photos, bucket)
    for name in ("by-hand.jpg", "photos/late.jpg"):
        aws.client().put_object(Bucket=bucket.removeprefix("s3://"), Key=name, Body=b"")
    code, out, _ = run("cloud", "s3", "verify", bucket)
    assert code == 0
    assert out == (
        "in no manifest: by-hand.jpg\n"
        "has a manifest of its own, not compared: photos (4 files); "
        f"lapel cloud s3 verify {bucket}/photos\n"
        f"{bucket}: what its manifest names is whole (3 files, 3.0 KB, by S3's tags); "
        "1 other file in no manifest, not compared\n"
    )


@pytest.mark.usefixtures("aws")
def test_a_bucket_that_is_not_there_is_said_by_each_command(run: Run, photos: Path) -> None:
    place = "s3://nobody-made-this"
    for command in (
        ("push", photos / "0.jpg", f"{place}/a.jpg"),
        ("pull", f"{place}/a", photos),
        ("list", place),
        ("verify", place),
        ("abort", place),
        ("remove", f"{place}/a", "--yes"),
        ("remove", place, "--bucket", "--yes"),
    ):
        code, _, err = run("cloud", "s3", *command)
        assert (code, "there is no such bucket" in err) == (1, True), (command, err)


def test_cut_uploads_are_shown_and_ended(aws: ObjectStore, run: Run) -> None:
    bucket = aws.bucket()
    aws.client().create_multipart_upload(Bucket=bucket, Key="a/b.bin")
    assert "1 upload never ended and cost money" in run("cloud", "s3", "list", f"s3://{bucket}")[2]
    out = run("cloud", "s3", "abort", f"s3://{bucket}/a")[1]
    assert out.endswith(f"1 unfinished upload ended below s3://{bucket}/a\n")
