"""Places in S3, and folders of this machine that may stand for some of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lapel.schema.errors import CloudError
from lapel.storage.local import PARTIAL_SUFFIX, write_atomically
from lapel.storage.s3.client import AbsentError
from lapel.storage.s3.location import S3Location
from lapel.storage.s3.transfer import pull, push


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where a rehearsed job reads and writes.

    Attributes:
        client: asked for boto3's client of S3 when it is needed.
        here: places in S3 to the folders that stand for them, and for all that lies below.
    """

    client: Callable[[], Any]
    here: Mapping[str, Path] = field(default_factory=dict)

    def folder(self, place: str) -> Path | None:
        """The folder or file that stands for a place; None where it is in S3."""
        for prefix, folder in self.here.items():
            if place == prefix:
                return folder
            if place.startswith(f"{prefix}/"):
                return folder / place.removeprefix(f"{prefix}/")
        return None

    def fetch(self, place: str, folder: Path) -> None:
        """Bring what lies at a place into a folder, as SageMaker fills a channel.

        Raises:
            CloudError: nothing lies there.
            StorageError: it could not be fetched.
        """
        if not self._brought(place, folder):
            raise CloudError(f"nothing lies at {self.folder(place) or place}")

    def restore(self, place: str, folder: Path) -> None:
        """Bring back what was mirrored; there may be nothing yet."""
        self._brought(place, folder)

    def mirror(self, folder: Path, place: str, *, last: bool = False) -> None:
        """Copy what is new in a folder.

        Args:
            folder: that may be written to meanwhile: what cannot be copied now, such as a file
                that changes, is copied the next time.
            place: to copy to.
            last: nobody writes to the folder any more, and there is no next time.

        Raises:
            StorageError: it is the last time, and something could not be copied.
        """
        if not any(folder.iterdir()):
            return
        target = self.folder(place)
        # shutil's errors are OSErrors, and so are ours of storage.
        with nullcontext() if last else suppress(OSError):
            if target is None:
                push(folder, S3Location.parse(place), client=self.client())
            else:
                ignored = shutil.ignore_patterns(f"*{PARTIAL_SUFFIX}")
                shutil.copytree(folder, target, dirs_exist_ok=True, ignore=ignored)

    def put(self, place: str, data: bytes) -> None:
        """Write an object."""
        target = self.folder(place)
        if target is not None:
            write_atomically(target, data)
            return
        location = S3Location.parse(place)
        self.client().put_object(Bucket=location.bucket, Key=location.key, Body=data)

    def keep(self, file: Path, place: str) -> None:
        """Send a file to a place."""
        target = self.folder(place)
        if target is None:
            push(file, S3Location.parse(place), client=self.client())
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)

    def _brought(self, place: str, folder: Path) -> bool:
        source = self.folder(place)
        folder.mkdir(parents=True, exist_ok=True)
        if source is None:
            try:
                pull(S3Location.parse(place), folder, client=self.client())
            except AbsentError:
                return False
            return True
        if source.is_dir():
            shutil.copytree(source, folder, dirs_exist_ok=True)
        elif source.is_file():
            shutil.copy2(source, folder)
        return source.exists()
