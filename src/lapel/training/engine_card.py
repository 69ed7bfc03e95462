"""The part of a model card that tells of engines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

HEADING = "## Engines"

#: Before this part it stands, where the card has it.
BEFORE = "## Use it"

HEADER = (
    "engine", "images a second", "ms, one picture", "answers changed", "largest difference",
    "accuracy",
)  # fmt: skip


def with_engines(card: str, engines: Mapping[str, Mapping[str, Any]]) -> str:
    """A model card in which a former account of engines, if there is one, is replaced.

    Args:
        card: in Markdown.
        engines: name to what a bundle keeps of it.
    """
    lines = _without(card.splitlines())
    place = lines.index(BEFORE) if BEFORE in lines else len(lines)
    before, after = lines[:place], lines[place:]
    gap = [""] if before and before[-1] else []
    return "\n".join([*before, *gap, *_account(engines), "", *after]).rstrip("\n") + "\n"


def _without(lines: list[str]) -> list[str]:
    """All lines but those of a former account."""
    if HEADING not in lines:
        return lines
    first = lines.index(HEADING)
    ends = (row for row in range(first + 1, len(lines)) if lines[row].startswith("## "))
    return [*lines[:first], *lines[next(ends, len(lines)) :]]


def _account(engines: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield from (HEADING, "")
    yield (
        "Measured by `lapel export`: without reading and decoding pictures; the difference is a "
        "share of the largest output."
    )
    yield ""
    for cells in (HEADER, (":--", *("--:" for _ in HEADER[1:]))):
        yield f"| {' | '.join(cells)} |"
    for name, record in engines.items():
        yield f"| {' | '.join([name, *_cells(record)])} |"
    yield ""
    alike: dict[str, list[str]] = {}
    for name, record in engines.items():
        alike.setdefault(_where(record), []).append(name)
    yield from (f"- {', '.join(names)}: {where}" for where, names in alike.items())


def _cells(record: Mapping[str, Any]) -> list[str]:
    parity = record["parity"]
    return [
        f"{record['images_per_second']:,.0f}",
        f"{record['milliseconds']:.1f}",
        f"{parity['changed_answers']} of {parity['pictures']} pictures",
        f"{parity['largest_difference']:.1e}",
        _scores(record.get("scores")),
    ]


def _scores(scores: Mapping[str, Any] | None) -> str:
    if scores is None:
        return "as learned"
    return "; ".join(
        f"{name} {100 * scores['float32'][name]:.2f} → {100 * after:.2f} %"
        for name, after in scores["engine"].items()
    )


def _where(record: Mapping[str, Any]) -> str:
    parity, scores = record["parity"], record.get("scores")
    measured = ""
    if scores is not None:
        measured = (
            f"; accuracy on {scores['images']:,} {scores['split']} pictures of "
            f"`{scores['dataset']}`"
        )
    return (
        f"compared with {parity['with']} on {parity['of']}{measured}; timed on {record['machine']}"
    )
