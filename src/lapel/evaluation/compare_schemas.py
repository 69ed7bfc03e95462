"""Whether a dataset can judge a model: its tasks and labels, matched by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lapel.data.dataset import Dataset
from lapel.evaluation.known_labels import asked_of, tells
from lapel.schema.annotation import mentioned
from lapel.schema.errors import DatasetError
from lapel.schema.labels import Schema, TaskSpec

LABELS_NAMED = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """What of a model some rows of a dataset can judge.

    Attributes:
        schema: the tasks that can be judged.
        remarks: the harmless differences, in sentences.
    """

    schema: Schema
    remarks: tuple[str, ...]


def check_fits(schema: Schema, part: Dataset) -> Fit:
    """Find the tasks of a model that can be judged on some rows of a dataset.

    Labels are matched by name, so that another order, labels that only the model knows or
    tasks that only the dataset has do no harm. A task without a label in these rows is left
    out, and that is said, as long as another one can be judged.

    Raises:
        DatasetError: a task that the dataset knows as another kind, labels in these rows that
            the model does not know, or no task that can be judged.
    """
    differences = schema.differences(part.schema)
    there = {task.name: task for task in part.schema}
    missing = [spec for spec in schema if spec.name not in there]
    for spec in schema:
        another_kind = spec.name in there and there[spec.name].kind != spec.kind
        if another_kind or len(missing) == len(schema.tasks):
            raise DatasetError(
                f"dataset '{part.name}' cannot judge task '{spec.name}' of the model. Between the "
                f"model (first) and the dataset (second): {'; '.join(differences)}. Give a "
                "dataset whose column and labels have the model's names"
            )
        if spec.name in there:
            _check_points(spec, there[spec.name])
    unlabelled = [
        spec for spec in schema if spec.name in there and not _labelled(spec, part, differences)
    ]
    judged = [spec for spec in schema if spec not in missing and spec not in unlabelled]
    if not judged:
        raise DatasetError(
            f"dataset '{part.name}' has no label of task '{unlabelled[0].name}' in the rows to "
            "judge; label some, or choose another split"
        )
    remarks = []
    if differences:
        remarks.append(f"Model (first) and dataset (second) differ: {'; '.join(differences)}.")
    if missing or unlabelled:
        names = ", ".join(f"'{spec.name}'" for spec in schema if spec not in judged)
        remarks.append(f"Not judged, since these images have no label of it: {names}.")
    return Fit(schema=Schema(tuple(judged)), remarks=tuple(remarks))


def _check_points(spec: TaskSpec, there: TaskSpec) -> None:
    """Refuse garments whose landmarks are others than the model's: they are told by their order.

    Raises:
        DatasetError: there are such.
    """
    for label, names in spec.points.items():
        found = there.points.get(label, names)
        if found != names:
            raise DatasetError(
                f"task '{spec.name}' has other landmarks of '{label}' in the dataset than in the "
                f"model: found {_named(found)}, expected {_named(names)} in this order; give a "
                "dataset with the model's landmarks, or one without any"
            )


def _named(names: Sequence[str]) -> str:
    return ", ".join(names[:LABELS_NAMED]) + (", ..." if len(names) > LABELS_NAMED else "")


def _labelled(spec: TaskSpec, part: Dataset, differences: list[str]) -> bool:
    """Whether some row has a label of a task.

    Raises:
        DatasetError: labels that the model does not know.
    """
    labels, there = part.labels(spec.name), part.schema[spec.name]
    # Labels may have to be read one at a time: they are gone through only if need be.
    strange = set(there.labels) - set(spec.labels)
    words = (word for label in labels for word in mentioned(label)) if strange else ()
    counts = Counter(words)
    unknown = sorted(counts.keys() & strange)
    if unknown:
        named = ", ".join(f"'{label}' ({counts[label]})" for label in unknown[:LABELS_NAMED])
        rest = f" and {len(unknown) - LABELS_NAMED} more" if len(unknown) > LABELS_NAMED else ""
        raise DatasetError(
            f"dataset '{part.name}' has labels of task '{spec.name}' that the model does not know: "
            f"{named}{rest}. Between the model (first) and the dataset (second): "
            f"{'; '.join(differences)}. Rename them as the model does, leave those rows without a "
            "label, or train a model that knows them"
        )
    asked = asked_of(labels, there, spec)
    return any(tells(label, spec) for label in asked)
