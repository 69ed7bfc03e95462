"""Label Studio's export, its labelling configuration and the pictures.

    export.json      what "Export", format "JSON", wrote
    config.xml       the labelling configuration, as "Settings" shows it
    images/*.jpg     the pictures, by the names that uploads have, or by their own

Each may be named apart from the others. Without the configuration labels are those that somebody
used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lapel.data.description import Description
from lapel.data.label_studio.points import narrowed, with_all_points
from lapel.data.label_studio.tasks import Task, config_from, tasks_of
from lapel.data.progress import Track, silent
from lapel.data.reading.base import Reading, existing_file, oddity_notes, read_bytes, refuse
from lapel.data.reading.listing import ImageList
from lapel.data.reading.on_demand import OnDemand
from lapel.imaging.decode import upright_size
from lapel.review.label_studio.addresses import file_names
from lapel.review.label_studio.binding import Binding, bind
from lapel.review.label_studio.config import Config, parse_config
from lapel.review.label_studio.to_labels import Said, checked_items, class_map, said_by
from lapel.schema.annotation import SPLIT_NAMES, Annotation
from lapel.schema.counting import counted
from lapel.schema.errors import Fault, FormatError, UsageError
from lapel.schema.labels import Schema, TaskSpec
from lapel.schema.masks import ClassMap

#: What files of a folder are called.
EXPORTS, CONFIG_FILE, IMAGES_FOLDER = ("export.json", "tasks.json"), "config.xml", "images"

BROKEN = "annotations that are wrong, taken as not made"
MISSING = "tasks whose picture is not there, left out"
SEVERAL = "tasks that several people annotated: of each, a ground truth or the last change counts"


@dataclass(slots=True)
class _Found:
    """What is gathered task by task."""

    images: ImageList
    root: Path
    said: dict[str, Said] = field(default_factory=dict)
    rows: list[Annotation] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    oddities: Counter[str] = field(default_factory=Counter)


def read_label_studio(
    source: str | Path,
    *,
    images: str | Path | None = None,
    config: str | Path | None = None,
    like: str | Path | None = None,
    kind: Sequence[str] = (),
    skip_broken: bool = False,
    skip_missing: bool = False,
    track: Track = silent,
) -> Reading:
    """An export in JSON, or a folder that holds one.

    Args:
        source: the file, or the folder.
        images: the folder of the pictures; by default ``images`` beside the export, or its folder.
        config: the labelling configuration; by default ``config.xml`` beside the export.
        like: a dataset whose tasks these are; by default the tasks are those of the configuration.
        kind: ``CONTROL=KIND`` for controls that are another kind of task than they would be:
            polygons a ``segmentation``, brushes ``garments``.
        skip_broken: take annotations that are wrong as not made, with their count said, instead
            of refusing them.
        skip_missing: leave out tasks whose picture is not there.
        track: is told how far the work is.

    Raises:
        UsageError: no such file or folder, or controls that ask nothing.
        FormatError: files that do not keep the form, annotations that are wrong, pictures that
            are missing; all faults together.
        StorageError: a file cannot be read.
    """
    export = _export(Path(source))
    tasks = tasks_of(export)
    beside = existing_file(config) if config is not None else export.with_name(CONFIG_FILE)
    known = beside.is_file()
    asked = parse_config(read_bytes(beside), file=str(beside)) if known else config_from(tasks)
    schema = _schema(asked, like, kind)
    binding = bind(asked, schema)
    root = _image_root(export, images)
    found = _Found(ImageList(root), root)
    for task in track(tasks, len(tasks), "Reading tasks"):
        _read_task(export, task, binding, found, skip_broken=skip_broken)
    found.oddities[MISSING] = len(found.images.missing) if skip_missing else 0
    faults = [*found.faults, *found.images.refused(skip_missing=skip_missing)]
    refuse(faults, remedy=_remedy(found, skip_missing=skip_missing))
    garments = {
        image: said.garments for image, said in found.said.items() if said.garments is not None
    }
    if like is None:
        schema, garments = narrowed(schema, garments)
    return Reading(
        name=export.resolve().parent.name or "label-studio",
        schema=schema,
        annotations=tuple(found.rows),
        images=found.root,
        origin=f"Label Studio, export {export.name}",
        notes=(*_notes(found, known=known), *binding.notes),
        garments=garments,
        masks={task.name: _maps(task, found) for task in schema if task.kind == "segmentation"},
        sizes={image: said.size for image, said in found.said.items() if said.size is not None},
    )


def _export(source: Path) -> Path:
    if not source.is_dir():
        return existing_file(source)
    for name in EXPORTS:
        if (source / name).is_file():
            return source / name
    raise UsageError(f"{source}: found no {' and no '.join(EXPORTS)}; name the export itself")


def _image_root(export: Path, images: str | Path | None) -> Path:
    if images is not None:
        if not Path(images).is_dir():
            raise UsageError(f"--images: found no folder {str(images)!r}")
        return Path(images)
    beside = export.with_name(IMAGES_FOLDER)
    return beside if beside.is_dir() else export.parent


def _schema(config: Config, like: str | Path | None, kind: Sequence[str]) -> Schema:
    if like is not None:
        return Description.read(Path(like)).schema
    wrong = [entry for entry in kind if "=" not in entry]
    if wrong:
        raise UsageError(f"--kind takes CONTROL=KIND, found {wrong[0]!r}")
    return with_all_points(config, dict(entry.split("=", 1) for entry in kind))


def _read_task(
    export: Path,
    task: Task,
    binding: Binding,
    found: _Found,
    *,
    skip_broken: bool,
) -> None:
    address = task.data.get(binding.key)
    if not isinstance(address, str) or not address:
        what = f"task {task.name}: no address under {binding.key!r}"
        found.faults.append(Fault(file=str(export), found=what, expected="that of its picture"))
        return
    image = _file_of(address, found.root)
    if not found.images.add(image, file=f"{export}, task {task.name}", line=None):
        return
    said = None
    try:
        said = _said(task, binding, found)
    except (ValueError, TypeError, OverflowError) as error:
        found.oddities[BROKEN] += skip_broken
        if not skip_broken:
            told = str(error)
            what = told if isinstance(error, ValueError) else f"results of another form ({told})"
            found.faults.append(Fault(file=str(export), found=f"task {task.name}: {what}"))
    if said is not None:
        found.said[image] = said
    split = SPLIT_NAMES.get(str(task.data.get("split", "")).lower())
    labels = said.labels if said is not None else {}
    found.rows.append(Annotation(image=image, labels=labels, split=split))


def _said(task: Task, binding: Binding, found: _Found) -> Said | None:
    """What counts of what people said; None where nobody did."""
    if not task.annotations:
        return None
    found.oddities[SEVERAL] += len(task.annotations) > 1
    return said_by(checked_items(task.annotations[0].get("result", [])), binding)


def _file_of(address: str, root: Path) -> str:
    """The name of a picture below the root; where it has none there, the likeliest."""
    # JSON can name half of a letter, which no name of a file has.
    address = address.encode("utf-8", "backslashreplace").decode()
    names = list(file_names(address))
    there = (name for name in names if (root / name).is_file())
    return next(there, names[0] if names else address)


def _maps(task: TaskSpec, found: _Found) -> Mapping[str, ClassMap]:
    """The label maps of a task, each painted when it is asked for."""

    def paint(image: str) -> ClassMap:
        said = found.said[image]
        width, height = upright_size(read_bytes(found.root / image), name=image)
        try:
            return class_map(task, said.painted[task.name], width, height)
        except ValueError as error:
            raise FormatError([Fault(file=image, found=str(error))]) from error

    return OnDemand(
        [image for image, said in found.said.items() if task.name in said.painted], paint
    )


def _remedy(found: _Found, *, skip_missing: bool) -> str:
    lines = []
    if found.faults:
        lines.append("--skip-broken takes single annotations that are wrong as not made.")
    if found.images.missing and not found.rows:
        lines.append("--images FOLDER names the folder that holds the pictures.")
    elif found.images.missing and not skip_missing:
        lines.append("--skip-unreadable leaves out tasks whose picture is not there.")
    return " ".join(lines)


def _notes(found: _Found, *, known: bool) -> Iterator[str]:
    if not known:
        yield (
            "no labelling configuration: labels are those that somebody used, in the order of "
            "the letters; --config names the file that has them all"
        )
    yield f"annotated: {len(found.said):,} of {counted(len(found.rows), 'task')}"
    yield from oddity_notes(found.oddities)
