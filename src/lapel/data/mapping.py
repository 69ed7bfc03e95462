"""``label_mapping.json``: what became of each label when a dataset was cleaned, for programs.

    {"lapel_label_mapping": 1, "rules": "deepfashion, tier A", "tasks": [
      {"name": "texture", "kind": "multi_label",
       "before": ["stripe", "striped", ...], "after": ["stripe", ...],
       "becomes": {"striped": "stripe"},
       "implies": {"belted floral": [["texture", "floral"]]}}]}

``becomes`` has the labels whose name changed, null for one that was forgotten. With it, a model
that learned the former labels can be judged on the new ones.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lapel.data.cleaning import TaskCleaning
from lapel.data.reading import existing_file, read_bytes
from lapel.data.rules import Place
from lapel.schema.errors import DatasetError, SchemaError, UsageError
from lapel.schema.labels import TaskSpec

MAPPING_JSON = "label_mapping.json"
FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskMapping:
    """What became of the labels of one task.

    Attributes:
        before: the task as it was.
        after: the task as it is.
        becomes: former label to its name now, None if it was forgotten; others kept theirs.
        implies: former label to the labels as they are, of any task, that hold wherever it did,
            beside its own new name.
    """

    before: TaskSpec
    after: TaskSpec
    becomes: Mapping[str, str | None]
    implies: Mapping[str, tuple[Place, ...]] = field(default_factory=dict)

    def now(self, label: str) -> str | None:
        """The name of a former label now; None if it was forgotten."""
        return self.becomes.get(label, label)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelMapping:
    """What became of the labels of a dataset.

    Attributes:
        tasks: those that were cleaned, in the dataset's order.
        rules: what they were cleaned by, in words.
    """

    tasks: tuple[TaskMapping, ...]
    rules: str = ""

    def sources(self, task: str) -> dict[str, list[Place]]:
        """Each label of a task as it is, to all former labels that made it hold."""
        of = {one.after.name: one for one in self.tasks}
        found: dict[str, list[Place]] = {label: [] for label in of[task].after.labels}
        for name, one in of.items():
            for label in one.before.labels:
                for place in {(name, one.now(label)), *one.implies.get(label, ())}:
                    if place[0] == task and place[1] in found:
                        found[place[1]].append((name, label))
        return found

    def to_bytes(self) -> bytes:
        """The file."""
        value = {
            "lapel_label_mapping": FORMAT_VERSION,
            "rules": self.rules,
            "tasks": [_task_json(one) for one in self.tasks],
        }
        return f"{json.dumps(value, ensure_ascii=False, indent=1)}\n".encode()


def mapping_of(done: Sequence[TaskCleaning], *, rules: str) -> LabelMapping:
    """What a cleaning did, as a mapping."""
    return LabelMapping(
        rules=rules,
        tasks=tuple(
            TaskMapping(
                before=one.before,
                after=one.after,
                becomes={old: new for old, new in one.mapping.items() if old != new},
                implies=one.imply,
            )
            for one in done
        ),
    )


def read_mapping(path: str | Path) -> LabelMapping:
    """A mapping from its file, or from the dataset that holds it.

    Raises:
        UsageError: no such file, or a dataset that was cleaned more than once.
        DatasetError: the file is no mapping, or torn.
    """
    path = Path(path)
    stem = Path(MAPPING_JSON)
    if path.is_dir():
        several = sorted(path.glob(f"{stem.stem}*{stem.suffix}"))
        if len(several) > 1:
            raise UsageError(
                f"{path} was cleaned more than once; name the mapping of the labels that the model "
                f"learned, one of: {', '.join(one.name for one in several)}"
            )
        path /= MAPPING_JSON
    path = existing_file(path)
    try:
        value = json.loads(read_bytes(path))
        if not isinstance(value, dict) or value.get("lapel_label_mapping") != FORMAT_VERSION:
            raise DatasetError("expected 'lapel_label_mapping' to be 1")
        return LabelMapping(
            tasks=tuple(_task_from(one) for one in value["tasks"]), rules=str(value["rules"])
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(
            f"{path} is no mapping of labels ({type(error).__name__}: {error}); "
            f"`lapel data clean` writes one, {MAPPING_JSON}, beside the dataset's table"
        ) from error


def _task_json(one: TaskMapping) -> dict[str, Any]:
    return {
        "name": one.before.name,
        "kind": one.before.kind,
        "before": list(one.before.labels),
        "after": list(one.after.labels),
        "becomes": dict(one.becomes),
        "implies": {label: [list(place) for place in all_] for label, all_ in one.implies.items()},
    }


def _task_from(value: Any) -> TaskMapping:  # noqa: ANN401 - JSON is anything
    before, after = (
        TaskSpec(name=value["name"], kind=value["kind"], labels=tuple(value[key]))
        for key in ("before", "after")
    )
    implies = {
        label: tuple((task, word) for task, word in places)
        for label, places in value["implies"].items()
    }
    becomes = dict(value["becomes"])
    strange = {*becomes, *implies} - {*before.labels}
    strange |= {new for new in becomes.values() if new is not None} - {*after.labels}
    if strange:
        raise SchemaError(f"task '{before.name}' has no label {min(strange)!r}")
    return TaskMapping(before=before, after=after, becomes=becomes, implies=implies)
