"""Folders to S3 and back: whole, only what changed, never over another's work."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cloud_account import ObjectStore
from faulty_proxy import FaultyProxy

from lapel.schema.errors import StorageError, UsageError
from lapel.storage.s3.client import AbsentError, ChangedError
from lapel.storage.s3.location import S3Location
from lapel.storage.s3.manifest import MANIFEST
from lapel.storage.s3.options import TransferOptions
from lapel.storage.s3.transfer import list_objects, pull, push, verify

Contents = Callable[[Path], dict[str, bytes]]

#: The smallest parts that S3 takes.
SMALL_PARTS = TransferOptions(part_size=5 * 1024 * 1024, workers=4)
FILES = ("empty.txt", "model.bin", "photos/b.jpg", "photos/드레스 1.jpg")


def test_a_folder_comes_back_as_it_was(
    large_folder: Path, place: S3Location, tmp_path: Path, contents: Contents
) -> None:
    sent = push(large_folder, place, options=SMALL_PARTS)
    assert sent.moved == FILES
    assert {one.name for one in list_objects(place)} == {*FILES, MANIFEST}
    got = pull(str(place), tmp_path / "there", options=SMALL_PARTS)
    assert sorted(got.moved) == sorted(FILES)
    expected = contents(large_folder)
    del expected[".model.bin.0011.partial"]  # a file being written is none yet
    assert contents(tmp_path / "there") == expected


def test_only_what_changed_is_moved_again(
    folder: Path, place: S3Location, tmp_path: Path, proxy: FaultyProxy
) -> None:
    push(folder, place, options=SMALL_PARTS)
    pull(place, tmp_path / "there", options=SMALL_PARTS)
    proxy.requests.clear()
    again = push(folder, place, options=SMALL_PARTS)
    assert (again.moved, again.unchanged) == ((), FILES)
    assert proxy.seen("PUT") == proxy.seen("POST") == proxy.seen("HEAD") == []
    assert pull(place, tmp_path / "there", options=SMALL_PARTS).moved == ()

    (folder / "photos" / "b.jpg").write_bytes(b"c" * 1000)  # of the same size
    (folder / "new.txt").write_bytes(b"new")
    changed = ("new.txt", "photos/b.jpg")
    assert push(folder, place, options=SMALL_PARTS).moved == changed
    assert pull(place, tmp_path / "there", options=SMALL_PARTS).moved == changed
    assert (tmp_path / "there" / "photos" / "b.jpg").read_bytes() == b"c" * 1000


def test_what_the_source_does_not_have_is_deleted_when_asked(
    folder: Path, place: S3Location, tmp_path: Path
) -> None:
    push(folder, place)
    pull(place, tmp_path / "there")
    (folder / "empty.txt").unlink()
    assert push(folder, place).deleted == ()
    mirror = TransferOptions(delete=True)
    look = replace(mirror, dry_run=True)
    assert push(folder, place, options=look).deleted == ("empty.txt",)
    assert push(folder, place, options=mirror).deleted == ("empty.txt",)
    assert verify(place).whole
    assert pull(place, tmp_path / "there", options=look).deleted == ("empty.txt",)
    assert (tmp_path / "there" / "empty.txt").exists()
    pull(place, tmp_path / "there", options=mirror)
    assert not (tmp_path / "there" / "empty.txt").exists()


def test_no_more_rights_are_needed_than_the_page_gives(
    large_folder: Path, place: S3Location, tmp_path: Path
) -> None:
    from rights_needed import missing

    from lapel.cloud.aws import Call
    from lapel.storage.s3.client import s3_client
    from lapel.storage.s3.listing import abort_unfinished

    client, calls = s3_client(), []

    def note(model: Any, **_: object) -> None:
        calls.append(Call(service="s3", operation=model.name, request={}, changes=False))

    client.meta.events.register("before-call.s3", note)
    push(large_folder, place, options=SMALL_PARTS, client=client)
    (large_folder / "empty.txt").unlink()
    push(large_folder, place, options=replace(SMALL_PARTS, delete=True), client=client)
    pull(place, tmp_path / "there", options=SMALL_PARTS, client=client)
    verify(place, read=True, client=client)
    abort_unfinished(place, client=client)
    assert {"PutObject", "UploadPart", "DeleteObjects"} < {call.operation for call in calls}
    assert missing("s3", calls) == set()


def test_a_dry_run_changes_nothing(
    folder: Path, place: S3Location, tmp_path: Path, proxy: FaultyProxy
) -> None:
    done = push(folder, place, options=TransferOptions(dry_run=True))
    assert (done.moved, done.dry_run) == (FILES, True)
    assert {request.method for request in proxy.requests} == {"GET"}
    push(folder, place)
    there = tmp_path / "there"
    assert sorted(pull(place, there, options=TransferOptions(dry_run=True)).moved) == list(FILES)
    assert not there.exists()


def test_one_file_goes_and_comes(large_folder: Path, place: S3Location, tmp_path: Path) -> None:
    model = large_folder / "model.bin"
    assert push(model, place / "model.bin", options=SMALL_PARTS).moved == ("model.bin",)
    assert push(model, place / "model.bin", options=SMALL_PARTS).moved == ()
    (tmp_path / "there").mkdir()
    pull(place / "model.bin", tmp_path / "there", options=SMALL_PARTS)
    pull(place / "model.bin", tmp_path / "named", options=SMALL_PARTS)
    for copy in (tmp_path / "there" / "model.bin", tmp_path / "named"):
        assert copy.read_bytes() == model.read_bytes()
    assert pull(place / "model.bin", tmp_path / "named").moved == ()
    assert [path.name for path in tmp_path.rglob("*.partial") if "here" not in str(path)] == []


def test_files_that_others_brought_are_pulled_too(
    folder: Path, place: S3Location, aws: ObjectStore, tmp_path: Path
) -> None:
    push(folder, place)
    client = aws.client()
    client.put_object(Bucket=place.bucket, Key=f"{place.key}/photos/theirs.jpg", Body=b"theirs")
    client.put_object(Bucket=place.bucket, Key=f"{place.key}/photos/", Body=b"")
    got = pull(place, tmp_path / "there")
    assert (tmp_path / "there" / "photos" / "theirs.jpg").read_bytes() == b"theirs"
    assert "photos/theirs.jpg" in got.moved
    assert pull(place, tmp_path / "there").moved == ()
    found = verify(place)
    assert (found.unlisted, found.elsewhere) == (("photos/theirs.jpg",), {})


def test_nothing_of_others_is_replaced_without_being_looked_at(
    folder: Path, place: S3Location
) -> None:
    """Another writes to the place after it was looked at, and before our file arrives."""
    (folder / "model.bin").unlink()
    push(folder, place)

    class Meanwhile:
        def begin(self, doing: str, size: int) -> None:  # noqa: ARG002 - a face's shape
            if doing == "Sending":
                from lapel.storage.s3.store import S3Store

                S3Store(place).write("photos/b.jpg", b"another's")

        def moved(self, size: int) -> None: ...

    (folder / "photos" / "b.jpg").write_bytes(b"ours")
    with pytest.raises(ChangedError, match=r"b.jpg was not written: something else lies there"):
        push(folder, place, progress=Meanwhile())
    stored = {one.name: one.size for one in list_objects(place)}
    assert stored["photos/b.jpg"] == len(b"another's")


def test_two_pushes_into_one_place_do_not_mix(folder: Path, place: S3Location) -> None:
    """The second begins while the first is on its way."""
    (folder / "model.bin").unlink()

    class Meanwhile:
        def begin(self, doing: str, size: int) -> None:  # noqa: ARG002 - a face's shape
            if doing == "Sending" and not verify(place).whole:
                (folder / "late.txt").write_bytes(b"late")
                push(folder, place)

        def moved(self, size: int) -> None: ...

    with pytest.raises(ChangedError, match="another push writes into"):
        push(folder, place, progress=Meanwhile())
    assert verify(place, folder).whole


def test_what_may_not_be_replaced_is_not(folder: Path, place: S3Location) -> None:
    careful = TransferOptions(replace=False)
    push(folder, place, options=careful)
    push(folder, place, options=careful)  # the same content is no replacement
    (folder / "photos" / "b.jpg").write_bytes(b"other")
    with pytest.raises(ChangedError, match=r"holds other content under photos/b.jpg"):
        push(folder, place, options=careful)
    with pytest.raises(ChangedError, match=r"holds other content under b.jpg"):
        push(folder / "photos" / "b.jpg", place / "photos/b.jpg", options=careful)
    with pytest.raises(StorageError, match=r"photos/b.jpg hold other content here"):
        pull(place, folder, options=careful)
    assert (folder / "photos" / "b.jpg").read_bytes() == b"other"


def test_no_object_leads_out_of_the_folder(
    place: S3Location, aws: ObjectStore, tmp_path: Path
) -> None:
    for key in ("../evil.txt", "/etc/evil", "a/../../evil"):
        bucket = aws.bucket()
        aws.client().put_object(Bucket=bucket, Key=f"data/{key}", Body=b"evil")
        with pytest.raises(StorageError, match="is not a name under its root"):
            pull(f"s3://{bucket}/data", tmp_path / "deep" / "there")
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "link").symlink_to(outside)
    aws.client().put_object(Bucket=place.bucket, Key=f"{place.key}/link/evil.txt", Body=b"evil")
    with pytest.raises(StorageError, match="leads out of"):
        pull(place, tmp_path / "there")
    assert not list(tmp_path.rglob("evil*"))


def test_links_that_would_be_left_out_silently_are_refused(folder: Path, place: S3Location) -> None:
    (folder / "more").symlink_to(folder / "photos")
    with pytest.raises(StorageError, match="more is a link to a folder"):
        push(folder, place)


def test_a_push_that_has_not_ended_is_said(
    folder: Path, place: S3Location, aws: ObjectStore, tmp_path: Path
) -> None:
    push(folder, place)
    key = f"{place.key}/{MANIFEST}"
    client = aws.client()
    said = json.loads(client.get_object(Bucket=place.bucket, Key=key)["Body"].read())
    said["finished"] = False
    client.put_object(Bucket=place.bucket, Key=key, Body=json.dumps(said).encode())
    with pytest.raises(ChangedError, match="has not ended: wait for it or push again"):
        pull(place, tmp_path / "there")
    assert not verify(place).whole
    pull(place, tmp_path / "there", options=TransferOptions(unfinished=True))
    assert (tmp_path / "there" / "empty.txt").exists()
    push(folder, place)
    assert verify(place, folder).whole


def test_what_was_changed_by_other_means_is_found(
    folder: Path, place: S3Location, aws: ObjectStore, tmp_path: Path
) -> None:
    push(folder, place)
    client, bucket = aws.client(), place.bucket
    client.put_object(Bucket=bucket, Key=f"{place.key}/photos/b.jpg", Body=b"x" * 1000)
    client.delete_object(Bucket=bucket, Key=f"{place.key}/empty.txt")
    (folder / "model.bin").write_bytes(b"other")
    for read in (False, True):
        found = verify(place, folder, read=read)
        assert (found.changed, found.missing) == (("photos/b.jpg",), ("empty.txt",))
        assert found.differing == ("model.bin",)
        assert not found.whole
    with pytest.raises(StorageError, match=r"lacks empty.txt of its manifest"):
        pull(place, tmp_path / "there")
    client.put_object(Bucket=bucket, Key=f"{place.key}/empty.txt", Body=b"")
    with pytest.raises(StorageError, match=r"b.jpg has not the content that was pushed"):
        pull(place, tmp_path / "there")
    assert not (tmp_path / "there" / "photos" / "b.jpg").exists()


def test_a_copy_in_another_bucket_is_whole(
    large_folder: Path, place: S3Location, aws: ObjectStore, tmp_path: Path
) -> None:
    """Other tools copy large objects in parts of their own, which changes S3's tags."""
    push(large_folder, place, options=SMALL_PARTS)
    other = S3Location(aws.bucket(), "copy")
    for one in list_objects(place):
        source = {"Bucket": place.bucket, "Key": f"{place.key}/{one.name}"}
        aws.client().copy_object(Bucket=other.bucket, Key=f"copy/{one.name}", CopySource=source)
    tags = {one.name: one.tag for one in list_objects(other)}
    assert tags["model.bin"] != {one.name: one.tag for one in list_objects(place)}["model.bin"]
    assert verify(other, large_folder).whole
    pull(other, tmp_path / "there", options=SMALL_PARTS)
    assert (tmp_path / "there" / "model.bin").read_bytes() == (
        large_folder / "model.bin"
    ).read_bytes()


