"""The part of a report that tells of one task of kind ``multi_label``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from lapel.evaluation.judged import Scene, Section
from lapel.evaluation.kinds.multi_label import MultiLabelEvaluation
from lapel.evaluation.pages.mosaic import mosaic
from lapel.evaluation.pages.numbers import percent
from lapel.evaluation.pages.page import bar, escaped, figure, table
from lapel.evaluation.pages.tag_figures import (
    mistaken_figure,
    precision_recall_figure,
    together_figure,
)
from lapel.evaluation.pages.tag_tiles import TagTile, found_tiles, invented_tiles, missed_tiles
from lapel.evaluation.pages.task_page import (
    between,
    calibration_section,
    numbers_section,
    where,
)
from lapel.metrics.ranking import cuts_of
from lapel.schema.counting import counted

#: Curves that are shown at once; more are folded away.
CURVES = 12

#: Curves in all: more make a page that nobody looks through.
CURVES_FOLDED = 120

#: Labels in the figures of pairs: the most frequent ones.
PAIR_LABELS = 30

#: Up to so many, two figures can stand side by side.
PAIRED_LABELS = 12

#: Confused pairs named.
PAIRS = 10


def multi_label_sections(judged: MultiLabelEvaluation, scene: Scene) -> list[Section]:
    """(anchor, heading, HTML) of each section.

    Args:
        judged: the task.
        scene: what was looked at, for the pictures.
    """
    return [
        ("numbers", "All numbers", _numbers(judged)),
        ("labels", "Per-label results", _per_label(judged)),
        ("curves-of-labels", "Precision and recall", _curves(judged)),
        ("found", "Found", _found(judged, scene)),
        ("missed", "Missed", _missed(judged, scene)),
        ("invented", "Invented", _invented(judged, scene)),
        ("confusion", "Taken for one another", _mistaken(judged)),
        ("together", "Which go together", _together(judged)),
        ("calibration", "Calibration", _calibration(judged)),
    ]


def _numbers(judged: MultiLabelEvaluation) -> str:
    majority, silent = judged.majority, judged.counts.labels_without_positives
    about = (
        f"{counted(len(judged.rows), 'image')} of which at least one label is known. The majority "
        f"answer always says “{majority.answer}”: of the most frequent labels of "
        f"{where(majority.counted_on)}, the set that earns the best mean F1 without looking; its "
        "probabilities are the labels' frequencies. Mean F1: the F1 of each image's set of labels, "
        "averaged over images. Micro: all answers in one pot; macro: the plain mean over labels."
    )
    if silent:
        about += (
            f" Labels that hold on none of these images, and take no part in mean average "
            f"precision and macro numbers: {silent:,}."
        )
    return numbers_section(judged, about)


def _per_label(judged: MultiLabelEvaluation) -> str:
    # Labels that never hold have no F1 to compare: they stand last.
    rows = sorted(judged.per_label(), key=lambda row: (row["support"] == 0, row["f1"]))
    cells = [
        [
            escaped(row["label"]),
            f"{row['support']:,}",
            *(percent(row[name], 1) + between(row, name) for name in ("precision", "recall")),
            _share(row["f1"]) + between(row, "f1"),
            _share(row["ap"]),
            f"{row['threshold']:.3f}" if row["threshold"] <= 1 else "never",
            *(f"{row[name]:,}" for name in ("tp", "fp", "fn", "tn")),
        ]
        for row in rows
    ]
    header = ["label", "images", "precision", "recall", "F1", "AP", "threshold"]
    about = (
        "The weakest first. Precision: of the images told so, how many are. Recall: of the images "
        "that are so, how many are told so. F1: their harmonic mean. Below these three their "
        "95 % intervals. AP: average precision, over all thresholds. Threshold: the least "
        "probability at which the model says so."
    )
    return f"<p>{about}</p>{table([*header, 'TP', 'FP', 'FN', 'TN'], cells)}"


def _share(share: float) -> str:
    return percent(share, 1) if np.isnan(share) else f"{percent(share, 1)}{bar(share)}"


def _curves(judged: MultiLabelEvaluation) -> str:
    support = judged.each.support
    order = [int(label) for label in np.argsort(-support, kind="stable") if support[label]]
    about = (
        "The most frequent labels first. A dot is the model's threshold for that label; the dashed "
        "line is the label's share of the images, which naming it blindly would reach."
    )
    rest = ""
    if len(order) > CURVES:
        folded = order[CURVES:CURVES_FOLDED]
        rest = (
            f"<details><summary>{counted(len(folded), 'more label')}</summary>"
            f"{_panels(judged, folded)}</details>"
        )
    return f"<p>{about}</p>{_panels(judged, order[:CURVES])}{rest}"


def _panels(judged: MultiLabelEvaluation, labels: Sequence[int]) -> str:
    images, panels = judged.tagged, []
    for label in labels:
        weight = images.weight[:, label]
        drawing = precision_recall_figure(
            cuts_of(images.probabilities[:, label], images.target[:, label], weight),
            label=judged.spec.labels[label],
            average=float(judged.each.ap[label]),
            threshold=float(images.thresholds[label]),
            images=int((weight > 0).sum()),
        )
        panels.append(f'<div class="panel">{drawing}</div>')
    return f'<div class="trio">{"".join(panels)}</div>'


def _found(judged: MultiLabelEvaluation, scene: Scene) -> str:
    total = int(judged.each.tp.sum())
    return _pictures(
        judged,
        scene,
        found_tiles,
        f"{counted(total, 'label')} rightly told: of each label in turn, the surest.",
        "None: not one label was found.",
    )


def _missed(judged: MultiLabelEvaluation, scene: Scene) -> str:
    total = int(judged.each.fn.sum())
    return _pictures(
        judged,
        scene,
        missed_tiles,
        f"{counted(total, 'label')} not told though they hold: of each label in turn, the one it "
        "believed least. Either the model is blind to it, or the picture is labelled wrongly.",
        "None: every label was found.",
    )


def _invented(judged: MultiLabelEvaluation, scene: Scene) -> str:
    total = int(judged.each.fp.sum())
    return _pictures(
        judged,
        scene,
        invented_tiles,
        f"{counted(total, 'label')} told though they do not hold: of each label in turn, the one "
        "it was surest of. Either the model is wrong, or the label was forgotten.",
        "None: nothing was invented.",
    )


def _pictures(
    judged: MultiLabelEvaluation,
    scene: Scene,
    choose: Callable[[MultiLabelEvaluation, Scene], list[TagTile]],
    about: str,
    nothing: str,
) -> str:
    tiles = choose(judged, scene)
    if not tiles:
        return f"<p>{escaped(nothing)}</p>"
    how = " Each shows the label, its probability beside its threshold, and what else is true."
    return f"<p>{escaped(about + how)}</p>{mosaic(scene.part, tiles)}"


def _mistaken(judged: MultiLabelEvaluation) -> str:
    mistaken, missed = judged.pairs.mistaken, judged.pairs.missed
    if not mistaken.any():
        return "<p>On no image was one label missed and another one invented.</p>"
    chosen = _busiest(mistaken.sum(axis=0) + mistaken.sum(axis=1))
    square, names = np.ix_(chosen, chosen), [judged.spec.labels[label] for label in chosen]
    caption = (
        "Rows: labels that were missed. Columns: labels that were invented on the same image. "
        f"Point at a cell for its number. {_of_all(judged, chosen)}All pairs are in confusion.csv."
    )
    drawing = mistaken_figure(mistaken[square], missed[square], names)
    return f'<div class="panel">{figure(drawing, caption)}</div>{_mistaken_pairs(judged)}'


def _mistaken_pairs(judged: MultiLabelEvaluation) -> str:
    """The pairs that chance does not explain: frequent labels are often wrong at once."""
    labels, pairs = judged.spec.labels, judged.pairs
    mistaken, chance = pairs.mistaken, pairs.mistaken_by_chance
    excess = mistaken - chance
    order = np.argsort(-excess, axis=None, kind="stable")[:PAIRS]
    rows = [
        [
            escaped(labels[missed]),
            f'<span class="wrong">{escaped(labels[invented])}</span>',
            f"{mistaken[missed, invented]:,}",
            f"{chance[missed, invented]:.1f}",
            percent(mistaken[missed, invented] / pairs.true_rows[missed, invented], 1),
        ]
        for missed, invented in zip(*np.unravel_index(order, excess.shape), strict=True)
        if excess[missed, invented] > 0
    ]
    if not rows:
        return "<p>No two labels are mistaken together more often than by chance.</p>"
    header = ["missed", "invented instead", "images", "by chance", "of the label"]
    return f"<h3>Most above chance</h3>{table(header, rows, style='words')}"


def _together(judged: MultiLabelEvaluation) -> str:
    pairs = judged.pairs
    chosen = _busiest(judged.each.support)
    square, names = np.ix_(chosen, chosen), [judged.spec.labels[label] for label in chosen]
    drawings = []
    for both, rows, called in (
        (pairs.true, pairs.true_rows, "As labelled"),
        (pairs.answered, pairs.answered_rows, "As answered"),
    ):
        caption = f"{called}: of the row's images, the share (in %) that the column's label has too"
        drawing = together_figure(both[square], rows[square], names, description=caption)
        drawings.append(f'<div class="panel">{figure(drawing, caption)}</div>')
    about = (
        f"{_of_all(judged, chosen)}Where the second differs from the first, the model has made up "
        "rules of its own, or missed one. All pairs are in pairs.csv."
    )
    side_by_side = ' class="pair"' if len(chosen) <= PAIRED_LABELS else ""
    return f"<p>{escaped(about)}</p><div{side_by_side}>{''.join(drawings)}</div>"


def _busiest(weight: NDArray[np.int64]) -> NDArray[np.int64]:
    """The labels to show, in the order of the schema."""
    return np.sort(np.argsort(-weight, kind="stable")[:PAIR_LABELS])


def _of_all(judged: MultiLabelEvaluation, chosen: NDArray[np.int64]) -> str:
    total = len(judged.spec.labels)
    return f"Of {total} labels, {len(chosen)} are shown. " if len(chosen) < total else ""


def _calibration(judged: MultiLabelEvaluation) -> str:
    about = (
        "When it gives a label 80 %, the label should hold in 80 of 100 cases: bars should end on "
        "the dashed line. Orange is what it claims too much, a pale end what it claims too little; "
        f"bins with few answers are faint. The temperature is {judged.temperature:.3f}; thresholds "
        "stand beside the results of each label."
    )
    return calibration_section(judged.bins_before, judged.counts.bins, judged.numbers, about)
