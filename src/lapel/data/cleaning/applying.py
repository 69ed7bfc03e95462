"""What rules do to labels, without regard to where they are kept.

Three steps, in this order: labels get their new names (merging is "or", with yes above unknown
above no); what holds wherever another label did is added; what is then too rare is forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from lapel.data.cleaning.rules import Place, TaskRules
from lapel.data.label_counts import count_held
from lapel.schema.annotation import Label, Tags
from lapel.schema.errors import DatasetError
from lapel.schema.labels import Schema, TaskSpec

#: The labels of an image, by task; or of all images.
_Columns: TypeAlias = Mapping[str, Sequence[Label]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCleaning:
    """What rules do to the labels of one task.

    Attributes:
        before: the task as it was.
        after: the task as it is.
        mapping: each former label to its name now; None for one that is forgotten.
        imply: former label to the labels as they are, of any task, that hold wherever it did,
            beside its own new name; with all that those imply in turn.
        images: how many images held each former label.
        rare: labels that were forgotten for being rare, by their new names, to the training
            pictures that held them.
        changed: images whose answer is another now.
        emptied: images that had an answer and have none now.
    """

    before: TaskSpec
    after: TaskSpec
    mapping: Mapping[str, str | None]
    imply: Mapping[str, tuple[Place, ...]]
    images: Mapping[str, int]
    rare: Mapping[str, int] = field(default_factory=dict)
    changed: int = 0
    emptied: int = 0


def touched_by(rules: Mapping[str, TaskRules], schema: Schema) -> list[TaskSpec]:
    """The tasks whose labels rules may change, in the schema's order."""
    implied = {
        task for one in rules.values() for places in one.imply.values() for task, _ in places
    }
    return [task for task in schema if task.name in rules or task.name in implied]


def clean_tasks(
    schema: Schema, rules: Mapping[str, TaskRules], labels: _Columns, splits: Sequence[str]
) -> tuple[list[TaskCleaning], dict[str, list[Label]]]:
    """Labels of several tasks by their new names.

    Args:
        schema: of the dataset.
        rules: task to what is done to its labels; see :mod:`lapel.data.cleaning.rules`.
        labels: task to a label an image, of every task of :func:`touched_by`.
        splits: the split of each image: what is rare is counted on train alone.

    Returns:
        What was done to each task, and the labels as they are now.

    Raises:
        DatasetError: no label of a task is left.
    """
    tasks = touched_by(rules, schema)
    plans = _plans(tasks, rules, labels)
    added = _added(plans, labels)
    done: list[TaskCleaning] = []
    after: dict[str, list[Label]] = {}
    for task in tasks:
        name = task.name
        renamed = _renamed_all(plans[name], labels[name], added[name])
        least = rules[name].at_least if name in rules else 0
        plan, now = _without_rare(plans[name], renamed, splits, least)
        done.append(_counted(plan, labels[name], now))
        after[name] = now
    there = {one.before.name: frozenset(one.after.labels) for one in done}
    return [_implying(plan, there) for plan in done], after


def _plans(
    tasks: Sequence[TaskSpec], rules: Mapping[str, TaskRules], labels: _Columns
) -> dict[str, TaskCleaning]:
    """Every label's new name, and all that holds wherever it did; nothing is rare yet."""
    plans = {}
    for task in tasks:
        mapping = rules.get(task.name, TaskRules()).mapping(task.labels)
        kept = tuple(_placed(task, mapping))
        plans[task.name] = TaskCleaning(
            before=task,
            after=TaskSpec(name=task.name, kind=task.kind, labels=kept),
            mapping=mapping,
            imply={},
            images=count_held(labels[task.name]),
        )
    said = {
        (name, label): places for name, one in rules.items() for label, places in one.imply.items()
    }
    formers = _formers(plans)
    for name, plan in plans.items():
        own = {label: _all_implied((name, label), said, formers) for label in plan.before.labels}
        plans[name] = replace(
            plan,
            imply={
                label: tuple(place for place in places if place != (name, plan.mapping[label]))
                for label, places in own.items()
                if places
            },
        )
    return plans


def _placed(task: TaskSpec, mapping: Mapping[str, str | None]) -> list[str]:
    """The labels that stay, each in its own place; a new name in that of its first member."""
    order: dict[str, None] = {}
    for label in task.labels:
        now = mapping[label]
        # A member that stands before the label that it becomes does not move that label up.
        if now is not None and (now == label or now not in task.labels):
            order[now] = None
    return list(order)


def _formers(plans: Mapping[str, TaskCleaning]) -> dict[Place, Place]:
    """Each label as it is to one that it was: the one of its own name, else its first member."""
    found: dict[Place, Place] = {}
    for name, plan in plans.items():
        for label, now in plan.mapping.items():
            if now == label:
                found[name, label] = (name, label)
            elif now is not None:
                found.setdefault((name, now), (name, label))
    return found


