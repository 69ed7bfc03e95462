"""A file that says what photos are to be asked, where nobody has labelled any yet.

    category: [dress, shirt, skirt]               # exactly one of them
    details: {any of: [lace, zip]}                # any of them
    places: {points: [left cuff, right cuff]}     # where each lies

YAML, or JSON, which is YAML too. Quote words that YAML takes for something else ("yes", "on").
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from lapel.data.reading.base import existing_file, read_bytes, refuse
from lapel.schema.errors import Fault, SchemaError
from lapel.schema.labels import Schema, TaskSpec

#: The word before labels, and the kind of task that it makes; a list alone is ``one of``.
WORDS = {"one of": "single_label", "any of": "multi_label", "points": "landmarks"}

_EXPECTED = "NAME: [label, label], NAME: {any of: [label, label]} or NAME: {points: [name, name]}"


def read_label_list(path: str | Path) -> Schema:
    """The tasks that a file names, in its order.

    Raises:
        UsageError: there is no such file.
        FormatError: no YAML, or something else than tasks and labels; all faults together.
        StorageError: it cannot be read.
    """
    file = existing_file(path)
    faults: list[Fault] = []
    try:
        value = yaml.safe_load(read_bytes(file).decode("utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        refuse([Fault(file=str(file), found=f"text that is no YAML ({error})", expected=_EXPECTED)])
    tasks = list(_tasks(file, value, faults))
    if not tasks and not faults:
        faults.append(Fault(file=str(file), found="no task", expected=_EXPECTED))
    refuse(faults)
    return Schema(tuple(tasks))


def _tasks(file: Path, value: object, faults: list[Fault]) -> Iterator[TaskSpec]:
    if not isinstance(value, dict):
        faults.append(Fault(file=str(file), found=repr(value)[:60], expected=_EXPECTED))
        return
    for name, entry in value.items():
        kind, labels = _kind_and_labels(entry)
        if not isinstance(name, str) or kind is None:
            found = f"{name!r}: {entry!r}"[:80]
            faults.append(Fault(file=str(file), found=found, expected=_EXPECTED))
            continue
        try:
            yield TaskSpec(name=name, kind=kind, labels=labels)
        except SchemaError as error:
            faults.append(Fault(file=str(file), found=str(error)))


def _kind_and_labels(entry: Any) -> tuple[str | None, tuple[str, ...]]:  # noqa: ANN401 - YAML's
    if isinstance(entry, list):
        entry = {"one of": entry}
    if isinstance(entry, dict) and len(entry) == 1:
        ((word, labels),) = entry.items()
        if isinstance(labels, list) and all(isinstance(label, str) for label in labels):
            return WORDS.get(word), tuple(labels)
    return None, ()
