"""A path or an address, wherever a path is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cloud_account import ObjectStore
from faulty_proxy import FaultyProxy

from lapel.schema.errors import LapelError, StorageError, UsageError
from lapel.storage.folders import atomic_folder
from lapel.storage.local import write_atomically
from lapel.storage.places import (
    fetched,
    holds,
    in_addresses,
    is_remote,
    joined,
    names_below,
    puts,
    read_file,
    size_of,
    written,
)
from lapel.storage.s3 import mirror
from lapel.storage.s3.location import S3Location
from lapel.storage.s3.manifest import MANIFEST
from lapel.storage.s3.store import S3Store
from lapel.storage.s3.transfer import list_objects, pull, push

Contents = Callable[[Path], dict[str, bytes]]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine that has fetched nothing yet."""
    monkeypatch.setenv("LAPEL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize("place", ["s3://bucket", "s3://bucket/a", Path("s3://bucket/a")])
def test_addresses_are_known_as_text_and_as_paths(place: str | Path) -> None:
    assert is_remote(place)


@pytest.mark.parametrize("place", ["", "photos", Path("/a/s3:/b"), "s3", "s3:/", "gs://b/a", None])
def test_other_paths_are_paths(place: object) -> None:
    assert not is_remote(place)


def test_a_path_is_given_back_as_it_is(tmp_path: Path, cache: Path) -> None:
    assert fetched(tmp_path / "not there") == tmp_path / "not there"
    with written(str(tmp_path / "new")) as path:
        assert path == tmp_path / "new"
    assert not cache.exists()


def test_names_are_joined_and_stay_in_their_bucket() -> None:
    assert joined("photos", "a.jpg") == Path("photos/a.jpg")
    assert joined(Path("s3://bucket/data"), "a.jpg") == "s3://bucket/data/a.jpg"
    assert joined("s3://bucket/data/here", "../photos") == "s3://bucket/data/photos"
    assert joined("s3://bucket", "a") == "s3://bucket/a"
    for name in ("../../..", "/etc"):
        with pytest.raises(UsageError, match="leads out of s3://bucket/data"):
            joined("s3://bucket/data", name)


def test_what_lies_there_is_mirrored_and_only_changes_are_fetched(
    folder: Path,
    place: S3Location,
    contents: Contents,
    proxy: FaultyProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mirror, "SMALL", 50_000)  # model.bin is fetched as large files are
    push(folder, place)
    (folder / ".model.bin.0011.partial").unlink()
    assert contents(fetched(str(place))) == contents(folder)

    proxy.requests.clear()
    fetched(str(place))
    asked = [one.path for one in proxy.seen("GET") if "list-type" not in one.query]
    assert all(path.endswith(MANIFEST) for path in asked)

    (folder / "photos" / "b.jpg").write_bytes(b"c" * 1000)  # of the same size
    (folder / "empty.txt").rename(folder / "renamed.txt")
    push(folder, place)
    S3Store(place).delete("empty.txt")
    proxy.requests.clear()
    assert contents(fetched(Path(str(place)))) == contents(folder)
    asked = [one.path for one in proxy.seen("GET") if "list-type" not in one.query]
    assert not any("model.bin" in path for path in asked)


def test_a_copy_that_was_changed_here_is_fetched_again(folder: Path, place: S3Location) -> None:
    push(folder, place)
    copy = fetched(str(place))
    (copy / "photos" / "b.jpg").write_bytes(b"changed here")
    (copy / "photos" / "mine.jpg").write_bytes(b"mine")
    assert (fetched(str(place)) / "photos" / "b.jpg").read_bytes() == b"b" * 1000
    assert not (copy / "photos" / "mine.jpg").exists()


def test_a_single_object_is_a_file(place: S3Location) -> None:
    store = S3Store(place)
    store.write("table.csv", b"a,b\n")
    copy = fetched(f"{place}/table.csv")
    assert copy.name == "table.csv"
    assert copy.read_bytes() == b"a,b\n"
    store.write("table.csv", b"c,d\n")
    assert fetched(f"{place}/table.csv").read_bytes() == b"c,d\n"


def test_only_what_is_wanted_is_fetched(folder: Path, place: S3Location) -> None:
    push(folder, place)
    copy = fetched(str(place), only=lambda name: name.startswith("photos/"))
    assert sorted(path.name for path in copy.rglob("*.*")) == ["b.jpg", "드레스 1.jpg"]


def test_where_nothing_lies_is_said(place: S3Location) -> None:
    with pytest.raises(StorageError, match=rf"nothing lies at {place}"):
        fetched(str(place))
    with pytest.raises(StorageError, match="no such bucket"):
        fetched("s3://there-is-no-such-bucket/a")


def test_what_a_push_has_not_ended_is_not_taken(folder: Path, place: S3Location) -> None:
    push(folder, place)
    store = S3Store(place)
    store.write(MANIFEST, store.read(MANIFEST).replace(b'"finished": true', b'"finished": false'))
    with pytest.raises(StorageError, match="is not whole: a push there goes on, or was cut"):
        fetched(str(place))


def test_no_key_leads_out_of_the_copy(aws: ObjectStore, place: S3Location, cache: Path) -> None:
    key = f"{place.key}/../../../../../../evil.txt"
    aws.client().put_object(Bucket=place.bucket, Key=key, Body=b"evil")
    with pytest.raises(StorageError, match="is not a name under its root"):
        fetched(str(place))
    assert not list(cache.parent.rglob("evil.txt"))


def test_a_folder_that_is_written_is_put_there(
    place: S3Location, tmp_path: Path, contents: Contents
) -> None:
    with written(str(place)) as folder:
        folder.mkdir()
        (folder / "report.html").write_text("one")
        (folder / "old.csv").write_text("one")
    with written(str(place)) as folder:
        assert (folder / "report.html").read_text() == "one", "what lies there is seen"
        (folder / "report.html").write_text("two")
        (folder / "old.csv").unlink()
    pull(place, tmp_path / "home")
    assert contents(tmp_path / "home") == {"report.html": b"two"}


def test_a_file_that_is_written_is_put_there(place: S3Location) -> None:
    for text in (b"first", b"second"):
        with written(f"{place}/answers.csv") as file:
            assert not file.exists()
            write_atomically(file, text)
        assert S3Store(place).read("answers.csv") == text


def test_what_fails_puts_nothing_there_unless_it_is_gone_on_with(place: S3Location) -> None:
    def work(*, even_if_cut: bool) -> None:
        with written(str(place), even_if_cut=even_if_cut) as folder:
            folder.mkdir(exist_ok=True)
            (folder / "part.parquet").write_bytes(b"half of the work")
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        work(even_if_cut=False)
    assert list(list_objects(place)) == []
    with pytest.raises(RuntimeError, match="stopped"):
        work(even_if_cut=True)
    assert S3Store(place).read("part.parquet") == b"half of the work"


def test_arguments_of_a_function_may_be_places(place: S3Location, tmp_path: Path) -> None:
    @puts("out")
    def write(text: str, *, out: str | Path) -> str:
        """What help says."""
        write_atomically(Path(out), text.encode())
        return str(out)

    assert write("here", out=tmp_path / "a.txt") == str(tmp_path / "a.txt")
    told = write("there", out=f"{place}/a.txt")
    assert S3Store(place).read("a.txt") == b"there"
    assert in_addresses(told) == f"{place}/a.txt"
    assert write.__doc__ == "What help says."


def test_messages_name_the_address_and_not_the_copy(folder: Path, place: S3Location) -> None:
    push(folder, place)
    copy = fetched(str(place))
    assert in_addresses(copy / "photos" / "b.jpg") == f"{place}/photos/b.jpg"
    assert in_addresses(f"{copy} is no dataset; {copy}/x") == f"{place} is no dataset; {place}/x"
    assert in_addresses("/etc/hosts") == "/etc/hosts"
    assert in_addresses(Path("s3://bucket/a")) == "s3://bucket/a"


def test_a_whole_bucket_is_not_written_to(aws: ObjectStore) -> None:
    with pytest.raises(UsageError, match="is a whole bucket"), written(f"s3://{aws.bucket()}"):
        pass


def test_objects_are_looked_at_and_read(folder: Path, place: S3Location) -> None:
    push(folder / "photos", place)
    assert holds(str(place), "b.jpg")
    assert not holds(str(place), "c.jpg")
    assert names_below(str(place)) == ["b.jpg", MANIFEST, "드레스 1.jpg"]
    assert names_below(f"{place}/b.jpg") == []
    assert size_of(f"{place}/b.jpg") == 1000
    assert read_file(f"{place}/b.jpg") == b"b" * 1000


@pytest.mark.usefixtures("monkeypatch")
def test_no_folder_is_ever_made_that_is_called_like_an_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LapelError, match="lapel cloud s3 push FOLDER s3://bucket/a"):
        write_atomically(Path("s3://bucket/a"), b"")
    with (
        pytest.raises(LapelError, match="cannot be written from here"),
        atomic_folder(Path("s3://bucket/a")),
    ):
        pass
    assert list(tmp_path.iterdir()) == []
