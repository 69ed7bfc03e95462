"""An export of Label Studio: a JSON list of tasks, each with what people said of it.

    [{"id": 7, "data": {"image": "/data/upload/1/8f3a9c21-dress.jpg"},
      "annotations": [{"id": 3, "completed_by": 1, "was_cancelled": false, "ground_truth": false,
                       "updated_at": "2026-11-22T12:00:00.000000Z", "result": [...]}]}, ...]

As "Export", format "JSON", of Label Studio 1.23 writes it (not "JSON-MIN", which leaves out the
places and who said what).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lapel.data.reading.base import read_bytes, refuse
from lapel.data.reading.json_records import RecordError, loaded_value, shown_value
from lapel.review.label_studio.config import CONTROLS, PLACES, Config, Control
from lapel.schema.errors import Fault

_JSON_MIN = "This looks like JSON-MIN: export the project again as JSON."


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task of an export.

    Attributes:
        name: how messages call it.
        data: what it shows.
        annotations: those that were submitted and not skipped, the one that counts first.
    """

    name: str
    data: Mapping[str, Any]
    annotations: tuple[Mapping[str, Any], ...]


def tasks_of(path: Path) -> list[Task]:
    """The tasks of an export.

    Of several annotations of a task the one that counts is a ground truth, else the last changed.

    Raises:
        FormatError: no JSON, or no list of tasks; all faults together.
        StorageError: the file cannot be read.
    """
    file = str(path)
    try:
        value = loaded_value(read_bytes(path), hook=_compact)
    except RecordError as error:
        refuse([error.fault(path)])
    if not isinstance(value, list) or not value:
        refuse([Fault(file=file, found=shown_value(value), expected="a list of tasks")])
    faults: list[Fault] = []
    tasks = []
    for place, entry in enumerate(value):
        try:
            tasks.append(_task(entry, place))
        except ValueError as error:
            what = entry.get("id", f"in place {place}") if isinstance(entry, dict) else place
            faults.append(Fault(file=file, found=f"task {what}: {error}"))
    if faults:
        minimal = isinstance(value[0], dict) and "annotation_id" in value[0]
        refuse(faults, remedy=_JSON_MIN if minimal else "")
    return tasks


def _compact(value: dict[str, Any]) -> dict[str, Any]:
    """Brushes are long lists of bytes; as bytes they take a fraction of the memory."""
    rle = value.get("rle")
    if isinstance(rle, list):
        with suppress(ValueError, TypeError):  # said when the brush is looked at
            value["rle"] = bytes(rle)
    return value


def _task(entry: object, place: int) -> Task:
    if not isinstance(entry, dict) or not isinstance(entry.get("data"), dict):
        raise ValueError("no task with data")  # noqa: TRY004 - gathered as a fault of the file
    annotations = entry.get("annotations", [])
    if not isinstance(annotations, list) or not all(isinstance(one, dict) for one in annotations):
        raise ValueError("annotations that are no list")
    counted = [one for one in annotations if not one.get("was_cancelled")]
    # Text of one form, so that the later is the greater.
    counted.sort(
        key=lambda one: (bool(one.get("ground_truth")), str(one.get("updated_at", ""))),
        reverse=True,
    )
    name = str(entry.get("id", f"in place {place}"))
    return Task(name=name, data=entry["data"], annotations=tuple(counted))


def config_from(tasks: Sequence[Task]) -> Config:
    """A configuration that asks what was answered, for an export without one.

    Labels that nobody ever used are not known, and their order is that of the letters.
    """
    labels: dict[tuple[str, str, str], set[Any]] = {}
    most: Counter[str] = Counter()
    regions: set[str] = set()
    # What is said of a region bears the region's name.
    marks = [item for item in _items(tasks) if str(item.get("type")) in PLACES]
    places = {str(item["id"]) for item in marks if item.get("id") is not None}
    for item in _items(tasks):
        kind = item.get("type")
        if kind not in CONTROLS.values() or not isinstance(item.get("value"), dict):
            continue
        key = str(item.get("from_name")), str(item.get("to_name")), str(kind)
        found = item["value"].get(str(kind))
        words = found if isinstance(found, list) else [found]
        labels.setdefault(key, set()).update(
            tuple(map(str, word)) if isinstance(word, list) else str(word) for word in words
        )
        most[key[0]] = max(most[key[0]], len(words))
        if kind not in PLACES and str(item.get("id")) in places:
            regions.add(key[0])
    controls = tuple(
        _control(*key, words=words, single=most[key[0]] == 1, per_region=key[0] in regions)
        for key, words in sorted(labels.items())
    )
    images = {control.image: _image_key(tasks) for control in controls}
    return Config(images=images or {"image": _image_key(tasks)}, controls=controls)


def _control(
    name: str, image: str, kind: str, *, words: set[Any], single: bool, per_region: bool
) -> Control:
    paths = tuple(sorted(word for word in words if isinstance(word, tuple)))
    return Control(
        name=name,
        image=image,
        type=kind,
        labels=tuple(" / ".join(path) for path in paths) or tuple(sorted(map(str, words))),
        single=kind == "rating" or (kind == "choices" and single),
        per_region=per_region,
        paths=paths,
    )


def _items(tasks: Sequence[Task]) -> Iterator[Mapping[str, Any]]:
    for task in tasks:
        for annotation in task.annotations:
            results = annotation.get("result")
            for item in results if isinstance(results, list) else []:
                if isinstance(item, dict):
                    yield item


def _image_key(tasks: Sequence[Task]) -> str:
    """The key of the pictures' addresses: ``image``, or the first whose values look like one."""
    first = tasks[0].data
    if "image" in first:
        return "image"
    texts = [key for key, value in first.items() if isinstance(value, str)]
    likely = [key for key in texts if "/" in first[key] or "." in first[key]]
    return (likely or texts or ["image"])[0]
