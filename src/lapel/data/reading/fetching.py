"""Files that a public dataset consists of: found on this machine, or fetched.

Nothing is believed for the place it came from: a fetched file must have the checksum that
the dataset's authors give for it.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from lapel.data.progress import Track, silent
from lapel.schema.errors import Fault, FormatError, StorageError
from lapel.storage.cache import cache_root
from lapel.storage.local import write_atomically

#: Seconds that a host may take to answer. A machine without a network is through in seconds.
ANSWER_WITHIN = 4
#: Seconds for fetching and unpacking the distribution's package.
PACKAGE_WITHIN = 180
#: apt waits long and tries often by itself; a machine without a network should not.
APT = ("apt-get", "-o", "Acquire::http::Timeout=10", "-o", "Acquire::Retries=0")
BYTES_LIMIT = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFiles:
    """A dataset's files as they are published.

    Attributes:
        name: of its folder in Lapel's cache.
        md5: file name to the MD5 that the authors state.
        addresses: hosts of the files, tried in turn.
        debian_package: the package that brings them, the last resort.
        debian_folder: where they lie in it.
    """

    name: str
    md5: Mapping[str, str]
    addresses: Sequence[str]
    debian_package: str
    debian_folder: str


def cache_folder(remote: RemoteFiles) -> Path:
    """Where fetched files are kept."""
    return cache_root() / remote.name


def find_files(
    remote: RemoteFiles, folders: Iterable[Path], *, needed: bool
) -> dict[str, Path] | None:
    """The files on this machine: the first folder that has all of them.

    Each may be gzipped or plain, and be spelled ``-idx3`` or ``.idx3``.

    Args:
        remote: what to look for.
        folders: where to look, in turn; when not ``needed``, the cache comes last.
        needed: refuse rather than return None.

    Raises:
        FormatError: they are needed, and there is no whole set of them.
    """
    looked = list(folders)
    if not needed:
        looked.append(cache_folder(remote))
    faults = []
    for folder in looked:
        found = {name: _spelled(folder, name) for name in remote.md5}
        whole = {name: path for name, path in found.items() if path is not None}
        if len(whole) == len(remote.md5):
            return whole
        missing = [name for name, path in found.items() if path is None]
        faults.append(
            Fault(
                file=str(folder),
                found=f"{len(whole)} of {len(found)} files",
                expected=f"also {', '.join(missing)} (gzipped or plain)",
            )
        )
    if needed:
        raise FormatError(faults)
    return None


def _spelled(folder: Path, name: str) -> Path | None:
    plain = name.removesuffix(".gz")
    for spelling in (name, plain, name.replace("-idx", ".idx"), plain.replace("-idx", ".idx")):
        if (folder / spelling).is_file():
            return folder / spelling
    return None


def fetch_files(remote: RemoteFiles, *, track: Track = silent) -> dict[str, Path]:
    """Fetch the files into the cache, from the first source that has them.

    Raises:
        StorageError: no source had them; the message lists what each said, and how to fetch
            them by hand.
    """
    folder = cache_folder(remote)
    said = []
    for address in remote.addresses:
        try:
            return _download(remote, address, folder, track)
        except (OSError, ValueError, HTTPException) as error:
            said.append(f"{address}: {error}")
    try:
        return _unpack_package(remote, folder)
    except (OSError, subprocess.SubprocessError, FormatError) as error:
        said.append(f"apt-get download {remote.debian_package}: {error}")
    raise StorageError(
        f"{remote.name} could not be fetched from any source:\n"
        + "\n".join(f"  {line}" for line in said)
        + f"\nFetch {', '.join(remote.md5)} by hand (from {remote.addresses[-1]}), "
        "put them into one folder, and name it as SOURCE."
    )


@contextmanager
def asking_to_delete(remote: RemoteFiles) -> Iterator[None]:
    """Reads files; damaged ones in the cache, which would be found ever again, are to be deleted.

    Raises:
        FormatError: as the reading did; of files in the cache with this advice.
    """
    try:
        yield
    except FormatError as error:
        files = [one.file for one in error.faults if Path(one.file).parent == cache_folder(remote)]
        if not files:
            raise
        remedy = (
            f"Lapel fetched this before, into its cache: delete {', '.join(files)}, and the next "
            "import without SOURCE fetches it anew."
        )
        raise FormatError(error.faults, remedy=remedy) from error


def _download(remote: RemoteFiles, address: str, folder: Path, track: Track) -> dict[str, Path]:
    files = {}
    for name, md5 in track(remote.md5.items(), len(remote.md5), f"Fetching {remote.name}"):
        data = _get(f"{address}/{name}")
        found = hashlib.md5(data, usedforsecurity=False).hexdigest()
        if found != md5:
            raise ValueError(f"{name} arrived with MD5 {found}, expected {md5}")
        files[name] = folder / name
        write_atomically(files[name], data)
    return files


def _get(url: str) -> bytes:
    # The addresses are constants of ours; no user names one.
    with urllib.request.urlopen(url, timeout=ANSWER_WITHIN) as answer:  # noqa: S310 - see above
        data: bytes = answer.read(BYTES_LIMIT)
    return data


def _unpack_package(remote: RemoteFiles, folder: Path) -> dict[str, Path]:
    """Fetch the distribution's package as an ordinary user, and copy the files out of it."""
    with tempfile.TemporaryDirectory(prefix="lapel-") as scratch:
        where = Path(scratch)
        where.chmod(0o755)  # apt fetches as a user of its own, which must be able to enter
        try:
            _run([*APT, "download", remote.debian_package], where)
        except OSError:
            # Lists may never have been fetched here; keep our own, since theirs need root.
            private = _private_state(where)
            _run([*APT, *private, "update"], where)
            _run([*APT, *private, "download", remote.debian_package], where)
        package = next(where.glob(f"{remote.debian_package}_*.deb"), None)
        if package is None:
            raise OSError("apt-get brought no such package, and called that done")
        _run(["dpkg-deb", "-x", str(package), str(where / "unpacked")], where)
        found = find_files(remote, [where / "unpacked" / remote.debian_folder], needed=True) or {}
        files = {}
        for name, path in found.items():
            files[name] = folder / path.name
            write_atomically(files[name], path.read_bytes())
        return files


def _private_state(where: Path) -> list[str]:
    """Options that let apt keep its lists and packages in a folder of ours."""
    places = {"State": where / "state", "State::lists": where / "lists", "Cache": where / "cache"}
    for folder in ("state", "lists/partial", "cache/archives/partial"):
        (where / folder).mkdir(parents=True)
    return [f"-oDir::{name}={folder}" for name, folder in places.items()]


def _run(command: Sequence[str], where: Path) -> None:
    """Run a program to its end; OSError with the last line that it said if it fails."""
    if shutil.which(command[0]) is None:
        raise OSError(f"{command[0]} is not on this machine")
    done = subprocess.run(
        command, cwd=where, capture_output=True, text=True, timeout=PACKAGE_WITHIN, check=False
    )
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise OSError(f"{command[0]} failed: {lines[-1]}")
