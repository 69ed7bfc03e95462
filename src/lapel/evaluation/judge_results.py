"""A file of results judged on a dataset, as a model's answers are."""

from __future__ import annotations

import time
from pathlib import Path

from lapel.data.dataset import Dataset
from lapel.data.progress import Track, silent
from lapel.evaluation.benchmarks.known import benchmark_tables
from lapel.evaluation.benchmarks.setting import Setting
from lapel.evaluation.benchmarks.table import BenchmarkTable
from lapel.evaluation.coco.results import read_results
from lapel.evaluation.gathering import counted_rows
from lapel.evaluation.judged import JudgedTask
from lapel.evaluation.kinds.garments import judge_garments
from lapel.evaluation.kinds.garments_seen import GarmentsSeen
from lapel.evaluation.result import Evaluation, Throughput
from lapel.evaluation.subject import Subject
from lapel.evaluation.writing import make_folder, write_evaluation
from lapel.imaging.preprocess import Preprocess
from lapel.inference.bundle import told_from
from lapel.metrics.bootstrap import RESAMPLES
from lapel.schema.annotation import SPLIT_NAMES
from lapel.schema.errors import DatasetError, UsageError
from lapel.schema.labels import TaskSpec
from lapel.storage.machine import machine
from lapel.storage.places import fetched, puts
from lapel.tasks.garments import THRESHOLD

#: How files of results end.
ENDING = ".json"

#: What a reader must know.
_REMARK = (
    "Judged is a file of results, which does not say of what model it is, nor what that had seen "
    "before:"
)

#: What depends on a score that the file does not say.
_TOLD = (
    "Told, in precision, recall and F1, are garments of score {threshold:g} or more; a model's own "
    "threshold is to be said with --threshold. Average precision does not depend on it."
)

#: Nobody looks at pictures here.
_NO_CANVAS = Preprocess(height=1, width=1, channels=1, fit="stretch", mean=(0.0,), std=(1.0,))


def is_results(path: str | Path) -> bool:
    """Whether what is to be judged is a file of results, and no folder of a bundle."""
    return Path(path).suffix.lower() == ENDING and not Path(path).is_dir()


@puts("out")
def evaluate_results(
    results: str | Path,
    dataset: str | Path | Dataset,
    *,
    split: str = "test",
    out: str | Path,
    task: str | None = None,
    threshold: float | None = None,
    resamples: int = RESAMPLES,
    track: Track = silent,
) -> Evaluation:
    """Judge a file of results in COCO's form, whoever wrote it, and write what was found.

    Args:
        results: the file, see :mod:`lapel.evaluation.coco.results`.
        dataset: a dataset or its folder.
        split: the rows to judge: ``test``, ``validation`` or ``train``.
        out: folder to write to; see ``lapel.evaluation.evaluate.evaluate``.
        task: which task of kind ``garments`` is answered, where the dataset has several.
        threshold: the score from which a garment counts as told, as the file does not say it;
            None: ``lapel.tasks.garments.THRESHOLD``.
        resamples: of the bootstrap behind the intervals.
        track: is told how far the work is, image by image.

    Raises:
        UsageError: the dataset has no such task, or several; a threshold outside 0 to 1.
        DatasetError: no such split, or nobody knows what is in its pictures.
        FormatError: the file is none of results; all its faults together.
        StorageError: the file cannot be read, or ``out`` cannot be written.
    """
    started = time.perf_counter()
    whole = dataset if isinstance(dataset, Dataset) else Dataset.open(dataset)
    part = whole.split(split)
    spec = _task(whole, task)
    calibration = told_from(THRESHOLD if threshold is None else threshold)
    results = fetched(results)
    read = read_results(results, spec, part, whole)
    make_folder(Path(out))
    seen = GarmentsSeen(spec, part, calibration, measures=read.measures)
    for row in track(range(len(part)), len(part), "Judging images"):
        seen.keep(row, read.found.get(row, ()))
    if not len(seen):
        raise DatasetError(
            f"dataset '{part.name}' knows of no picture of '{split}' which garments are in it"
        )
    seconds = time.perf_counter() - started
    counted = counted_rows(spec, whole, part, _NO_CANVAS)
    judged = judge_garments(spec, seen, calibration, counted=counted, resamples=resamples)
    remarks = (*read.remarks, _TOLD.format(threshold=seen.least))
    subject = _subject(results, part, SPLIT_NAMES.get(split, split), remarks)
    return write_evaluation(
        Evaluation(
            subject=subject,
            images=tuple(part.names()),
            unreadable=(),
            tasks={spec.name: judged},
            together=None,
            tables=_tables({spec.name: judged}, subject, part, resamples),
            throughput=Throughput(
                images=len(part),
                seconds=seconds,
                engine="a file of results",
                machine=machine(),
            ),
            resamples=resamples,
            out=Path(out),
        ),
        part=part,
        whole=whole,
    )


def _task(dataset: Dataset, name: str | None) -> TaskSpec:
    there = [spec for spec in dataset.schema if spec.kind == "garments"]
    chosen = [spec for spec in there if name in (None, spec.name)]
    if len(chosen) != 1:
        known = ", ".join(spec.name for spec in there) or "none"
        raise UsageError(
            f"a file of results answers one task of kind garments; dataset '{dataset.name}' has: "
            f"{known}" + ("" if name is None else f", and no {name!r} among them")
        )
    return chosen[0]


def _subject(results: Path, part: Dataset, split: str, remarks: tuple[str, ...]) -> Subject:
    return Subject(
        bundle=results.name,
        dataset=part.name,
        fingerprint=part.fingerprint,
        split=split,
        learned=False,
        flip=False,
        boxes="never",
        unknown_is_no=False,
        chosen_on="a file of results does not say",
        remarks=(f"{_REMARK} {results.name}.", *remarks),
        provenance={},
    )


def _tables(
    tasks: dict[str, JudgedTask], subject: Subject, part: Dataset, resamples: int
) -> tuple[BenchmarkTable, ...]:
    setting = Setting(
        benchmark=part.description.benchmark,
        split=subject.split,
        images=len(part),
        whole=True,
    )
    return benchmark_tables(tasks, setting, resamples=resamples)
