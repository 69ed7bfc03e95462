"""A prefix in a bucket as a store of named bytes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lapel.storage.names import checked_stored_name
from lapel.storage.s3.client import AbsentError, ChangedError, in_words, s3_client
from lapel.storage.s3.listing import list_objects
from lapel.storage.s3.location import S3Location
from lapel.storage.s3.objects import get_object, head_object, put_object
from lapel.storage.s3.options import TransferOptions
from lapel.storage.s3.retrying import retried


class S3Store:
    """A location in S3 as a :class:`lapel.storage.base.Store`; may be used by many threads.

    Beside the protocol's methods it has conditional writes, on which locks and leases stand:
    :meth:`create`, :meth:`exchange` and :meth:`read_tagged`.
    """

    def __init__(
        self,
        root: S3Location | str | Path,
        *,
        client: Any = None,  # noqa: ANN401 - boto3 makes its clients at run time
        options: TransferOptions | None = None,
    ) -> None:
        """Open a location; nothing is asked yet.

        Args:
            root: such as ``s3://bucket/runs``.
            client: of boto3; none: from its chain.
            options: storage class and encryption of what is written.

        Raises:
            UsageError: ``root`` is no address of S3.
        """
        self.root = S3Location.parse(root)
        self._client = client or s3_client()
        self._options = options or TransferOptions()

    def location(self, name: str) -> S3Location:
        """Where a name lies.

        Raises:
            StorageError: the name leaves the root.
        """
        return self.root / checked_stored_name(name)

    def read(self, name: str) -> bytes:
        """All bytes under a name."""
        return self.read_tagged(name)[0]

    def read_tagged(self, name: str) -> tuple[bytes, str]:
        """All bytes under a name, and the tag that :meth:`exchange` asks for."""
        return get_object(self._client, self.location(name))

    def write(self, name: str, data: bytes) -> None:
        """Keep bytes under a name: whole, or not at all."""
        put_object(self._client, self.location(name), bytes(data), self._options, {})

    def create(self, name: str, data: bytes) -> str:
        """Keep bytes under a name that holds none yet.

        Returns:
            The tag of what was written.

        Raises:
            ChangedError: something lies there.
            StorageError: as :meth:`write`.
        """
        condition = {"IfNoneMatch": "*"}
        return put_object(self._client, self.location(name), bytes(data), self._options, condition)

    def exchange(self, name: str, data: bytes, tag: str) -> str:
        """Keep bytes under a name that still holds what was read.

        Args:
            name: of the object.
            data: what to write.
            tag: of what was read or written before.

        Returns:
            The tag of what was written.

        Raises:
            ChangedError: something else lies there by now, or nothing.
            StorageError: as :meth:`write`.
        """
        condition = {"IfMatch": tag}
        return put_object(self._client, self.location(name), bytes(data), self._options, condition)

    def exists(self, name: str) -> bool:
        """Whether a name holds bytes."""
        place = self.location(name)
        try:
            with in_words(place, "looked for"):
                retried(lambda: self._client.head_object(Bucket=place.bucket, Key=place.key))
        except AbsentError:
            return False
        return True

    def names(self, prefix: str = "") -> Iterator[str]:
        """All names that begin with a prefix, sorted."""
        found = (one.name for one in list_objects(self.root, prefix, client=self._client))
        yield from sorted(found)

    def delete(self, name: str, *, tag: str = "") -> None:
        """Forget a name; one that is not there is no error.

        Args:
            name: of the object.
            tag: what lies there must still have it; empty: whatever lies there goes.

        Raises:
            ChangedError: something else lies there by now.
            StorageError: it cannot be deleted.
        """
        place = self.location(name)
        condition = {"IfMatch": tag} if tag else {}
        try:
            # Looked at first, since not every server knows the condition: one that does not, passes
            # over it.
            if tag and head_object(self._client, place)["ETag"] != tag:
                raise ChangedError(f"{place} was not deleted: another wrote there meanwhile")
            with in_words(place, "deleted"):
                retried(
                    lambda: self._client.delete_object(
                        Bucket=place.bucket, Key=place.key, **condition
                    )
                )
        except AbsentError:
            return


def open_s3(location: str) -> S3Store:
    """The store of an address, for the table of stores.

    Raises:
        UsageError: it is no address of S3.
        StorageError: boto3 finds no way to ask.
    """
    return S3Store(location)
