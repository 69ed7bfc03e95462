"""What Label Studio tells of: annotations made, changed and deleted, and the wish to train."""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lapel.schema.errors import StorageError

#: Numbers of annotations or tasks kept of one event: Label Studio sends any number at once.
MOST_NUMBERS = 1000

#: Letters of an action's name; and so many actions are counted by name, the others as one: whoever
#: may call chooses the names.
MOST_LETTERS, MOST_ACTIONS, OTHERS = 60, 100, "OTHERS"


class Events:
    """Counts what was told, and keeps a line of each in a file, if there is one.

        {"when": "2026-11-22T15:40:00+00:00", "model": "demo", "action": "ANNOTATION_CREATED",
         "project": 2, "tasks": [31], "annotations": [7], "by": 1}

    Numbers alone are kept: what people said stays in Label Studio, whence ``lapel data import
    label-studio --url`` fetches it. A line that was told is on the disk when the call is answered.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    @property
    def counts(self) -> dict[str, int]:
        """How often each action was told of since the server started."""
        with self._lock:
            return dict(sorted(self._counts.items()))

    def take(self, payload: Mapping[str, Any], *, model: str) -> None:
        """Count an event, and keep its line.

        Raises:
            StorageError: the line cannot be written.
        """
        action = str(payload.get("action", "UNKNOWN"))[:MOST_LETTERS]
        with self._lock:
            known = action in self._counts or len(self._counts) < MOST_ACTIONS
            self._counts[action if known else OTHERS] += 1
            if self._file is not None:
                self._append(self._file, _line(action, payload, model))

    def _append(self, file: Path, line: str) -> None:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("ab") as out:
                # A line that a crash cut off must not spoil the next one.
                torn = out.tell() and not _ends_whole(file)
                out.write((b"\n" if torn else b"") + line.encode() + b"\n")
                out.flush()
                os.fsync(out.fileno())
        except OSError as error:
            raise StorageError(f"{file} could not be written: {error.strerror or error}") from error


def _ends_whole(file: Path) -> bool:
    with file.open("rb") as written:
        written.seek(-1, os.SEEK_END)
        return written.read(1) == b"\n"


def _line(action: str, payload: Mapping[str, Any], model: str) -> str:
    annotations = _entries(payload, "annotation", "annotations")
    tasks = _entries(payload, "task", "tasks")
    people = {_number(one.get("completed_by")) for one in annotations} - {None}
    value = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": model,
        "action": action,
        "project": _number(payload.get("project")),
        "tasks": _numbers(tasks),
        "annotations": _numbers(annotations),
        "by": next(iter(people)) if len(people) == 1 else None,
    }
    return json.dumps(value, ensure_ascii=False)


def _entries(payload: Mapping[str, Any], *keys: str) -> list[Mapping[str, Any]]:
    found: list[object] = []
    for key in keys:
        value = payload.get(key)
        found += value if isinstance(value, list) else [value]
    return [one for one in found if isinstance(one, Mapping)]


def _numbers(entries: list[Mapping[str, Any]]) -> list[int]:
    numbers = [_number(one) for one in entries[:MOST_NUMBERS]]
    return [one for one in numbers if one is not None]


def _number(value: object) -> int | None:
    found = value.get("id") if isinstance(value, Mapping) else value
    return found if isinstance(found, int) and not isinstance(found, bool) else None
