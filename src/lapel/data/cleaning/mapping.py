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

from lapel.data.cleaning.applying import TaskCleaning
from lapel.data.cleaning.rules import Place
from lapel.data.reading.base import existing_file, read_bytes
from lapel.schema.errors import DatasetError, SchemaError
from lapel.schema.labels import TaskSpec
from lapel.storage.places import fetched

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

    def leads_to(self, later: LabelMapping) -> bool:
        """Whether another mapping begins with the labels that this one ends with."""
        after = {one.after.name: one.after for one in self.tasks}
        return all(after.get(one.before.name, one.before) == one.before for one in later.tasks)

    def followed_by(self, later: LabelMapping) -> LabelMapping:
        """This mapping and one that it leads to, as one."""
        first, second = ({one.before.name: one for one in each.tasks} for each in (self, later))
        names = dict.fromkeys([*first, *second])
        return LabelMapping(
            tasks=tuple(_chained(name, first.get(name), second) for name in names),
            rules="; then ".join(one for one in (self.rules, later.rules) if one),
        )

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


def _chained(
    name: str, first: TaskMapping | None, second: Mapping[str, TaskMapping]
) -> TaskMapping:
    """What two mappings make of a task, one after the other."""
    own = second.get(name)
    if first is None:
        return second[name]
    becomes: dict[str, str | None] = {}
    implies: dict[str, tuple[Place, ...]] = {}
    for label in first.before.labels:
        middle = first.now(label)
        now = middle if own is None or middle is None else own.now(middle)
        if now != label:
            becomes[label] = now
        held = [(name, middle)] if middle is not None else []
        places = _hold_after([*held, *first.implies.get(label, ())], second)
        others = tuple(place for place in places if place != (name, now))
        if others:
            implies[label] = others
    return TaskMapping(
        before=first.before,
        after=first.after if own is None else own.after,
        becomes=becomes,
        implies=implies,
    )


def _hold_after(places: Sequence[Place], second: Mapping[str, TaskMapping]) -> list[Place]:
    """What holds after a mapping where some labels held before it."""
    found: dict[Place, None] = {}
    for task, label in places:
        mapping = second.get(task)
        now = label if mapping is None else mapping.now(label)
        if now is not None:
            found[(task, now)] = None
        if mapping is not None:
            found |= dict.fromkeys(mapping.implies.get(label, ()))
    return list(found)


def read_mappings(path: str | Path) -> list[LabelMapping]:
    """The mappings to a dataset's labels: from those before its first cleaning, before its second,
    and so on. Of a file, its own alone.

    A cleaning that ended with other labels than the next began with does not lead to the dataset's,
    nor do those before it: they are left out.

    Raises:
        UsageError: no such file.
        DatasetError: a file is no mapping, or torn.
    """
    path = fetched(path, only=_is_mapping)
    files = mapping_files(path) if path.is_dir() else [path]
    chains: list[LabelMapping] = []
    for mapping in reversed([_read(file) for file in files or [path / MAPPING_JSON]]):
        if chains and not mapping.leads_to(chains[-1]):
            break
        chains.append(mapping.followed_by(chains[-1]) if chains else mapping)
    return chains[::-1]


def _is_mapping(name: str) -> bool:
    stem = Path(MAPPING_JSON)
    return name.startswith(stem.stem) and name.endswith(stem.suffix)


def mapping_files(folder: Path) -> list[Path]:
    """The mappings beside a dataset's table, in the order in which it was cleaned."""
    stem = Path(MAPPING_JSON)

    def number(path: Path) -> int:
        ending = path.stem.removeprefix(stem.stem).removeprefix("-")
        return int(ending) if ending.isdecimal() else 0 if ending else 1

    found = folder.glob(f"{stem.stem}*{stem.suffix}")
    return sorted((path for path in found if number(path)), key=number)


def _read(path: Path) -> LabelMapping:
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
