"""What people are asked next: photos of a dataset in order, with what a model proposes for each."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from lapel.data.dataset import Dataset
from lapel.data.progress import Track, silent
from lapel.evaluation.doubtful import rank_doubtful
from lapel.inference.bundle import NETWORK
from lapel.inference.pictures import Failure
from lapel.inference.predictor import Predictor
from lapel.review.records import Proposed, Round
from lapel.review.store import ReviewStore
from lapel.review.values import value_of
from lapel.schema.annotation import Label
from lapel.schema.errors import DatasetError, SchemaError, StorageError, UsageError
from lapel.schema.labels import Schema
from lapel.schema.prediction import Prediction

#: Orders that need no model: drawn, the same every time; or as the table has them.
RANDOM, AS_IS = "random", "order"

#: What a model says of one photo: task to answer, as plain values.
Machine = Mapping[str, Mapping[str, Any]]

#: Labels that are proposed with their probabilities.
TOP = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A round that people can answer.

    Attributes:
        round: the round.
        resumed: whether it was there before, unfinished, with the same settings.
        unreadable: photos that nobody can look at, and what is wrong with them.
        diverse: whether near-twins are kept apart.
        unasked: tasks of the dataset that the model does not answer, and that are not asked.
    """

    round: Round
    resumed: bool = False
    unreadable: tuple[Failure, ...] = ()
    diverse: bool = False
    unasked: tuple[str, ...] = ()


def begin_review(
    dataset: Dataset,
    store: ReviewStore,
    *,
    predictor: Predictor | None = None,
    tasks: Sequence[str] | None = None,
    split: str | None = None,
    count: int | None = None,
    by: str | None = None,
    diverse: bool = True,
    unlabelled_only: bool = False,
    overlap: int = 1,
    track: Track = silent,
) -> Begun:
    """Choose the photos that people are asked about next, and write them into the store.

    A round that was begun with the same settings and is not finished goes on. Photos that somebody
    answered in a former round are not asked again about the same tasks.

    Args:
        dataset: the photos, and the labels that stand.
        store: takes the round.
        predictor: the model whose answers are proposed; None: the labels that stand are.
        tasks: what to ask; None: all tasks that the model answers.
        split: whose photos; None: all but those of ``test``, which no model should choose
            that is judged by them.
        count: how many photos; None: all.
        by: an order of :func:`lapel.evaluation.doubtful.rank_doubtful`, ``RANDOM`` or ``AS_IS``;
            None: ``entropy`` with a model, else ``RANDOM``.
        diverse: keep near-twins apart, where a model orders.
        unlabelled_only: only photos without a label of any of these tasks.
        overlap: how many people are to answer each photo.
        track: is told how far the work is.

    Raises:
        UsageError: an order that needs a model, or a count below 1.
        SchemaError: no such task, or a model with other labels.
        DatasetError: no photo is left to ask about.
        StorageError: the store cannot be written.
    """
    if count is not None and count < 1:
        raise UsageError(f"1 photo or more can be asked about, found {count}")
    order = by or (RANDOM if predictor is None else "entropy")
    if predictor is None and order not in (RANDOM, AS_IS):
        raise UsageError(
            f"to order by {order} takes a model: name one, or order by {RANDOM} or {AS_IS}"
        )
    asked = _asked(dataset.schema, None if predictor is None else predictor.schema, tasks)
    unasked = tuple(spec.name for spec in dataset.schema if spec not in asked.tasks)
    settings = {
        "model": None if predictor is None else predictor.bundle.name,
        "network": None if predictor is None else predictor.bundle.files[NETWORK],
        "split": split,
        "count": count,
        "by": order,
        "diverse": diverse,
        "unlabelled_only": unlabelled_only,
    }
    former = _unfinished(store, asked, overlap, settings)
    if former is not None:
        return Begun(round=former, resumed=True, diverse=diverse, unasked=unasked)
    part = _candidates(dataset, store, split, asked, unlabelled_only=unlabelled_only)
    chosen = (
        _in_order(part, order, count, predictor, asked)
        if predictor is None or order in (RANDOM, AS_IS)
        else _by_doubt(part, predictor, asked, order, count, diverse=diverse, track=track)
    )
    pictures = _proposed(dataset, asked, chosen)
    begun = store.begin_round(pictures, tasks=asked, overlap=overlap, settings=settings)
    return Begun(round=begun, unreadable=chosen.unreadable, diverse=chosen.diverse, unasked=unasked)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    """Photos in order.

    Attributes:
        images: their names.
        doubt: of each.
        machine: what the model says of each, task to answer, as plain values: masks as run lengths,
            since all of them as pixels would fill the memory.
        unreadable: others, and what is wrong with them.
        diverse: whether near-twins are kept apart.
    """

    images: Sequence[str]
    doubt: Sequence[float | None]
    machine: Iterable[Machine]
    unreadable: tuple[Failure, ...] = ()
    diverse: bool = False


