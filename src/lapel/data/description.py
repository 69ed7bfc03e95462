"""``dataset.json``: what is true of a dataset as a whole."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lapel.schema.errors import DatasetError, SchemaError
from lapel.schema.labels import Schema
from lapel.storage.local import write_atomically

DESCRIPTION_FILE = "dataset.json"
FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What is true of a dataset as a whole.

    Attributes:
        name: what the dataset is called.
        schema: its tasks.
        root: what image names are relative to: a folder (absolute, or relative to the
            dataset's own) or a location such as ``s3://bucket/photos``.
        gray: whether every picture is without colour.
        origin: where it comes from and what was done to it, in words.
        licence: what may be done with it, in words; empty when unknown.
        benchmark: the public benchmark whose images, labels and splits these are, by the name in
            ``lapel.evaluation.benchmarks``; with ``-cleaned`` behind it when labels were changed
            since; empty when it is none.
    """

    name: str
    schema: Schema
    root: str
    gray: bool = False
    origin: str = ""
    licence: str = ""
    benchmark: str = ""

    def write(self, folder: Path) -> None:
        """Write ``dataset.json``, whole or not at all.

        Raises:
            StorageError: it could not be written.
        """
        value = {
            "lapel_dataset": FORMAT_VERSION,
            "name": self.name,
            "schema": self.schema.to_json(),
            "root": self.root,
            "gray": self.gray,
            "origin": self.origin,
            "licence": self.licence,
            "benchmark": self.benchmark,
        }
        text = json.dumps(value, ensure_ascii=False, indent=2) + "\n"
        write_atomically(folder / DESCRIPTION_FILE, text.encode())

    @classmethod
    def read(cls, folder: Path) -> Description:
        """Read ``dataset.json``.

        Raises:
            DatasetError: the folder is no dataset, or of a version this Lapel does not know.
        """
        path = folder / DESCRIPTION_FILE
        try:
            value = json.loads(path.read_bytes())
        except FileNotFoundError:
            raise DatasetError(
                f"{folder} is no dataset: it has no {DESCRIPTION_FILE}; "
                "make one with `lapel data import`"
            ) from None
        except (OSError, ValueError) as error:
            raise DatasetError(f"{path} could not be read ({error}); import again") from error
        try:
            return _from_json(value)
        except (DatasetError, SchemaError) as error:
            raise DatasetError(f"{path}: {error}") from error


def _from_json(value: object) -> Description:
    if not isinstance(value, dict) or "lapel_dataset" not in value:
        raise DatasetError("found no 'lapel_dataset' version; this file is not one of Lapel's")
    if value["lapel_dataset"] != FORMAT_VERSION:
        raise DatasetError(
            f"found version {value['lapel_dataset']!r} of the dataset format, expected "
            f"{FORMAT_VERSION}; use the Lapel that wrote it, or import the pictures again"
        )
    texts = {key: _text(value, key) for key in ("name", "root", "origin", "licence")}
    schema = Schema.from_json(value.get("schema"))
    texts["benchmark"] = str(value.get("benchmark") or "")
    return Description(schema=schema, gray=value.get("gray") is True, **texts)


def _text(value: dict[str, Any], key: str) -> str:
    found = value.get(key)
    if not isinstance(found, str):
        raise DatasetError(f"found {found!r} as '{key}', expected a text")
    return found


def recorded_root(root: Path | str, folder: Path) -> str:
    """How an image root is written down in the dataset at ``folder``.

    Relative where the two share more than the top of the disk, so that they can be moved
    together; absolute where they do not.
    """
    if isinstance(root, str) and "://" in root:
        return root
    target, base = Path(root).resolve(), folder.resolve()
    common = os.path.commonpath([target, base])
    return str(target) if Path(common).parent == Path(common) else os.path.relpath(target, base)


#: What the name of a benchmark ends with once labels or rows are no longer its own.
CLEANED = "-cleaned"


def cleaned_benchmark(benchmark: str) -> str:
    """What a benchmark is called when its labels were cleaned: its scores compare with no
    published ones any more.
    """
    return benchmark if not benchmark or benchmark.endswith(CLEANED) else benchmark + CLEANED
