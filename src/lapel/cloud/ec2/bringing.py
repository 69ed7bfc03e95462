"""Runs and bundles home from a rented machine: every byte checked, and proved to answer here."""

from __future__ import annotations

import shlex
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from lapel.cloud.ec2.remote import ConnectionLostError, Reach
from lapel.schema.errors import CloudError, StorageError
from lapel.storage.folders import refuse_occupied
from lapel.storage.local import PARTIAL_SUFFIX, atomic_path, flush_to_disk, sha256_of
from lapel.storage.names import checked_stored_name

#: Attempts over a connection that is cut; files that arrived are not sent again.
ATTEMPTS = 5

#: Seconds in which a machine computes the hashes of a run's files.
HASHED_WITHIN = 3600.0

_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What came home.

    Attributes:
        folder: where it lies.
        files: their number.
        fetched: how many of them had to be sent by the last call.
    """

    folder: Path
    files: int
    fetched: int


def bring(reach: Reach, run: str, out: Path, *, say: Callable[[str], None]) -> Brought:
    """Copy a folder from a machine.

    It is gathered in a folder beside ``out`` and takes its place when every file has the SHA-256
    that the machine computed. Stopped at any moment, the same call goes on.

    Args:
        reach: the machine.
        run: the folder there; relative: to the folder in which jobs run.
        out: the folder here, not there yet or empty.
        say: told of lost connections.

    Raises:
        StorageError: something stands at ``out``, or the disk refuses.
        CloudError: there is no such folder, files change while they are copied, or the machine
            cannot be reached.
    """
    refuse_occupied(out, replace=False)
    partial = out.absolute().with_name(f".{out.name}.pulled{PARTIAL_SUFFIX}")
    hashes = _hashes(reach, run)
    sent = _missing(partial, hashes)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            if missing := _missing(partial, hashes):
                _fetch(reach, run, missing, partial)
            break
        except ConnectionLostError as error:
            if attempt == ATTEMPTS:
                raise
            say(f"{error}; going on (attempt {attempt + 1} of {ATTEMPTS})")
    _refuse_changed(_missing(partial, hashes))
    _remove_others(partial, hashes)
    take_place(partial, out)
    return Brought(folder=out, files=len(hashes), fetched=len(sent))


def take_place(partial: Path, out: Path) -> None:
    """Give a folder that is whole its name.

    Raises:
        StorageError: the disk refuses, or something stands there by now.
    """
    try:
        partial.rename(out)
        flush_to_disk(out.absolute().parent)
    except OSError as error:
        raise StorageError(
            f"{out} could not be written: {error.strerror}; what was fetched lies in {partial}"
        ) from error


def _hashes(reach: Reach, run: str) -> dict[str, str]:
    """SHA-256 of each file, as the machine computes it; files being written are left out."""
    said = reach.ask(
        f"""
cd work || exit 1
[ -d {shlex.quote(run)} ] || {{ echo {shlex.quote(f"there is no folder {run}")} >&2; exit 1; }}
cd {shlex.quote(run)} && find . -type f ! -name '*{PARTIAL_SUFFIX}' -print0 | sort -z \\
  | xargs -0 -r sha256sum -z
""",
        timeout=HASHED_WITHIN,
    )
    hashes = {}
    for line in said.split("\0")[:-1]:
        digest, _, name = line.partition("  ")
        hashes[checked_stored_name(name.removeprefix("./"))] = digest
    if not hashes:
        raise CloudError(f"{run} on {reach.name} holds no files")
    return hashes


def _missing(partial: Path, hashes: Mapping[str, str]) -> list[str]:
    """Files that are not here, or with other bytes."""
    return [
        name
        for name, digest in hashes.items()
        if not (partial / name).is_file() or sha256_of(partial / name) != digest
    ]


def _fetch(reach: Reach, run: str, wanted: list[str], partial: Path) -> None:
    """Fetch files as one tar; those that came are whole, whatever happens to the rest."""
    # A file that changes meanwhile, for which tar ends with 1, is found by its hash.
    pack = "tar -cf - --no-recursion --null -T - || [ $? = 1 ]"
    with tempfile.TemporaryFile() as names:
        names.write(b"".join(f"./{name}\0".encode() for name in wanted))
        names.seek(0)
        script = f"cd work && cd {shlex.quote(run)} && {{ {pack}; }}"
        with reach.connected(script, stdin=names.fileno()) as stream:
            torn = _unpack(stream, wanted, partial)
    if torn is not None:
        raise ConnectionLostError(f"the connection to {reach.name} was cut: {torn}")


def _unpack(stream: IO[bytes], wanted: list[str], partial: Path) -> tarfile.TarError | None:
    """Write the files that a tar brings; gives the fault of one that ends too early."""
    expected = set(wanted)
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                name = member.name.removeprefix("./")
                data = archive.extractfile(member)
                if name not in expected or not member.isreg() or data is None:
                    raise CloudError(f"the machine sent {name!r}, which was not asked for")
                _write(partial / name, data)
    except tarfile.TarError as error:
        return error
    return None


def _write(path: Path, data: IO[bytes]) -> None:
    """One file, whole or not at all; its bytes are compared later, with all others."""
    with atomic_path(path) as being_written, being_written.open("wb") as file:
        shutil.copyfileobj(data, file, _CHUNK)


def _remove_others(partial: Path, hashes: Mapping[str, str]) -> None:
    """What an earlier pull left here, perhaps of another run, is no part of this one."""
    for path in partial.rglob("*"):
        if path.is_file() and path.relative_to(partial).as_posix() not in hashes:
            path.unlink()


def _refuse_changed(changed: list[str]) -> None:
    if changed:
        first, others = changed[0], len(changed) - 1
        raise CloudError(
            f"{first}{f' and {others} more' if others else ''} changed while it was copied; pull "
            "again when the job has ended (`lapel cloud ec2 jobs`), or pull the run's folder "
            "`bundle` alone"
        )
