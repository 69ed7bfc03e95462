"""Pages that a former evaluation left in a folder, and that nothing leads to any more."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from lapel.evaluation.report import PAGES, task_pages
from lapel.evaluation.tables import METRICS

#: How a page of ours begins.
PAGE_BEGINS = b"<!doctype html>\n<html"


def former_pages(out: Path) -> set[str]:
    """The pages a task of the evaluation that stands in a folder, by its ``metrics.json``.

    A folder without one, or with one that cannot be read, has none that we know to be ours.
    """
    try:
        tasks = json.loads((out / METRICS).read_bytes())["tasks"]
        return set(task_pages(map(str, tasks)).values())
    except (OSError, ValueError, LookupError, TypeError):
        return set()


def remove_pages(out: Path, pages: Iterable[str]) -> None:
    """Remove pages of ours, and their folder if nothing else is in it; a page that cannot be
    removed stays: what was measured is written by then.
    """
    folder = out / PAGES
    for name in pages:
        with suppress(OSError):
            with (folder / name).open("rb") as file:
                ours = file.read(len(PAGE_BEGINS)) == PAGE_BEGINS
            if ours:
                (folder / name).unlink()
    with suppress(OSError):
        folder.rmdir()  # only an empty folder goes
