"""What an evaluation found, written into its folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lapel.data.dataset import Dataset
from lapel.evaluation.looking import Looker
from lapel.evaluation.report import task_pages, write_report
from lapel.evaluation.result import Evaluation
from lapel.evaluation.stale import former_pages, remove_pages
from lapel.evaluation.tables import write_tables
from lapel.schema.errors import StorageError


def make_folder(out: Path) -> None:
    """Make the folder of an evaluation: before the work, so that one that cannot be written costs
    no waiting.

    Raises:
        StorageError: it cannot be made.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"{out} could not be made a folder: {error.strerror or error}; choose another --out"
        ) from error


def write_evaluation(
    evaluation: Evaluation,
    *,
    part: Dataset,
    whole: Dataset,
    run: Path | None = None,
    looker: Looker | None = None,
) -> Evaluation:
    """Write tables and report; pages of a former evaluation that nothing leads to any more go.

    Args:
        evaluation: what was found.
        part: the rows that were judged.
        whole: the dataset that they are of.
        run: the run that made the model.
        looker: for a second look at some pictures.

    Returns:
        The same with the names of its files.

    Raises:
        StorageError: something cannot be written.
    """
    former = former_pages(evaluation.out)  # while metrics.json is still the former one
    tables = write_tables(evaluation)
    pages = write_report(evaluation, part=part, whole=whole, run=run, looker=looker)
    remove_pages(evaluation.out, former - set(task_pages(evaluation.tasks).values()))
    return replace(evaluation, files=(*pages, *tables))
