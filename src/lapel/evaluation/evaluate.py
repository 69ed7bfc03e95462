"""Measure the predictor that ships, on labelled images."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from lapel.data.cleaning.mapping import LabelMapping
from lapel.data.dataset import Dataset
from lapel.data.progress import Track, silent
from lapel.evaluation.answers import Answers, Showing, answer_dataset
from lapel.evaluation.benchmarks.known import benchmark_tables
from lapel.evaluation.benchmarks.setting import Setting
from lapel.evaluation.compare_schemas import Fit, check_fits
from lapel.evaluation.judge_results import evaluate_results, is_results
from lapel.evaluation.judge_task import Answered, gatherers, judge_task
from lapel.evaluation.judges import JUDGES
from lapel.evaluation.known_labels import unknown_as_no
from lapel.evaluation.looking import Looker
from lapel.evaluation.merged import Merging, check_cleaned, mapping_for, way_to_judge
from lapel.evaluation.result import Evaluation, Throughput
from lapel.evaluation.subject import BoxesSeen, Subject, describe
from lapel.evaluation.together import judge_together
from lapel.evaluation.writing import make_folder, write_evaluation
from lapel.inference.bundle import Bundle
from lapel.inference.engines.table import Chosen, build_engine, choose_engine
from lapel.inference.network_outputs import maps_of
from lapel.metrics.bootstrap import RESAMPLES
from lapel.schema.annotation import SPLIT_NAMES
from lapel.schema.errors import DatasetError, UsageError
from lapel.schema.labels import Schema
from lapel.storage.machine import machine
from lapel.storage.places import puts


@puts("out")
def evaluate(
    bundle: str | Path,
    dataset: str | Path | Dataset,
    *,
    split: str = "test",
    out: str | Path,
    flip: bool = False,
    whole: bool = False,
    unknown_is_no: bool = False,
    mapping: str | Path | LabelMapping | None = None,
    engine: str = "auto",
    threshold: float | None = None,
    resamples: int = RESAMPLES,
    track: Track = silent,
) -> Evaluation:
    """Judge a model on a split of a dataset and write what was found.

    Into ``out``: ``metrics.json``, ``per_class.csv``, ``confusion.csv``, ``predictions.csv`` and
    ``report.html``; for tags also ``pairs.csv``, for landmarks ``landmarks.csv``, for classes of
    pixels ``pixels.csv``, for garments ``garments.csv`` and files in COCO's form, for a public
    benchmark ``benchmark.csv``, and for several tasks a page each in ``report/``. Each file is
    whole or as it was before. Pages of tasks that a former evaluation there had, and this one has
    not, are removed; other files are left alone. Images that cannot be read are counted and
    reported; they end nothing.

    Args:
        bundle: folder or address of a bundle, or of the run that holds one; or a file of found
            garments in COCO's form, see ``lapel.evaluation.judge_results``.
        dataset: a dataset, its folder or its address.
        split: the rows to judge: ``test``, ``validation`` or ``train``.
        out: folder or address to write to.
        flip: test-time augmentation: the mean of what is said of each picture and of its mirror
            image. It takes twice the time, and is named wherever its numbers are.
        whole: keep the dataset's boxes from a model that looks at the garment's box alone: a user
            may have only the picture. It is named wherever its numbers are.
        unknown_is_no: count tags of unknown answer as no, as published code does, where they
            otherwise take part in nothing. It is named wherever its numbers are.
        mapping: ``label_mapping.json`` of a cleaned dataset, or that dataset, however often it was
            cleaned since the model learned: a model that learned the labels of before is judged on
            those of after, by its surest answer to any of the labels that became one.
        engine: name of an engine, or ``auto``.
        threshold: the score from which found garments count as told; None: as the bundle says.
        resamples: of the bootstrap behind the intervals.
        track: is told how far the work is, image by image.

    Raises:
        BundleError: the bundle cannot be trusted.
        DatasetError: no such split, labels that the model does not know, or no task or not one
            image that can be judged.
        UsageError: a task of a kind that is not judged here, no such engine, a mapping that is
            not of the labels that the model learned, or options that a file has no use for.
        StorageError: ``out`` cannot be written.
    """
    if is_results(bundle):
        _refuse_options(
            flip=flip,
            whole=whole,
            unknown_is_no=unknown_is_no,
            mapping=bool(mapping),
            engine=engine != "auto",
        )
        return evaluate_results(
            bundle,
            dataset,
            split=split,
            out=out,
            threshold=threshold,
            resamples=resamples,
            track=track,
        )
    model = Bundle.load(Path(bundle))
    if threshold is not None:
        model = model.told_from(threshold)
    _check_kinds(model.schema)
    merging = None if mapping is None else Merging(model=model, mapping=mapping_for(model, mapping))
    everything = dataset if isinstance(dataset, Dataset) else Dataset.open(dataset)
    part = _part(everything, split)
    fit = _fit(model, merging, everything, part)
    chosen = choose_engine(engine, model)
    network = build_engine(chosen, model)
    make_folder(Path(out))
    gathered = gatherers(fit.schema, model, part)
    asked = [spec.name for spec in model.schema if JUDGES[spec.kind].gather is None]
    answer = partial(
        answer_dataset, network, model.preprocess, whole=whole, tasks=asked, track=track
    )
    answers = answer(part, flip=flip, gather=gathered)
    _check_readable(answers, part)
    if merging is not None:
        model, answers = merging.judged_as(everything, answer), merging.answers(answers)
    answered = Answered(
        model=model,
        whole=everything,
        part=part,
        answers=answers,
        gathered=gathered,
        resamples=resamples,
        rule=unknown_as_no if unknown_is_no else list,
    )
    tasks = {spec.name: judge_task(spec, answered) for spec in fit.schema}
    subject = describe(
        model,
        part,
        SPLIT_NAMES.get(split, split),
        flip=flip,
        boxes=_boxes_seen(model, part, whole=whole),
        unknown_is_no=unknown_is_no,
        differences=(*fit.remarks, *(() if merging is None else merging.remarks(everything))),
    )
    names = part.names()
    evaluation = Evaluation(
        subject=subject,
        images=tuple(names[row] for row in answers.rows),
        unreadable=answers.unreadable,
        tasks=tasks,
        together=judge_together(tasks, len(answers.rows), resamples=resamples),
        tables=benchmark_tables(tasks, _setting(subject, part, answers), resamples=resamples),
        throughput=_throughput(answers, chosen),
        resamples=resamples,
        out=Path(out),
    )
    looker = Looker(
        network,
        Showing(part, model.preprocess, whole=whole),
        maps_of(model.schema, network),
        flip=flip,
    )
    return write_evaluation(
        evaluation, part=part, whole=everything, run=run_folder(model), looker=looker
    )


def _refuse_options(**options: bool) -> None:
    """A file of results was written by a model that is not here."""
    given = [f"--{name.replace('_', '-')}" for name, wanted in options.items() if wanted]
    if given:
        raise UsageError(
            f"{', '.join(given)}: what runs a model, what it is shown, or how its labels are read, "
            "cannot be changed in a file of results; leave it out"
        )


def _fit(model: Bundle, merging: Merging | None, everything: Dataset, part: Dataset) -> Fit:
    """What can be judged; a model of former labels is told of the mapping beside the dataset."""
    if merging is not None:
        check_cleaned(everything, merging.mapping)
        return check_fits(merging.schema, part)
    way = way_to_judge(model, everything)
    try:
        fit = check_fits(model.schema, part)
    except DatasetError as error:
        raise DatasetError(f"{error}. {way}" if way else str(error)) from None
    return replace(fit, remarks=(*fit.remarks, way)) if way else fit


def _part(everything: Dataset, split: str) -> Dataset:
    """The rows to judge; where there are none, it says on what else one can judge."""
    try:
        return everything.split(split)
    except DatasetError as error:
        if "validation" not in everything.splits():
            raise
        raise DatasetError(f"{error}; or judge what there is: --split validation") from None


def _setting(subject: Subject, part: Dataset, answers: Answers) -> Setting:
    return Setting(
        benchmark=part.description.benchmark,
        split=subject.split,
        images=len(answers.rows),
        flip=subject.flip,
        whole=subject.boxes != "seen",
        unknown_is_no=subject.unknown_is_no,
    )


def _throughput(answers: Answers, engine: Chosen) -> Throughput:
    return Throughput(
        images=len(answers.rows),
        seconds=answers.seconds,
        engine=engine.name,
        why=engine.why,
        machine=machine(),
    )


def run_folder(bundle: Bundle) -> Path | None:
    """The run that a bundle lies in, if it still does."""
    parent = bundle.folder.resolve().parent
    return parent if (parent / "log.csv").is_file() else None


def _check_kinds(schema: Schema) -> None:
    for spec in schema:
        if spec.kind not in JUDGES:
            raise UsageError(
                f"task '{spec.name}' is of kind {spec.kind!r}, which is not judged here; known: "
                f"{', '.join(JUDGES)}"
            )


def _check_readable(answers: Answers, part: Dataset) -> None:
    if not len(answers.rows):
        first = answers.unreadable[0]
        raise DatasetError(
            f"not one of {len(part)} images could be read, so there is nothing to judge; the "
            f"first: {first.image}: {first.fault}"
        )


def _boxes_seen(model: Bundle, part: Dataset, *, whole: bool) -> BoxesSeen:
    if not model.preprocess.crop_to_box:
        return "never"
    if not any(part.boxes()):
        return "none"
    return "kept back" if whole else "seen"
