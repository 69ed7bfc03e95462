"""Labels on the page about a dataset: how many of each, and which hold together."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Sequence

from lapel.data.dataset import Dataset
from lapel.data.glossary import read_glossary
from lapel.data.label_counts import count_held, count_together
from lapel.schema.labels import TaskSpec

#: Labels that get pictures, of all tasks together, and of each task at least; the balance
#: shows all.
LABELS_SHOWN, LABELS_LEAST = 80, 8
#: Labels whose pairs are shown: the commonest.
PAIRS_SHOWN = 30


def word(label: str | None) -> str:
    """A label as it stands on the page."""
    return "<em>unknown</em>" if label is None else html.escape(label)


def shown_labels(dataset: Dataset, task: TaskSpec) -> list[str]:
    """The labels of a task that get pictures: the commonest, in the schema's order."""
    most = max(LABELS_LEAST, LABELS_SHOWN // len(dataset.schema.tasks))
    counts = count_held(dataset.labels_in_words(task.name))
    commonest = set(sorted(task.labels, key=lambda label: -counts[label])[:most])
    return [label for label in task.labels if label in commonest]


def balance(dataset: Dataset, task: TaskSpec) -> str:
    """How many images hold each label, in each split."""
    counts = {split: _counts(dataset.split(split), task) for split in dataset.splits()}
    labels: list[str | None] = [*task.labels]
    totals = {label: sum(count[label] for count in counts.values()) for label in [*labels, None]}
    labels += [None] if totals[None] else []
    largest = max(1, *totals.values())
    english = read_glossary(dataset.folder)
    rows = "".join(
        f"<tr><th>{word(label)}{_beside(english, f'{task.name}={label}')}</th>"
        f"<td>{totals[label]:,}</td><td>"
        + _bar({split: count[label] / largest for split, count in counts.items()}, counts, label)
        + "</td></tr>"
        for label in labels
    )
    return (
        f"<section><h2>How many of each {html.escape(task.name)}{_beside(english, task.name)}</h2>"
        f'{_several(dataset, task)}<table class="balance">{rows}</table></section>'
    )


def _beside(english: dict[str, str], name: str) -> str:
    """English beside a name of another language, where the dataset has a glossary."""
    return f" <small>{html.escape(english[name])}</small>" if name in english else ""


def _counts(part: Dataset, task: TaskSpec) -> Counter[str | None]:
    labels = part.labels_in_words(task.name)
    counts: Counter[str | None] = Counter()
    counts.update(count_held(labels))
    counts[None] = sum(label is None for label in labels)
    return counts


def _several(dataset: Dataset, task: TaskSpec) -> str:
    """How many labels an image has, where it may have several."""
    if task.kind != "multi_label":
        return ""
    labels = [label for label in dataset.labels(task.name) if label is not None]
    each = sum(count_held(labels).values()) / max(1, len(labels))
    return f"<p>Any of them may hold; {each:.1f} do on average.</p>"


def _bar(parts: dict[str, float], counts: dict[str, Counter[str | None]], label: str | None) -> str:
    pieces = "".join(
        f'<i style="width:{100 * part:.2f}%;background:var(--{split})" '
        f'title="{split}: {counts[split][label]:,}"></i>'
        for split, part in parts.items()
    )
    return f'<div class="bar">{pieces}</div>'


def together(dataset: Dataset) -> str:
    """Of the images with one label, how many have another; empty where none can have two."""
    tasks = list(dataset.schema)
    if len(tasks) == 1 and tasks[0].kind == "single_label":
        return ""
    names = [(task.name, label) for task in tasks for label in task.labels]
    chosen = _commonest(dataset, names)
    counts: list[list[int]] = count_together(dataset, chosen).tolist()
    head = "".join(f"<th><div>{word(label)}</div></th>" for _, label in chosen)
    rows = "".join(
        f"<tr><th>{_full_name(*name, several=len(tasks) > 1)}</th>"
        + "".join(_pair_cell(both, row[place]) for both in row)
        + "</tr>"
        for place, (name, row) in enumerate(zip(chosen, counts, strict=True))
    )
    rest = len(names) - len(chosen)
    unseen = "rarest label is" if rest == 1 else f"{rest:,} rarest labels are"
    more = f" The {unseen} not shown." if rest else ""
    return (
        "<section><h2>Which labels hold together</h2><p>Of a hundred pictures with the label of "
        f"the row, so many have that of the column.{more}</p>"
        f'<table class="pairs"><tr><th></th>{head}</tr>{rows}</table></section>'
    )


def _commonest(dataset: Dataset, names: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those of the labels whose pairs are shown, in their order; none that never holds."""
    held = {task.name: count_held(dataset.labels_in_words(task.name)) for task in dataset.schema}
    images = {(task, label): held[task][label] for task, label in names}
    commonest = set(sorted(names, key=lambda name: -images[name])[:PAIRS_SHOWN])
    return [name for name in names if name in commonest and images[name]]


def _full_name(task: str, label: str, *, several: bool) -> str:
    return f"<small>{word(task)}</small> {word(label)}" if several else word(label)


def _pair_cell(both: int, alone: int) -> str:
    share = both / alone
    shown = f"{100 * share:.0f}" if both else ""
    return f'<td style="--share:{share:.2f}" title="{both:,} of {alone:,}">{shown}</td>'
