"""What was written here, on its way to its place in S3: whole there, or gone on with.

While files are on their way, the place's manifest says that it is not whole, and an object beside
it, :data:`lapel.storage.s3.manifest.DELIVERY`, says who brings them (see
:mod:`lapel.storage.s3.owner`): nobody else does meanwhile. Beside the mirror lies a note of who
that was, and of what lay there before. Killed at any moment, the next call finds the note, and ends
the delivery. On a machine without it, work that is gone on with takes what has arrived, and all
other work begins with what was not being replaced, so that no two results are mixed.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from lapel.schema.errors import StorageError
from lapel.storage.local import write_atomically
from lapel.storage.s3.client import AbsentError, s3_client
from lapel.storage.s3.listing import list_objects
from lapel.storage.s3.location import S3Location
from lapel.storage.s3.manifest import DELIVERY, Manifest, is_bookkeeping, read_manifest
from lapel.storage.s3.mirror import NOTE, bring, clear, is_object
from lapel.storage.s3.options import TransferOptions
from lapel.storage.s3.owner import Owner, TakenError
from lapel.storage.s3.pushing import push_path
from lapel.storage.s3.transfer import push

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Note:
    """What is known of a mirror that holds more than its place.

    Attributes:
        seen: digest of what lay in the place when work on the mirror began.
        owner: token of who delivers it; empty: it was still being written.
    """

    seen: str
    owner: str = ""


class Delivery:
    """From a mirror to its place; :meth:`begin`, then the work, :meth:`deliver`, :meth:`end`."""

    def __init__(
        self, location: S3Location, mirror: Path, tags: Path, *, even_if_cut: bool = False
    ) -> None:
        """Nothing is asked or changed yet.

        Args:
            location: the place.
            mirror: the file or folder to write.
            tags: as of :func:`lapel.storage.s3.mirror.bring`.
            even_if_cut: what was written before a kill is gone on with, also a part of it.
        """
        self._client = s3_client()
        self._location = location
        self._mirror = mirror
        self._tags = tags
        self._goes_on = even_if_cut
        self._seen = ""
        self._there: frozenset[str] | None = None
        self._owner: Owner | None = None

    def begin(self) -> None:
        """Make ready the mirror: a folder's holds what lies in the place, a file's nothing.

        Raises:
            TakenError: another process brings something there.
            StorageError: it cannot be asked or fetched; that nothing lies there is none.
        """
        if is_object(self._client, self._location):
            self._empty()
            return
        note = self._read_note()
        there = self._look()
        if DELIVERY in there:  # of one that was cut, or goes on
            self._owner = self._take()
            there = self._look()
        self._seen, self._there = _digest(there), frozenset(there)
        self._begin_from(note, there, torn=self._cut())
        if self._goes_on:
            self._write_note(_Note(seen=self._seen))

    def deliver(self) -> None:
        """Put what the mirror holds in the place of what lies there.

        Raises:
            TakenError: another process brings something there.
            StorageError: it cannot be put there; the next call goes on with it.
        """
        if self._mirror.is_file():
            push(self._mirror, self._location)
        if not self._mirror.is_dir():
            return
        self._owner = self._owner or self._take()
        self._write_note(_Note(seen=self._seen, owner=self._owner.token))
        whole = TransferOptions(delete=True)
        following = _WhileOwned(self._owner)
        push_path(self._mirror, self._location, whole, following, self._client, self._came_since)
        self._note.unlink(missing_ok=True)
        self._give_back(forget=True)

    def _came_since(self, name: str) -> bool:
        """Whether a file was put there while this was worked on: it is somebody's, and stays."""
        return self._there is not None and name not in self._there

    def end(self) -> None:
        """Let others come; after a delivery that was cut, they know by the manifest that it was."""
        self._give_back()

    def _take(self) -> Owner:
        """Become who brings something there; a wait for a former one is said, on stderr."""
        return Owner.take(
            self._location,
            # The name of its machine comes from S3, where anybody may have written.
            lambda said: log.warning(said if said.isprintable() else ascii(said)),
            name=DELIVERY,
        )

    def _begin_from(
        self, note: _Note | None, there: Mapping[str, str], *, torn: Manifest | None
    ) -> None:
        """Choose what the mirror begins with.

        Args:
            note: what was kept beside it.
            there: tags of what lies in the place.
            torn: the manifest of a delivery that was cut after it had changed the place.
        """
        newer = note is not None and self._mirror.is_dir() and self._is_of(note, torn)
        if newer and note is not None and note.owner:
            self.deliver()
            self._seen = _digest(self._look())
            return
        if torn is None:  # else it stays held until what is there is whole again
            self._give_back(forget=True)
        if newer and self._goes_on:
            return
        try:
            if torn is None:
                bring(self._location, self._mirror, self._tags)
            else:
                self._bring_from(there, torn)
        except AbsentError:
            self._empty()

    def _is_of(self, note: _Note, torn: Manifest | None) -> bool:
        """Whether the place is as a note says, or what its own delivery has made of it."""
        own = self._owner is not None and note.owner == self._owner.former
        return note.seen == self._seen or (torn is not None and own)

    def _bring_from(self, there: Mapping[str, str], torn: Manifest) -> None:
        """Begin with what a delivery that was cut has left.

        What goes on tells by itself what of its own is whole, once some of it was there before;
        what does not, knows nothing of files that were being replaced.
        """
        self._empty()
        replaced = {*torn.pending, *filter(is_bookkeeping, there)}
        if there.keys() <= replaced:
            return
        only = None if self._goes_on else (lambda name: name not in replaced)
        bring(self._location, self._mirror, self._tags, only, torn=True)

    def _empty(self) -> None:
        clear(self._mirror, folders=True, files=True)
        self._mirror.parent.mkdir(parents=True, exist_ok=True)

    def _cut(self) -> Manifest | None:
        """The manifest of a delivery that did not end, if one was met."""
        if self._owner is None:
            return None
        manifest = read_manifest(self._client, self._location)
        return None if manifest is None or manifest.finished else manifest

    def _give_back(self, *, forget: bool = False) -> None:
        if self._owner is not None:
            owner, self._owner = self._owner, None
            with suppress(StorageError):  # then others wait as for a process that is gone
                owner.release(forget=forget)

    def _look(self) -> dict[str, str]:
        """Tags of what lies in the place, by name."""
        return {one.name: one.tag for one in list_objects(self._location, client=self._client)}

    @property
    def _note(self) -> Path:
        return self._mirror.parent / NOTE

    def _read_note(self) -> _Note | None:
        try:
            return _Note(**json.loads(self._note.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    def _write_note(self, note: _Note) -> None:
        write_atomically(self._note, json.dumps(asdict(note)).encode())


def _digest(there: Mapping[str, str]) -> str:
    others = sorted((name, tag) for name, tag in there.items() if name != DELIVERY)
    return hashlib.sha256(json.dumps(others).encode()).hexdigest()


class _WhileOwned:
    """Follows a push, and ends it where the place is another's by now."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner

    def begin(self, doing: str, size: int) -> None:  # noqa: ARG002 - the shape of Progress
        self._owner.beat()

    def moved(self, size: int) -> None:  # noqa: ARG002 - the shape of Progress
        if self._owner.lost:
            raise TakenError(self._owner.lost)
