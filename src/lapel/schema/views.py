"""The two views of a schema: grouped (a label a task) and flat (one vector of all names).

They convert into each other without loss, so that "six heads or one long vector?" is a choice
of the network and not of the data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from lapel.schema.annotation import Label, Tags
from lapel.schema.errors import SchemaError
from lapel.schema.labels import Schema, TaskSpec

YES, NO, UNKNOWN = 1, 0, -1


def flat_names(schema: Schema) -> tuple[str, ...]:
    """The names of the flat view in their order, each ``TASK=LABEL``."""
    return tuple(f"{task.name}={label}" for task in schema for label in task.labels)


def flat_slices(schema: Schema) -> dict[str, slice]:
    """Where each task's labels lie in the flat view."""
    slices, start = {}, 0
    for task in schema:
        slices[task.name] = slice(start, start + len(task.labels))
        start += len(task.labels)
    return slices


def to_flat(schema: Schema, labels: Mapping[str, Label]) -> NDArray[np.int8]:
    """Grouped labels as one vector (names,) of ``YES``, ``NO`` and ``UNKNOWN``.

    A ``single_label`` is one-hot, or all unknown; a task left out is unknown.

    Raises:
        SchemaError: a task or label outside the schema, or a label of another kind.
    """
    strange = [task for task in labels if task not in {spec.name for spec in schema}]
    if strange:
        schema[strange[0]]  # raises the error that lists the tasks there are
    parts = [_part(task, labels.get(task.name)) for task in schema]
    return np.concatenate(parts)


def _part(task: TaskSpec, label: Label) -> NDArray[np.int8]:
    part = np.full(len(task.labels), UNKNOWN if label is None else NO, np.int8)
    if label is None:
        return part
    if isinstance(label, str) and task.kind == "single_label":
        part[task.index(label)] = YES
    elif isinstance(label, Tags) and task.kind == "multi_label":
        part[[task.index(word) for word in label.yes]] = YES
        part[[task.index(word) for word in label.unknown]] = UNKNOWN
    else:
        raise SchemaError(
            f"task '{task.name}' is {task.kind}, found {label!r}; "
            "give one label's name for single_label, Tags for multi_label; other kinds have no "
            "place in a vector of labels"
        )
    return part


def from_flat(schema: Schema, vector: Sequence[int] | NDArray[np.int8]) -> dict[str, Label]:
    """A vector (names,) as grouped labels; the inverse of :func:`to_flat`.

    Raises:
        SchemaError: a vector of another length, or a part of a ``single_label`` that is neither
            one-hot nor all unknown.
    """
    values = np.asarray(vector)
    names = flat_names(schema)
    if values.shape != (len(names),):
        raise SchemaError(f"found a vector of shape {values.shape}, expected ({len(names)},)")
    slices = flat_slices(schema)
    return {task.name: _label(task, values[slices[task.name]]) for task in schema}


def _label(task: TaskSpec, part: NDArray[np.int8]) -> Label:
    yes = tuple(task.labels[index] for index in np.flatnonzero(part == YES))
    unknown = tuple(task.labels[index] for index in np.flatnonzero(part == UNKNOWN))
    if len(unknown) == len(task.labels):
        return None
    if task.kind == "multi_label":
        return Tags(yes, unknown)
    if len(yes) != 1 or unknown:
        raise SchemaError(
            f"task '{task.name}' takes exactly one label, found {len(yes)} yes "
            f"({', '.join(yes)}) and {len(unknown)} unknown"
        )
    return yes[0]
