"""Measure the predictor that ships, on labelled images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lapel.data.dataset import Dataset
from lapel.data.progress import Track, silent
from lapel.evaluation.answers import Answers, answer_dataset
from lapel.evaluation.compare_schemas import check_fits
from lapel.evaluation.machine import machine
from lapel.evaluation.report import write_report
from lapel.evaluation.result import Evaluation, Subject, Throughput
from lapel.evaluation.single_label import SingleLabelEvaluation, judge_single_label
from lapel.evaluation.tables import write_tables
from lapel.inference.bundle import NETWORK, Bundle
from lapel.inference.engines import ENGINES, open_engine
from lapel.metrics.bootstrap import RESAMPLES
from lapel.schema.annotation import SPLIT_NAMES, Label
from lapel.schema.errors import DatasetError, StorageError, UsageError
from lapel.schema.labels import Schema

#: Kind of task to how it is judged.
JUDGES = {
    "single_label": judge_single_label,
}

#: What a reader must know about numbers from a split that the model has met before.
SPLIT_REMARKS = {
    "train": "These are training pictures: the model has seen them, so its numbers here say how "
    "well it remembers, not how well it will do.",
    "validation": "These are validation pictures: the best epoch and the temperature were chosen "
    "on them, so these numbers are a little kinder than new pictures will be.",
}


def evaluate(
    bundle: str | Path,
    dataset: str | Path | Dataset,
    *,
    split: str = "test",
    out: str | Path,
    flip: bool = False,
    engine: str = "auto",
    resamples: int = RESAMPLES,
    track: Track = silent,
) -> Evaluation:
    """Judge a model on a split of a dataset and write what was found.

    Into ``out``: ``metrics.json``, ``per_class.csv``, ``confusion.csv``, ``predictions.csv`` and
    ``report.html``, each whole or as it was before. Other files there are left alone. Images
    that cannot be read are counted and reported; they end nothing.

    Args:
        bundle: folder of a bundle, or of the run that holds one.
        dataset: a dataset or its folder.
        split: the rows to judge: ``test``, ``validation`` or ``train``.
        out: folder to write to.
        flip: test-time augmentation: the mean of the probabilities of each picture and of its
            mirror image. It takes twice the time, and is named wherever its numbers are.
        engine: name of an engine, or ``auto``.
        resamples: of the bootstrap behind the intervals.
        track: is told how far the work is, image by image.

    Raises:
        BundleError: the bundle cannot be trusted.
        DatasetError: no such split, tasks or labels that the model does not know, or not one
            image that can be judged.
        UsageError: a task of a kind that is not judged here, or no such engine.
        StorageError: ``out`` cannot be written.
    """
    model = Bundle.load(Path(bundle))
    _check_kinds(model.schema)
    whole = dataset if isinstance(dataset, Dataset) else Dataset.open(dataset)
    part = whole.split(split)
    differences = check_fits(model.schema, part)
    network = open_engine(engine, model.read(NETWORK))
    # Before the work, so that a folder that cannot be written costs no waiting.
    _make_folder(Path(out))
    answers = answer_dataset(network, model.preprocess, part, flip=flip, track=track)
    names = part.names()
    evaluation = Evaluation(
        subject=_subject(model, part, SPLIT_NAMES.get(split, split), flip, differences),
        images=tuple(names[row] for row in answers.rows),
        unreadable=answers.unreadable,
        tasks=_judge_tasks(model, whole, part, answers, resamples),
        throughput=Throughput(
            images=len(answers.rows),
            seconds=answers.seconds,
            engine=next(iter(ENGINES)) if engine == "auto" else engine,
            machine=machine(),
        ),
        resamples=resamples,
        out=Path(out),
    )
    write_tables(evaluation)
    write_report(evaluation, part=part, whole=whole, run=run_folder(model))
    return evaluation


def run_folder(bundle: Bundle) -> Path | None:
    """The run that a bundle lies in, if it still does."""
    parent = bundle.folder.resolve().parent
    return parent if (parent / "log.csv").is_file() else None


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"{out} could not be made a folder: {error.strerror or error}; choose another --out"
        ) from error


def _check_kinds(schema: Schema) -> None:
    for spec in schema:
        if spec.kind not in JUDGES:
            raise UsageError(
                f"task '{spec.name}' is of kind {spec.kind!r}, which is not judged here; known: "
                f"{', '.join(JUDGES)}"
            )


def _judge_tasks(
    model: Bundle, whole: Dataset, part: Dataset, answers: Answers, resamples: int
) -> dict[str, SingleLabelEvaluation]:
    if not len(answers.rows):
        first = answers.unreadable[0]
        raise DatasetError(
            f"not one of {len(part)} images could be read, so there is nothing to judge; the "
            f"first: {first.image}: {first.fault}"
        )
    judged = {}
    for spec in model.schema:
        everyone = part.labels(spec.name)
        labels = [everyone[row] for row in answers.rows]
        if all(label is None for label in labels):
            raise DatasetError(
                f"none of the images with a label of task '{spec.name}' could be read "
                f"({len(answers.unreadable)} unreadable); repair them, see `lapel data check`"
            )
        judged[spec.name] = JUDGES[spec.kind](
            spec,
            [view[spec.name] for view in answers.views],
            labels,
            model.calibration.get(spec.name, {}),
            counted=_counted(model, whole, spec.name, labels),
            resamples=resamples,
        )
    return judged


def _counted(
    model: Bundle, whole: Dataset, task: str, labels: Sequence[Label]
) -> tuple[str, Sequence[Label]]:
    """Where the majority answer comes from: the training rows, as a learner would know it."""
    known = set(model.schema[task].labels)
    if "train" in whole.splits():
        train = [label for label in whole.split("train").labels(task) if label in known]
        if train:
            return "train", train
    return "the images judged", labels


def _subject(
    model: Bundle, part: Dataset, split: str, flip: bool, differences: Sequence[str]
) -> Subject:
    remarks = [SPLIT_REMARKS[split]] if split in SPLIT_REMARKS else []
    remarks += _warnings_of_seen(model, part, split)
    if flip:
        remarks.append(
            "Test-time augmentation: each answer is the mean of the probabilities for the picture "
            "and for its mirror image. Plain prediction looks once and may do a little worse."
        )
    return Subject(
        bundle=model.name,
        dataset=part.name,
        fingerprint=part.fingerprint,
        split=split,
        flip=flip,
        chosen_on=_chosen_on(model),
        remarks=(*remarks, *differences),
        provenance=model.provenance,
    )


def _warnings_of_seen(model: Bundle, part: Dataset, split: str) -> list[str]:
    """What to know when the judged pictures are no strangers to the model."""
    digests = part.table["sha256"].to_list()
    warnings = []
    learned = 0 if split == "train" else model.has_seen("train", digests)
    if learned:
        warnings.append(
            f"Warning: the model has learned from {learned:,} of these {len(part):,} pictures, so "
            "the numbers say nothing about new ones. Were the splits drawn anew after training? "
            "Train again on them, or judge on pictures of another source."
        )
    chosen = 0 if split == "validation" else model.has_seen("validation", digests)
    if chosen:
        warnings.append(
            f"Warning: the best epoch and the temperature were chosen on {chosen:,} of these "
            f"{len(part):,} pictures, so the numbers are kinder than new pictures will be."
        )
    return warnings


def _chosen_on(model: Bundle) -> str:
    """On what the best epoch was chosen, as the bundle tells."""
    chosen = model.provenance.get("chosen")
    if not isinstance(chosen, dict) or "on" not in chosen:
        return "not recorded in the bundle"
    words = [str(chosen["on"])]
    if "by" in chosen:
        words.append(f"by {chosen['by']}")
    if isinstance(chosen.get("score"), float):
        words.append(f"({chosen['score']:.4f})")
    if "epoch" in chosen and "epochs" in chosen:
        words.append(f"epoch {chosen['epoch']} of {chosen['epochs']}")
    return ", ".join(words).replace(", (", " (")
