"""What is proposed for a picture, and what became of the proposal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lapel.review.records import CONFIRMED, GIVEN, LEFT, MENDED, Given, Proposed
from lapel.review.values import Value, checked, value_of_answer
from lapel.schema.errors import SchemaError
from lapel.schema.labels import Schema, TaskSpec


def proposals(item: Proposed, tasks: Schema) -> dict[str, Value]:
    """Task to what is proposed: the model's answer, or without one the label that stands; None
    where there is neither.
    """
    return {
        spec.name: value_of_answer(spec, item.machine[spec.name], item.size)
        if spec.name in item.machine
        else item.standing.get(spec.name)
        for spec in tasks
    }


def given_answers(item: Proposed, tasks: Schema, answers: Mapping[str, Value]) -> dict[str, Given]:
    """Answers from a page, checked, each with what it makes of the proposal.

    Args:
        item: the picture.
        tasks: what was asked.
        answers: task to value; those left out are left open.

    Returns:
        An answer for each task; nothing where all are left open.

    Raises:
        SchemaError: a task that was not asked, or a value that does not fit it.
    """
    strange = sorted(answers.keys() - {spec.name for spec in tasks})
    if strange:
        raise SchemaError(f"nobody asked for {', '.join(strange)}; reload the page")
    proposed = proposals(item, tasks)
    found = {
        spec.name: _given(spec, item, answers.get(spec.name), proposed[spec.name]) for spec in tasks
    }
    return found if any(one.verdict != LEFT for one in found.values()) else {}


def _given(spec: TaskSpec, item: Proposed, value: Value, proposed: Value) -> Given:
    if value is None:
        return Given(value=None, verdict=LEFT)
    said = checked(spec, value, item.size)
    if proposed is None:
        return Given(value=said, verdict=GIVEN)
    try:
        same = said == checked(spec, proposed, item.size)
    except SchemaError:  # what stands may be just what people are here to mend
        same = False
    return Given(value=said, verdict=CONFIRMED if same else MENDED)


def likelihoods(item: Proposed, tasks: Schema) -> dict[str, Any]:
    """Task to how sure the model is: label to probability; of landmarks, that each can be seen; of
    classes of pixels, the share of each; of garments a list of scores.
    """
    return {
        spec.name: _likelihood(spec, item.machine[spec.name])
        for spec in tasks
        if spec.name in item.machine
    }


def _likelihood(spec: TaskSpec, answer: Mapping[str, Any]) -> Any:  # noqa: ANN401 - plain values
    if spec.kind == "landmarks":
        return {one["name"]: one["visible"] for one in answer["points"]}
    if spec.kind == "segmentation":
        return {one["label"]: one["share"] for one in answer["classes"]}
    if spec.kind == "garments":
        return [one["score"] for one in answer["garments"]]
    told = [*answer["top"], *answer.get("labels", ())]
    return {one["label"]: one["probability"] for one in told}
