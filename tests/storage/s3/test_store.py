"""Conditional writes, on which leases stand, and what is said when S3 refuses."""

from __future__ import annotations

import hashlib

import pytest
from cloud_account import ObjectStore
from faulty_proxy import FaultyProxy, lost_answer, once_each

from lapel.schema.errors import StorageError
from lapel.storage.s3.client import AbsentError, ChangedError
from lapel.storage.s3.location import S3Location
from lapel.storage.s3.store import S3Store
from lapel.storage.stores import open_store


def test_what_is_there_is_not_created_anew(place: S3Location) -> None:
    store = S3Store(place)
    store.create("owner", b"one")
    with pytest.raises(ChangedError, match="something else lies there"):
        store.create("owner", b"two")
    assert store.read("owner") == b"one"


def test_an_exchange_needs_what_was_read(place: S3Location) -> None:
    store = S3Store(place)
    first = store.create("owner", b"one")
    data, tag = store.read_tagged("owner")
    assert (data, tag) == (b"one", first)
    second = store.exchange("owner", b"two", tag)
    with pytest.raises(ChangedError, match="something else lies there"):
        store.exchange("owner", b"three", first)
    assert store.read_tagged("owner") == (b"two", second)
    store.delete("owner")
    with pytest.raises(ChangedError):
        store.exchange("owner", b"three", second)
    assert not store.exists("owner")


def test_only_what_was_seen_is_deleted(place: S3Location, proxy: FaultyProxy) -> None:
    store = S3Store(place)
    first = store.create("owner", b"one")
    second = store.exchange("owner", b"two", first)
    with pytest.raises(ChangedError, match="was not deleted: another wrote there meanwhile"):
        store.delete("owner", tag=first)
    assert store.read("owner") == b"two"

    def another_writes(*_: object) -> bool:
        store.write("owner", b"three")
        return False

    proxy.rule = once_each(another_writes, of=lambda request: request.method == "DELETE")
    with pytest.raises(ChangedError):
        store.delete("owner", tag=second)
    second = store.read_tagged("owner")[1]
    proxy.rule = once_each(lost_answer, of=lambda request: request.method == "DELETE")
    store.delete("owner", tag=second)
    assert not store.exists("owner")
    store.delete("owner", tag=second)


def test_a_conditional_write_whose_answer_is_lost_is_known_for_ones_own(
    place: S3Location, proxy: FaultyProxy
) -> None:
    proxy.rule = once_each(lost_answer, of=lambda request: request.method == "PUT")
    tag = S3Store(place).create("owner", b"one")
    assert len(proxy.seen("PUT")) == 2  # the second was refused: something lay there, our own
    assert S3Store(place).read_tagged("owner") == (b"one", tag)


def test_objects_say_what_they_hash_to(place: S3Location, aws: ObjectStore) -> None:
    S3Store(place).write("a", b"abc")
    head = aws.client().head_object(Bucket=place.bucket, Key=f"{place.key}/a")
    assert head["Metadata"]["sha256"] == hashlib.sha256(b"abc").hexdigest()


def test_neighbours_are_not_listed(place: S3Location) -> None:
    S3Store(S3Location(place.bucket, "data/run-2")).write("other", b"1")
    store = open_store(f"{place}/")
    store.write("a", b"1")
    assert list(store.names()) == ["a"]


def test_what_is_missing_is_said(place: S3Location) -> None:
    with pytest.raises(AbsentError, match=r"s3://.*/gone could not be read: nothing lies there"):
        S3Store(place).read("gone")
    with pytest.raises(StorageError, match="there is no such bucket"):
        S3Store("s3://nobody-made-this/a").write("b", b"1")


def test_who_has_no_keys_is_told_how_to_get_them(
    place: S3Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(StorageError, match="no AWS credentials were found; run `aws configure`"):
        S3Store(place).read("a")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(StorageError, match=r"S3 cannot be asked: .* no profile 'nobody'"):
        S3Store(place)
