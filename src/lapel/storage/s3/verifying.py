"""Whether what lies in S3 is what was pushed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from lapel.schema.errors import StorageError
from lapel.storage.local import sha256_of
from lapel.storage.s3.client import AbsentError, s3_client
from lapel.storage.s3.folder_files import local_files
from lapel.storage.s3.listing import (
    StoredObject,
    described_object,
    list_objects,
    list_unfinished,
)
from lapel.storage.s3.location import S3Location
from lapel.storage.s3.manifest import MANIFEST, Row, is_bookkeeping, read_manifest
from lapel.storage.s3.objects import SHA256, get_object, head_object
from lapel.storage.s3.options import Progress, Silent, TransferOptions
from lapel.storage.s3.workers import Workers

#: Folders that an error names.
SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was found.

    Attributes:
        files: how many the manifest names.
        size: of all of them, in bytes.
        missing: names that are not there.
        changed: names whose content is not the manifest's.
        unlisted: names that are there and in no manifest: nothing is known of them.
        elsewhere: number of files below each folder in the place that has a manifest of its own,
            which is not compared here.
        differing: names that the folder beside has not, or has with other content.
        unfinished: whether a push has not ended.
        cut_uploads: uploads in parts that never ended: they cost money.
    """

    files: int
    size: int
    missing: tuple[str, ...]
    changed: tuple[str, ...]
    unlisted: tuple[str, ...]
    elsewhere: Mapping[str, int]
    differing: tuple[str, ...]
    unfinished: bool
    cut_uploads: int

    @property
    def whole(self) -> bool:
        """Whether everything that the manifest names is there as it was pushed."""
        return not (self.missing or self.changed or self.differing or self.unfinished)


def verify(
    location: S3Location | str | Path,
    folder: Path | None = None,
    *,
    read: bool = False,
    options: TransferOptions | None = None,
    progress: Progress | None = None,
    client: Any = None,  # noqa: ANN401 - boto3 makes its clients at run time
) -> Verified:
    """Compare objects with the manifest beside them.

    Args:
        location: that was pushed to.
        folder: on this machine, whose files must have the manifest's content.
        read: fetch every object and hash it; else S3's tags are compared with those of the push,
            a request for a thousand objects.
        options: how many workers.
        progress: is told how far it is.
        client: of boto3; none: from its chain.

    Raises:
        AbsentError: nothing lies there.
        StorageError: there is no manifest, or S3 refuses or cannot be reached.
    """
    location, options = S3Location.parse(location), options or TransferOptions()
    asking, told = client or s3_client(), progress or Silent()
    manifest = read_manifest(asking, location)
    listed = {one.name: one for one in list_objects(location, client=asking)}
    if manifest is None:
        folders = _with_manifests(listed)
        raise _unpushed(location, folders) if listed else _no_folder(location, asking)
    rows = manifest.files
    there = {name: one for name, one in listed.items() if not is_bookkeeping(name)}
    unlisted, elsewhere = _parted(there.keys() - rows.keys(), _with_manifests(listed))
    return Verified(
        files=len(rows),
        size=sum(row.size for row in rows.values()),
        missing=tuple(name for name in rows if name not in there),
        changed=_changed(asking, location, rows, there, options, told, read=read),
        unlisted=unlisted,
        elsewhere=elsewhere,
        differing=() if folder is None else _differing(folder, rows, options, told),
        unfinished=not manifest.finished,
        cut_uploads=len(list_unfinished(location, client=asking)),
    )


def _with_manifests(names: Iterable[str]) -> list[str]:
    """Folders below a location that have a manifest of their own."""
    return sorted(
        name.removesuffix(f"/{MANIFEST}") for name in names if name.endswith(f"/{MANIFEST}")
    )


def _parted(names: Iterable[str], folders: Sequence[str]) -> tuple[tuple[str, ...], dict[str, int]]:
    """Names that lie below none of some folders, and how many lie below each."""
    known, below = set(folders), dict.fromkeys(folders, 0)
    outside = []
    for name in sorted(names):
        parents = map(str, PurePosixPath(name).parents)
        folder = next((parent for parent in parents if parent in known), None)
        if folder is None:
            outside.append(name)
        else:
            below[folder] += 1
    return tuple(outside), below


def _no_folder(location: S3Location, client: Any) -> StorageError:  # noqa: ANN401 - as verify
    """What is wrong with an address below which nothing lies."""
    if location.key:
        with suppress(AbsentError):
            described_object(location, client=client)
            return StorageError(f"{location} is a single file; verify the folder that it lies in")
    return AbsentError(
        f"nothing lies at {location}; `lapel cloud s3 list s3://{location.bucket}` shows what does"
    )


def _unpushed(location: S3Location, folders: Sequence[str]) -> StorageError:
    further = f" and {len(folders) - SHOWN:,} more" if len(folders) > SHOWN else ""
    shown = ", ".join(str(location / folder) for folder in folders[:SHOWN]) + further
    advice = (
        f"verify what lies below it: {shown}"
        if folders
        else "it was not pushed by `lapel cloud s3 push`, which writes one; `lapel cloud s3 list` "
        "shows what lies there"
    )
    return StorageError(f"{location} has no {MANIFEST}: {advice}")


def _changed(
    client: Any,  # noqa: ANN401 - as verify
    location: S3Location,
    rows: Mapping[str, Row],
    there: Mapping[str, StoredObject],
    options: TransferOptions,
    progress: Progress,
    *,
    read: bool,
) -> tuple[str, ...]:
    names = [name for name in rows if name in there]
    progress.begin("Reading" if read else "Comparing", sum(rows[name].size for name in names))

    def compare(name: str) -> tuple[str, bool]:
        row, seen = rows[name], there[name]
        same = row.size == seen.size
        if same and read:
            same = _hash(client, location / name, seen, options.part_size) == row.sha256
        elif same and row.tag != seen.tag:  # a copy of the place has tags of its own
            head = head_object(client, location / name)
            same = head.get("Metadata", {}).get(SHA256) == row.sha256
        progress.moved(row.size)
        return name, same

    with Workers(options.workers) as workers:
        return tuple(sorted(name for name, same in workers.files(compare, names) if not same))


def _hash(client: Any, place: S3Location, seen: StoredObject, part_size: int) -> str:  # noqa: ANN401 - as verify
    sha256 = hashlib.sha256()
    for start in range(0, seen.size, part_size):
        span = (start, min(part_size, seen.size - start))
        sha256.update(get_object(client, place, span, tag=seen.tag)[0])
    return sha256.hexdigest()


def _differing(
    folder: Path, rows: Mapping[str, Row], options: TransferOptions, progress: Progress
) -> tuple[str, ...]:
    here = local_files(folder)
    alike: Sequence[str] = [n for n, row in rows.items() if n in here and here[n].size == row.size]
    progress.begin("Comparing here", sum(rows[name].size for name in alike))

    def compare(name: str) -> tuple[str, bool]:
        same = sha256_of(here[name].path) == rows[name].sha256
        progress.moved(rows[name].size)
        return name, same

    with Workers(options.workers) as workers:
        same = {name for name, same in workers.files(compare, alike) if same}
    return tuple(sorted(set(rows) - same))
