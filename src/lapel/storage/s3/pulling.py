"""What lies in S3 on its way to this machine."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lapel.schema.errors import StorageError
from lapel.storage.local import LocalStore, sha256_of
from lapel.storage.s3.client import AbsentError, ChangedError, s3_client
from lapel.storage.s3.downloading import PARTIAL_FOLDER, Fetching, Wanted, download, tidy
from lapel.storage.s3.folder_files import local_files
from lapel.storage.s3.listing import StoredObject, list_objects
from lapel.storage.s3.location import S3Location
from lapel.storage.s3.manifest import Manifest, is_bookkeeping, read_manifest
from lapel.storage.s3.objects import SHA256, head_object
from lapel.storage.s3.options import Progress, TransferOptions, Transferred
from lapel.storage.s3.workers import Workers

SHOWN = 5


def pull_place(
    location: S3Location,
    target: Path,
    options: TransferOptions,
    progress: Progress,
    client: Any,  # noqa: ANN401 - boto3 makes its clients at run time
) -> Transferred:
    """Pull a folder of objects, or one; see :func:`lapel.storage.s3.transfer.pull`."""
    asking = client or s3_client()
    listed = list(list_objects(location, client=asking))
    manifest = read_manifest(asking, location) if listed else None
    objects = [one for one in listed if not is_bookkeeping(one.name)]
    if not objects and manifest is None:
        wanted = [_single(asking, location)]
        files = {wanted[0].name: target / location.name if target.is_dir() else target}
        partials = files[wanted[0].name].parent / PARTIAL_FOLDER
        surplus: list[str] = []
    else:
        wanted = _wanted(location, objects, manifest, options)
        store = LocalStore(target)
        files = {one.name: store.path(one.name) for one in wanted}
        partials = target / PARTIAL_FOLDER
        surplus = _surplus(target, files) if options.delete else []
    with Workers(options.workers) as workers:
        fetching = Fetching(
            client=asking, options=options, workers=workers, progress=progress, partials=partials
        )
        done = _fetch(fetching, wanted, files, surplus)
    if not options.dry_run:
        for name in surplus:
            LocalStore(target).delete(name)
        tidy(partials, all_of_it=manifest is not None)
        if manifest is not None:
            target.mkdir(parents=True, exist_ok=True)
    return done


def _fetch(
    fetching: Fetching, wanted: Sequence[Wanted], files: Mapping[str, Path], surplus: list[str]
) -> Transferred:
    unchanged = _unchanged(fetching, wanted, files)
    missing = [one for one in wanted if one.name not in unchanged]
    options = fetching.options
    if not options.replace and (taken := [o.name for o in missing if files[o.name].exists()]):
        raise StorageError(
            f"{_shown(taken)} hold other content here; name another folder, or let them be "
            "replaced (leave out --no-replace)"
        )
    if not options.dry_run:
        _check_room(fetching.partials.parent, missing)
        fetching.progress.begin("Fetching", sum(one.size for one in missing))

        def fetch(one: Wanted) -> None:
            download(fetching, one, files[one.name])

        for _ in fetching.workers.files(fetch, missing):
            pass
    return Transferred(
        moved=tuple(one.name for one in missing),
        unchanged=tuple(sorted(unchanged)),
        deleted=tuple(surplus),
        size=sum(one.size for one in missing),
        dry_run=options.dry_run,
    )


def _single(client: Any, location: S3Location) -> Wanted:  # noqa: ANN401 - as pull_place
    if not location.key:
        raise AbsentError(f"{location} is empty: there is nothing to pull")
    head = head_object(client, location)
    return Wanted(
        name=location.name,
        location=location,
        size=head["ContentLength"],
        tag=head["ETag"],
        sha256=head.get("Metadata", {}).get(SHA256, ""),
    )


def _wanted(
    location: S3Location,
    objects: Sequence[StoredObject],
    manifest: Manifest | None,
    options: TransferOptions,
) -> list[Wanted]:
    rows = {} if manifest is None else dict(manifest.files)
    whole = manifest is None or manifest.finished
    if not whole and not options.unfinished:
        raise ChangedError(
            f"a push into {location} has not ended: wait for it or push again, or take what is "
            "there (--unfinished)"
        )
    there = {one.name: one for one in objects}
    if not options.unfinished:
        absent = [name for name in rows if name not in there]
        if absent:
            raise StorageError(f"{location} lacks {_shown(absent)} of its manifest; push again")
    wanted = []
    for one in objects:
        row = rows.get(one.name)
        believed = row is not None and (whole or row.tag == one.tag)
        if row is not None and believed and row.size != one.size:
            raise ChangedError(
                f"{location / one.name} has {one.size:,} bytes, its manifest says {row.size:,}: it "
                "was replaced by other means; push again from where it is right"
            )
        sha256 = row.sha256 if row is not None and believed else ""
        place = location / one.name
        wanted.append(
            Wanted(name=one.name, location=place, size=one.size, tag=one.tag, sha256=sha256)
        )
    return wanted


def _unchanged(fetching: Fetching, wanted: Sequence[Wanted], files: Mapping[str, Path]) -> set[str]:
    """Names of objects whose content the files have already."""
    alike = [one for one in wanted if _has_size(files[one.name], one.size)]
    fetching.progress.begin("Comparing", sum(one.size for one in alike))

    def compare(one: Wanted) -> tuple[str, bool]:
        same = _is_same(fetching, one, files[one.name])
        fetching.progress.moved(one.size)
        return one.name, same

    return {name for name, same in fetching.workers.files(compare, alike) if same}


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.is_file() and path.stat().st_size == size
    except OSError as error:
        raise StorageError(f"{path} could not be read: {error.strerror or error}") from error


def _is_same(fetching: Fetching, one: Wanted, path: Path) -> bool:
    if one.sha256:
        return sha256_of(path) == one.sha256
    tag = one.tag.strip('"')
    if len(tag) == 32 and _md5_of(path) == tag:  # so it is for most objects sent in one request
        return True
    described = head_object(fetching.client, one.location).get("Metadata", {}).get(SHA256)
    return bool(described) and sha256_of(path) == described


def _md5_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _surplus(target: Path, files: Mapping[str, Path]) -> list[str]:
    return sorted(local_files(target).keys() - files.keys()) if target.is_dir() else []


def _check_room(folder: Path, missing: Sequence[Wanted]) -> None:
    """Refuse before anything is fetched what the disk cannot hold."""
    while not folder.exists():
        folder = folder.parent
    needed, free = sum(one.size for one in missing), shutil.disk_usage(folder).free
    if needed > free:
        raise StorageError(
            f"{folder} has room for {free:,} bytes, and {needed:,} are to be fetched; free some, "
            "or name a folder on another disk"
        )


def _shown(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (
        f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    )
