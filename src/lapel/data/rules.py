"""Rules that change labels: a YAML file, a task's name above what is done to its labels.

    style:
      merge:                      # the label that stays, and those that become it
        sporty: [sproty, sports]
      rename: {hill: heel}        # another name, which no label has yet
      drop: [walker]              # forgotten: unknown where it was the one answer
      at_least: 20                # so are labels with fewer training pictures
    tags:
      imply: {floral print: [floral]}   # who has the one has the others too

Names are taken as they are written, so ``no`` and ``1`` are labels too. Merging joins tags as
"or" does, with yes above unknown above no.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import yaml

from lapel.data.reading import existing_file, read_bytes, refuse
from lapel.schema.errors import Fault, FormatError
from lapel.schema.labels import Schema, TaskSpec

KEYS = ("merge", "rename", "drop", "imply", "at_least")

#: A name as it stands in the file, and its line.
Word: TypeAlias = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRules:
    """What is done to the labels of one task.

    Attributes:
        merge: the label that stays, to those that become it; a rename is a merge of one.
        drop: labels that are forgotten.
        imply: label to those that hold wherever it does.
        at_least: labels with fewer training pictures are forgotten too.
    """

    merge: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    imply: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    at_least: int = 0


def read_rules(path: str | Path, schema: Schema) -> dict[str, TaskRules]:
    """The rules of a file for the tasks of a schema.

    Raises:
        UsageError: no such file.
        FormatError: no YAML, tasks or labels that do not exist, rules that contradict each
            other; all faults together, each with its line.
    """
    path = existing_file(path)
    faults: list[Fault] = []
    root = _composed(path)
    rules: dict[str, TaskRules] = {}
    reader = _Reader(path, faults)
    for (name, line), node in reader.mapping(root, "tasks with their rules"):
        if name not in [task.name for task in schema]:
            expected = f"one of {', '.join(task.name for task in schema)}"
            reader.fault(line, f"task {name!r}", expected)
        elif name in rules:
            reader.fault(line, f"task {name!r} again", "each task once")
        else:
            rules[name] = reader.rules(schema[name], node)
    refuse(faults, remedy="Nothing was changed.")
    return rules


def _composed(path: Path) -> yaml.Node | None:
    try:
        # Not load(): the nodes know their lines, and a label `no` stays a text.
        return yaml.compose(read_bytes(path).decode("utf-8-sig"), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or error
        fault = Fault(
            file=str(path),
            line=mark.line + 1 if mark else None,
            found=f"text that is no YAML ({problem})",
            expected="tasks with their rules",
        )
        raise FormatError([fault]) from error


class _Reader:
    """Looks at the nodes of a file, and collects what is wrong."""

    def __init__(self, path: Path, faults: list[Fault]) -> None:
        self.path = path
        self.faults = faults

    def fault(self, line: int, found: str, expected: str) -> None:
        self.faults.append(Fault(file=str(self.path), line=line, found=found, expected=expected))

    def mapping(self, node: yaml.Node | None, what: str) -> Iterator[tuple[Word, yaml.Node]]:
        if node is None or _empty(node):
            return
        if not isinstance(node, yaml.MappingNode):
            self.fault(node.start_mark.line + 1, _kind(node), what)
            return
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                yield (key.value, key.start_mark.line + 1), value
            else:
                self.fault(key.start_mark.line + 1, f"{_kind(key)} as a name", "a name")

    def words(self, node: yaml.Node, what: str) -> list[Word]:
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        if _empty(node):
            return []
        for one in nodes:
            if not isinstance(one, yaml.ScalarNode):
                self.fault(one.start_mark.line + 1, _kind(one), what)
        return [
            (one.value, one.start_mark.line + 1)
            for one in nodes
            if isinstance(one, yaml.ScalarNode)
        ]

    def rules(self, task: TaskSpec, node: yaml.Node) -> TaskRules:
        merge: dict[Word, list[Word]] = {}
        rename: dict[Word, list[Word]] = {}
        drop: list[Word] = []
        imply: dict[Word, list[Word]] = {}
        at_least = 0
        for (key, line), value in self.mapping(node, f"rules: {', '.join(KEYS)}"):
            if key == "merge":
                merge = self._lists(value, "the labels that become it")
            elif key == "rename":
                rename = self._lists(value, "its new name")
            elif key == "drop":
                drop = self.words(value, "labels")
            elif key == "imply":
                imply = self._lists(value, "the labels that hold too")
            elif key == "at_least":
                at_least = self._number(value)
            else:
                near = difflib.get_close_matches(key, KEYS, n=1)
                hint = f"{near[0]}?" if near else f"one of {', '.join(KEYS)}"
                self.fault(line, f"rule {key!r}", hint)
        return _Checked(self, task).rules(merge, rename, drop, imply, at_least)

    def _lists(self, node: yaml.Node, what: str) -> dict[Word, list[Word]]:
        return {word: self.words(value, what) for word, value in self.mapping(node, what)}

    def _number(self, node: yaml.Node) -> int:
        text = node.value if isinstance(node, yaml.ScalarNode) else ""
        if not (text.isascii() and text.isdecimal()):
            self.fault(node.start_mark.line + 1, text or _kind(node), "a number of pictures")
            return 0
        return int(text)


class _Checked:
    """Rules of one task against its labels."""

    def __init__(self, reader: _Reader, task: TaskSpec) -> None:
        self.reader = reader
        self.task = task

    def rules(
        self,
        merge: Mapping[Word, Sequence[Word]],
        rename: Mapping[Word, Sequence[Word]],
        drop: Sequence[Word],
        imply: Mapping[Word, Sequence[Word]],
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
        if imply and self.task.kind != "multi_label":
            line = next(iter(imply))[1]
            expected = "it for tasks of kind multi_label alone"
            self.reader.fault(line, f"'imply' for the {self.task.kind} task", expected)
        for word in [*imply, *(word for words in imply.values() for word in words)]:
            if word[0] not in after:
                self.reader.fault(word[1], f"label {word[0]!r}", "a label that is there afterwards")
        groups: dict[str, list[str]] = {}
        for (name, _), members in merge.items():
            groups.setdefault(name, []).extend(word for word, _ in members if word != name)
        for (old, _), names in rename.items():
            groups.setdefault(names[0][0] if names else old, []).append(old)
        return TaskRules(
            merge={name: tuple(members) for name, members in groups.items()},
            drop=tuple(name for name, _ in drop),
            imply={name: tuple(word for word, _ in words) for (name, _), words in imply.items()},
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


def _empty(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null") and not node.style


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return f"text {node.value!r}"
    return "a list" if isinstance(node, yaml.SequenceNode) else "a mapping"
