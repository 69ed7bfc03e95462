"""The part of a report that tells of one task of kind ``single_label``."""

from __future__ import annotations

import numpy as np

from lapel.data.dataset import Dataset
from lapel.evaluation.figures import (
    CONFUSION_LABELS,
    confusion_figure,
    percent,
    reliability_figure,
    shown_labels,
)
from lapel.evaluation.mosaic import TILES, Tile, mosaic
from lapel.evaluation.page import bar, escaped, figure, table
from lapel.evaluation.result import Evaluation
from lapel.evaluation.single_label import RAW, SingleLabelEvaluation, per_class_rows
from lapel.metrics.bootstrap import Interval

#: Confused pairs named.
PAIRS = 8

#: Names of the numbers as a reader calls them, in reading order.
NUMBER_NAMES = {
    "accuracy": "Accuracy",
    "top3": "Top-3 accuracy",
    "top5": "Top-5 accuracy",
    "macro_precision": "Macro precision",
    "macro_recall": "Macro recall",
    "macro_f1": "Macro F1",
    "weighted_precision": "Weighted precision",
    "weighted_recall": "Weighted recall",
    "weighted_f1": "Weighted F1",
    "nll": "Negative log-likelihood (nats)",
    f"nll{RAW}": "Negative log-likelihood before temperature",
    "ece": "Expected calibration error",
    f"ece{RAW}": "Expected calibration error before temperature",
}

Section = tuple[str, str, str]


def single_label_sections(
    evaluation: Evaluation, judged: SingleLabelEvaluation, part: Dataset
) -> list[Section]:
    """(anchor, heading, HTML) of each section.

    Args:
        evaluation: the whole.
        judged: the task.
        part: the rows that were judged, for their pictures.
    """
    return [
        ("numbers", "All numbers", _numbers(judged)),
        ("confusion", "Confusion matrix", _confusion(judged)),
        ("labels", "Per-class results", _per_class(judged)),
        ("calibration", "Calibration", _calibration(judged)),
        ("mistakes", "Worst mistakes", _mistakes(evaluation, judged, part)),
        ("doubtful", "Doubtful labels", _doubtful(evaluation, judged, part)),
    ]


def interval(found: Interval, digits: int) -> str:
    """The ends of an interval of shares, as per cent."""
    return f"{100 * found.low:.{digits}f}\N{EN DASH}{percent(found.high, digits)}"


def is_share(name: str) -> bool:
    """Whether a number is a share, 0 to 1; log-likelihoods are not."""
    return not name.startswith("nll")


def number_rows(judged: SingleLabelEvaluation) -> list[tuple[str, str, str, str]]:
    """Name, value, 95 % interval and majority answer of each number, as plain text."""
    rows = []
    for name, called in NUMBER_NAMES.items():
        if name not in judged.numbers:
            continue
        found, majority = judged.numbers[name], judged.majority.numbers.get(name)
        rows.append(
            (
                called,
                _shown(name, found.value),
                f"{_shown(name, found.low)} to {_shown(name, found.high)}",
                "" if majority is None else _shown(name, majority),
            )
        )
    return rows


def _shown(name: str, value: float) -> str:
    return percent(value, 2) if is_share(name) else f"{value:.4f}"


def _numbers(judged: SingleLabelEvaluation) -> str:
    majority = judged.majority
    about = (
        f"{len(judged.classified):,} labelled images. The majority answer always says "
        f"“{majority.label}”, the most frequent label of {_where(majority.counted_on)}, with the "
        "labels' frequencies as its probabilities: what one reaches without looking. Macro: the "
        "plain mean over labels; weighted: the mean by occurrence."
    )
    rows = [[escaped(cell) for cell in row] for row in number_rows(judged)]
    header = ["", "this model", "95 % interval", "majority answer"]
    return f"<p>{escaped(about)}</p>{table(header, rows)}"


def _where(counted_on: str) -> str:
    return "the training split" if counted_on == "train" else counted_on


def _confusion(judged: SingleLabelEvaluation) -> str:
    confusion, labels = judged.counts.confusion, judged.spec.labels
    caption = (
        "Rows are true labels, columns are answers. Colour is the share of the row; mistakes are "
        "drawn stronger than in proportion, so that rare ones are seen. Point at a cell for its "
        "number."
    )
    if len(labels) > CONFUSION_LABELS:
        caption += (
            f" Of {len(labels)} labels, the {len(shown_labels(confusion))} with the most mistakes "
            "are shown; all pairs are in confusion.csv."
        )
    drawing = figure(confusion_figure(confusion, labels), caption)
    return f'<div class="panel">{drawing}</div>{_confused_pairs(judged)}'


