"""Names of files for tasks: whatever a task is called, and readable where that can be."""

from __future__ import annotations

import re
from unicodedata import normalize

from hypothesis import given
from hypothesis import strategies as st

from lapel.storage.names import task_file_names


@given(st.lists(st.text(min_size=1, max_size=60), min_size=1, max_size=8, unique=True))
def test_every_task_gets_a_name_that_file_systems_take(tasks: list[str]) -> None:
    names = task_file_names(tasks)
    assert list(names) == tasks
    assert len({name.casefold() for name in names.values()}) == len(tasks)
    for name in names.values():
        assert re.fullmatch(r"[\w-]+", name)
        assert len(f"{name}.html".encode()) <= 255


def test_names_stay_readable() -> None:
    tasks = ["colour", "Colour", "색상", "a/b", "a b", "con", "...", "../x"]
    assert list(task_file_names(tasks).values()) == [
        "colour", "Colour-2", "색상", "a_b", "a_b-2", "con_", "task", "x"
    ]  # fmt: skip


def test_one_word_in_two_spellings_has_one_file() -> None:
    composed, apart = normalize("NFC", "색상"), normalize("NFD", "색상")
    assert composed != apart
    assert task_file_names([apart]) == {apart: composed}
