"""The table and the figure of ``benchmarks.labels_given``, drawn from its single values.

python -m benchmarks.labels_given_curve runs/labels-given/labels-given.json curve.png
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measuring import markdown_table

#: Curves, as they stand in the JSON: ``study``, ``order``, ``seed``, ``accuracy``.
Curves = Sequence[Mapping[str, Any]]

RANDOM = "random"

#: Told apart by people who see colours otherwise, and by their dashes (Okabe and Ito 2008).
COLOURS = ("#6b6b6b", "#0072b2", "#d55e00", "#009e73", "#cc79a7")
DASHES = ("--", "-", "-", ":", "-.")


def main() -> None:
    """Draw the figure anew, and print the table."""
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    content = json.loads(source.read_text("utf-8"))
    draw_curves(content["curves"], content["counts"], target)
    print(table_of(content["curves"], content["counts"]))


def table_of(curves: Curves, counts: Mapping[str, Sequence[int]]) -> str:
    """A table a study: a row a number of labels, a column an order, and the lead over random."""
    parts = []
    for study in counts:
        orders = orders_of(curves, study)
        if not orders:
            continue
        others = [order for order in orders if order != RANDOM]
        rows = []
        for place, labels in enumerate(counts[study]):
            row = [f"{labels:,}"]
            row += [spread(values_at(curves, study, order, place)) for order in orders]
            if RANDOM in orders:
                row += [lead(curves, study, order, place) for order in others]
            rows.append(row)
        header = [f"{study}: labels", *orders]
        header += [f"{order} - random" for order in others] if RANDOM in orders else []
        parts.append(markdown_table(header, rows))
        parts.append(saved_words(curves, study, counts[study]))
    return "\n".join(parts)


def orders_of(curves: Curves, study: str) -> list[str]:
    """The orders of a study, in the order in which they were run."""
    return list(dict.fromkeys(one["order"] for one in curves if one["study"] == study))


def values_at(curves: Curves, study: str, order: str, place: int) -> dict[int, float]:
    """Seed to accuracy in percent."""
    return {
        one["seed"]: 100 * one["accuracy"][place]
        for one in curves
        if (one["study"], one["order"]) == (study, order)
    }


def spread(values: Mapping[int, float]) -> str:
    """The mean, and from where to where the seeds reach."""
    numbers = list(values.values())
    mean = f"{statistics.mean(numbers):.1f}"
    return f"{mean} ({min(numbers):.1f} to {max(numbers):.1f})" if len(numbers) > 1 else mean


def lead(curves: Curves, study: str, order: str, place: int) -> str:
    """How far an order is ahead of random, seed by seed: the mean, least and most."""
    mine, theirs = (values_at(curves, study, name, place) for name in (order, RANDOM))
    apart = {seed: mine[seed] - theirs[seed] for seed in mine if seed in theirs}
    if not apart:
        return ""
    numbers = list(apart.values())
    mean = f"{statistics.mean(numbers):+.1f}"
    more = f" ({min(numbers):+.1f} to {max(numbers):+.1f})" if len(numbers) > 1 else ""
    return mean + more


def mean_curve(curves: Curves, study: str, order: str, counts: Sequence[int]) -> list[float]:
    """Mean accuracy in percent after each number of labels."""
    return [
        statistics.mean(values_at(curves, study, order, place).values())
        for place in range(len(counts))
    ]


def saved_words(curves: Curves, study: str, counts: Sequence[int]) -> str:
    """With how many labels each order is where random is in the end."""
    orders = orders_of(curves, study)
    if RANDOM not in orders:
        return ""
    goal = mean_curve(curves, study, RANDOM, counts)[-1]
    lines = []
    for order in orders:
        if order == RANDOM:
            continue
        needed = labels_until(mean_curve(curves, study, order, counts), counts, goal)
        said = f"about {round(needed, -1):,.0f} labels" if needed else "does not reach it"
        lines.append(f"- {order}: {said}")
    return f"{goal:.1f} %, where random order is after {counts[-1]:,} labels:\n\n" + "\n".join(
        [*lines, ""]
    )


def labels_until(mean: Sequence[float], counts: Sequence[int], goal: float) -> float | None:
    """Labels until a curve of means reaches a goal, between two counts on a straight line."""
    for place, value in enumerate(mean):
        if value >= goal:
            if not place:
                return float(counts[0])
            below, above = mean[place - 1], value
            share = (goal - below) / (above - below)
            return counts[place - 1] + share * (counts[place] - counts[place - 1])
    return None


def draw_curves(curves: Curves, counts: Mapping[str, Sequence[int]], path: Path) -> None:
    """A panel a study: mean accuracy over labels, and between which values the seeds lie."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    studies = [study for study in counts if orders_of(curves, study)]
    figure, panels = plt.subplots(
        1, len(studies), figsize=(5.2 * len(studies), 4), squeeze=False, constrained_layout=True
    )
    for panel, study in zip(panels[0], studies, strict=True):
        for number, order in enumerate(orders_of(curves, study)):
            values = np.array(
                [
                    list(values_at(curves, study, order, place).values())
                    for place in range(len(counts[study]))
                ]
            )
            colour = COLOURS[number % len(COLOURS)]
            panel.plot(
                counts[study], values.mean(axis=1), DASHES[number % len(DASHES)],
                color=colour, marker="o", markersize=4, label=order,
            )  # fmt: skip
            panel.fill_between(
                counts[study],
                values.min(axis=1),
                values.max(axis=1),
                color=colour,
                alpha=0.12,
                lw=0,
            )
        seeds = len({one["seed"] for one in curves if one["study"] == study})
        panel.set_title(f"{study}, {seeds} seed{'s' if seeds > 1 else ''}")
        panel.set_xlabel("labels given")
        panel.set_ylabel("accuracy on held-out photos, %")
        panel.grid(alpha=0.25)
        panel.spines[["top", "right"]].set_visible(False)
        panel.legend(loc="lower right", frameon=False)
    figure.savefig(path, dpi=130)
    plt.close(figure)


if __name__ == "__main__":
    main()
