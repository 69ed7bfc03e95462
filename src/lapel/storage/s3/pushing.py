"""A folder, or a file, on its way to S3."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lapel.schema.errors import StorageError
from lapel.storage.local import sha256_of
from lapel.storage.s3.client import AbsentError, ChangedError, in_words, s3_client
from lapel.storage.s3.folder_files import LocalFile, local_file, local_files
from lapel.storage.s3.listing import (
    StoredObject,
    UnfinishedUpload,
    list_objects,
    list_unfinished,
    unfinished_of,
)
from lapel.storage.s3.location import S3Location
from lapel.storage.s3.manifest import (
    Manifest,
    Row,
    is_bookkeeping,
    read_manifest,
    write_manifest,
)
from lapel.storage.s3.objects import SHA256, head_object
from lapel.storage.s3.options import Progress, TransferOptions, Transferred
from lapel.storage.s3.retrying import retried
from lapel.storage.s3.uploading import Sending, upload
from lapel.storage.s3.workers import Workers

#: Seconds between two writings of the manifest during a push: what was sent since the last one is
#: asked for object by object after a kill.
NOTED_EVERY = 60.0
DELETED_AT_ONCE = 1000


def push_path(
    source: Path,
    location: S3Location,
    options: TransferOptions,
    progress: Progress,
    client: Any,  # noqa: ANN401 - boto3 makes its clients at run time
    spared: Callable[[str], bool] = lambda _: False,
) -> Transferred:
    """Push a folder or a file; see :func:`lapel.storage.s3.transfer.push`.

    Args:
        source: that.
        location: where to.
        options: how.
        progress: is told how far it is.
        client: of boto3.
        spared: whether a file that lies there alone stays, though the options would delete it.
    """
    asking = client or s3_client()
    with Workers(options.workers) as workers:
        sending = Sending(client=asking, options=options, workers=workers, progress=progress)
        if source.is_dir():
            return _push_folder(sending, source, location, spared)
        if not source.exists():
            raise StorageError(f"{source} could not be read: there is no such file or folder")
        return _push_file(sending, source, location)


def _push_file(sending: Sending, source: Path, location: S3Location) -> Transferred:
    if not location.key:
        location = location / source.name
    file = local_file(location.name, source)
    try:
        head = head_object(sending.client, location)
    except AbsentError:
        head = {}
    same = head.get("Metadata", {}).get(SHA256)
    if same and head["ContentLength"] == file.size and same == sha256_of(source):
        return Transferred(moved=(), unchanged=(file.name,), deleted=(), size=0)
    if head and not sending.options.replace:
        raise _occupied(location, [file.name])
    if not sending.options.dry_run:
        large = file.size > sending.options.part_size
        begun = unfinished_of(location, client=sending.client) if large else []
        sending.progress.begin("Sending", file.size)
        upload(sending, file, location, _condition(head.get("ETag")), begun)
    return Transferred(
        moved=(file.name,),
        unchanged=(),
        deleted=(),
        size=file.size,
        dry_run=sending.options.dry_run,
    )


def _condition(tag: str | None) -> dict[str, str]:
    """What lies there must be what was seen there."""
    return {"IfMatch": tag} if tag else {"IfNoneMatch": "*"}


def _push_folder(
    sending: Sending, source: Path, location: S3Location, spared: Callable[[str], bool]
) -> Transferred:
    here = local_files(source)
    there = {
        one.name: one
        for one in list_objects(location, client=sending.client)
        if not is_bookkeeping(one.name)
    }
    known = read_manifest(sending.client, location) or Manifest()
    unchanged = _unchanged(sending, location, here, there, known.files)
    missing = [file for name, file in here.items() if name not in unchanged]
    surplus = sorted(there.keys() - here.keys()) if sending.options.delete else []
    surplus = [name for name in surplus if not spared(name)]
    done = Transferred(
        moved=tuple(file.name for file in missing),
        unchanged=tuple(sorted(unchanged)),
        deleted=tuple(surplus),
        size=sum(file.size for file in missing),
        dry_run=sending.options.dry_run,
    )
    if not sending.options.replace and (taken := [f.name for f in missing if f.name in there]):
        raise _occupied(location, taken)
    if not sending.options.dry_run:
        kept = {n: row for n, row in known.files.items() if n in there and n not in surplus}
        pending = tuple(sorted({*known.pending, *done.moved, *surplus}))
        begun = replace(known, files={**kept, **unchanged}, pending=pending)
        book = _Book(sending, location, begun, known)
        _send_all(sending, location, missing, there, book, surplus)
    return done


def _send_all(
    sending: Sending,
    location: S3Location,
    missing: Sequence[LocalFile],
    there: Mapping[str, StoredObject],
    book: _Book,
    surplus: Sequence[str],
) -> None:
    if missing or surplus:
        book.begin()
    begun = _begun_by_name(sending, location, missing)
    sending.progress.begin("Sending", sum(file.size for file in missing))

    def send(file: LocalFile) -> tuple[str, Row]:
        seen = there.get(file.name)
        condition = _condition(seen.tag if seen else None)
        place = location / file.name
        return file.name, upload(sending, file, place, condition, begun.get(file.name, []))

    for name, row in sending.workers.files(send, missing):
        book.note(name, row)
    _delete(sending.client, location, surplus)
    book.end()


def _begun_by_name(
    sending: Sending, location: S3Location, missing: Sequence[LocalFile]
) -> dict[str, list[UnfinishedUpload]]:
    if all(file.size <= sending.options.part_size for file in missing):
        return {}
    begun: dict[str, list[UnfinishedUpload]] = {}
    for one in list_unfinished(location, client=sending.client):
        begun.setdefault(one.name, []).append(one)
    return begun


def _unchanged(
    sending: Sending,
    location: S3Location,
    here: Mapping[str, LocalFile],
    there: Mapping[str, StoredObject],
    rows: Mapping[str, Row],
) -> dict[str, Row]:
    """Rows of the files that lie there as they are here."""
    alike = [file for name, file in here.items() if name in there and there[name].size == file.size]
    sending.progress.begin("Comparing", sum(file.size for file in alike))

    def compare(file: LocalFile) -> tuple[str, Row | None]:
        row = _row_of(sending.client, location, there[file.name], rows.get(file.name))
        same = row is not None and sha256_of(file.path) == row.sha256
        sending.progress.moved(file.size)
        return file.name, row if same else None

    compared: Iterator[tuple[str, Row | None]] = sending.workers.files(compare, alike)
    return {name: row for name, row in compared if row is not None}


def _row_of(client: Any, location: S3Location, seen: StoredObject, row: Row | None) -> Row | None:  # noqa: ANN401 - as push_path
    """What an object holds: as the manifest says, where it is the object that was written then."""
    if row is not None and row.tag == seen.tag:
        return row
    head = head_object(client, location / seen.name)
    sha256 = head.get("Metadata", {}).get(SHA256)
    return Row(size=seen.size, sha256=sha256, tag=seen.tag) if sha256 else None


@dataclass
class _Book:
    """The manifest while files are on their way."""

    sending: Sending
    location: S3Location
    manifest: Manifest
    former: Manifest
    rows: dict[str, Row] = field(default_factory=dict)
    noted: float = field(default_factory=time.monotonic)
    pause: float = NOTED_EVERY

    def begin(self) -> None:
        """Say that a push is on its way; of two that begin together, one is told so."""
        self._write(finished=False)

    def note(self, name: str, row: Row) -> None:
        """Keep that a file arrived; written down now and then."""
        self.rows[name] = row
        started = time.monotonic()
        if started - self.noted > self.pause:
            self._write(finished=False)
            self.noted = time.monotonic()
            self.pause = max(NOTED_EVERY, 20 * (self.noted - started))

    def end(self) -> None:
        """Say that all arrived."""
        alike = {**self.manifest.files, **self.rows} == dict(self.former.files)
        if not (alike and self.former.finished and self.former.tag == self.manifest.tag != ""):
            self._write(finished=True)

    def _write(self, *, finished: bool) -> None:
        said = replace(self.manifest, files={**self.manifest.files, **self.rows}, finished=finished)
        if finished:
            said = replace(said, pending=())
        self.manifest = write_manifest(
            self.sending.client, self.location, said, self.sending.options
        )


def _delete(client: Any, location: S3Location, names: Sequence[str]) -> None:  # noqa: ANN401 - as push_path
    for first in range(0, len(names), DELETED_AT_ONCE):
        _delete_some(client, location, names[first : first + DELETED_AT_ONCE])


def _delete_some(client: Any, location: S3Location, names: Sequence[str]) -> None:  # noqa: ANN401 - as push_path
    keys = [{"Key": location.prefix + name} for name in names]
    said = {"Objects": keys, "Quiet": True}
    with in_words(location, "cleared of what the folder does not have"):
        answer = retried(lambda: client.delete_objects(Bucket=location.bucket, Delete=said))
    if failed := answer.get("Errors"):
        raise StorageError(
            f"s3://{location.bucket}/{failed[0].get('Key')} could not be deleted: "
            f"{failed[0].get('Code')}; nothing else is wrong: push again"
        )


def _occupied(location: S3Location, names: Sequence[str]) -> ChangedError:
    shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    return ChangedError(
        f"{location} holds other content under {shown}; name another place, or let it be replaced "
        "(leave out --no-replace)"
    )
