"""A copy here of what lies at a location, brought up to date."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from lapel.storage.local import PARTIAL_SUFFIX, write_atomically
from lapel.storage.names import checked_stored_name
from lapel.storage.s3.client import AbsentError, ChangedError, s3_client
from lapel.storage.s3.listing import StoredObject, list_objects
from lapel.storage.s3.location import S3Location
from lapel.storage.s3.manifest import is_bookkeeping, read_manifest
from lapel.storage.s3.objects import get_object, head_object
from lapel.storage.s3.options import MEBIBYTE
from lapel.storage.s3.transfer import pull

#: Small objects that are fetched at once.
AT_ONCE = 8

#: Bytes of an object that is fetched in one request.
SMALL = 8 * MEBIBYTE

#: Beside a mirror that holds what its place does not: see :mod:`lapel.storage.s3.delivery`.
NOTE = ".delivery.json"

#: Tag of an object, and size and time (ns) of its copy when it was brought.
Known = dict[str, tuple[str, int, int]]


def bring(
    location: S3Location,
    mirror: Path,
    tags: Path,
    only: Callable[[str], bool] | None = None,
    *,
    torn: bool = False,
) -> None:
    """Make a mirror hold what lies at a location.

    Args:
        location: an object, or a folder of objects.
        mirror: the file or folder to bring up to date.
        tags: file in which is kept what was brought; what has not changed since is not asked for.
        only: whether an object of a name below the location is wanted; others are left as they are.
        torn: take what lies where a push has not ended.

    Raises:
        AbsentError: nothing lies there; where only some is wanted, an empty folder is made.
        ChangedError: a push there has not ended.
        StorageError: it cannot be fetched, or names cannot be files.
    """
    client = s3_client()
    if is_object(client, location):
        clear(mirror, folders=True)
        pull(location, mirror, client=client)
        return
    if not torn:
        _refuse_unfinished(client, location)
    found = {one.name: one for one in list_objects(location, client=client)}
    wanted = {
        name: one
        for name, one in found.items()
        if not is_bookkeeping(name) and (only is None or only(name))
    }
    if not wanted and only is None:
        raise AbsentError(f"nothing lies at {location}; `lapel cloud s3 list` shows what does")
    for name in wanted:
        checked_stored_name(name)  # a key may lead out of the mirror
    clear(mirror, folders=False)
    mirror.mkdir(parents=True, exist_ok=True)
    _forget_others(mirror, wanted, only)
    _fetch(client, location, mirror, tags, wanted)


def is_object(client: Any, location: S3Location) -> bool:  # noqa: ANN401 - boto3 makes its clients at run time
    """Whether a location is an object's own, not a folder's.

    Raises:
        StorageError: it cannot be looked at.
    """
    if not location.key:
        return False
    try:
        head_object(client, location)
    except AbsentError:
        return False
    return True


def _refuse_unfinished(client: Any, location: S3Location) -> None:  # noqa: ANN401 - as above
    manifest = read_manifest(client, location)
    if manifest is not None and not manifest.finished:
        raise ChangedError(
            f"what lies at {location} is not whole: a push there goes on, or was cut; wait for "
            "it, or do again what wrote there"
        )


def clear(mirror: Path, *, folders: bool, files: bool = False) -> None:
    """Take away what stands where a file, or a folder, is to be; it is nothing to go on with."""
    (mirror.parent / NOTE).unlink(missing_ok=True)
    if folders and mirror.is_dir():
        shutil.rmtree(mirror)
    elif (files or not folders) and mirror.is_file():
        mirror.unlink()


def _forget_others(
    mirror: Path, wanted: dict[str, StoredObject], only: Callable[[str], bool] | None
) -> None:
    """Remove copies of what is not there any more."""
    for path in sorted(mirror.rglob("*"), reverse=True):
        name = path.relative_to(mirror).as_posix()
        if path.is_dir():
            with suppress(OSError):  # one that is not empty stays
                path.rmdir()
        elif not (name in wanted or name.endswith(PARTIAL_SUFFIX)) and (only is None or only(name)):
            path.unlink(missing_ok=True)


def _fetch(
    client: Any,  # noqa: ANN401 - as above
    location: S3Location,
    mirror: Path,
    tags: Path,
    wanted: dict[str, StoredObject],
) -> None:
    known = _read_tags(tags)
    missing = [
        name
        for name, one in wanted.items()
        if (facts := _facts(mirror, name, one)) is None or known.get(name) != facts
    ]

    def fetch(name: str) -> None:
        data, _ = get_object(client, location / name, tag=wanted[name].tag)
        write_atomically(mirror / name, data)

    small = [name for name in missing if wanted[name].size <= SMALL]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(fetch, small):
            pass
    for name in missing:
        if wanted[name].size > SMALL:  # one after another: each is fetched in parts at once
            (mirror / name).parent.mkdir(parents=True, exist_ok=True)
            pull(location / name, mirror / name, client=client)
    if missing:
        brought = {name: _facts(mirror, name, one) for name, one in wanted.items()}
        told = {**known, **{name: facts for name, facts in brought.items() if facts}}
        write_atomically(tags, json.dumps(told).encode())


def _facts(mirror: Path, name: str, one: StoredObject) -> tuple[str, int, int] | None:
    """What is true of a copy that was brought and not changed since; None where there is none."""
    try:
        found = (mirror / name).stat()
    except OSError:
        return None
    if found.st_size != one.size:
        return None
    return one.tag, found.st_size, found.st_mtime_ns


def _read_tags(tags: Path) -> Known:
    try:
        value = json.loads(tags.read_bytes())
        return {str(name): (str(a), int(b), int(c)) for name, (a, b, c) in value.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
