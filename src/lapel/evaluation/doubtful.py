"""Photos in the order in which people should look at them: the most doubtful first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lapel.data.dataset import Dataset
from lapel.data.progress import Track, silent
from lapel.evaluation.answers import Answers, answer_dataset
from lapel.evaluation.doubts import Doubts, KeptVectors, SmallAnswers, doubts_of
from lapel.evaluation.gathering import Gatherer
from lapel.inference.examined import Ready
from lapel.inference.pictures import Failure
from lapel.inference.predictor import Predictor
from lapel.review.doubt import Measure, disagreement, measure_of, most_doubtful
from lapel.review.doubt import diverse as keep_apart
from lapel.schema.errors import DatasetError, UsageError
from lapel.schema.labels import TaskSpec
from lapel.schema.outputs import EMBEDDING
from lapel.schema.prediction import Prediction

#: Orders by how far answers are from the labels that stand, or from another model's.
DISAGREEMENT = "disagreement"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Doubtful:
    """Photos of a dataset, the one to look at first coming first.

    Attributes:
        images: their names, (N,).
        rows: of the dataset's table, int64 (N,).
        doubt: of each, 0 to 1, float64 (N,); NaN where answers were to be compared with labels and
            there is none. Where near-twins are kept apart it does not only fall.
        predictions: what the model answers about each, (N,). Where it answers pixel by pixel it
            looks again at each that is asked for: all masks together would fill the memory.
        diverse: whether near-twins are kept apart; a network without vectors cannot do that.
        unreadable: photos that nobody can look at, and what is wrong with them.
    """

    images: tuple[str, ...]
    rows: NDArray[np.int64]
    doubt: NDArray[np.float64]
    predictions: Sequence[Prediction]
    diverse: bool
    unreadable: tuple[Failure, ...]


def rank_doubtful(
    dataset: Dataset,
    predictor: Predictor,
    *,
    by: str = "entropy",
    tasks: Sequence[str] | None = None,
    diverse: bool = True,
    unlabelled_only: bool = False,
    other: Predictor | None = None,
    count: int | None = None,
    top: int = 5,
    track: Track = silent,
) -> Doubtful:
    """Photos in the order in which answers about them teach most, or are most likely wrong.

    The doubt of a photo is the mean of its tasks'. Of ``single_label`` that is the measure of its
    probabilities; of tags and landmarks the mean of each one's yes or no; of ``segmentation`` the
    mean of the pixels; of ``garments`` that of the score nearest to the threshold. See
    ``lapel.review.doubt`` for the measures.

    Args:
        dataset: the photos.
        predictor: the model.
        by: ``entropy``, ``margin``, ``least-confident``, or ``disagreement`` with the labels that
            stand (or with ``other``).
        tasks: names of the model's tasks that count; None: all.
        diverse: keep near-twins apart, by the network's own vectors.
        unlabelled_only: only photos without a label of any of these tasks.
        other: a second model, to be disagreed with instead of the labels; in tasks of labels and
            landmarks.
        count: how many to return; None: all.
        top: how many of the best labels predictions name.
        track: is told how far the work is.

    Raises:
        UsageError: no such measure, a count below 1, or a second model with other labels, or of
            tasks that it cannot be compared in.
        SchemaError: no such task, or labels that the model does not know.
        DatasetError: no photo to look at.
    """
    measure = None if by == DISAGREEMENT else measure_of(by)
    specs = _asked(predictor, tasks)
    _check(specs, other, by, count)
    part = _unlabelled(dataset, specs) if unlabelled_only else dataset
    if measure is None and other is None:
        specs = _labelled(specs, part)
    found = _look(part, predictor, specs, measure, vectors=diverse, track=track)
    if other is not None:
        doubt = _apart(found, _look(part, other, specs, measure, vectors=False, track=track))
    else:
        doubt = _mean([_doubt_of(task, found, part, measure) for task in found.doubts.values()])
    order = (
        most_doubtful(doubt, count)
        if found.vectors is None
        else keep_apart(doubt, found.vectors, count=count)
    )
    rows = found.answers.rows[order]
    names = part.names()
    return Doubtful(
        images=tuple(names[row] for row in rows.tolist()),
        rows=_rows_in(dataset, part, rows),
        doubt=doubt[order],
        predictions=_predictions(part, predictor, found, order, top),
        diverse=found.vectors is not None,
        unreadable=tuple(
            Failure(image=one.image, fault=one.fault) for one in found.answers.unreadable
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Found:
    """What a model says of some photos.

    Attributes:
        doubts: task to what was found about it.
        answers: which photos could be read, and how they were shown.
        vectors: of each, of length 1, float16 (N, width); None where they were not asked for, or
            the network gives none.
    """

    doubts: Mapping[str, Doubts]
    answers: Answers
    vectors: NDArray[np.float16] | None


def _asked(predictor: Predictor, tasks: Sequence[str] | None) -> list[TaskSpec]:
    schema = predictor.schema
    return list(schema if tasks is None else schema.select(tasks))


def _check(specs: Sequence[TaskSpec], other: Predictor | None, by: str, count: int | None) -> None:
    if count is not None and count < 1:
        raise UsageError(f"1 photo or more can be asked for, found {count}")
    if other is None:
        return
    if by != DISAGREEMENT:
        raise UsageError(
            f"a second model is there to be disagreed with, found by={by!r}; say "
            f"by={DISAGREEMENT!r}, or leave it out"
        )
    for spec in specs:
        if other.schema[spec.name] != spec:
            raise UsageError(
                f"the two models have other labels in task '{spec.name}'; compare models that "
                "learned from the same labels, or name other tasks"
            )
        if spec.kind in {"segmentation", "garments"}:
            raise UsageError(
                f"two models are compared by their labels and landmarks, and '{spec.name}' is of "
                f"kind {spec.kind}; name other tasks"
            )


def _unlabelled(dataset: Dataset, specs: Sequence[TaskSpec]) -> Dataset:
    there = [spec.name for spec in specs if spec.name in dataset.table.columns]
    part = dataset.rows(pl.all_horizontal(pl.col(there).is_null())) if there else dataset
    if not len(part):
        raise DatasetError(
            f"every photo of {dataset.name} has a label of {', '.join(there)} already; look for "
            "labels that may be wrong by disagreement, or name other tasks"
        )
    return part


def _labelled(specs: Sequence[TaskSpec], part: Dataset) -> list[TaskSpec]:
    """The tasks of which some photo has a label."""
    there = set(part.table.columns)
    known = [one for one in specs if one.name in there and part.table[one.name].is_not_null().any()]
    if not known:
        raise DatasetError(
            f"no photo of {part.name} has a label of {', '.join(one.name for one in specs)}, so "
            "there is none to disagree with; order by entropy or margin"
        )
    return known


def _look(
    part: Dataset,
    predictor: Predictor,
    specs: Sequence[TaskSpec],
    measure: Measure | None,
    *,
    vectors: bool,
    track: Track,
) -> _Found:
    """Look at every photo once; only doubts, small answers and vectors are kept."""
    bundle, engine = predictor.bundle, predictor.engine
    compared = measure is None
    doubts = {
        spec.name: doubts_of(
            spec,
            bundle.calibration.get(spec.name),
            measure=measure,
            labels=part.labels(spec.name) if compared and spec.name in part.table.columns else (),
        )
        for spec in specs
    }
    tasks = {spec.name for spec in predictor.schema}
    kept = KeptVectors()
    gives = EMBEDDING in engine.names and EMBEDDING not in tasks
    gather: dict[str, Gatherer] = dict(doubts)
    if vectors and gives:
        gather[EMBEDDING] = kept
    answers = answer_dataset(engine, bundle.preprocess, part, tasks=(), gather=gather, track=track)
    if not len(answers.rows):
        first = answers.unreadable[0].fault if answers.unreadable else "there are none"
        raise DatasetError(f"no photo of {part.name} can be looked at ({first})")
    return _Found(doubts=doubts, answers=answers, vectors=kept.all() if len(kept) else None)


def _doubt_of(
    doubts: Doubts, found: _Found, part: Dataset, measure: Measure | None
) -> NDArray[np.float64]:
    if measure is not None:
        return doubts.own(measure)
    if not isinstance(doubts, SmallAnswers):
        return doubts.of_labels(())
    labels = part.labels(doubts.spec.name)
    return doubts.of_labels([labels[row] for row in found.answers.rows.tolist()])


def _apart(first: _Found, second: _Found) -> NDArray[np.float64]:
    """How far two models are apart, in the mean of their tasks, (N,)."""
    if not np.array_equal(first.answers.rows, second.answers.rows):
        raise DatasetError("some photos changed while two models looked at them; look again")
    return _mean(
        [
            disagreement(mine.probabilities(), theirs.probabilities()).mean(axis=1)
            for mine, theirs in zip(first.doubts.values(), second.doubts.values(), strict=True)
            if isinstance(mine, SmallAnswers) and isinstance(theirs, SmallAnswers)
        ]
    )


def _mean(doubts: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The mean of what is known of each photo; NaN where nothing is."""
    every = np.stack(doubts)
    known = ~np.isnan(every)
    count = known.sum(axis=0)
    mean = np.full(every.shape[1], np.nan)
    np.divide(np.where(known, every, 0.0).sum(axis=0), count, out=mean, where=count > 0)
    return mean


