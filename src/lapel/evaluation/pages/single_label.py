"""The part of a report that tells of one task of kind ``single_label``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from lapel.evaluation.judged import Scene, Section
from lapel.evaluation.kinds.single_label import SingleLabelEvaluation
from lapel.evaluation.pages.figures import confusion_figure, shown_labels
from lapel.evaluation.pages.matrix import MATRIX_LABELS
from lapel.evaluation.pages.mosaic import TILES, Tile, mosaic
from lapel.evaluation.pages.numbers import percent, warnings
from lapel.evaluation.pages.page import bar, escaped, figure, table
from lapel.evaluation.pages.task_page import (
    between,
    calibration_section,
    numbers_section,
    where,
)

#: Confused pairs named.
PAIRS = 8


def single_label_sections(judged: SingleLabelEvaluation, scene: Scene) -> list[Section]:
    """(anchor, heading, HTML) of each section.

    Args:
        judged: the task.
        scene: what was looked at, for the pictures.
    """
    return [
        ("numbers", "All numbers", _numbers(judged)),
        ("confusion", "Confusion matrix", _confusion(judged)),
        ("labels", "Per-class results", _per_class(judged)),
        ("calibration", "Calibration", _calibration(judged)),
        ("mistakes", "Worst mistakes", _mistakes(judged, scene)),
        ("doubtful", "Doubtful labels", _doubtful(judged, scene)),
    ]


def _numbers(judged: SingleLabelEvaluation) -> str:
    majority = judged.majority
    about = (
        f"{len(judged.classified):,} labelled images. The majority answer always says "
        f"“{majority.answer}”, the most frequent label of {where(majority.counted_on)}, with the "
        "labels' frequencies as its probabilities: what one reaches without looking. Macro: the "
        "plain mean over labels that occur or are answered; weighted: the mean by occurrence."
    )
    return numbers_section(judged, about)


def _confusion(judged: SingleLabelEvaluation) -> str:
    confusion, labels = judged.counts.confusion, judged.spec.labels
    caption = (
        "Rows are true labels, columns are answers. Colour is the share of the row; mistakes are "
        "drawn stronger than in proportion, so that rare ones are seen. Point at a cell for its "
        "number."
    )
    if len(labels) > MATRIX_LABELS:
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
    # Labels that no image bears have no recall and no F1 to compare: they stand last.
    rows = sorted(judged.per_label(), key=lambda row: (row["support"] == 0, float(row["f1"])))
    cells = [
        [
            escaped(row["label"]),
            f"{row['support']:,}",
            _share(row, "precision", row["tp"] + row["fp"]),
            *(_share(row, name, row["support"]) for name in ("recall", "f1")),
            *(f"{row[name]:,}" for name in ("tp", "fp", "fn", "tn")),
        ]
        for row in rows
    ]
    header = ["label", "images", "precision", "recall", "F1", "TP", "FP", "FN", "TN"]
    about = (
        "The weakest first. Precision: of the images called so, how many are. Recall: of the "
        "images that are so, how many are called so. F1: their harmonic mean. Below each its 95 % "
        "interval. A dash: no image to tell it from; labels that no image bears stand last."
    )
    return f"<p>{about}</p>{table(header, cells)}"


def _share(row: Mapping[str, Any], name: str, images: int) -> str:
    """A label's share of some images with its interval; a dash where there are none."""
    if not images:
        return percent(math.nan)
    return f"{percent(row[name], 1)}{bar(row[name])}{between(row, name)}"


def _calibration(judged: SingleLabelEvaluation) -> str:
    about = (
        "When it says 80 %, it should be right in 80 of 100 cases: bars should end on the dashed "
        "line. Orange is what it claims too much, a pale end what it claims too little; bins "
        f"with few images are faint. The temperature is {judged.temperature:.3f}."
    )
    return calibration_section(judged.bins_before, judged.counts.bins, judged.numbers, about)


def _mistakes(judged: SingleLabelEvaluation, scene: Scene) -> str:
    answers, labels = judged.classified, judged.spec.labels
    wrong = np.flatnonzero(answers.predicted != answers.target)
    if not len(wrong):
        return "<p>None: every answer is right.</p>"
    surest = wrong[np.argsort(-answers.confidence[wrong], kind="stable")][:TILES]
    tiles = [
        Tile(
            image=scene.images[judged.rows[row]],
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
    return f"<p>{escaped(about)}</p>{mosaic(scene.part, tiles)}"


def _doubtful(judged: SingleLabelEvaluation, scene: Scene) -> str:
    found, labels = judged.doubtful, judged.spec.labels
    if not len(found):
        return "<p>None: the model gives no reason to doubt a label of these images.</p>"
    tiles = [
        Tile(
            image=scene.images[judged.rows[row]],
            label=labels[judged.classified.target[row]],
            answer=labels[found.suggested[place]],
            answer_probability=float(found.suggested_probability[place]),
            label_probability=float(found.self_confidence[place]),
        )
        for place, row in enumerate(found.rows[:TILES])
    ]
    about = (
        f"{len(found):,} of these images look as if they bore the wrong label (confident learning, "
        "Northcutt et al. 2021): either the label is wrong or the model is. Look before you "
        "change any. Each shows the label that it bears and its probability, then the one "
        "suggested."
    ) + (" The model learnt from these very labels, so it doubts too few." if scene.learned else "")
    if warnings(judged.spec.name, judged):
        about += (
            " This model hardly tells the labels apart, as is said at the top: take these for its "
            "mistakes, not for yours."
        )
    return f"<p>{escaped(about)}</p>{mosaic(scene.part, tiles)}"
