"""Whole folders that are there or not, never half."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from lapel.schema.errors import StorageError
from lapel.storage.local import PARTIAL_SUFFIX, flush_to_disk
from lapel.storage.names import checked_name


def replace_folder(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Put a folder with these files in the place of what stands there.

    It is built beside the place, flushed to the disk and renamed. Where a folder stood before,
    two renames follow each other, since no portable call exchanges folders: killed exactly
    between them, the former folder is left beside, under a name that ends in ``.partial``.

    Raises:
        StorageError: it cannot be written; what stood there before still does.
    """
    partial = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}{PARTIAL_SUFFIX}")
    former = partial.with_name(f".former{partial.name}")
    try:
        partial.mkdir(parents=True)
        for name, data in contents.items():
            path = partial / checked_name(name)
            path.write_bytes(data)
            flush_to_disk(path)
        flush_to_disk(partial)
        if folder.exists():
            folder.rename(former)
        partial.rename(folder)
        flush_to_disk(folder.parent)
    except OSError as error:
        if former.exists() and not folder.exists():
            former.rename(folder)
        raise StorageError(
            f"{folder} could not be written: {error.strerror or error}; "
            "what stood there before is untouched"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        if folder.exists():
            shutil.rmtree(former, ignore_errors=True)
