"""``report.html``: what an evaluation found, to look at.

A model of one task has all of it on one page. A model of several has an overview there, and a
page a task in ``report/``; each page needs no other file to be read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from lapel.data.dataset import Dataset
from lapel.evaluation.judged import Scene, Section
from lapel.evaluation.judges import JUDGES
from lapel.evaluation.looking import Looker
from lapel.evaluation.pages.benchmark import benchmark_sections
from lapel.evaluation.pages.curves import learning_curves, task_curves
from lapel.evaluation.pages.doubtful_labels import read_doubtful
from lapel.evaluation.pages.mosaic import TILES, mosaic
from lapel.evaluation.pages.numbers import warnings
from lapel.evaluation.pages.overview import overview_section, task_cards, together_section
from lapel.evaluation.pages.page import escaped, page
from lapel.evaluation.result import Evaluation, Throughput
from lapel.evaluation.run_files import LOG, OUT_OF_SAMPLE
from lapel.evaluation.tables import encoded
from lapel.schema.errors import FormatError, StorageError
from lapel.schema.labels import Schema
from lapel.storage.local import write_atomically
from lapel.storage.names import task_file_names
from lapel.tasks.score_names import score_name

#: Unreadable images named in the report.
UNREADABLE_SHOWN = 20

#: Of a run whose recipe did not ask for it.
NOT_DOUBTED = (
    "<p>Nobody looked for them: learn with <code>--set doubtful_labels.folds=2</code>, which takes "
    "a further pass or two over the training pictures.</p>"
)

#: The first page, and the folder of the pages a task, where there are several.
REPORT = "report.html"
PAGES = "report"


def write_report(
    evaluation: Evaluation,
    *,
    part: Dataset,
    whole: Dataset,
    run: Path | None,
    looker: Looker | None = None,
) -> list[str]:
    """Write ``report.html`` into the evaluation's folder, and a page a task where it has several.

    Args:
        evaluation: what was found.
        part: the rows that were judged.
        whole: the dataset that they are of, where pictures of training rows may be found.
        run: the run that made the model, for its learning curves and doubtful labels.
        looker: for a second look at some pictures.

    Returns:
        What was written: the page, and the folder of the others.

    Raises:
        StorageError: it cannot be written; a former report is as before.
    """
    scene = Scene(
        images=evaluation.images, part=part, learned=evaluation.subject.learned, looker=looker
    )
    run_sections = _run_sections(evaluation, whole, run)
    names = task_pages(evaluation.tasks)
    if not names:
        text = _only_page(evaluation, scene, run_sections)
        write_atomically(evaluation.out / REPORT, encoded(text))
        return [REPORT]
    _make_folder(evaluation.out / PAGES)
    # The tasks' pages first: the one that leads to them is then never ahead of them.
    for task, name in names.items():
        learned = _task_curves(evaluation, task, run)
        text = _task_page(evaluation, task, scene, names, learned)
        write_atomically(evaluation.out / PAGES / name, encoded(text))
    text = _first_page(evaluation, names, run_sections)
    write_atomically(evaluation.out / REPORT, encoded(text))
    return [REPORT, PAGES]


def task_pages(tasks: Iterable[str]) -> dict[str, str]:
    """The file of each task's page in ``PAGES``; none where all stands on the first page."""
    names = task_file_names(tasks)
    return {task: f"{name}.html" for task, name in names.items()} if len(names) > 1 else {}


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"{folder} could not be made a folder: {error.strerror or error}; move what stands "
            "there, or choose another --out"
        ) from error


def _only_page(evaluation: Evaluation, scene: Scene, run_sections: list[Section]) -> str:
    ((name, judged),) = evaluation.tasks.items()
    sections = [
        (f"{anchor}-0", heading, content)
        for anchor, heading, content in JUDGES[judged.spec.kind].sections(judged, scene)
    ]
    cards = task_cards(judged, evaluation.throughput)
    return page(
        title=evaluation.subject.title,
        lead=_lead(evaluation) + _notes(warnings(name, judged)) + cards,
        sections=[
            *sections,
            *benchmark_sections(evaluation.tables),
            *run_sections,
            *_last_sections(evaluation),
        ],
        foot=_foot(evaluation),
    )


def _first_page(evaluation: Evaluation, names: dict[str, str], run_sections: list[Section]) -> str:
    links = {task: quote(f"{PAGES}/{name}") for task, name in names.items()}
    sections = [("overview", "All tasks", overview_section(evaluation, links))]
    if evaluation.together is not None:
        sections.append(("together", "As one answer", together_section(evaluation.together)))
    return page(
        title=evaluation.subject.title,
        lead=_lead(evaluation),
        sections=[
            *sections,
            *benchmark_sections(evaluation.tables),
            *run_sections,
            *_last_sections(evaluation),
        ],
        foot=_foot(evaluation),
    )


