"""The table of places where bytes may live."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lapel.schema.errors import UsageError
from lapel.storage.base import Store
from lapel.storage.local import LocalStore


def _s3(location: str) -> Store:
    from lapel.storage.s3.extra import needs_aws  # noqa: PLC0415 - boto3 is imported when asked for

    with needs_aws(location):
        from lapel.storage.s3.store import open_s3  # noqa: PLC0415 - as above

        return open_s3(location)


#: Scheme of a location (what stands before ``://``) to the store that opens it.
STORES: dict[str, Callable[[str], Store]] = {
    "": lambda location: LocalStore(Path(location)),
    "s3": _s3,
}


def open_store(location: str | Path) -> Store:
    """The store of a location such as ``photos/`` or ``s3://bucket/photos``.

    Raises:
        UsageError: no store knows the scheme.
        MissingExtraError: what asks S3 is not installed.
    """
    text = str(location)
    scheme = text.split("://", 1)[0] if "://" in text else ""
    if text.startswith("s3:/"):  # pathlib makes that of an address
        scheme = "s3"
    if scheme not in STORES:
        known = ", ".join(repr(name) for name in sorted(STORES) if name) or "folders only"
        raise UsageError(f"cannot open {text!r}: no store for '{scheme}://'; known: {known}")
    return STORES[scheme](text)
