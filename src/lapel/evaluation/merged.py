"""A model that learned the labels of before, judged on those of after a cleaning.

Where several labels became one, the model's answer to the one is its surest answer to any of
them: the maximum over all labels that make it hold (for one of several labels, which exclude
each other, their sum). Only so can a model of before be compared with one of after: both answer
the same questions about the same images.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lapel.data.cleaning.mapping import LabelMapping, TaskMapping, mapping_files, read_mappings
from lapel.data.cleaning.rules import Place
from lapel.data.dataset import Dataset
from lapel.evaluation.answers import Answers
from lapel.evaluation.calibrate import calibrate
from lapel.evaluation.known_labels import asked_of
from lapel.inference.bundle import Bundle
from lapel.metrics.thresholds import DEFAULT_THRESHOLD
from lapel.schema.errors import DatasetError, UsageError
from lapel.schema.labels import Schema, TaskSpec
from lapel.tasks.kinds import task_of
from lapel.tasks.multi_label import THRESHOLD

_View = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Merging:
    """How a model's answers become answers to the labels of after.

    Attributes:
        model: as it was learned.
        mapping: what became of each label.
    """

    model: Bundle
    mapping: LabelMapping

    @property
    def tasks(self) -> list[TaskMapping]:
        """What became of those of the model's tasks in which a label is answered otherwise."""
        names = {task.name for task in self.model.schema}
        return [one for one in self.mapping.tasks if one.before.name in names and self._moves(one)]

    def _moves(self, one: TaskMapping) -> bool:
        own = {label: [(one.before.name, label)] for label in one.before.labels}
        return self.mapping.sources(one.after.name) != own

    @property
    def schema(self) -> Schema:
        """The model's tasks with the labels of after.

        Raises:
            UsageError: the model answers by the labels of after already, or does not know those
                of before.
        """
        after = {one.before.name: one.after for one in self.tasks}
        if not after:
            mapped = ", ".join(one.before.name for one in self.mapping.tasks) or "none"
            raise UsageError(
                f"the mapping is about no task of {self.model.name}; its tasks: {mapped}"
            )
        for one in self.tasks:
            _check_learned(self.model, one)
        return Schema(tuple(after.get(task.name, task) for task in self.model.schema))

    def view(self, view: _View) -> dict[str, NDArray[np.float32]]:
        """A network's outputs, task to (N, ...), as outputs for the labels of after."""
        merged = dict(view)
        for one in self.tasks:
            name = one.before.name
            merge = _any_of if one.before.kind == "multi_label" else _one_of
            merged[name] = merge(self, one, view)
        return merged

    def answers(self, answers: Answers) -> Answers:
        """All of a dataset's."""
        return replace(answers, views=tuple(self.view(view) for view in answers.views))

    def judged_as(self, whole: Dataset, answer: Callable[[Dataset], Answers]) -> Bundle:
        """The model as it is judged: with the labels of after, and thresholds chosen for them.

        Thresholds and temperatures are fitted anew on validation, as training does, so that the
        model has the same chance as one that learned the labels of after. Without a validation
        split a label gets the lowest threshold of those that became it.

        Args:
            whole: the dataset of after, all of its splits.
            answer: the model's answers to the images of a part of it.
        """
        fitted = {one.after.name: self._lowest_thresholds(one) for one in self.tasks}
        if "validation" in whole.splits():
            part = whole.split("validation")
            fitted |= self._fitted(part, self.answers(answer(part)))
        calibration = dict(self.model.calibration) | fitted
        return replace(self.model, schema=self.schema, calibration=calibration)

    def remarks(self, whole: Dataset) -> list[str]:
        """What a reader must know before believing a number, in sentences."""
        chosen = "were chosen anew on validation"
        if "validation" not in whole.splits():
            chosen = "are the lowest of the labels behind each, since there is no validation split"
        ways = (
            ("multi_label", f"surest answer to any that makes it hold, and thresholds {chosen}"),
            ("single_label", "sum of the probabilities of all that became it"),
        )
        said = [
            f"of {', '.join(names)} each label is answered by the {way}"
            for kind, way in ways
            if (names := [f"'{one.after.name}'" for one in self.tasks if one.before.kind == kind])
        ]
        before = f"The model learned the labels of before a cleaning ({self.mapping.rules})"
        return [f"{before}; {'; '.join(said)}."]

    def temperature(self, task: str) -> float:
        """What a task's logits are divided by."""
        return self.model.calibration.get(task, {}).get("temperature", 1.0)

    def _fitted(self, part: Dataset, answers: Answers) -> dict[str, dict[str, float]]:
        specs, targets, weights = [], {}, {}
        there = {task.name for task in part.schema}
        for one in self.tasks:
            if one.after.name not in there:
                continue
            spec = one.after
            everyone = asked_of(part.labels(spec.name), part.schema[spec.name], spec)
            labels = [everyone[row] for row in answers.rows]
            targets[spec.name], weights[spec.name] = task_of(spec).encode(labels)
            if (weights[spec.name] > 0).any():
                specs.append(spec)
        if not specs:
            return {}
        recipe = self.model.provenance.get("recipe")
        goal = recipe.get("thresholds", {}) if isinstance(recipe, dict) else {}
        return calibrate(Schema(tuple(specs)), answers.views[0], targets, weights, **goal)

    def _lowest_thresholds(self, one: TaskMapping) -> dict[str, float]:
        fitted = {"temperature": self.temperature(one.before.name)}
        if one.before.kind != "multi_label":
            return fitted
        sources = self.sources(one)
        return fitted | {
            THRESHOLD + label: min(map(self._threshold, places), default=DEFAULT_THRESHOLD)
            for label, places in sources.items()
        }

    def _threshold(self, place: Place) -> float:
        task, label = place
        return self.model.calibration.get(task, {}).get(THRESHOLD + label, DEFAULT_THRESHOLD)

    def sources(self, one: TaskMapping) -> dict[str, list[Place]]:
        """Each label of after to the model's labels that make it hold."""
        known = {(task.name, label) for task in self.model.schema for label in task.labels}
        sources = self.mapping.sources(one.after.name)
        return {
            label: [place for place in places if place in known]
            for label, places in sources.items()
        }


