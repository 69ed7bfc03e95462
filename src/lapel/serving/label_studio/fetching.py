"""A project of Label Studio brought here: its export, its labelling configuration, its pictures."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from lapel.review.label_studio.addresses import file_names
from lapel.review.label_studio.binding import bind
from lapel.review.label_studio.config import parse_config
from lapel.review.label_studio.writing import schema_of
from lapel.schema.errors import ImageError, ServerError, UsageError
from lapel.serving.label_studio.pictures import Pictures
from lapel.serving.label_studio.service import LabelStudio
from lapel.storage.local import LocalStore, write_atomically

EXPORT_FILE, CONFIG_FILE, IMAGES = "export.json", "config.xml", "images"

#: Pictures fetched at a time.
_AT_A_TIME = 4

Item = TypeVar("Item")

#: Tells a person how far the work is: goes through items, how many, and what is being done.
Track = Callable[[Iterable[Any], int, str], Iterator[Any]]


def silent(items: Iterable[Item], total: int, text: str) -> Iterator[Item]:  # noqa: ARG001 - a Track
    """A :data:`Track` that says nothing."""
    return iter(items)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What was brought.

    Attributes:
        folder: where it lies.
        tasks: how many there are.
        annotated: how many of them somebody annotated.
        pictures: how many were fetched now; those that were here already are not fetched again.
    """

    folder: Path
    tasks: int
    annotated: int
    pictures: int


def fetch_project(
    service: LabelStudio, project: int, folder: Path, *, track: Track = silent
) -> Fetched:
    """Write ``export.json``, ``config.xml`` and ``images`` of a project into a folder.

    A second time only what is new is fetched of the pictures.

    Args:
        service: Label Studio.
        project: its number.
        folder: where to; it is made.
        track: is told how far the work is.

    Raises:
        ServerError: Label Studio refuses, or cannot be reached.
        ImageError: a picture that it does not give out.
        StorageError: something cannot be written.
    """
    xml = str(service.get(f"/api/projects/{project}").get("label_config") or "")
    tasks = service.get(
        f"/api/projects/{project}/export", exportType="JSON", download_all_tasks="true"
    )
    if not isinstance(tasks, list):
        raise ServerError(f"found no list of tasks in the export of project {project}")
    write_atomically(folder / CONFIG_FILE, xml.encode())
    config = parse_config(xml, file=str(folder / CONFIG_FILE))
    key = bind(config, schema_of(config)).key
    fetched = _fetch_pictures(service, tasks, key, folder / IMAGES, track)
    # Last: an export without its pictures would be no source.
    text = json.dumps(tasks, ensure_ascii=False, indent=1) + "\n"
    write_atomically(folder / EXPORT_FILE, text.encode())
    annotated = sum(bool(task.get("annotations")) for task in tasks)
    return Fetched(folder=folder, tasks=len(tasks), annotated=annotated, pictures=fetched)


def _fetch_pictures(
    service: LabelStudio, tasks: list[Mapping[str, Any]], key: str, folder: Path, track: Track
) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    store, pictures = LocalStore(folder), Pictures(service)

    def fetch(task: Mapping[str, Any]) -> int:
        address = task.get("data", {}).get(key)
        names = list(file_names(address)) if isinstance(address, str) else []
        if not names:
            raise ImageError(f"task {task.get('id')}", f"its data has no address under {key!r}")
        if store.exists(names[0]):
            return 0
        store.write(names[0], pictures.fetch(address, task=task.get("id", 0)))
        return 1

    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        done = pool.map(fetch, tasks)
        return sum(track(done, len(tasks), "Fetching pictures"))


def push_project(
    service: LabelStudio, folder: Path, *, title: str, track: Track = silent
) -> tuple[int, int]:
    """Make a project of what ``lapel data export label-studio`` wrote: pictures are uploaded.

    Args:
        service: Label Studio.
        folder: holds ``config.xml``, ``tasks.json`` and the pictures.
        title: of the project; at least three letters.
        track: is told how far the work is.

    Returns:
        The project's number, and how many tasks it has.

    Raises:
        UsageError: the folder holds no such export.
        ServerError: Label Studio refuses, or cannot be reached.
    """
    try:
        xml = (folder / CONFIG_FILE).read_text(encoding="utf-8")
        tasks = json.loads((folder / "tasks.json").read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{folder} is no export for Label Studio ({error}); make one with `lapel data export "
            "label-studio DATASET FOLDER`"
        ) from error
    made = service.post("/api/projects", {"title": title, "label_config": xml})
    project = int(made["id"])
    for task in track(tasks, len(tasks), "Uploading tasks"):
        _push_task(service, project, folder, task)
    versions = {one.get("model_version") for task in tasks for one in task.get("predictions", ())}
    if versions:
        # People begin from predictions of the version that a project names.
        shown = {"show_collab_predictions": True, "model_version": str(min(versions, key=str))}
        service.patch(f"/api/projects/{project}", shown)
    return project, len(tasks)


def _push_task(service: LabelStudio, project: int, folder: Path, task: Mapping[str, Any]) -> None:
    address = str(task["data"]["image"])
    name = next((one for one in file_names(address) if (folder / one).is_file()), None)
    if name is None:
        raise UsageError(f"{folder} holds no picture for {address!r}; export the dataset again")
    # One file a call: of several under one name Label Studio keeps the last.
    found = service.upload(
        f"/api/projects/{project}/import",
        Path(name).name,
        (folder / name).read_bytes(),
        return_task_ids="true",
        commit_to_project="true",
    )
    number = found["task_ids"][0]
    data = service.get(f"/api/tasks/{number}")["data"]
    service.patch(f"/api/tasks/{number}", {"data": {**task["data"], **data}})
    for annotation in task.get("annotations", ()):
        service.post(f"/api/tasks/{number}/annotations/", {"result": annotation["result"]})
    for prediction in task.get("predictions", ()):
        service.post("/api/predictions/", {"task": number, **prediction})