def _confused_pairs(judged: SingleLabelEvaluation) -> str:
    mistakes = judged.counts.confusion.copy()
    np.fill_diagonal(mistakes, 0)
    labels, size = judged.spec.labels, len(judged.spec.labels)
    order = np.argsort(-mistakes.ravel(), kind="stable")[:PAIRS]
    support = judged.counts.per_class().support
    rows = [
        [
            escaped(labels[cell // size]),
            f'<span class="wrong">{escaped(labels[cell % size])}</span>',
            f"{mistakes.ravel()[cell]:,}",
            percent(mistakes.ravel()[cell] / support[cell // size], 1),
        ]
        for cell in order
        if mistakes.ravel()[cell]
    ]
    if not rows:
        return "<p>Not one mistake.</p>"
    header = ["true", "taken for", "images", "of the label"]
    return f"<h3>Most frequent mistakes</h3>{table(header, rows, style='words')}"


def _per_class(judged: SingleLabelEvaluation) -> str:
    rows = sorted(per_class_rows(judged), key=lambda row: float(row["f1"]))
    cells = [
        [
            escaped(row["label"]),
            f"{row['support']:,}",
            *(f"{percent(row[name], 1)}{bar(row[name])}" for name in ("precision", "recall", "f1")),
            *(f"{row[name]:,}" for name in ("tp", "fp", "fn", "tn")),
        ]
        for row in rows
    ]
    header = ["label", "images", "precision", "recall", "F1", "TP", "FP", "FN", "TN"]
    about = (
        "The weakest first. Precision: of the images called so, how many are. Recall: of the "
        "images that are so, how many are called so. F1: their harmonic mean."
    )
    return f"<p>{about}</p>{table(header, cells)}"


def _calibration(judged: SingleLabelEvaluation) -> str:
    about = (
        "When it says 80 %, it should be right in 80 of 100 cases: bars should end on the dashed "
        "line. Orange is what it claims too much, a pale end what it claims too little; bins "
        f"with few images are faint. The temperature ({judged.temperature:.3f}) was fitted on "
        "validation and is part of the model."
    )
    error = {name: percent(judged.numbers[name].value, 2) for name in ("ece", f"ece{RAW}")}
    before = reliability_figure(
        judged.bins_before, title=f"Before temperature: error {error[f'ece{RAW}']}"
    )
    after = reliability_figure(judged.counts.bins, title=f"As it ships: error {error['ece']}")
    return (
        f'<p>{escaped(about)}</p><div class="pair"><div class="panel">{before}</div>'
        f'<div class="panel">{after}</div></div>'
    )


def _mistakes(evaluation: Evaluation, judged: SingleLabelEvaluation, part: Dataset) -> str:
    answers, labels = judged.classified, judged.spec.labels
    wrong = np.flatnonzero(answers.predicted != answers.target)
    if not len(wrong):
        return "<p>None: every answer is right.</p>"
    surest = wrong[np.argsort(-answers.confidence[wrong], kind="stable")][:TILES]
    tiles = [
        Tile(
            image=evaluation.images[judged.rows[row]],
            label=labels[answers.target[row]],
            answer=labels[answers.predicted[row]],
            answer_probability=float(answers.confidence[row]),
        )
        for row in surest
    ]
    about = (
        f"{len(wrong):,} of {len(answers):,} answers are wrong; these are the ones it was surest "
        "of. Each shows the true label, then the answer and its probability."
    )
    return f"<p>{escaped(about)}</p>{mosaic(part, tiles)}"


def _doubtful(evaluation: Evaluation, judged: SingleLabelEvaluation, part: Dataset) -> str:
    found, labels = judged.doubtful, judged.spec.labels
    if not len(found):
        return "<p>None: the model gives no reason to doubt a label of these images.</p>"
    tiles = [
        Tile(
            image=evaluation.images[judged.rows[row]],
            label=labels[judged.classified.target[row]],
            answer=labels[found.suggested[place]],
            answer_probability=float(found.suggested_probability[place]),
            label_probability=float(found.self_confidence[place]),
        )
        for place, row in enumerate(found.rows[:TILES])
    ]
    learnt = evaluation.subject.split == "train"
    about = (
        f"{len(found):,} of these images look as if they bore the wrong label (confident learning, "
        "Northcutt et al. 2021): either the label is wrong or the model is. Look before you "
        "change any. Each shows the label that it bears and its probability, then the one "
        "suggested."
    ) + (" The model learnt from these very labels, so it doubts too few." if learnt else "")
    return f"<p>{escaped(about)}</p>{mosaic(part, tiles)}"