def test_storage_class_and_encryption_go_with_each_object(
    large_folder: Path, place: S3Location, aws: ObjectStore
) -> None:
    options = replace(SMALL_PARTS, storage_class="STANDARD_IA", encryption="AES256")
    push(large_folder, place, options=options)
    classes = {one.name: one.storage_class for one in list_objects(place)}
    assert {classes[name] for name in FILES} == {"STANDARD_IA"}
    assert classes[MANIFEST] == "STANDARD"  # it is read at each look
    for name in ("model.bin", "empty.txt"):
        head = aws.client().head_object(Bucket=place.bucket, Key=f"{place.key}/{name}")
        assert head["ServerSideEncryption"] == "AES256"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"storage_class": "COLD"}, "storage class 'COLD' is unknown; known: STANDARD, "),
        ({"encryption": "rot13"}, "encryption 'rot13' is unknown"),
        ({"workers": 0}, "expected 1 to 32"),
        ({"part_size": 1024}, "expected 5 MiB or more"),
    ],
)
def test_options_that_s3_would_refuse_are_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        TransferOptions(**options)  # type: ignore[arg-type]  # that is what is tested


def test_parts_grow_with_the_file() -> None:
    """S3 takes 10,000 parts at most."""
    for size in (17 * 2**20, 200 * 2**30, 5 * 2**40):
        assert -(-size // TransferOptions().part_size_of(size)) <= 10_000


def test_nothing_there_and_nothing_here_are_said(place: S3Location, tmp_path: Path) -> None:
    with pytest.raises(AbsentError, match="nothing lies there"):
        pull(place, tmp_path / "there")
    with pytest.raises(StorageError, match="there is no such file or folder"):
        push(tmp_path / "gone", place)
    with pytest.raises(AbsentError, match=f"nothing lies at {place}; `lapel cloud s3 list"):
        verify(place)
