"""What rules do to the labels of one task, without regard to where they are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lapel.data.label_counts import count_held
from lapel.data.rules import TaskRules
from lapel.schema.annotation import Label, Tags
from lapel.schema.errors import DatasetError
from lapel.schema.labels import TaskSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCleaning:
    """What rules do to the labels of one task.

    Attributes:
        before: the task as it was.
        after: the task as it is.
        mapping: each former label to its name now; None for one that is forgotten.
        imply: label to those that hold wherever it does.
        images: how many images held each former label.
        changed: images whose answer is another now.
        emptied: images that had an answer and have none now.
    """

    before: TaskSpec
    after: TaskSpec
    mapping: Mapping[str, str | None]
    imply: Mapping[str, tuple[str, ...]]
    images: Mapping[str, int]
    changed: int = 0
    emptied: int = 0


def clean_labels(
    task: TaskSpec, rules: TaskRules, labels: Sequence[Label], splits: Sequence[str]
) -> tuple[TaskCleaning, list[Label]]:
    """Labels by their new names.

    Args:
        task: whose labels.
        rules: what is done to them; see :mod:`lapel.data.rules`.
        labels: a label an image.
        splits: the split of each image: what is rare is counted on train alone.

    Raises:
        DatasetError: no label is left.
    """
    plan = _plan(task, rules, labels, splits)
    changed = {label: _changed(label, plan.mapping, plan.imply) for label in dict.fromkeys(labels)}
    after = [changed[label] for label in labels]
    pairs = list(zip(labels, after, strict=True))
    plan = replace(
        plan,
        changed=sum(_sorted(old) != _sorted(new) for old, new in pairs),
        emptied=sum(old is not None and new is None for old, new in pairs),
    )
    return plan, after


def _plan(
    task: TaskSpec, rules: TaskRules, labels: Sequence[Label], splits: Sequence[str]
) -> TaskCleaning:
    mapping: dict[str, str | None] = {label: label for label in task.labels}
    mapping |= {member: keep for keep, members in rules.merge.items() for member in members}
    mapping |= dict.fromkeys(rules.drop)
    if rules.at_least:
        rare = _rare(mapping, labels, splits, rules.at_least)
        mapping = {label: None if now in rare else now for label, now in mapping.items()}
    kept = tuple(_placed(task, mapping))
    if not kept:
        raise DatasetError(
            f"no label of '{task.name}' is on {rules.at_least:,} training pictures; "
            "ask for fewer with 'at_least'"
        )
    there = set(kept)
    return TaskCleaning(
        before=task,
        after=TaskSpec(name=task.name, kind=task.kind, labels=kept),
        mapping=mapping,
        imply={
            label: tuple(word for word in words if word in there)
            for label, words in rules.imply.items()
            if label in there
        },
        images=count_held(labels),
    )


def _placed(task: TaskSpec, mapping: Mapping[str, str | None]) -> list[str]:
    """The labels that stay, each in its own place; a new name in that of its first member."""
    order: dict[str, None] = {}
    for label in task.labels:
        now = mapping[label]
        # A member that stands before the label that it becomes does not move that label up.
        if now is not None and (now == label or now not in task.labels):
            order[now] = None
    return list(order)


def _rare(
    mapping: Mapping[str, str | None], labels: Sequence[Label], splits: Sequence[str], least: int
) -> set[str]:
    """Labels that fewer training pictures hold; the other splits are not asked."""
    train = [
        _changed(label, mapping, {})
        for label, split in zip(labels, splits, strict=True)
        if split == "train"
    ]
    counts = count_held(train)
    return {now for now in mapping.values() if now is not None and counts[now] < least}


def _changed(
    label: Label, mapping: Mapping[str, str | None], imply: Mapping[str, Sequence[str]]
) -> Label:
    """A label by its new names. Names that no rule knows stay, so that a second time is safe."""
    if label is None:
        return None
    if isinstance(label, str):
        return mapping.get(label, label)
    yes = _renamed(label.yes, mapping)
    pending = list(yes)
    while pending:
        more = [word for word in imply.get(pending.pop(), ()) if word not in yes]
        yes |= dict.fromkeys(more)
        pending += more
    unknown = [word for word in _renamed(label.unknown, mapping) if word not in yes]
    return Tags(tuple(yes), tuple(unknown))


def _renamed(words: Sequence[str], mapping: Mapping[str, str | None]) -> dict[str, None]:
    names = (mapping.get(word, word) for word in words)
    return {name: None for name in names if name is not None}


def _sorted(label: Label) -> object:
    if isinstance(label, Tags):
        return sorted(label.yes), sorted(label.unknown)
    return label
