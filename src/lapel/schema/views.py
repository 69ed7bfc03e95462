"""The flat view of a schema: one vector of the labels of all tasks, one task after another."""

from __future__ import annotations

from lapel.schema.labels import Schema


def flat_slices(schema: Schema) -> dict[str, slice]:
    """Where each task's labels lie in the flat view."""
    slices, start = {}, 0
    for task in schema:
        slices[task.name] = slice(start, start + len(task.labels))
        start += len(task.labels)
    return slices
