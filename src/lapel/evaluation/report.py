"""``report.html``: what an evaluation found, to look at."""

from __future__ import annotations

import json
from pathlib import Path

from lapel.data.dataset import Dataset
from lapel.evaluation.curves import learning_curves
from lapel.evaluation.doubtful import read_doubtful
from lapel.evaluation.figures import percent
from lapel.evaluation.mosaic import TILES, mosaic
from lapel.evaluation.page import card, escaped, page
from lapel.evaluation.result import Evaluation, Throughput
from lapel.evaluation.single_label import RAW, SingleLabelEvaluation
from lapel.evaluation.single_label_page import interval, single_label_sections
from lapel.evaluation.tables import encoded
from lapel.schema.errors import FormatError, StorageError
from lapel.storage.local import write_atomically

#: Unreadable images named in the report.
UNREADABLE_SHOWN = 20

#: Files of a run that a report reads.
LOG = "log.csv"
OUT_OF_SAMPLE = "out_of_sample.csv"

Section = tuple[str, str, str]


def write_report(
    evaluation: Evaluation, *, part: Dataset, whole: Dataset, run: Path | None
) -> None:
    """Write ``report.html`` into the evaluation's folder.

    Args:
        evaluation: what was found.
        part: the rows that were judged.
        whole: the dataset that they are of, where pictures of training rows may be found.
        run: the run that made the model, for its learning curves and doubtful labels.

    Raises:
        StorageError: it cannot be written; a former report is as before.
    """
    sections: list[Section] = []
    many = len(evaluation.tasks) > 1
    for place, (name, judged) in enumerate(evaluation.tasks.items()):
        prefix = f"{name}: " if many else ""
        sections += [
            (f"{anchor}-{place}", f"{prefix}{heading}", content)
            for anchor, heading, content in single_label_sections(evaluation, judged, part)
        ]
    sections += _run_sections(whole, run)
    sections += [
        ("speed", "Speed", _speed(evaluation.throughput, flip=evaluation.subject.flip)),
        ("provenance", "Provenance", _provenance(evaluation)),
    ]
    subject = evaluation.subject
    text = page(
        title=f"{subject.bundle} on {subject.dataset}, {subject.split}"
        + (" (with flip)" if subject.flip else ""),
        lead=_lead(evaluation),
        sections=sections,
        foot="<p>Every number of this page is in <b>metrics.json</b>; the tables are in "
        "<b>per_class.csv</b>, <b>confusion.csv</b> and <b>predictions.csv</b> beside it.</p>",
    )
    write_atomically(evaluation.out / "report.html", encoded(text))


def _lead(evaluation: Evaluation) -> str:
    subject = evaluation.subject
    about = (
        f"{len(evaluation.images):,} images of the {subject.split} split. The best epoch was "
        f"chosen on: {subject.chosen_on}."
    )
    notes = "".join(f'<p class="note">{escaped(remark)}</p>' for remark in subject.remarks)
    cards = "".join(_cards(evaluation, name, task) for name, task in evaluation.tasks.items())
    return f'<p class="soft">{escaped(about)}</p>{notes}{_unreadable(evaluation)}{cards}'


def _cards(evaluation: Evaluation, name: str, judged: SingleLabelEvaluation) -> str:
    alone = len(evaluation.tasks) == 1
    cards = [
        _share_card(judged, number, called)
        for number, called in (
            ("accuracy", "accuracy" if alone else f"{name}: accuracy"),
            ("top3", "top-3 accuracy"),
            ("macro_f1", "macro F1"),
        )
        if number in judged.numbers
    ]
    error = judged.numbers["ece"]
    before = percent(judged.numbers[f"ece{RAW}"].value, 2)
    cards.append(
        card(
            "calibration error",
            percent(error.value, 2),
            f"95 %: {interval(error, 2)}",
            f"{before} uncalibrated",
        )
    )
    if alone:
        rate = f"{evaluation.throughput.images_per_second:,.0f}"
        cards.append(card("images a second", rate, evaluation.throughput.engine))
    return f'<div class="cards">{"".join(cards)}</div>'


def _share_card(judged: SingleLabelEvaluation, number: str, called: str) -> str:
    found = judged.numbers[number]
    return card(
        called,
        percent(found.value, 2),
        f"95 %: {interval(found, 2)}",
        f"majority: {percent(judged.majority.numbers[number], 1)}",
    )


def _unreadable(evaluation: Evaluation) -> str:
    images = evaluation.unreadable
    if not images:
        return ""
    listed = "".join(
        f"<li>{escaped(one.image)}: {escaped(one.fault)}</li>" for one in images[:UNREADABLE_SHOWN]
    )
    rest = len(images) - UNREADABLE_SHOWN
    more = f"<li>and {rest:,} more</li>" if rest > 0 else ""
    return (
        f'<div class="note"><b>Images that could not be read: {len(images):,}.</b> They take '
        f"no part in any number.<ul>{listed}{more}</ul></div>"
    )


def _run_sections(whole: Dataset, run: Path | None) -> list[Section]:
    """What the run that made the model kept; a file that cannot be read is said to be so."""
    sections: list[Section] = []
    if run is None:
        return sections
    try:
        curves = learning_curves(run / LOG)
        panels = "".join(f'<div class="panel">{figure}</div>' for figure in curves)
        content = f'<div class="pair">{panels}</div>' if panels else "<p>The log is empty.</p>"
        sections.append(("curves", "Learning curves", content))
    except StorageError as error:
        sections.append(("curves", "Learning curves", f"<p>{escaped(error)}</p>"))
    if (run / OUT_OF_SAMPLE).is_file():
        heading = "Doubtful training labels"
        sections.append(("doubtful-training", heading, _doubtful_training(whole, run)))
    return sections


def _doubtful_training(whole: Dataset, run: Path) -> str:
    try:
        tiles = read_doubtful(run / OUT_OF_SAMPLE)
    except (StorageError, FormatError) as error:
        return f"<p>{escaped(error)}</p>"
    if not tiles:
        return "<p>None: the model agrees with every training label.</p>"
    about = (
        f"{len(tiles):,} training images look as if they bore the wrong label, by networks that "
        "did not learn from them (confident learning, Northcutt et al. 2021). The most doubtful "
        f"stand here, all of them in {OUT_OF_SAMPLE} of the run. Each shows the label that it "
        "bears, then the one suggested."
    )
    return f"<p>{escaped(about)}</p>{mosaic(whole, tiles[:TILES])}"


def _speed(throughput: Throughput, *, flip: bool) -> str:
    twice = ", each looked at twice (flip)" if flip else ""
    text = (
        f"{throughput.images:,} images{twice} in {throughput.seconds:.1f} s: "
        f"{throughput.images_per_second:,.0f} a second with reading, preprocessing and network, "
        f"by {throughput.engine} on {throughput.machine}."
    )
    return f"<p>{escaped(text)}</p>"


def _provenance(evaluation: Evaluation) -> str:
    subject = evaluation.subject
    about = (
        f"Judged on rows with fingerprint {subject.fingerprint}. Intervals hold 95 % of "
        f"{evaluation.resamples:,} bootstrap resamples of the images; they tell what other "
        "images of this kind would give, not what another training run would."
    )
    plain = json.dumps(subject.provenance, indent=2, ensure_ascii=False, default=str)
    lines = "\n".join(escaped(line) for line in plain.splitlines())
    return (
        f"<p>{escaped(about)}</p><details><summary>What the model says of its making</summary>"
        f'<div class="panel"><pre>{lines}</pre></div></details>'
    )