def mapping_for(model: Bundle, given: str | Path | LabelMapping) -> LabelMapping:
    """The mapping from the labels that a model learned.

    Args:
        model: it may have learned before a dataset's first cleaning, or between two.
        given: the mapping, its file, or the dataset that holds one or several.

    Raises:
        UsageError: no such file.
        DatasetError: a file is no mapping.
    """
    if isinstance(given, LabelMapping):
        return given
    found = read_mappings(given)
    learned = {task.name: frozenset(task.labels) for task in model.schema}
    fitting = (
        mapping
        for mapping in found
        if all(
            learned.get(one.before.name, frozenset(one.before.labels)) >= set(one.before.labels)
            for one in mapping.tasks
        )
    )
    return next(fitting, found[0])


def check_cleaned(whole: Dataset, mapping: LabelMapping) -> None:
    """Refuse to judge by a mapping on the dataset that the cleaning began with.

    Raises:
        DatasetError: the dataset has the labels of before.
    """
    there = {task.name: set(task.labels) for task in whole.schema}
    for one in mapping.tasks:
        before, after = set(one.before.labels), set(one.after.labels)
        if before != after and there.get(one.before.name) == before:
            raise DatasetError(
                f"{whole.folder} has the labels of before the cleaning ({mapping.rules}); judge on "
                "the cleaned one"
            )


def way_to_judge(model: Bundle, whole: Dataset) -> str:
    """How to judge a model of former labels on a cleaned dataset; empty where it is none.

    Args:
        model: as it was learned.
        whole: the dataset, with its mappings beside its table.
    """
    learned = {task.name: set(task.labels) for task in model.schema}
    there = {task.name: set(task.labels) for task in whole.schema}
    try:
        mappings = read_mappings(whole.folder) if mapping_files(whole.folder) else []
    except DatasetError:
        # Nobody asked for the mapping: one that is torn must not hinder judging without it.
        return ""
    for mapping in mappings:
        changed = [
            one
            for one in mapping.tasks
            if one.before.name in learned and set(one.before.labels) != set(one.after.labels)
        ]
        if changed and all(
            learned[one.before.name] == set(one.before.labels)
            and there.get(one.after.name) == set(one.after.labels)
            for one in changed
        ):
            return (
                f"The dataset's labels were cleaned ({mapping.rules}), and the model learned those "
                f"of before: `--mapping {whole.folder}` judges it fairly."
            )
    return ""


def _check_learned(model: Bundle, one: TaskMapping) -> None:
    """Refuse a model that does not answer by the labels of before."""
    task = model.schema[one.before.name]
    missing = [label for label in one.before.labels if label not in task.labels]
    if one.before.kind != task.kind:
        raise UsageError(
            f"task '{task.name}' is {task.kind} in the model and {one.before.kind} in the mapping"
        )
    if missing and set(task.labels) == set(one.after.labels):
        raise UsageError(
            f"{model.name} has learned the labels of after the cleaning; leave out the mapping"
        )
    if missing:
        named = ", ".join(repr(label) for label in missing[:8])
        raise UsageError(
            f"{model.name} does not know these labels of '{task.name}', which the mapping is "
            f"about: {named}{' and more' if len(missing) > 8 else ''}; take the mapping that "
            "`lapel data clean` wrote beside the labels that the model learned"
        )


def _any_of(merging: Merging, one: TaskMapping, view: _View) -> NDArray[np.float32]:
    """Logits (N, labels of after): the largest of the logits of the labels behind each.

    Logits of other tasks are brought to the temperature of this one first.
    """
    own = merging.temperature(one.before.name)
    scaled = {
        task.name: view[task.name] * np.float32(own / merging.temperature(task.name))
        for task in merging.model.schema
        if task.kind == "multi_label"
    }
    place = {
        (task.name, label): index
        for task in merging.model.schema
        for index, label in enumerate(task.labels)
    }
    columns = [
        np.max([scaled[source[0]][:, place[source]] for source in sources], axis=0)
        for sources in merging.sources(one).values()
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def _one_of(merging: Merging, one: TaskMapping, view: _View) -> NDArray[np.float32]:
    """Logits (N, labels of after) whose probabilities are the sums of those behind each."""
    temperature = merging.temperature(one.before.name)
    spec: TaskSpec = merging.model.schema[one.before.name]
    logits = view[spec.name] / temperature
    columns = []
    for label in one.after.labels:
        behind = [place for place, old in enumerate(spec.labels) if one.now(old) == label]
        largest = logits[:, behind].max(axis=1)
        summed = np.exp(logits[:, behind] - largest[:, None]).sum(axis=1)
        columns.append(largest + np.log(summed))
    return (np.stack(columns, axis=1) * temperature).astype(np.float32)
