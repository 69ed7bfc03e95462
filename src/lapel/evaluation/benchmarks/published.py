"""The published rows of ``published.json``, in the names and units of our numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from lapel.data.deepfashion.names import ATTRIBUTE_TASKS
from lapel.evaluation.benchmarks.table import Row
from lapel.metrics.top_recall import TOP_K, mean_of_types

PUBLISHED_FILE = "published.json"

#: DeepFashion's types of attributes; each is a task of kind ``multi_label``.
TYPES = ATTRIBUTE_TASKS

#: The two meanings of All, as names of numbers come before ``.recall_at_K``.
ALL_MEAN, ALL_GLOBAL = "all_mean_of_types", "all_global"

#: What the file says that a row's All is, and the number that it then is.
_MEANINGS = {"mean of types": ALL_MEAN, "global": ALL_GLOBAL}

_PRINTED = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What is published for one table.

    Attributes:
        source: where most rows come from.
        rows: the rows.
        notes: what to know before comparing, in sentences.
    """

    source: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...]


@cache
def published(table: str) -> Published:
    """The published rows of a table, by its name in ``published.json``.

    Shares come as 0 to 1. A row of attributes of all five types has the mean of them as
    ``all_mean_of_types``, whatever it prints as All; an All that is said to be global is
    ``all_global``; an All whose meaning nobody says becomes a note.
    """
    content = _file()["tables"][table]
    scale = 100.0 if content["unit"] == "percent" else 1.0
    rows, notes = [], list(content["notes"])
    for entry in content["rows"]:
        printed = {
            name: value / scale
            for name, value in zip(content["columns"], entry["values"], strict=True)
            if value is not None
        }
        rows.append(_row(entry, printed, content["source"]))
        if entry.get("all") == "unsaid":
            notes.append(_unsaid(rows[-1], printed))
    return Published(source=content["source"], rows=tuple(rows), notes=tuple(notes))


@cache
def _file() -> dict[str, Any]:
    text = resources.files(__package__).joinpath(PUBLISHED_FILE).read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return content


def _row(entry: Mapping[str, Any], printed: Mapping[str, float], source: str) -> Row:
    numbers = {name: value for name, value in printed.items() if not _is_all(name)}
    types = [
        {f"recall_at_{k}": numbers[f"{name}.recall_at_{k}"] for k in TOP_K}
        for name in TYPES
        if f"{name}.recall_at_{TOP_K[0]}" in numbers
    ]
    if len(types) == len(TYPES):
        mean = mean_of_types(types)
        numbers |= {f"{ALL_MEAN}.{name}": round(value, 6) for name, value in mean.items()}
    if entry.get("all") in _MEANINGS:
        meaning = _MEANINGS[entry["all"]]
        said = {
            f"{meaning}.{name.partition('.')[2]}": value
            for name, value in printed.items()
            if _is_all(name)
        }
        # Where both can be had, the mean that is computed and the one that is printed agree.
        numbers = said | numbers
    return Row(
        method=entry["method"],
        numbers=numbers,
        source=entry.get("source", source),
        beside=entry.get("beside", ""),
    )


def _is_all(name: str) -> bool:
    return name.partition(".")[0] == _PRINTED


def _unsaid(row: Row, printed: Mapping[str, float]) -> str:
    """What a row prints as All beside the mean of its types."""
    both = [f"{100 * printed[f'{_PRINTED}.recall_at_{k}']:.2f}" for k in TOP_K]
    mean = [f"{100 * row.numbers[f'{ALL_MEAN}.recall_at_{k}']:.2f}" for k in TOP_K]
    return (
        f"{row.method} prints {' / '.join(both)} as All without saying which; the mean of its five "
        f"types is {' / '.join(mean)}."
    )
