"""The table of places where bytes may live."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lapel.schema.errors import UsageError
from lapel.storage.base import Store
from lapel.storage.local import LocalStore

#: Scheme of a location (what stands before ``://``) to the store that opens it.
STORES: dict[str, Callable[[str], Store]] = {
    "": lambda location: LocalStore(Path(location)),
}


def open_store(location: str | Path) -> Store:
    """The store of a location such as ``photos/`` (later ``s3://bucket/photos``).

    Raises:
        UsageError: no store knows the scheme.
    """
    text = str(location)
    scheme = text.split("://", 1)[0] if "://" in text else ""
    if scheme not in STORES:
        known = ", ".join(repr(name) for name in sorted(STORES) if name) or "folders only"
        raise UsageError(f"cannot open {text!r}: no store for '{scheme}://'; known: {known}")
    return STORES[scheme](text)
