"""Whether a dataset can judge a model: its tasks and labels, matched by name."""

from __future__ import annotations

from collections import Counter

from lapel.data.dataset import Dataset
from lapel.schema.errors import DatasetError
from lapel.schema.labels import Schema, TaskSpec

LABELS_NAMED = 8


def check_fits(schema: Schema, part: Dataset) -> list[str]:
    """Make sure that every task of a model can be judged on some rows of a dataset.

    Labels are matched by name, so that another order, labels that only the model knows or
    tasks that only the dataset has do no harm.

    Returns:
        The harmless differences, in sentences.

    Raises:
        DatasetError: a task that the dataset lacks or knows as another kind, labels in these
            rows that the model does not know, or no labelled row.
    """
    differences = schema.differences(part.schema)
    there = {task.name: task for task in part.schema}
    for spec in schema:
        if spec.name not in there or there[spec.name].kind != spec.kind:
            raise DatasetError(
                f"dataset '{part.name}' cannot judge task '{spec.name}' of the model. Between the "
                f"model (first) and the dataset (second): {'; '.join(differences)}. Give a "
                "dataset whose column and labels have the model's names"
            )
        _check_labels(spec, part, differences)
    if not differences:
        return []
    return [f"Model (first) and dataset (second) differ: {'; '.join(differences)}."]


def _check_labels(spec: TaskSpec, part: Dataset, differences: list[str]) -> None:
    counts = Counter(label for label in part.labels(spec.name) if label is not None)
    unknown = sorted(counts.keys() - set(spec.labels))
    if unknown:
        named = ", ".join(f"'{label}' ({counts[label]})" for label in unknown[:LABELS_NAMED])
        rest = f" and {len(unknown) - LABELS_NAMED} more" if len(unknown) > LABELS_NAMED else ""
        raise DatasetError(
            f"dataset '{part.name}' has labels of task '{spec.name}' that the model does not know: "
            f"{named}{rest}. Between the model (first) and the dataset (second): "
            f"{'; '.join(differences)}. Rename them as the model does, leave those rows without a "
            "label, or train a model that knows them"
        )
    if not counts:
        raise DatasetError(
            f"dataset '{part.name}' has no label of task '{spec.name}' in the rows to judge; "
            "label some, or choose another split"
        )
