"""The page about a dataset, put together. Whatever a user typed is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from lapel.data.dataset import Dataset
from lapel.data.exploring.charts import (
    difference_picture,
    histogram,
    image_tag,
    mean_picture,
    mosaic,
    sizes_chart,
)
from lapel.data.exploring.labels import balance, shown_labels, together, word
from lapel.data.exploring.painted import painted_pages
from lapel.data.exploring.places import places
from lapel.data.exploring.sampling import (
    SMALL_SIDE,
    Look,
    chance_distance,
    distribution_distance,
    side_of,
)
from lapel.data.exploring.style import POLICY, STYLE
from lapel.data.label_counts import count_held
from lapel.schema.annotation import held
from lapel.schema.labels import TaskSpec

#: Kinds of task whose labels are of the whole picture, so that a label has a face.
FACED = ("single_label", "multi_label")
#: Pictures of a label; half as many where several tasks have labels.
MOSAIC_TILES = 24
#: Shares of a label that differ by less are called equal.
ALIKE_SHARES = 0.0005


def page(dataset: Dataset, looks: Sequence[Look]) -> str:
    """The whole page as HTML."""
    title = html.escape(dataset.name)
    sections = [
        *(balance(dataset, task) for task in dataset.schema),
        together(dataset),
        *(_faces(dataset, task, looks) for task in dataset.schema if task.kind in FACED),
        *places(dataset, looks),
        *painted_pages(dataset, looks),
        _sizes(dataset),
        *_against_test(dataset, looks),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}: a look at the data</title><style>{STYLE}</style></head><body><main>"
        f"{_head(dataset, looks)}{''.join(sections)}</main></body></html>\n"
    )


def _head(dataset: Dataset, looks: Sequence[Look]) -> str:
    cards = [("pictures", len(dataset)), *dataset.splits().items()]
    shown = "".join(f"<div><b>{count:,}</b>{html.escape(name)}</div>" for name, count in cards)
    facts = [dataset.description.origin, dataset.description.licence]
    about = "".join(f"<p>{html.escape(fact)}</p>" for fact in facts if fact)
    key = "".join(
        f'<span><i style="background:var(--{split})"></i>{split}</span>'
        for split in dataset.splits()
    )
    return (
        f"<header><h1>{html.escape(dataset.name)}</h1>{about}"
        f'<div class="cards">{shown}</div><p class="key">{key}</p>'
        f"<p>Counts are of all pictures; what pictures look like, of {len(looks):,} drawn evenly "
        "from classes and splits.</p></header>"
    )


def _of_class(
    dataset: Dataset, task: TaskSpec, looks: Sequence[Look]
) -> Iterator[tuple[str, list[Look]]]:
    labels = dataset.labels_in_words(task.name)
    for label in shown_labels(dataset, task):
        yield label, [look for look in looks if label in held(labels[look.row])]


def _faces(dataset: Dataset, task: TaskSpec, looks: Sequence[Look]) -> str:
    cells = []
    small = side_of(dataset) == SMALL_SIDE
    shown = MOSAIC_TILES if len(dataset.schema.tasks) == 1 else MOSAIC_TILES // 2
    for label, found in _of_class(dataset, task, looks):
        if not found:
            cells.append(f"<figure><figcaption>{word(label)}: none</figcaption></figure>")
            continue
        step = max(1, len(found) // shown)
        tiles = [look.tile for look in found[::step][:shown]]
        mean = mean_picture([look.square for look in found])
        cells.append(
            f"<figure><figcaption>{word(label)}</figcaption><div>"
            f'<div class="mean">{image_tag(mean, f"mean of {label}", scale=2 if small else 1)}'
            "<small>mean</small></div>"
            + image_tag(mosaic(tiles, columns=8 if small else 6), f"pictures of {label}")
            + "</div></figure>"
        )
    more = len(task.labels) - len(cells)
    rest = f"<p>{more:,} rarer ones are not shown.</p>" if more > 0 else ""
    return (
        f"<section><h2>Faces of each {html.escape(task.name)}</h2>"
        f'<div class="faces{"" if small else " photos"}">{"".join(cells)}</div>{rest}</section>'
    )


def _sizes(dataset: Dataset) -> str:
    sizes = {
        split: dataset.split(split).table.select("width", "height").to_numpy()
        for split in dataset.splits()
    }
    everything = np.concatenate(list(sizes.values()))
    different = np.unique(everything, axis=0)
    if len(different) == 1:
        width, height = different[0]
        body = f"<p>Every picture is {width} x {height} pixels.</p>"
    else:
        low, middle, high = (np.percentile(everything, q, axis=0).round() for q in (0, 50, 100))
        body = (
            f"<p>{len(different):,} sizes: {low[0]:.0f} to {high[0]:.0f} pixels wide (median "
            f"{middle[0]:.0f}), {low[1]:.0f} to {high[1]:.0f} high (median {middle[1]:.0f})."
            f"</p>{sizes_chart(sizes)}"
        )
    return f"<section><h2>Sizes</h2>{body}</section>"


def _against_test(dataset: Dataset, looks: Sequence[Look]) -> Iterator[str]:
    """Train against test, or against validation where there is no test."""
    splits = dataset.splits()
    other = next((split for split in ("test", "validation") if split in splits), None)
    if "train" not in splits or other is None:
        return
    where = dataset.table["split"].to_list()
    train = [look for look in looks if where[look.row] == "train"]
    test = [look for look in looks if where[look.row] == other]
    if not train or not test:
        return
    yield (
        f"<section><h2>Train against {other}</h2>"
        "<p>If the two differ, a score on one says little about the other. The distance is the "
        "largest gap between two cumulative distributions, 0 to 1; one draw in twenty of equal "
        f"distributions exceeds {chance_distance(len(train), len(test)):.3f} by chance.</p>"
        f"{_numbers_table(train, test, other)}{_shares(dataset, other)}"
        f'<div class="charts">{_histograms(train, test, other)}</div>'
        f"{_mean_differences(dataset, train, test, other)}</section>"
    )


def _values(looks: Sequence[Look], number: str) -> NDArray[np.float64]:
    return np.array([look.numbers[number] for look in looks])


def _numbers_table(train: Sequence[Look], test: Sequence[Look], other: str) -> str:
    limit = chance_distance(len(train), len(test))
    rows = []
    for number in train[0].numbers:
        one, two = _values(train, number), _values(test, number)
        distance = distribution_distance(one, two)
        verdict = "differs" if distance > limit else "alike"
        rows.append(
            f"<tr><th>{number}</th><td>{np.median(one):.1f}</td><td>{np.median(two):.1f}</td>"
            f'<td>{distance:.3f}</td><td class="{verdict}">{verdict}</td></tr>'
        )
    head = f"<tr><th></th><th>train, median</th><th>{other}, median</th><th>distance</th><th></th>"
    return f"<table>{head}</tr>{''.join(rows)}</table>"


def _shares(dataset: Dataset, other: str) -> str:
    lines = []
    for task in dataset.schema:
        train, test = (
            dataset.split(split).labels_in_words(task.name) for split in ("train", other)
        )
        counts = count_held(train), count_held(test)
        gaps = {
            label: counts[1][label] / len(test) - counts[0][label] / len(train)
            for label in task.labels
        }
        label = max(gaps, key=lambda name: abs(gaps[name]))
        shares = 100 * counts[0][label] / len(train), 100 * counts[1][label] / len(test)
        if abs(gaps[label]) < ALIKE_SHARES:
            lines.append(f"<p>Labels of {html.escape(task.name)} have equal shares in both.</p>")
            continue
        lines.append(
            f"<p>Of all labels of {html.escape(task.name)}, the share of "
            f"<b>{html.escape(label)}</b> differs most: {shares[0]:.1f} % of train, "
            f"{shares[1]:.1f} % of {other}.</p>"
        )
    return "".join(lines)


def _histograms(train: Sequence[Look], test: Sequence[Look], other: str) -> str:
    charts = []
    for number in ("brightness", "contrast", "colourfulness"):
        values = {"train": _values(train, number), other: _values(test, number)}
        if np.ptp(np.concatenate(list(values.values()))) > 0:
            charts.append(histogram(number, values))
    return "".join(charts)


def _mean_differences(
    dataset: Dataset, train: Sequence[Look], test: Sequence[Look], other: str
) -> str:
    task = next(iter(dataset.schema))
    cells = []
    pairs = zip(_of_class(dataset, task, train), _of_class(dataset, task, test), strict=True)
    for (label, one), (_, two) in pairs:
        if not one or not two:
            continue
        means = [mean_picture([look.square for look in side]) for side in (one, two)]
        pictures = [*means, difference_picture(*means)]
        scale = 2 if means[0].shape[0] < 40 else 1
        images = "".join(
            image_tag(picture, f"{what} of {label}", scale=scale)
            for picture, what in zip(pictures, ("train", other, "difference"), strict=True)
        )
        cells.append(f"<figure><figcaption>{word(label)}</figcaption><div>{images}</div></figure>")
    return (
        f"<h3>Mean pictures: train, {other}, and four times their difference</h3>"
        f"<p>Orange where {other} is brighter, blue where it is darker.</p>"
        f'<div class="faces small">{"".join(cells)}</div>'
    )
