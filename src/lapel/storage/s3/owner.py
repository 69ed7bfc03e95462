"""A place in S3 that one process at a time writes to, on whatever machine it runs.

An object beside the files says who owns them. It is written on the condition that it is what was
seen (``If-None-Match``, ``If-Match``), so that of two who come together one gets it; its owner
writes it anew every few seconds. Whoever comes while it changes is refused; one that has not
changed for a while is taken over. The former owner, if it still lives, meets the condition at its
next beat, and before each of its writes: it knows then that the place is not its own any more. No
clocks are compared: each side measures on its own.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from lapel.schema.errors import StorageError
from lapel.storage.processes import is_gone, surroundings
from lapel.storage.s3.client import AbsentError, ChangedError
from lapel.storage.s3.location import S3Location
from lapel.storage.s3.store import S3Store

#: The object's name below a run.
OWNER = "owner.json"

#: Seconds between two beats.
BEAT = 5.0

#: Seconds without a beat after which an owner counts as gone: several beats may be late or lost.
LEASE = 30.0


class TakenError(StorageError):
    """A place belongs to another process, or was taken over by one."""


class Owner:
    """Holds a place; made by :meth:`take`.

    Attributes:
        token: by which what it writes is known for its own.
        former: token of the owner whose place it took over, or got back; empty: there was none.
    """

    def __init__(self, store: S3Store, token: str, name: str) -> None:
        self.token = token
        self.former = ""
        self._store = store
        self._name = name
        self._tag = ""
        self._beats = 0
        self._lost = ""
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="owner", daemon=True)

    @classmethod
    def take(
        cls,
        location: S3Location,
        say: Callable[[str], None] = lambda _: None,
        *,
        name: str = OWNER,
    ) -> Owner:
        """Become the owner of a place, and go on telling so until :meth:`release`.

        Args:
            location: the place.
            say: told if it takes a while to see whether a former owner lives.
            name: of the object that tells of the owner.

        Raises:
            TakenError: another process owns it.
            StorageError: it cannot be asked or written.
        """
        owner = cls(S3Store(location), secrets.token_hex(8), name)
        try:
            owner._tag = owner._store.create(name, owner._said())
        except ChangedError:
            owner._take_over(say)
        owner._thread.start()
        return owner

    def beat(self) -> None:
        """Tell that this process lives, and see that the place is still its own.

        Raises:
            TakenError: it was taken over; it stays lost.
            StorageError: S3 cannot be reached.
        """
        with self._lock:
            if self._lost:
                raise TakenError(self._lost)
            self._beats += 1
            try:
                self._tag = self._exchanged(self._said())
            except (ChangedError, AbsentError) as error:
                self._lost = f"{self._store.root} was taken over by {self._who()}"
                raise TakenError(self._lost) from error

    @property
    def lost(self) -> str:
        """By whom the place was taken over, in words; empty while it is this process's."""
        return self._lost

    def release(self, *, forget: bool = False) -> None:
        """Give the place back.

        Args:
            forget: leave nothing there that tells of an owner.

        Raises:
            StorageError: it cannot be written; others then wait as for a process that is gone.
        """
        self._ended.set()
        self._thread.join()
        if self._lost:
            return
        with suppress(ChangedError):  # taken over since the last beat: it is another's to release
            if not forget:
                self._exchanged(self._said(released=True))
                return
            # A beat, not a release: nobody may take what is about to be deleted.
            self._tag = self._exchanged(self._said())
            self._store.delete(self._name, tag=self._tag)

    def _exchanged(self, said: bytes) -> str:
        """The tag of what is written in the place of this process's last beat.

        A beat whose answer was lost, and after it the connection, was written all the same: what
        lies there then is newer than the tag that is known, and is this process's own.

        Raises:
            ChangedError: another's lies there, or nothing.
            StorageError: it cannot be written.
        """
        try:
            return self._store.exchange(self._name, said, self._tag)
        except ChangedError:
            told, tag = self._read()
            if told.get("owner") != self.token:
                raise
            return self._store.exchange(self._name, said, tag)

    def _keep(self) -> None:
        while not self._ended.wait(BEAT):
            try:
                self.beat()
            except TakenError:
                return
            except StorageError:
                continue  # no connection for a while; the next beat tells whose the place is

    def _take_over(self, say: Callable[[str], None]) -> None:
        """Take a place whose owner has released it, or is gone."""
        former, tag = self._read()
        if not (former.get("released") or _gone_from_here(former)):
            say(
                f"{self._store.root} belongs to {_called(former)}; waiting up to {LEASE:.0f} s to "
                "see whether it still lives"
            )
            former, tag = self._wait(former, tag)
        try:
            self._tag = (
                self._store.exchange(self._name, self._said(), tag)
                if tag
                else self._store.create(self._name, self._said())
            )
        except ChangedError as error:
            raise self._busy(self._read()[0]) from error
        self.former = str(former.get("owner", ""))

    def _wait(self, former: dict[str, Any], tag: str) -> tuple[dict[str, Any], str]:
        """What is told of an owner that released its place, or did not beat for a while.

        Raises:
            TakenError: it lives.
        """
        until = time.monotonic() + LEASE
        while time.monotonic() < until:
            time.sleep(BEAT / 5)
            now, found = self._read()
            if found != tag:
                if now.get("released") or not found:
                    return now, found
                raise self._busy(former)
        return former, tag

    def _busy(self, other: dict[str, Any]) -> TakenError:
        return TakenError(
            f"another process writes to {self._store.root}: {_called(other)}; wait for it, stop "
            "it, or name another place"
        )

    def _who(self) -> str:
        try:
            return _called(self._read()[0])
        except StorageError:
            return "another process"

    def _read(self) -> tuple[dict[str, Any], str]:
        """What is told of the owner, and the tag of the object; both empty where there is none."""
        try:
            data, tag = self._store.read_tagged(self._name)
        except AbsentError:
            return {}, ""
        try:
            told = json.loads(data)
        except ValueError:
            told = {}
        return (told if isinstance(told, dict) else {}), tag

    def _said(self, *, released: bool = False) -> bytes:
        told = {
            "owner": self.token,
            "machine": socket.gethostname(),
            "surroundings": surroundings(),
            "process": os.getpid(),
            "beats": self._beats,
            "released": released,
        }
        return json.dumps(told).encode()


def _called(told: dict[str, Any]) -> str:
    if not told:
        return "another process"
    return f"process {told.get('process')} on {told.get('machine')}"


def _gone_from_here(told: dict[str, Any]) -> bool:
    """Whether an owner ran on this machine, and does not any more."""
    process = told.get("process")
    return isinstance(process, int) and is_gone(process, str(told.get("surroundings")))
