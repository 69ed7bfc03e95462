"""Rules that change labels: a YAML file, a task's name above what is done to its labels.

    style:
      merge:                      # the label that stays, and those that become it
        sporty: [sproty, sports]
      rename: {hill: heel}        # another name, which no label has yet
      drop: [walker]              # forgotten: unknown where it was the one answer
      at_least: 20                # so are labels with fewer training pictures
    tags:
      imply:                      # who has the one has the others too
        floral print: [floral, print]
        belted floral: [belted, pattern: floral]   # `floral` of the task `pattern`

Names are taken as they are written, so ``no`` and ``1`` are labels too. Merging joins tags as
"or" does, with yes above unknown above no. Rules for DeepFashion are shipped, see
:mod:`lapel.data.cleaning.shipped`.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

import yaml

from lapel.data.cleaning.rule_nodes import NodeReader, Word, composed
from lapel.data.reading.base import existing_file, refuse
from lapel.schema.errors import Fault
from lapel.schema.labels import Schema, TaskSpec

KEYS = ("merge", "rename", "drop", "imply", "at_least")

#: Kinds of task whose labels are words that rules can change.
CLEANED_KINDS = ("single_label", "multi_label")

#: A label anywhere in a schema: its task's name, and its own.
Place: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRules:
    """What is done to the labels of one task.

    Attributes:
        merge: the label that stays, to those that become it; a rename is a merge of one.
        drop: labels that are forgotten.
        imply: label as it was, to the labels as they are afterwards, of this task or another,
            that hold wherever it did.
        at_least: labels with fewer training pictures are forgotten too.
    """

    merge: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    imply: Mapping[str, tuple[Place, ...]] = field(default_factory=dict)
    at_least: int = 0

    def mapping(self, labels: Sequence[str]) -> dict[str, str | None]:
        """Each label to what it is called afterwards, counts apart; None if it is forgotten."""
        now: dict[str, str | None] = {label: label for label in labels}
        now |= {member: keep for keep, members in self.merge.items() for member in members}
        return now | dict.fromkeys(self.drop)


#: What is said of labels that hold too, not yet looked at: the label, to (task or None for its
#: own, label).
_Saying: TypeAlias = Mapping[Word, Sequence[tuple[str | None, Word]]]


def read_rules(path: str | Path, schema: Schema) -> dict[str, TaskRules]:
    """The rules of a file for the tasks of a schema.

    Raises:
        UsageError: no such file.
        FormatError: no YAML, tasks or labels that do not exist, rules that contradict each
            other; all faults together, each with its line.
    """
    path = existing_file(path)
    faults: list[Fault] = []
    reader = NodeReader(path, faults)
    rules: dict[str, TaskRules] = {}
    sayings: dict[str, _Saying] = {}
    for (name, line), node in reader.mapping(composed(path), "tasks with their rules"):
        if name not in [task.name for task in schema]:
            expected = f"one of {', '.join(task.name for task in schema)}"
            reader.fault(line, f"task {name!r}", expected)
        elif name in rules:
            reader.fault(line, f"task {name!r} again", "each task once")
        elif schema[name].kind not in CLEANED_KINDS:
            found = f"rules for the {schema[name].kind} task {name!r}"
            reader.fault(line, found, f"them for tasks of kind {' or '.join(CLEANED_KINDS)}")
        else:
            rules[name], sayings[name] = _task_rules(reader, schema[name], node)
    implied = _Implied(reader, schema, dict(rules))
    for name, saying in sayings.items():
        rules[name] = replace(rules[name], imply=implied.of(schema[name], saying))
    refuse(faults, remedy="Nothing was changed.")
    return rules


def _task_rules(reader: NodeReader, task: TaskSpec, node: yaml.Node) -> tuple[TaskRules, _Saying]:
    """The rules of one task without what they say of labels that hold too, and that."""
    merge: dict[Word, list[Word]] = {}
    rename: dict[Word, list[Word]] = {}
    drop: list[Word] = []
    imply: _Saying = {}
    at_least = 0
    for (key, line), value in reader.mapping(node, f"rules: {', '.join(KEYS)}"):
        if key == "merge":
            merge = reader.lists(value, "the labels that become it")
        elif key == "rename":
            rename = reader.lists(value, "its new name")
        elif key == "drop":
            drop = reader.words(value, "labels")
        elif key == "imply":
            what = "the labels that hold too"
            entries = reader.mapping(value, what)
            imply = {word: reader.words_of_tasks(others, what) for word, others in entries}
        elif key == "at_least":
            at_least = reader.number(value, "a number of pictures")
        else:
            near = difflib.get_close_matches(key, KEYS, n=1)
            hint = f"{near[0]}?" if near else f"one of {', '.join(KEYS)}"
            reader.fault(line, f"rule {key!r}", hint)
    return _Checked(reader, task).rules(merge, rename, drop, at_least), imply


class _Checked:
    """Rules of one task against its labels."""

    def __init__(self, reader: NodeReader, task: TaskSpec) -> None:
        self.reader = reader
        self.task = task

    def rules(
        self,
        merge: Mapping[Word, Sequence[Word]],
        rename: Mapping[Word, Sequence[Word]],
        drop: Sequence[Word],
        at_least: int,
    ) -> TaskRules:
        merged = ((keep, word) for (keep, _), members in merge.items() for word in members)
        gone = [*(word for keep, word in merged if word[0] != keep), *rename, *drop]
        stays = [*merge, *(names[0] for names in rename.values() if names)]
        self._known(gone)
        self._once(gone, stays)
        self._new_names(rename, merge)
        after = ({*self.task.labels} | {name for name, _ in stays}) - {name for name, _ in gone}
        if not after:
            line = gone[0][1]
            self.reader.fault(line, f"rules that leave no label of '{self.task.name}'", "one")
        groups: dict[str, list[str]] = {}
        for (name, _), members in merge.items():
            groups.setdefault(name, []).extend(word for word, _ in members if word != name)
        for (old, _), names in rename.items():
            groups.setdefault(names[0][0] if names else old, []).append(old)
        return TaskRules(
            merge={name: tuple(members) for name, members in groups.items()},
            drop=tuple(name for name, _ in drop),
            at_least=at_least,
        )

    def _known(self, words: Sequence[Word]) -> None:
        for name, line in words:
            if name not in self.task.labels:
                near = difflib.get_close_matches(name, self.task.labels, n=1)
                expected = f"{near[0]!r}?" if near else f"a label of '{self.task.name}'"
                self.reader.fault(line, f"label {name!r}", expected)

    def _once(self, gone: Sequence[Word], stays: Sequence[Word]) -> None:
        """No label goes twice, and none that goes is one that stays."""
        counts = Counter(name for name, _ in gone)
        seen: set[str] = set()
        for name, line in gone:
            if counts[name] > 1 and name in seen:
                self.reader.fault(line, f"label {name!r} again", "each label in one rule")
            seen.add(name)
        for name, line in stays:
            if name in seen:
                found = f"label {name!r} both as one that stays and as one that goes"
                self.reader.fault(line, found, "one of the two")
            if not name.strip():
                self.reader.fault(line, "an empty name", "a name")

    def _new_names(
        self, rename: Mapping[Word, Sequence[Word]], merge: Mapping[Word, Sequence[Word]]
    ) -> None:
        taken = {*self.task.labels, *(name for name, _ in merge)}
        for (old, line), names in rename.items():
            if len(names) != 1:
                self.reader.fault(line, f"{len(names)} names for {old!r}", "one")
            elif names[0][0] in taken:
                expected = "a new name; to join two labels, use 'merge'"
                self.reader.fault(line, f"name {names[0][0]!r}, which a label has", expected)
            taken |= {name for name, _ in names[:1]}


class _Implied:
    """What is said of labels that hold too, against the labels of all tasks as they will be."""

    def __init__(self, reader: NodeReader, schema: Schema, rules: Mapping[str, TaskRules]) -> None:
        self.reader = reader
        self.schema = schema
        self.now = {
            task.name: rules.get(task.name, TaskRules()).mapping(task.labels) for task in schema
        }

    def of(self, task: TaskSpec, saying: _Saying) -> dict[str, tuple[Place, ...]]:
        """Each label as it was, to what holds too."""
        found: dict[str, tuple[Place, ...]] = {}
        for (name, line), others in saying.items():
            self._check(task.name, (name, line))
            places = tuple(
                (of or task.name, word[0])
                for of, word in others
                if self._check(of or task.name, word)
            )
            found |= {old: places for old, new in self.now[task.name].items() if new == name}
        return found

    def _check(self, task: str, word: Word) -> bool:
        name, line = word
        if task not in self.now:
            self.reader.fault(line, f"task {task!r}", f"one of {', '.join(self.now)}")
        elif self.schema[task].kind != "multi_label":
            kind = self.schema[task].kind
            expected = "it for tasks of kind multi_label alone"
            self.reader.fault(line, f"'imply' for the {kind} task", expected)
        elif name not in self.now[task].values():
            self.reader.fault(line, f"label {name!r}", "a label that is there afterwards")
        else:
            return True
        return False
