"""A run whose files lie in S3: ``lapel train --out s3://bucket/run``.

The run is learned in a folder here. After each save its new files are put beside one another in S3,
by a thread of its own, so that learning does not wait; another machine goes on from there with
``--resume``. One process at a time owns the place; see :mod:`lapel.storage.s3.owner`.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lapel.schema.counting import size
from lapel.schema.errors import StorageError, TrainingError, UsageError
from lapel.storage.cache import cache_root
from lapel.storage.places import RUNS, is_remote, mirror_of, put_file, tell_address
from lapel.storage.s3.extra import needs_aws
from lapel.storage.s3.location import S3Location
from lapel.training.run.folder import CHECKPOINTS, RUN, RunFolder
from lapel.training.run.mirrored_files import (
    Facts,
    files_of,
    grows_large,
    in_order,
    is_of_run,
    surplus,
)

if TYPE_CHECKING:
    from lapel.storage.s3.owner import Owner

#: Putting files may take this share of a core: as saving may of the time (CheckFreq's figure).
SHARE = 0.035

#: Bytes that one core hashes and sends in a second: half of what was measured without TLS (312 MB
#: on the machine of docs/results.md), since that costs, too.
BYTES_A_SECOND = 150e6

#: Lies beside the folder of a run while its ``run.json`` has not reached S3.
UNSENT = ".unsent"

#: Seconds until files are tried again that could not be put.
TRIED_AGAIN = 10.0

#: Seconds between two puts of a large file that grows, such as a log: each puts all of it.
GROWN_EVERY = 60.0


@contextmanager
def run_at(place: str | Path, say: Callable[[str], None]) -> Iterator[RunFolder]:
    """The run of a folder, or of an address: then its files are fetched, and put back as it goes.

    Args:
        place: a folder, or an address such as ``s3://bucket/run``.
        say: told what is worth a line.

    Raises:
        UsageError: an address of a whole bucket.
        MissingExtraError: boto3 is not installed.
        StorageError: another process owns the place, or its files cannot be fetched, or not be put
            there in the end; then the run is whole in a folder here, which is named.
    """
    if not is_remote(place):
        yield RunFolder(Path(place))
        return
    location = S3Location.parse(place)
    if not location.key:
        raise UsageError(f"{location} is a whole bucket; name a folder in it, {location}/RUN")
    with needs_aws(str(location)):
        from lapel.storage.s3.manifest import MANIFEST  # noqa: PLC0415 - likewise
        from lapel.storage.s3.mirror import bring  # noqa: PLC0415 - stands on boto3
        from lapel.storage.s3.owner import Owner  # noqa: PLC0415 - likewise
        from lapel.storage.s3.store import S3Store  # noqa: PLC0415 - likewise
    folder = mirror_of(place, cache_root() / RUNS)
    mirror = RunMirror(folder, location, Owner.take(location, say), say)
    store = S3Store(location)
    try:
        tell_address(folder, location)
        if mirror.is_unsent() and not store.exists(RUN):
            say(f"The run in {folder} never reached {location}; it is put there now")
        else:
            with _newer_kept(folder):
                bring(location, folder, folder.parent / ".tags.json", is_of_run)
                mirror.remember()
        store.delete(MANIFEST)  # of a push by hand: what is put from now on is not in it
        mirror.start()
        yield RunFolder(folder, place=str(location), mirror=mirror)
    except BaseException:
        mirror.end(failed=True)
        raise
    mirror.end()


@contextmanager
def _newer_kept(folder: Path) -> Iterator[None]:
    """Keep checkpoints that never reached S3, because it was away, where they are of the same run.

    A step is a function of its number: of one run, what is further is never wrong.
    """
    begun, checkpoints = folder / RUN, folder / CHECKPOINTS
    before = begun.read_bytes() if begun.is_file() else None
    aside = folder.parent / ".newer"
    aside.mkdir(parents=True, exist_ok=True)
    for path in checkpoints.glob("step-*.safetensors"):
        (aside / path.name).unlink(missing_ok=True)
        (aside / path.name).hardlink_to(path)  # a second name, which outlives the first
    try:
        yield
    finally:
        there = max((path.name for path in checkpoints.glob("step-*.safetensors")), default="")
        same = begun.is_file() and begun.read_bytes() == before
        for path in aside.iterdir():
            if same and path.name > there:
                checkpoints.mkdir(exist_ok=True)
                path.replace(checkpoints / path.name)
            else:
                path.unlink()
        aside.rmdir()


class RunMirror:
    """Puts the files of a run in their place in S3, in a thread of its own."""

    def __init__(
        self, folder: Path, location: S3Location, owner: Owner, say: Callable[[str], None]
    ) -> None:
        """Watch over a run's folder.

        Args:
            folder: of the run.
            location: where its files are put.
            owner: holds the location for this process.
            say: told what is worth a line.
        """
        from lapel.storage.s3.store import S3Store  # noqa: PLC0415 - stands on boto3

        self._folder = folder
        self._unsent = folder.parent / UNSENT
        self._location = location
        self._store = S3Store(location)
        self._owner = owner
        self._say = say
        self._there: dict[str, Facts] = {}
        self._grown: dict[str, float] = {}
        self._dirty = self._ending = self._complained = False
        self._not_before = 0.0
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="run-mirror", daemon=True)
        self.put_bytes = 0

    def remember(self) -> None:
        """What the folder holds now came from its place; a run that it lacks is yet to be sent."""
        self._there = files_of(self._folder)
        if RUN in self._there:
            self._unsent.unlink(missing_ok=True)
        else:
            self._unsent.touch()

    def is_unsent(self) -> bool:
        """Whether the folder holds a run that never got to its place."""
        return self._unsent.exists() and (self._folder / RUN).is_file()

    def start(self) -> None:
        """Begin; what came to the folder since :meth:`remember` is put."""
        self._thread.start()
        self.changed()

    def changed(self) -> None:
        """Files of the run have changed: they are put as soon as it may be."""
        with self._changed:
            self._dirty = True
            self._changed.notify()

    def check(self) -> None:
        """End here if the place is not this process's any more.

        Raises:
            TrainingError: another process took it over.
        """
        if self._owner.lost:
            raise TrainingError(
                f"{self._owner.lost}: it goes on with the run, and this process ends. What was "
                f"learned here since the last save is not put there; it lies in {self._folder}"
            )

    def end(self, *, failed: bool = False) -> None:
        """Put what has changed, and give the place back.

        Args:
            failed: the run ends with an error, which says more than one of these would.

        Raises:
            StorageError: files could not be put.
        """
        with self._changed:
            self._ending = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join()
        try:
            # Of a run that failed, the place's loss is mostly the reason, and was said.
            if self._thread.ident is not None and not (failed and self._owner.lost):
                self._put()
        except StorageError as error:
            message = self._stays_here(error)
            if failed:
                self._say(message)  # before another call that may wait for a network that is gone
            with suppress(StorageError):
                self._owner.release(forget=not self._there)
            if not failed:
                raise StorageError(message) from error
            return
        try:
            self._owner.release(forget=not self._there)
        except StorageError as error:
            if not failed:
                raise StorageError(self._stays_here(error)) from error
            self._say(self._stays_here(error))

    def _stays_here(self, fault: StorageError) -> str:
        to = "s3://BUCKET/ANOTHER-PLACE" if self._owner.lost else self._location
        return (
            f"the run could not be put in {self._location}: {fault}. It is whole in "
            f"{self._folder}; send it: lapel cloud s3 push {self._folder} {to}"
        )

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(self._is_due, timeout=1.0)
                if self._ending:
                    return
                if not self._is_due():
                    continue
                self._dirty = False
            try:
                self._put()
            except StorageError as error:
                if self._owner.lost:
                    return
                self._try_again(error)

    def _is_due(self) -> bool:
        return self._ending or (self._dirty and time.monotonic() >= self._not_before)

    def _try_again(self, error: StorageError) -> None:
        if not self._complained:
            self._complained = True
            self._say(f"Learning goes on; the run is put in {self._location} later: {error}")
        with self._changed:
            self._dirty = True
            self._not_before = time.monotonic() + TRIED_AGAIN

    def _put(self) -> None:
        """Put new and changed files, then remove those that are gone.

        Raises:
            StorageError: the place was taken over, or cannot be reached.
        """
        here = files_of(self._folder)
        wanted = [name for name in in_order(here) if self._is_due_now(name, here[name])]
        if not wanted and not surplus(self._there, here):
            return
        sent = 0
        for name in wanted:
            self._owner.beat()  # nothing is put into a place that is another's by now
            if self._put_file(name, here[name]):
                self._there[name] = here[name]
                sent += here[name][0]
                if name == RUN:
                    self._unsent.unlink(missing_ok=True)
        self._owner.beat()
        for name in sorted(surplus(self._there, here)):
            self._store.delete(name)
            del self._there[name]
        if self._complained:
            self._complained = False
            self._say(f"The run is in {self._location} again, {size(sent)}")
        self.put_bytes += sent
        self._not_before = time.monotonic() + sent / BYTES_A_SECOND / SHARE

    def _is_due_now(self, name: str, facts: Facts) -> bool:
        """Whether a file is to be put: it has changed, and it is no log that was put lately."""
        if self._there.get(name) == facts:
            return False
        lately = time.monotonic() - self._grown.get(name, -GROWN_EVERY) < GROWN_EVERY
        return self._ending or not (lately and grows_large(name, facts))

    def _put_file(self, name: str, facts: Facts) -> bool:
        """Put a file; whether it was still there: a newer checkpoint takes an older one's place."""
        path = self._folder / name
        try:
            if grows_large(name, facts):
                self._put_as_it_is(path, name)
            else:
                put_file(path, str(self._location / name))
        except StorageError:
            if not path.exists():
                return False
            raise
        return True

    def _put_as_it_is(self, path: Path, name: str) -> None:
        """Put a copy of a file that grows: one that changes while it is sent would be refused."""
        copy = self._folder.parent / ".as-it-is"
        try:
            shutil.copyfile(path, copy)
        except OSError as error:
            raise StorageError(f"{path} could not be copied: {error.strerror or error}") from error
        try:
            put_file(copy, str(self._location / name))
        finally:
            copy.unlink(missing_ok=True)
        self._grown[name] = time.monotonic()
