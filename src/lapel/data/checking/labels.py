"""What is wrong with a dataset's labels and splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from lapel.data.checking.findings import Finding, drawing_anew, finding
from lapel.data.cleaning.lint import IMPLYING, KINDS, LabelPair
from lapel.data.dataset import Dataset
from lapel.data.label_counts import count_held
from lapel.schema.annotation import SPLITS, Tags, mentioned
from lapel.schema.counting import counted
from lapel.schema.labels import TaskSpec

#: A class is called rare where the largest one has this many times its images, or more.
RARE_ONE_IN = 50


def label_findings(dataset: Dataset, unread: Collection[str] = ()) -> Iterator[Finding]:
    """Labels that do not exist, images without any; splits, and items that stand in two of them.

    Rare, missing and constant labels besides.

    Args:
        dataset: whose.
        unread: tasks some of whose labels cannot be read; they are passed over.
    """
    tasks = [task for task in dataset.schema if task.name not in unread]
    yield from _strange_labels(dataset, tasks)
    yield from _split_findings(dataset)
    yield from _item_findings(dataset)
    for task in tasks:
        yield from _missing_classes(dataset, task)
        yield from _rare_classes(dataset, task)
        if task.kind == "multi_label":
            yield from _constant_tags(dataset, task)
        elif task.kind == "single_label":
            yield from _only_label(dataset, task)


def pair_findings(dataset: Dataset, pairs: list[LabelPair]) -> Iterator[Finding]:
    """Labels that may be one, or imply one another; see :mod:`lapel.data.cleaning.lint`."""
    for task in dataset.schema:
        for kind, words in KINDS.items():
            found = [pair for pair in pairs if pair.task == task.name and pair.kind == kind]
            remedy = (
                "if so, say it with `imply`"
                if kind == IMPLYING
                else "if two are one, join them with `lapel data clean`"
            )
            yield from finding(
                f"label_{kind}",
                "warning",
                f"labels of '{task.name}' {words}; {remedy} "
                "(`--propose RULES.yaml` writes its rules)",
                [str(pair) for pair in found],
            )


def _strange_labels(dataset: Dataset, tasks: Sequence[TaskSpec]) -> Iterator[Finding]:
    for task in tasks:
        known = frozenset(task.labels)
        strange: Counter[str] = Counter()
        labels = Counter(dataset.labels_in_words(task.name))
        unknown = labels.pop(None, 0)
        for label, count in labels.items():
            for word in mentioned(label):
                if word not in known:
                    strange[word] += count
        yield from finding(
            "unknown_label",
            "fault",
            f"labels of '{task.name}' are not in the schema; mend the table or import again",
            [f"{label!r} on {counted(count, 'image')}" for label, count in sorted(strange.items())],
        )
        if unknown:
            message = f"images have no '{task.name}'; they take part in no learning or score of it"
            yield Finding(kind="unlabelled", severity="warning", message=message, count=unknown)


def _split_findings(dataset: Dataset) -> Iterator[Finding]:
    strange = Counter(split for split in dataset.table["split"] if split not in SPLITS)
    yield from finding(
        "unknown_split",
        "fault",
        f"splits are none of {', '.join(SPLITS)}; make them anew with `lapel data split`",
        [f"{split!r} on {counted(count, 'image')}" for split, count in strange.items()],
    )
    missing = [split for split in ("train", "validation") if split not in dataset.splits()]
    yield from finding(
        "missing_split",
        "warning",
        "splits that training needs are missing; make them with `lapel data split`",
        missing,
    )


def _item_findings(dataset: Dataset) -> Iterator[Finding]:
    """Items, by the column ``group``, whose pictures stand on two sides."""
    if "group" not in dataset.table.columns:
        return
    rows = dataset.table.select("group", "split").drop_nulls("group").iter_rows()
    sides: dict[str, Counter[str]] = {}
    for item, split in rows:
        sides.setdefault(item, Counter())[split] += 1
    torn = {item: splits for item, splits in sides.items() if len(splits) > 1}
    sharing = {split for splits in torn.values() for split in splits}
    yield from finding(
        "item_across_splits",
        "fault",
        "items (column 'group') stand in two splits: what is measured there was learned from other "
        f"pictures of them; remove these, or draw the splits anew with {drawing_anew(sharing)}, "
        "which leaves each item on one side",
        [
            f"{item}: {', '.join(f'{split} {count:,}' for split, count in sorted(splits.items()))}"
            for item, splits in torn.items()
        ],
    )


def _rare_classes(dataset: Dataset, task: TaskSpec) -> Iterator[Finding]:
    counts = count_held(dataset.labels_in_words(task.name))
    largest = max(counts.values(), default=0)
    rare = [label for label in task.labels if 0 < counts[label] * RARE_ONE_IN <= largest]
    yield from finding(
        "rare_class",
        "warning",
        f"classes of '{task.name}' have a fiftieth of the largest one's {largest:,}, or less",
        [f"{label} ({counts[label]:,})" for label in rare],
    )


def _missing_classes(dataset: Dataset, task: TaskSpec) -> Iterator[Finding]:
    for split in dataset.splits():
        labels = dataset.split(split).labels_in_words(task.name)
        if all(label is None for label in labels):
            continue
        there = count_held(labels)
        yield from finding(
            "missing_class",
            "warning",
            f"classes of '{task.name}' are missing in {split}",
            [label for label in task.labels if not there[label]],
        )


def _constant_tags(dataset: Dataset, task: TaskSpec) -> Iterator[Finding]:
    """Tags without a single no: there is nothing to be learned of them."""
    labels = [label for label in dataset.labels(task.name) if isinstance(label, Tags)]
    known = Counter(dict.fromkeys(task.labels, len(labels)))
    known.subtract(word for label in labels for word in label.unknown)
    held = count_held(labels)
    always = [label for label in task.labels if held[label] and held[label] == known[label]]
    yield from finding(
        "constant_label",
        "warning",
        f"labels of '{task.name}' hold for every image that has any; nothing tells them apart",
        always,
    )


def _only_label(dataset: Dataset, task: TaskSpec) -> Iterator[Finding]:
    """The one label of a task without a second: always right, and worth nothing."""
    held = count_held(dataset.labels(task.name))
    there = [label for label in task.labels if held[label]]
    yield from finding(
        "constant_label",
        "warning",
        f"label of '{task.name}' holds for every image that has any: nothing is to be learned, and "
        "the task raises every mean over tasks",
        there if len(there) == 1 else [],
    )
