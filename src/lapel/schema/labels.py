"""Label spaces: what a garment is asked, and the words of the answers.

A :class:`Schema` is an ordered list of tasks with their label names. The order is part
of its meaning (it is the order of a network's outputs), so it never comes from a set.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from lapel.schema.errors import SchemaError


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec:
    """One question asked of a photo, as data: its name, its kind and its words.

    Attributes:
        name: column in a dataset, key in a prediction, name of a network's output.
        kind: name of a kind in ``lapel.tasks.kinds.KINDS``.
        labels: names of the answers, in the order of the network's outputs.
        points: of kind ``garments``: label to the names of its landmarks, in the order in which
            garments of it have them; labels without any are left out.

    Raises:
        SchemaError: an empty name, no labels, an empty label or one that stands twice, or points
            of what is no label.
    """

    name: str
    kind: str
    labels: tuple[str, ...]
    points: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name or self.name != self.name.strip():
            raise SchemaError(
                f"a task needs a name without outer blanks, found {self.name!r}; rename the column"
            )
        if not self.labels:
            raise SchemaError(f"task '{self.name}' has no labels; it needs at least one")
        if any(not label.strip() for label in self.labels):
            raise SchemaError(f"task '{self.name}' has an empty label; give each label a name")
        twice = sorted(label for label, count in Counter(self.labels).items() if count > 1)
        if twice:
            raise SchemaError(f"task '{self.name}' names these labels twice: {', '.join(twice)}")
        others = sorted(set(self.points) - set(self.labels))
        if others:
            raise SchemaError(f"task '{self.name}' has points of no label: {', '.join(others)}")

    def __hash__(self) -> int:
        # `points` is a mapping, which has no hash.
        return hash((self.name, self.kind, self.labels))

    @property
    def point_names(self) -> tuple[str, ...]:
        """The names of all points, each once, label by label."""
        return tuple(
            dict.fromkeys(name for label in self.labels for name in self.points.get(label, ()))
        )

    def index(self, label: str) -> int:
        """Position of a label.

        Raises:
            SchemaError: no such label; the message lists those there are.
        """
        try:
            return self.labels.index(label)
        except ValueError:
            known = ", ".join(self.labels[:12]) + (", ..." if len(self.labels) > 12 else "")
            raise SchemaError(
                f"task '{self.name}' has no label {label!r}; it has: {known}"
            ) from None


@dataclass(frozen=True, slots=True)
class Schema:
    """An ordered list of tasks.

    Raises:
        SchemaError: no tasks, or two of one name.
    """

    tasks: tuple[TaskSpec, ...]
    _by_name: Mapping[str, TaskSpec] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.tasks:
            raise SchemaError("a schema needs at least one task")
        by_name = {task.name: task for task in self.tasks}
        if len(by_name) != len(self.tasks):
            raise SchemaError(f"two tasks share a name: {', '.join(t.name for t in self.tasks)}")
        object.__setattr__(self, "_by_name", by_name)

    def __iter__(self) -> Iterator[TaskSpec]:
        return iter(self.tasks)

    def __getitem__(self, name: str) -> TaskSpec:
        if name not in self._by_name:
            raise SchemaError(f"no task {name!r}; the schema has: {', '.join(self._by_name)}")
        return self._by_name[name]

    def select(self, names: Sequence[str]) -> Schema:
        """The schema of some of the tasks, in the order asked for."""
        return Schema(tuple(self[name] for name in names))

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that change when any name or any order changes."""
        canonical = json.dumps(self.to_json(), ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]

    def to_json(self) -> list[dict[str, Any]]:
        """The schema as plain values."""
        return [_task_to_json(task) for task in self]

    @classmethod
    def from_json(cls, value: object) -> Self:
        """The schema from plain values.

        Raises:
            SchemaError: values of another shape.
        """
        if not isinstance(value, list):
            raise SchemaError(f"a schema is a list of tasks, found {type(value).__name__}")
        return cls(tuple(_task_from_json(entry) for entry in value))

    def differences(self, other: Schema) -> list[str]:
        """What sets this schema apart from another, in sentences; empty when equal."""
        mine_only = [task.name for task in self if task.name not in other._by_name]
        theirs_only = [task.name for task in other if task.name not in self._by_name]
        lines = [f"task '{name}' is only in the first" for name in mine_only]
        lines += [f"task '{name}' is only in the second" for name in theirs_only]
        for mine in self:
            theirs = other._by_name.get(mine.name)
            if theirs is not None and theirs != mine:
                lines.append(_task_difference(mine, theirs))
        if not lines and self.tasks != other.tasks:
            lines.append("the same tasks stand in another order")
        return lines


def _task_to_json(task: TaskSpec) -> dict[str, Any]:
    value: dict[str, Any] = {"name": task.name, "kind": task.kind, "labels": list(task.labels)}
    # Left out where there are none, so that fingerprints stay what they were.
    return value | (
        {"points": {label: list(names) for label, names in task.points.items()}}
        if task.points
        else {}
    )


def _task_from_json(entry: object) -> TaskSpec:
    expected = "an object with 'name', 'kind' and 'labels'"
    if not isinstance(entry, dict) or not {"name", "kind", "labels"} <= entry.keys():
        raise SchemaError(f"a task is {expected}, found {json.dumps(entry, default=str)[:80]}")
    name, kind, labels = entry["name"], entry["kind"], entry["labels"]
    if not (
        isinstance(name, str)
        and isinstance(kind, str)
        and isinstance(labels, list)
        and all(isinstance(label, str) for label in labels)
    ):
        raise SchemaError(f"a task is {expected} of texts, found {json.dumps(entry)[:80]}")
    points = entry.get("points", {})
    if not isinstance(points, dict) or not all(isinstance(one, list) for one in points.values()):
        raise SchemaError(f"points are lists of names by label, found {json.dumps(points)[:80]}")
    named = {str(label): tuple(map(str, names)) for label, names in points.items()}
    return TaskSpec(name=name, kind=kind, labels=tuple(labels), points=named)


def _task_difference(mine: TaskSpec, theirs: TaskSpec) -> str:
    if mine.kind != theirs.kind:
        return f"task '{mine.name}' is {mine.kind} in the first, {theirs.kind} in the second"
    if mine.labels == theirs.labels:
        return f"task '{mine.name}' has other points"
    missing = [label for label in mine.labels if label not in theirs.labels]
    extra = [label for label in theirs.labels if label not in mine.labels]
    if not missing and not extra:
        return f"task '{mine.name}' has the same labels in another order"
    parts = []
    if missing:
        parts.append(f"only in the first: {', '.join(missing[:8])}")
    if extra:
        parts.append(f"only in the second: {', '.join(extra[:8])}")
    return f"task '{mine.name}' has other labels ({'; '.join(parts)})"
