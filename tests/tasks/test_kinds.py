"""The table of kinds."""

from __future__ import annotations

import pytest

from lapel.schema.errors import SchemaError
from lapel.schema.labels import TaskSpec
from lapel.tasks.kinds import KINDS, task_of


def test_an_unknown_kind_is_refused_with_those_there_are() -> None:
    spec = TaskSpec(name="mood", kind="horoscope", labels=("good", "bad"))
    with pytest.raises(SchemaError, match=f"'mood' is of kind 'horoscope'.*{', '.join(KINDS)}"):
        task_of(spec)
