"""What stands for a name that no font here can write, in drawings alone: English, or a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lapel.imaging.lettering import font_for
from lapel.schema.labels import Schema

#: Height of the letters that are tried; fonts write a letter at any size or at none.
_SIZE = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """How the names of tasks and labels are drawn.

    Attributes:
        schema: the tasks; the number of a label is its place among those of its task, from 1.
        english: names of tasks and labels in English, where they are in another language.
    """

    schema: Schema | None = None
    english: Mapping[str, str] = field(default_factory=dict)

    def task(self, name: str) -> str:
        """The name of a task, as it can be drawn."""
        return self._written(name) or f"task {self._place(name)}"

    def label(self, task: str, name: str) -> str:
        """The name of a label, as it can be drawn."""
        written = self._written(name)
        if written:
            return written
        known = self.schema[task].labels if self.schema is not None else ()
        return f"#{known.index(name) + 1}" if name in known else name

    def _written(self, name: str) -> str:
        if font_for(name, _SIZE) is not None:
            return name
        english = self.english.get(name, "")
        return english if english and font_for(english, _SIZE) is not None else ""

    def _place(self, name: str) -> int:
        names = [spec.name for spec in self.schema or ()]
        return names.index(name) + 1 if name in names else 0
