"""A great many pictures, answered into a folder of Parquet files, whatever stops it on the way."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from lapel.inference.answer_rows import (
    Answered,
    Row,
    columns_of,
    needs_parquet,
    parquet_of,
    rows_with_error,
)
from lapel.inference.bulk.folder import LOCK, PART_ROWS, BulkFolder, refuse_strangers
from lapel.inference.bulk.shares import share_of
from lapel.inference.bundle import CARD, Bundle
from lapel.inference.finding import find_pictures
from lapel.inference.pictures import Failure, Picture
from lapel.inference.predictor import Predictor
from lapel.inference.seen import SEEN_FILES
from lapel.inference.two_stage import TwoStagePredictor
from lapel.schema.errors import UsageError
from lapel.schema.geometry import Box
from lapel.storage.holding import held
from lapel.storage.places import puts

#: What answers: one model, or two of which the second reads what the first one finds.
AnyPredictor = Predictor | TwoStagePredictor


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """How pictures are answered: plain values, which another machine understands too.

    Attributes:
        bundle: the model's folder; with ``tags`` that of the one which finds garments.
        tags: folder of the model that reads each garment; None: one model alone.
        top: how many of the best labels are named.
        engine: that runs the networks.
        batch: pictures a run of the engine; changes no answer.
        threshold: the score from which garments are told; None: as the bundle says.
        tile: look at larger photos in tiles of nearly so many pixels; None: at whole photos.
    """

    bundle: str
    tags: str | None = None
    top: int = 1
    engine: str = "auto"
    batch: int = 32
    threshold: float | None = None
    tile: int | None = None

    def load(self) -> AnyPredictor:
        """The models, ready to answer.

        Raises:
            BundleError: no bundle there, or one that cannot be trusted or run.
            UsageError: bundles or options that do not fit.
        """
        if self.tags is None:
            return Predictor.load(
                self.bundle, engine=self.engine, batch=self.batch, threshold=self.threshold
            )
        if self.tile is not None:
            raise UsageError("with two models the first one says where to look: leave out the tile")
        return TwoStagePredictor.load(
            self.bundle,
            self.tags,
            engine=self.engine,
            batch=self.batch,
            threshold=self.threshold,
        )

    def asked(self, predictor: AnyPredictor, boxes: Sequence[Box | None] | None) -> dict[str, Any]:
        """All that answers depend on beside the pictures.

        Args:
            predictor: as :meth:`load` gave it.
            boxes: where the garments are, if anybody knows.
        """
        models = models_of(predictor)
        return {
            "model": [one.bundle.name for one in models],
            "bundle": [digest_of(one.bundle) for one in models],
            "engine": [one.chosen.name for one in models],
            "top": self.top,
            "threshold": self.threshold,
            "tile": self.tile,
            "boxes": None if boxes is None else _sha256([box and list(box) for box in boxes]),
        }

    def answers(
        self,
        predictor: AnyPredictor,
        pictures: Iterable[Picture],
        boxes: Iterable[Box | None] | None = None,
    ) -> Iterator[Answered | Failure]:
        """The answers about pictures, in order, as they come."""
        if isinstance(predictor, TwoStagePredictor):
            if boxes is not None:
                raise UsageError(
                    "with two models the first one says where to look: leave out the boxes"
                )
            return predictor.predict(pictures, top=self.top)
        return predictor.predict(pictures, boxes=boxes, top=self.top, tile=self.tile)


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkSummary:
    """What a folder holds in the end.

    Attributes:
        folder: where.
        parts: files.
        pictures: that have rows.
        rows: of all parts.
        failed: pictures that got no answer; column ``error`` says why.
        kept: pictures whose rows were there before.
    """

    folder: Path
    parts: int
    pictures: int
    rows: int
    failed: int
    kept: int


class BulkRun:
    """One call's work on a folder; iterate over :meth:`results` to do it.

    Attributes:
        folder: what is filled.
        question: how pictures are answered.
        predictor: as the question's ``load`` gave it.
        boxes: where the garment is in each picture, if anybody knows.
        kept: pictures whose rows were there before.
    """

    def __init__(
        self,
        folder: BulkFolder,
        question: Question,
        predictor: AnyPredictor,
        boxes: Sequence[Box | None] | None,
    ) -> None:
        self.folder = folder
        self.question = question
        self.predictor = predictor
        self.boxes = boxes
        self.kept = sum(part.pictures for part in folder.done)

    @property
    def todo(self) -> int:
        """Pictures that are still to be answered."""
        folder = self.folder
        return sum(len(folder.pictures[folder.slice_of(number)]) for number in folder.missing)

    def results(self) -> Iterator[Answered | Failure]:
        """Answer the pictures of the missing parts, and keep each part when it is whole.

        Yields:
            What was said of each picture, in order.

        Raises:
            StorageError: a part cannot be written; those before it stand.
        """
        folder, boxes = self.folder, self.boxes
        missing = folder.missing
        places = [folder.slice_of(number) for number in missing]
        # One stream through all parts: nothing waits where one ends.
        names = (name for place in places for name in folder.pictures[place])
        known = None if boxes is None else (box for place in places for box in boxes[place])
        found = self.question.answers(self.predictor, names, known)
        for number, place in zip(missing, places, strict=True):
            rows: list[Row] = []
            failed = 0
            for result in islice(found, len(folder.pictures[place])):
                rows.extend(rows_with_error(result))
                failed += isinstance(result, Failure)
                yield result
            data = parquet_of(rows, folder.columns)
            folder.add(number, data, rows=len(rows), failed=failed)

    def summary(self) -> BulkSummary:
        """What the folder holds now."""
        done = self.folder.done
        return BulkSummary(
            folder=self.folder.folder,
            parts=len(done),
            pictures=sum(part.pictures for part in done),
            rows=sum(part.rows for part in done),
            failed=sum(part.failed for part in done),
            kept=self.kept,
        )


@contextmanager
def bulk_run(
    out: Path,
    question: Question,
    pictures: Sequence[str],
    *,
    boxes: Sequence[Box | None] | None = None,
    part_rows: int = PART_ROWS,
) -> Iterator[BulkRun]:
    """Begin a folder of answers or go on with one, and hold it for this process.

    Args:
        out: the folder.
        question: how pictures are answered.
        pictures: names of all of them.
        boxes: where the garment is in each, if anybody knows.
        part_rows: pictures of a part.

    Raises:
        BundleError: no bundle there, or one that cannot be trusted or run.
        UsageError: the folder was begun with something else, or holds files of somebody else.
        StorageError: it cannot be written, or another process fills it.
        MissingExtraError: polars is not installed.
    """
    needs_parquet()
    refuse_strangers(out)
    predictor = question.load()
    busy = f"another process is writing answers into {out}; wait for it, or name another folder"
    with held(out / LOCK, busy=busy):
        folder = BulkFolder.open(
            out,
            asked=question.asked(predictor, boxes),
            pictures=pictures,
            columns=columns_of(predictor, top=question.top),
            part_rows=part_rows,
        )
        yield BulkRun(folder, question, predictor, boxes)


@puts("out", even_if_cut=True)
def predict_in_bulk(
    bundle: str | Path,
    paths: str | Path | Iterable[str | Path],
    out: str | Path,
    *,
    tags: str | Path | None = None,
    top: int = 1,
    engine: str = "auto",
    batch: int = 32,
    threshold: float | None = None,
    part_rows: int = PART_ROWS,
    share: str | None = None,
) -> BulkSummary:
    """Answer for a great many pictures, into a folder of Parquet files.

    Stopped, even killed, it goes on where it was when it is called again: no row comes twice, none
    is missing. Pictures that cannot be read have a row too, whose ``error`` says why.

    Args:
        bundle: the model's folder; with ``tags`` that of the one which finds garments.
        paths: pictures, folders of them, or patterns.
        out: the folder: a new one, or one that the same call began.
        tags: folder of the model that reads each garment that the first one finds.
        top: how many of the best labels to name.
        engine: that runs the networks, or ``auto``.
        batch: pictures a run of the engine.
        threshold: the score from which garments are told; None: as the bundle says.
        part_rows: pictures of a file.
        share: as ``2/8``: only the second of eight stretches of the pictures; others answer the
            rest, into folders of their own.

    Returns:
        What the folder holds.

    Raises:
        BundleError: no bundle there, or one that cannot be trusted or run.
        UsageError: no pictures, or a folder that was begun with something else.
        StorageError: the folder cannot be written, or another process fills it.
        MissingExtraError: polars is not installed.
    """
    given = [paths] if isinstance(paths, str | Path) else paths
    pictures = find_pictures(str(path) for path in given)
    if share is not None:
        pictures = share_of(pictures, share)
    question = Question(
        bundle=str(bundle),
        tags=None if tags is None else str(tags),
        top=top,
        engine=engine,
        batch=batch,
        threshold=threshold,
    )
    with bulk_run(Path(out), question, pictures, part_rows=part_rows) as run:
        for _ in run.results():
            pass
        return run.summary()


def digest_of(bundle: Bundle) -> str:
    """SHA-256 of all of a bundle that answers depend on: not of its card, scores and history."""
    told = bundle.to_json()
    aside = {CARD, *SEEN_FILES.values()}
    files = {name: digest for name, digest in bundle.files.items() if name not in aside}
    return _sha256([told["schema"], told["preprocess"], told["calibration"], files])


def models_of(predictor: AnyPredictor) -> list[Predictor]:
    """The one model, or the two, each for itself."""
    if isinstance(predictor, TwoStagePredictor):
        return [predictor.detector, predictor.tagger]
    return [predictor]


def _sha256(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