def _all_implied(
    label: Place,
    said: Mapping[Place, tuple[Place, ...]],
    formers: Mapping[Place, Place],
) -> tuple[Place, ...]:
    """What holds wherever a former label did, step by step to the end."""
    found: dict[Place, None] = {}
    pending = list(said.get(label, ()))
    while pending:
        place = pending.pop(0)
        if place not in found:
            found[place] = None
            pending += said.get(formers[place], ())
    return tuple(found)


def _added(
    plans: Mapping[str, TaskCleaning], labels: _Columns
) -> dict[str, dict[int, dict[str, None]]]:
    """Task to row to the labels that hold there because others did."""
    added: dict[str, dict[int, dict[str, None]]] = {name: {} for name in plans}
    for name, plan in plans.items():
        if not plan.imply:
            continue
        for row, label in enumerate(labels[name]):
            for word in label.yes if isinstance(label, Tags) else ():
                for task, implied in plan.imply.get(word, ()):
                    added[task].setdefault(row, {})[implied] = None
    return added


def _renamed_all(
    plan: TaskCleaning, labels: Sequence[Label], added: Mapping[int, Mapping[str, None]]
) -> list[Label]:
    """Labels by their new names, with what holds too. Each different one is made once."""
    made = {label: _renamed(label, plan.mapping) for label in dict.fromkeys(labels)}
    after = [made[label] for label in labels]
    for row, words in added.items():
        after[row] = _with(after[row], words, plan.after)
    return after


def _renamed(label: Label, mapping: Mapping[str, str | None]) -> Label:
    """A label by its new names. Names that no rule knows stay, so that a second time is safe."""
    if isinstance(label, str):
        return mapping.get(label, label)
    if not isinstance(label, Tags):
        return label
    yes = _names(label.yes, mapping)
    unknown = [word for word in _names(label.unknown, mapping) if word not in yes]
    return Tags(tuple(yes), tuple(unknown))


def _names(words: Iterable[str], mapping: Mapping[str, str | None]) -> dict[str, None]:
    names = (mapping.get(word, word) for word in words)
    return {name: None for name in names if name is not None}


def _with(label: Label, words: Mapping[str, None], task: TaskSpec) -> Label:
    """Tags with more that hold; where nothing was known, all others are unknown."""
    tags = label if isinstance(label, Tags) else Tags((), task.labels)
    yes = dict.fromkeys(tags.yes) | dict.fromkeys(words)
    return Tags(tuple(yes), tuple(word for word in tags.unknown if word not in yes))


def _without_rare(
    plan: TaskCleaning, labels: list[Label], splits: Sequence[str], least: int
) -> tuple[TaskCleaning, list[Label]]:
    """Forget labels that fewer training pictures hold; the other splits are not asked.

    Raises:
        DatasetError: no label is left.
    """
    train = [label for label, split in zip(labels, splits, strict=True) if split == "train"]
    counts = count_held(train)
    rare = {word: counts[word] for word in plan.after.labels if counts[word] < least}
    kept = tuple(word for word in plan.after.labels if word not in rare)
    if not kept:
        raise DatasetError(
            f"no label of '{plan.before.name}' is on {least:,} training pictures; "
            "ask for fewer with 'at_least'"
        )
    if not rare:
        return plan, labels
    forgotten: dict[str, str | None] = dict.fromkeys(rare)
    made = {label: _renamed(label, forgotten) for label in dict.fromkeys(labels)}
    mapping = {old: None if now in rare else now for old, now in plan.mapping.items()}
    after = TaskSpec(name=plan.after.name, kind=plan.after.kind, labels=kept)
    return replace(plan, after=after, mapping=mapping, rare=rare), [made[one] for one in labels]


def _implying(plan: TaskCleaning, there: Mapping[str, frozenset[str]]) -> TaskCleaning:
    """The same without what is said of labels that are forgotten."""
    imply = {
        label: tuple((task, word) for task, word in places if word in there[task])
        for label, places in plan.imply.items()
    }
    return replace(plan, imply={label: places for label, places in imply.items() if places})


def _counted(plan: TaskCleaning, before: Sequence[Label], after: Sequence[Label]) -> TaskCleaning:
    pairs = list(zip(before, after, strict=True))
    return replace(
        plan,
        changed=sum(_sorted(old) != _sorted(new) for old, new in pairs),
        emptied=sum(old is not None and new is None for old, new in pairs),
    )


def _sorted(label: Label) -> object:
    if isinstance(label, Tags):
        return sorted(label.yes), sorted(label.unknown)
    return label