def _asked(labels: Schema, model: Schema | None, tasks: Sequence[str] | None) -> Schema:
    """The tasks that people are asked: those of the dataset that the model answers too."""
    if model is None:
        return labels if tasks is None else labels.select(tasks)
    known = {spec.name for spec in model}
    names = [spec.name for spec in labels if spec.name in known] if tasks is None else tasks
    if not names:
        raise SchemaError(
            f"the model answers {', '.join(known)}, and the dataset asks "
            f"{', '.join(spec.name for spec in labels)}; take a model of the dataset's tasks"
        )
    differences = labels.select(names).differences(model.select(names))
    if differences:
        raise SchemaError(
            "dataset (the first) and model (the second) have other labels: "
            f"{'; '.join(differences)}; name other tasks, or take a model of these labels"
        )
    return labels.select(names)


def _unfinished(
    store: ReviewStore, asked: Schema, overlap: int, settings: Mapping[str, Any]
) -> Round | None:
    if not store.rounds() or not store.left():
        return None
    last = store.round()
    same = (last.tasks, last.overlap, dict(last.settings)) == (asked, overlap, dict(settings))
    return last if same else None


def _candidates(
    dataset: Dataset,
    store: ReviewStore,
    split: str | None,
    asked: Schema,
    *,
    unlabelled_only: bool,
) -> Dataset:
    part = dataset.rows(pl.col("split") != "test") if split is None else dataset.split(split)
    answered = store.answered_images(spec.name for spec in asked)
    if answered:
        part = part.rows(~pl.col("image").is_in(sorted(answered)))
    if unlabelled_only:
        part = part.rows(pl.all_horizontal(pl.col(spec.name).is_null() for spec in asked))
    if not len(part):
        where = "in train and validation" if split is None else f"in {split}"
        raise DatasetError(
            f"no photo of dataset '{dataset.name}' {where} waits for an answer "
            f"({len(answered):,} were answered before); take the answers in with "
            f"`lapel data import review {dataset.folder}`, or name another split"
        )
    return part


def _by_doubt(
    part: Dataset,
    predictor: Predictor,
    asked: Schema,
    by: str,
    count: int | None,
    *,
    diverse: bool,
    track: Track,
) -> _Chosen:
    found = rank_doubtful(
        part,
        predictor,
        by=by,
        tasks=[spec.name for spec in asked],
        diverse=diverse,
        count=count,
        top=TOP,
        track=track,
    )
    return _Chosen(
        images=found.images,
        doubt=[None if math.isnan(value) else value for value in found.doubt.tolist()],
        machine=(_machine(one, asked) for one in found.predictions),
        unreadable=found.unreadable,
        diverse=found.diverse and diverse,
    )


def _in_order(
    part: Dataset, order: str, count: int | None, predictor: Predictor | None, asked: Schema
) -> _Chosen:
    names = part.names()
    if order == RANDOM:
        names = sorted(names, key=_drawn)
    names = names[:count]
    if predictor is None:
        return _Chosen(images=names, doubt=[None] * len(names), machine=[{}] * len(names))
    places = {name: place for place, name in enumerate(part.names())}
    boxes = part.boxes() if predictor.bundle.preprocess.crop_to_box else None
    missing: dict[str, str] = {}
    told = predictor.predict(
        (_read(part, name, missing) for name in names),
        boxes=None if boxes is None else (boxes[places[name]] for name in names),
        top=TOP,
    )
    good: dict[str, Machine] = {}
    unreadable = []
    for name, one in zip(names, told, strict=True):
        if isinstance(one, Failure):
            unreadable.append(Failure(image=name, fault=missing.get(name, one.fault)))
        else:
            good[name] = _machine(one, asked)
    return _Chosen(
        images=list(good),
        doubt=[None] * len(good),
        machine=good.values(),
        unreadable=tuple(unreadable),
    )


def _machine(told: Prediction, asked: Schema) -> Machine:
    return {spec.name: told.answers[spec.name].to_json() for spec in asked}


def _read(part: Dataset, name: str, missing: dict[str, str]) -> bytes:
    """The bytes of a photo; none of one that is not there, of which is told why."""
    try:
        return part.read(name)
    except StorageError as error:
        missing[name] = str(error)
        return b""


def _drawn(name: str) -> bytes:
    """A place in an order that depends on names alone."""
    return hashlib.sha256(f"lapel.review {name}".encode()).digest()


def _proposed(dataset: Dataset, asked: Schema, chosen: _Chosen) -> Iterator[Proposed]:
    rows = {name: row for row, name in enumerate(dataset.names())}
    sizes = dataset.table.select("width", "height").rows()
    labels: dict[str, Sequence[Label]] = {
        # Label maps are large, and lie in the dataset for whoever wants to compare.
        spec.name: dataset.labels(spec.name)
        for spec in asked
        if spec.kind != "segmentation"
    }
    each = zip(chosen.images, chosen.doubt, chosen.machine, strict=True)
    for image, doubtful, machine in each:
        row = rows[image]
        yield Proposed(
            image=image,
            size=sizes[row],
            machine=machine,
            standing={
                name: value_of(of[row]) for name, of in labels.items() if of[row] is not None
            },
            doubt=doubtful,
        )
