"""Which category of garment has which points: what a configuration leaves open, seen in use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lapel.review.label_studio.config import Config
from lapel.review.label_studio.writing import schema_of
from lapel.schema.garments import Garment
from lapel.schema.labels import Schema, TaskSpec


def with_all_points(config: Config, kinds: Mapping[str, str]) -> Schema:
    """The schema of a configuration in which every category has every point that is asked of
    garments, to read with.
    """
    schema = schema_of(config, kinds=kinds)
    tasks = {task.name for task in schema}
    names = tuple(
        label
        for control in config.controls
        if control.type == "keypointlabels" and control.name not in tasks
        for label in control.labels
    )
    spec = _garments_task(schema)
    if spec is None or not names:
        return schema
    return schema_of(config, kinds=kinds, points=dict.fromkeys(spec.labels, names))


def narrowed(
    schema: Schema, garments: Mapping[str, Sequence[Garment]]
) -> tuple[Schema, dict[str, tuple[Garment, ...]]]:
    """The schema in which each category has the points that some garment of it has, in the
    configuration's order; and the garments by it.
    """
    spec = _garments_task(schema)
    if spec is None or not spec.points:
        return schema, {image: tuple(each) for image, each in garments.items()}
    seen: dict[str, set[int]] = {}
    for each in garments.values():
        for one in each:
            there = (place for place, point in enumerate(one.points) if point is not None)
            seen.setdefault(one.part, set()).update(there)
    kept = {label: sorted(places) for label, places in seen.items() if places}
    points = {label: tuple(spec.points[label][place] for place in kept[label]) for label in kept}
    tasks = [replace(task, points=points) if task is spec else task for task in schema]
    fewer = {
        image: tuple(_fewer(one, kept.get(one.part, [])) for one in each)
        for image, each in garments.items()
    }
    return Schema(tuple(tasks)), fewer


def _fewer(garment: Garment, kept: Sequence[int]) -> Garment:
    if not garment.points:
        return garment
    return replace(
        garment,
        points=tuple(garment.points[place] for place in kept),
        hidden=tuple(new for new, place in enumerate(kept) if place in garment.hidden),
    )


def _garments_task(schema: Schema) -> TaskSpec | None:
    return next((task for task in schema if task.kind == "garments"), None)
