"""A file of rules as YAML nodes: names as they are written, each with its line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import yaml

from lapel.data.reading.base import read_bytes
from lapel.schema.errors import Fault, FormatError

#: A name as it stands in the file, and its line.
Word: TypeAlias = tuple[str, int]


def composed(path: Path) -> yaml.Node | None:
    """The root of a file; None where it is empty.

    Raises:
        FormatError: it is no YAML.
        StorageError: it cannot be read.
    """
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


class NodeReader:
    """Looks at the nodes of a file, and collects what is wrong."""

    def __init__(self, path: Path, faults: list[Fault]) -> None:
        self.path = path
        self.faults = faults

    def fault(self, line: int, found: str, expected: str) -> None:
        """Note what is wrong in a line."""
        self.faults.append(Fault(file=str(self.path), line=line, found=found, expected=expected))

    def mapping(self, node: yaml.Node | None, what: str) -> Iterator[tuple[Word, yaml.Node]]:
        """The entries of a mapping of names to ``what``; none where nothing is written."""
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
        """A name, or a list of names."""
        return [word for _, word in self._words(node, what, with_tasks=False)]

    def words_of_tasks(self, node: yaml.Node, what: str) -> list[tuple[str | None, Word]]:
        """The same, where ``task: name`` may stand for the name of another task's label."""
        return list(self._words(node, what, with_tasks=True))

    def _words(
        self, node: yaml.Node, what: str, *, with_tasks: bool
    ) -> Iterator[tuple[str | None, Word]]:
        if _empty(node):
            return
        for one in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if isinstance(one, yaml.ScalarNode):
                yield None, (one.value, one.start_mark.line + 1)
            elif with_tasks and isinstance(one, yaml.MappingNode):
                for (task, _), value in self.mapping(one, what):
                    yield from ((task, word) for word in self.words(value, what))
            else:
                self.fault(one.start_mark.line + 1, _kind(one), what)

    def lists(self, node: yaml.Node, what: str) -> dict[Word, list[Word]]:
        """A mapping of names to names or lists of them."""
        return {word: self.words(value, what) for word, value in self.mapping(node, what)}

    def number(self, node: yaml.Node, what: str) -> int:
        """A whole number from 0 on."""
        text = node.value if isinstance(node, yaml.ScalarNode) else ""
        if not (text.isascii() and text.isdecimal()):
            self.fault(node.start_mark.line + 1, text or _kind(node), what)
            return 0
        return int(text)


def _empty(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null") and not node.style


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return f"text {node.value!r}"
    return "a list" if isinstance(node, yaml.SequenceNode) else "a mapping"