def _rows_in(dataset: Dataset, part: Dataset, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows of the whole dataset for rows of a part of it."""
    if part is dataset:
        return rows
    place = {name: row for row, name in enumerate(dataset.names())}
    names = part.names()
    return np.array([place[names[row]] for row in rows.tolist()], np.int64)


def _predictions(
    part: Dataset, predictor: Predictor, found: _Found, order: NDArray[np.int64], top: int
) -> Sequence[Prediction]:
    """What the model answers about the chosen photos.

    Where all its answers were kept they are told from those; else it looks at these photos again,
    at each when it is asked for.
    """
    rows, places = found.answers.rows[order].tolist(), order.tolist()
    names = part.names()
    kept = {name: one for name, one in found.doubts.items() if isinstance(one, SmallAnswers)}
    if len(kept) < len(predictor.schema.tasks):
        return _LookedAgain(part, predictor, rows, top)
    told = {spec.name: kept[spec.name].answers(places, top) for spec in predictor.schema}
    sizes = part.table.select("width", "height").rows()
    return [
        Prediction(
            image=names[row],
            width=sizes[row][0],
            height=sizes[row][1],
            answers={name: answers[number] for name, answers in told.items()},
        )
        for number, row in enumerate(rows)
    ]


class _LookedAgain(Sequence[Prediction]):
    """Predictions about some rows of a dataset, each made when it is asked for."""

    def __init__(self, part: Dataset, predictor: Predictor, rows: Sequence[int], top: int) -> None:
        self._part, self._predictor, self._top = part, predictor, top
        names, boxes = part.names(), part.boxes()
        crops = predictor.bundle.preprocess.crop_to_box
        self._asked = [(names[row], boxes[row] if crops else None) for row in rows]

    def __len__(self) -> int:
        return len(self._asked)

    @overload
    def __getitem__(self, place: int) -> Prediction: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Prediction]: ...

    def __getitem__(self, place: int | slice) -> Prediction | Sequence[Prediction]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        name, box = self._asked[place]
        prepared = self._part.prepared(name, self._predictor.bundle.preprocess, box)
        ready = Ready(image=name, box=box, prepared=prepared)
        return next(iter(self._predictor.answer([ready], top=self._top))).prediction