def _task_page(
    evaluation: Evaluation,
    task: str,
    scene: Scene,
    names: dict[str, str],
    learned: list[Section],
) -> str:
    judged = evaluation.tasks[task]
    others = " · ".join(
        f"<b>{escaped(name)}</b>"
        if name == task
        else f'<a href="{quote(file)}">{escaped(name)}</a>'
        for name, file in names.items()
    )
    lead = (
        f'<p class="soft">{escaped(evaluation.subject.title)}</p><p><a href="../{REPORT}">'
        f"All tasks</a>: {others}</p>{_notes(warnings(task, judged))}{task_cards(judged)}"
    )
    return page(
        title=task,
        lead=lead,
        sections=[*JUDGES[judged.spec.kind].sections(judged, scene), *learned],
        foot=_foot(evaluation),
    )


def _task_curves(evaluation: Evaluation, task: str, run: Path | None) -> list[Section]:
    """How a task's main numbers grew; nothing where no run has kept it."""
    judged = evaluation.tasks[task]
    called = {number: judged.NAMES[number] for number in judged.HEADLINES}
    try:
        figures = [] if run is None else task_curves(run / LOG, task, called)
    except StorageError:
        return []  # The first page says so.
    return [("curves", "Learning curves", _pair(figures))] if figures else []


def _pair(figures: list[str]) -> str:
    panels = "".join(f'<div class="panel">{figure}</div>' for figure in figures)
    return f'<div class="pair">{panels}</div>'


def _foot(evaluation: Evaluation) -> str:
    kinds = {judged.spec.kind for judged in evaluation.tasks.values()}
    more = {
        "multi_label": "pairs.csv",
        "landmarks": "landmarks.csv",
        "garments": "garments.csv",
        "segmentation": "pixels.csv",
    }
    named = "".join(f", <b>{file}</b>" for kind, file in more.items() if kind in kinds)
    return (
        "<p>Every number of this page is in <b>metrics.json</b>; the tables are in "
        f"<b>per_class.csv</b>, <b>confusion.csv</b>{named} and <b>predictions.csv</b> beside it."
        "</p>"
    )


def _lead(evaluation: Evaluation) -> str:
    subject = evaluation.subject
    about = (
        f"{len(evaluation.images):,} images of the {subject.split} split. The best epoch was "
        f"chosen on: {subject.chosen_on}."
    )
    remarks = _notes(subject.remarks)
    return f'<p class="soft">{escaped(about)}</p>{remarks}{_unreadable(evaluation)}'


def _notes(remarks: tuple[str, ...] | list[str]) -> str:
    return "".join(f'<p class="note">{escaped(remark)}</p>' for remark in remarks)


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


def _run_sections(evaluation: Evaluation, whole: Dataset, run: Path | None) -> list[Section]:
    """What the run that made the model kept; a file that cannot be read is said to be so."""
    sections: list[Section] = []
    if run is None:
        return sections
    try:
        curves = learning_curves(run / LOG, score=_score(evaluation))
        content = _pair(curves) if curves else "<p>The log is empty.</p>"
        sections.append(("curves", "Learning curves", content))
    except StorageError as error:
        sections.append(("curves", "Learning curves", f"<p>{escaped(error)}</p>"))
    if any(judged.spec.kind == "single_label" for judged in evaluation.tasks.values()):
        many = len(evaluation.tasks) > 1
        content = _doubtful_training(whole, run, many=many)
        sections.append(("doubtful-training", "Doubtful training labels", content))
    return sections


def _score(evaluation: Evaluation) -> str:
    """What the score by which the run compared its epochs is called, as a title."""
    recipe = evaluation.subject.provenance.get("recipe")
    recipe = recipe if isinstance(recipe, dict) else {}
    embedding = recipe.get("embedding")
    learned = isinstance(embedding, dict) and embedding.get("loss", "none") != "none"
    schema = Schema(tuple(judged.spec for judged in evaluation.tasks.values()))
    words = score_name(schema, select=recipe.get("select"), vectors=learned)
    return words[0].upper() + words[1:]


def _doubtful_training(whole: Dataset, run: Path, *, many: bool) -> str:
    if not (run / OUT_OF_SAMPLE).is_file():
        return NOT_DOUBTED
    try:
        tiles = read_doubtful(run / OUT_OF_SAMPLE, name_tasks=many)
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


def _last_sections(evaluation: Evaluation) -> list[Section]:
    return [
        ("speed", "Speed", _speed(evaluation.throughput, flip=evaluation.subject.flip)),
        ("provenance", "Provenance", _provenance(evaluation)),
    ]


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
