"""How far a round is: what is done, by whom, what was taken as proposed, how far people agree."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lapel.metrics.agreement import Agreement, agreement
from lapel.review.records import ANSWERED, CONFIRMED, GIVEN, LEFT, MENDED, SKIPPED, Opinion
from lapel.review.store import ReviewStore
from lapel.review.values import Value
from lapel.schema.labels import Schema, TaskSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskProgress:
    """What became of the proposals of a task.

    Attributes:
        task: its name.
        confirmed: answers that took the proposal as it was.
        mended: answers that changed it.
        given: answers where nothing was proposed.
        left: pictures answered without an answer to this task.
    """

    task: str
    confirmed: int = 0
    mended: int = 0
    given: int = 0
    left: int = 0

    @property
    def accepted(self) -> float | None:
        """The share of proposals that were taken unchanged; None without any."""
        proposed = self.confirmed + self.mended
        return self.confirmed / proposed if proposed else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a round is.

    Attributes:
        total: its pictures.
        done: those with as many opinions as were asked for.
        people: annotator to how many pictures they answered, and how many they passed over that
            wait for an opinion still.
        tasks: a line a task, in the schema's order; empty where nobody asked.
    """

    total: int
    done: int
    people: dict[str, tuple[int, int]]
    tasks: tuple[TaskProgress, ...]

    def to_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {
            "total": self.total,
            "done": self.done,
            "people": [
                {"name": name, "answered": answered, "skipped": skipped}
                for name, (answered, skipped) in self.people.items()
            ],
            "tasks": [
                {
                    "task": one.task,
                    "confirmed": one.confirmed,
                    "mended": one.mended,
                    "given": one.given,
                    "left": one.left,
                    "accepted": one.accepted,
                }
                for one in self.tasks
            ],
        }


def progress_of(store: ReviewStore, *, in_full: bool = True) -> Progress:
    """How far the newest round is.

    Args:
        store: the answers.
        in_full: with what became of the proposals, for which all answers are gone through.

    Raises:
        UsageError: there is none yet.
    """
    tasks = store.round().tasks
    ((total, done),) = store.ask("SELECT COUNT(*), COALESCE(SUM(done), 0) FROM present")
    people: dict[str, tuple[int, int]] = {}
    counted = store.ask(
        "SELECT o.annotator, SUM(o.action = ?), SUM(o.action = ? AND i.done = 0) FROM opinions o "
        "JOIN items i ON i.number = o.item WHERE o.round = (SELECT MAX(number) FROM rounds) "
        "GROUP BY o.annotator ORDER BY o.annotator",
        ANSWERED,
        SKIPPED,
    )
    for annotator, answered, skipped in counted:
        people[annotator] = (answered, skipped)
    told = _tasks(store, tasks) if in_full else ()
    return Progress(total=total, done=done, people=people, tasks=told)


def _tasks(store: ReviewStore, tasks: Schema) -> tuple[TaskProgress, ...]:
    rows = store.ask(
        "SELECT a.task, a.verdict, COUNT(*) FROM opinions o "
        "JOIN answers a ON a.submission = o.submission "
        "WHERE o.round = (SELECT MAX(number) FROM rounds) GROUP BY a.task, a.verdict"
    )
    counts = {(task, verdict): count for task, verdict, count in rows}
    return tuple(
        TaskProgress(
            task=spec.name,
            confirmed=counts.get((spec.name, CONFIRMED), 0),
            mended=counts.get((spec.name, MENDED), 0),
            given=counts.get((spec.name, GIVEN), 0),
            left=counts.get((spec.name, LEFT), 0),
        )
        for spec in tasks
    )


def agreement_of(store: ReviewStore) -> dict[str, Agreement]:
    """How far people agree on the pictures that several of them answered.

    One label is an answer as it is; of tags each is a yes or no for itself, of landmarks the state
    of each. Boxes, masks and places are no categories, and have no kappa.

    Returns:
        Task to agreement, of the newest round's tasks that have one.
    """
    tasks = store.round().tasks
    asked = {spec.name: spec for spec in tasks if spec.kind in _CATEGORIES}
    triples: dict[str, list[tuple[Hashable, Hashable, Hashable]]] = {name: [] for name in asked}
    for opinion in _answered_twice(store):
        for task, given in opinion.answers.items():
            if task not in asked or given.value is None:
                continue
            for part, answer in _CATEGORIES[asked[task].kind](asked[task], given.value):
                triples[task].append(((opinion.item, part), opinion.annotator, answer))
    return {task: agreement(found) for task, found in triples.items()}


def agreement_json(found: dict[str, Agreement]) -> list[dict[str, Any]]:
    """The same as plain values; kappas that say nothing are null."""
    return [
        {
            "task": task,
            "name": one.name,
            "kappa": None if math.isnan(one.kappa) else one.kappa,
            "observed": None if math.isnan(one.observed) else one.observed,
            "items": one.items,
            "people": one.people,
        }
        for task, one in found.items()
    ]


def _answered_twice(store: ReviewStore) -> Iterator[Opinion]:
    several = store.ask("SELECT number FROM present WHERE answered > 1")
    for (item,) in several:
        yield from store.opinions(item=item)


def _one_label(_: TaskSpec, value: Value) -> Iterator[tuple[str, str]]:
    yield "", value


def _each_tag(spec: TaskSpec, value: Value) -> Iterator[tuple[str, str]]:
    unknown = set(value["unknown"])
    for label in spec.labels:
        if label not in unknown:
            yield label, "yes" if label in value["yes"] else "no"


def _each_state(spec: TaskSpec, value: Sequence[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    states = {one["name"]: one["state"] for one in value}
    for name in spec.labels:
        yield name, states.get(name, "absent")


_CATEGORIES = {"single_label": _one_label, "multi_label": _each_tag, "landmarks": _each_state}
