"""``lapel.json``: its format version, its shape, and what is refused."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lapel.schema.errors import BundleError, StorageError
from lapel.storage.names import checked_stored_name

#: Version of the format written here. A number above it is refused, not guessed at.
FORMAT = "lapel.bundle/1"

#: What ``lapel.json`` holds beside its format, and the kind of value.
FIELDS: dict[str, type] = {
    "name": str,
    "schema": list,
    "preprocess": dict,
    "architecture": dict,
    "calibration": dict,
    "scores": dict,
    "provenance": dict,
    "files": dict,
}

#: What it may hold beside that: texts by name.
OPTIONAL = ("english",)

#: And this: the name of an engine to what its trial found.
ENGINES = "engines"


def parse_manifest(text: bytes, *, where: Path) -> dict[str, Any]:
    """The fields of a ``lapel.json``, each of its kind; file names that stay in the folder.

    Raises:
        BundleError: broken JSON, another format version, fields missing or of another kind.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{where} is no JSON ({error}); copy the bundle again") from error
    if not isinstance(value, dict):
        raise BundleError(f"{where} should hold an object, found {type(value).__name__}")
    _check_format(value.get("format"), where)
    for field, kind in FIELDS.items():
        if not isinstance(value.get(field), kind):
            found = type(value[field]).__name__ if field in value else "nothing"
            raise BundleError(f"{where}: '{field}' should be a {kind.__name__}, found {found}")
    _check_files(value["files"], where)
    _check_calibration(value["calibration"], where)
    for field in OPTIONAL:
        texts = value.get(field, {})
        if not isinstance(texts, dict) or not all(isinstance(one, str) for one in texts.values()):
            raise BundleError(f"{where}: '{field}' should be an object of texts")
    _check_engines(value.get(ENGINES, {}), where)
    fields = {field: value[field] for field in FIELDS}
    return fields | {field: value.get(field, {}) for field in (*OPTIONAL, ENGINES)}


def _check_format(found: object, where: Path) -> None:
    if found == FORMAT:
        return
    if isinstance(found, str) and found.startswith("lapel.bundle/"):
        raise BundleError(
            f"{where} is of format {found!r}, this version of Lapel reads {FORMAT!r}; use the "
            "version of Lapel that wrote it, or export the model again with this one"
        )
    raise BundleError(f"{where} is no bundle: its 'format' is {found!r}, expected {FORMAT!r}")


def _check_files(files: Mapping[str, object], where: Path) -> None:
    for name, digest in files.items():
        try:
            checked_stored_name(name)
        except StorageError as error:
            raise BundleError(f"{where} names a file outside its folder: {error}") from error
        if not (isinstance(digest, str) and len(digest) == 64):
            raise BundleError(f"{where}: {name!r} needs a SHA-256 of 64 digits, found {digest!r}")


def _check_calibration(calibration: Mapping[str, object], where: Path) -> None:
    for task, values in calibration.items():
        if not isinstance(values, dict) or not all(map(_is_finite, values.values())):
            raise BundleError(
                f"{where}: the calibration of '{task}' should be names and finite numbers, "
                f"found {str(values)[:80]}"
            )


def _check_engines(engines: object, where: Path) -> None:
    """Who chooses an engine goes by its rate."""
    records = list(engines.values()) if isinstance(engines, dict) else [engines]
    for record in records:
        if not isinstance(record, dict) or not _is_finite(record.get("images_per_second")):
            raise BundleError(
                f"{where}: '{ENGINES}' should be names of engines and what was measured, with a "
                f"finite images_per_second; found {str(record)[:80]}"
            )


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def as_json(value: Mapping[str, Any]) -> bytes:
    """The bytes of a ``lapel.json``, to be read by people too; NaN and infinity become null.

    Raises:
        BundleError: a value that JSON cannot hold.
    """
    try:
        return (json.dumps(_plain(value), indent=2, ensure_ascii=False) + "\n").encode()
    except (TypeError, ValueError) as error:
        raise BundleError(f"a bundle holds plain values only: {error}") from error


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
