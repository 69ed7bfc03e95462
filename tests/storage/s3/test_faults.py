"""Answers that are late, wrong, cut or lost: what arrives is whole and right, or is not there."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cloud_account import ObjectStore
from faulty_proxy import (
    Fault,
    FaultyProxy,
    Handler,
    Request,
    Rule,
    at_random,
    cut,
    lost_answer,
    once_each,
    slow_down,
    wrong_bytes,
    wrong_length,
)

from lapel.schema.errors import StorageError
from lapel.storage.s3.client import s3_client
from lapel.storage.s3.listing import abort_unfinished, list_unfinished
from lapel.storage.s3.location import S3Location
from lapel.storage.s3.options import TransferOptions
from lapel.storage.s3.transfer import pull, push, verify

Contents = Callable[[Path], dict[str, bytes]]

SMALL_PARTS = TransferOptions(part_size=5 * 1024 * 1024, workers=4)


@pytest.fixture
def folder(large_folder: Path) -> Path:
    """With a file in two parts."""
    return large_folder


def test_a_pull_outlives_each_fault(
    folder: Path, place: S3Location, proxy: FaultyProxy, tmp_path: Path, contents: Contents
) -> None:
    push(folder, place, options=SMALL_PARTS)
    expected = contents(folder)
    del expected[".model.bin.0011.partial"]
    for fault in (slow_down, lost_answer, cut, wrong_length, wrong_bytes):
        proxy.rule = once_each(fault, fault, fault, of=is_content)
        pull(place, tmp_path / fault.__name__, options=SMALL_PARTS)
        assert contents(tmp_path / fault.__name__) == expected, fault.__name__


def always(fault: Fault) -> Rule:
    """The fault befalls each request for content."""
    return lambda request: fault if is_content(request) else None


def is_content(request: Request) -> bool:
    names = ("model.bin", ".jpg")
    return request.method == "GET" and request.path.endswith(names)


def test_a_push_outlives_faults(folder: Path, place: S3Location, proxy: FaultyProxy) -> None:
    proxy.rule = at_random(0.2, 5, slow_down, lost_answer)
    push(folder, place, options=SMALL_PARTS)
    proxy.rule = lambda _: None
    assert verify(place, folder, read=True).whole
    assert list_unfinished(place) == []


def test_what_stays_wrong_leaves_nothing_under_its_name(
    folder: Path, place: S3Location, proxy: FaultyProxy, tmp_path: Path
) -> None:
    push(folder, place, options=SMALL_PARTS)
    for fault in (slow_down, cut, wrong_bytes, wrong_length):
        there = tmp_path / fault.__name__
        (there / "photos").mkdir(parents=True)
        (there / "photos" / "b.jpg").write_bytes(b"before")
        proxy.rule = always(fault)
        with pytest.raises(StorageError, match=r"s3://"):
            pull(place, there, options=SMALL_PARTS)
        assert (there / "photos" / "b.jpg").read_bytes() == b"before", fault.__name__
        assert not (there / "model.bin").exists(), fault.__name__


def test_a_cut_pull_goes_on_with_the_parts_it_has(
    folder: Path, place: S3Location, proxy: FaultyProxy, tmp_path: Path
) -> None:
    push(folder, place, options=SMALL_PARTS)
    proxy.rule = lambda request: slow_down if request.span.startswith("bytes=524288") else None
    with pytest.raises(StorageError, match="too many requests"):
        pull(place, tmp_path / "there", options=SMALL_PARTS)
    proxy.rule = lambda _: None
    proxy.requests.clear()
    pull(place, tmp_path / "there", options=SMALL_PARTS)
    assert [request.span for request in proxy.seen("GET") if request.span] == [
        "bytes=5242880-5242886"
    ]
    assert (tmp_path / "there" / "model.bin").read_bytes() == (folder / "model.bin").read_bytes()
    assert not list((tmp_path / "there").glob(".pull*"))


def test_a_cut_push_goes_on_with_the_parts_that_arrived(
    folder: Path, place: S3Location, proxy: FaultyProxy
) -> None:
    proxy.rule = lambda request: slow_down if request.query.get("partNumber") == "2" else None
    with pytest.raises(StorageError, match="too many requests"):
        push(folder, place, options=SMALL_PARTS)
    assert len(list_unfinished(place)) == 1
    proxy.rule = lambda _: None
    proxy.requests.clear()
    push(folder, place, options=SMALL_PARTS)
    sent = [request.query["partNumber"] for request in proxy.requests if request.is_part]
    assert sent == ["2"]
    assert verify(place, folder, read=True).whole


def test_a_file_that_changed_since_a_cut_push_is_not_mixed_with_itself(
    folder: Path, place: S3Location, proxy: FaultyProxy
) -> None:
    proxy.rule = lambda request: slow_down if request.query.get("partNumber") == "2" else None
    with pytest.raises(StorageError, match="too many requests"):
        push(folder, place, options=SMALL_PARTS)
    proxy.rule = lambda _: None
    with (folder / "model.bin").open("r+b") as file:  # the first part stays as it is
        file.seek(-1, 2)
        file.write(b"!")
    push(folder, place, options=SMALL_PARTS)
    found = verify(place, folder, read=True)
    assert (found.whole, found.cut_uploads) == (True, 0)


def test_a_file_that_changes_while_it_is_sent_is_not_sent(
    folder: Path, place: S3Location, proxy: FaultyProxy
) -> None:
    changed = threading.Event()

    def change(_: Handler, __: object) -> bool:
        if not changed.is_set():
            changed.set()
            (folder / "model.bin").write_bytes(bytes(5 * 1024 * 1024 + 7))
        return False

    def when_an_upload_begins(request: Request) -> Fault | None:
        return change if request.method == "POST" and "uploads" in request.query else None

    proxy.rule = when_an_upload_begins
    with pytest.raises(StorageError, match=r"model.bin changed while it was sent; push again"):
        push(folder, place, options=SMALL_PARTS)
    assert list_unfinished(place) == []
    assert not verify(place).whole
    push(folder, place, options=SMALL_PARTS)
    assert verify(place, folder, read=True).whole


def test_a_place_that_changes_while_it_is_pulled_is_said(
    folder: Path, place: S3Location, proxy: FaultyProxy, aws: ObjectStore, tmp_path: Path
) -> None:
    push(folder, place, options=SMALL_PARTS)
    replaced = threading.Lock()

    def change(_: Handler, __: object) -> bool:
        if replaced.acquire(blocking=False):
            body = bytes(5 * 1024 * 1024 + 7)
            aws.client().put_object(Bucket=place.bucket, Key=f"{place.key}/model.bin", Body=body)
        return False

    proxy.rule = lambda request: change if request.span else None
    with pytest.raises(StorageError, match=r"model.bin (could not be read|has not the content)"):
        pull(place, tmp_path / "there", options=SMALL_PARTS)
    assert not (tmp_path / "there" / "model.bin").exists()


def test_unfinished_uploads_are_ended_when_asked(place: S3Location, aws: ObjectStore) -> None:
    aws.client().create_multipart_upload(Bucket=place.bucket, Key=f"{place.key}/a.bin")
    aws.client().create_multipart_upload(Bucket=place.bucket, Key="elsewhere/b.bin")
    assert [one.name for one in abort_unfinished(place)] == ["a.bin"]
    assert [one.name for one in list_unfinished(f"s3://{place.bucket}")] == ["elsewhere/b.bin"]


def test_a_full_disk_is_said_before_anything_is_fetched(
    folder: Path, place: S3Location, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(folder, place)

    class Full:
        free = 1000

    monkeypatch.setattr(shutil, "disk_usage", lambda _: Full)
    with pytest.raises(StorageError, match="has room for 1,000 bytes, and 5,2"):
        pull(place, tmp_path / "there")


def test_a_cut_push_is_begun_anew_where_it_is_to_be_encrypted_otherwise(
    folder: Path, place: S3Location, proxy: FaultyProxy
) -> None:
    """An upload is encrypted as it was begun, and does not tell how."""
    proxy.rule = lambda request: slow_down if request.query.get("partNumber") == "2" else None
    with pytest.raises(StorageError, match="too many requests"):
        push(folder, place, options=SMALL_PARTS)
    proxy.rule = lambda _: None
    push(folder, place, options=replace(SMALL_PARTS, encryption="aws:kms"))
    head = s3_client().head_object(Bucket=place.bucket, Key=(place / "model.bin").key)
    assert head["ServerSideEncryption"] == "aws:kms"
    assert list_unfinished(place) == []
