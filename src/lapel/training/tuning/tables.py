"""What a search leaves as files: a row a trial, and the best values as a recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from lapel.evaluation.tables import csv_bytes
from lapel.schema.labels import Schema
from lapel.storage.local import write_atomically
from lapel.training.fewer_tasks import without_unlearned
from lapel.training.recipe import load_recipe
from lapel.training.tuning.ranges import Range
from lapel.training.tuning.records import Record

TABLE, BEST = "tuned.csv", "best.yaml"


def write_table(out: Path, ranges: Sequence[Range], records: Sequence[Record]) -> None:
    """Write ``tuned.csv``: a row a trial, in the order in which they were begun.

    Raises:
        StorageError: the folder cannot be written; the file is whole or as before.
    """
    keys = [one.key for one in ranges]
    header = ["trial", "state", "score", "best_epoch", "epochs", "seconds", "machine", *keys]
    rows = [
        [
            record.number,
            record.state,
            "" if record.score is None else repr(record.score),
            record.best_epoch if record.scores else "",
            record.last_epoch,
            f"{record.seconds:.1f}",
            record.host,
            *(_cell(record.values.get(key, "")) for key in keys),
            " ".join(record.fault.split()),
        ]
        for record in records
    ]
    write_atomically(out / TABLE, csv_bytes([*header, "fault"], rows))


def _cell(value: object) -> object:
    """A number with all of its digits, as ``--set`` takes it."""
    return repr(value) if isinstance(value, float) else value


def write_best(
    out: Path, recipe: str, changes: Mapping[str, Any], best: Record, schema: Schema
) -> None:
    """Write ``best.yaml``: the recipe with the best values, as ``lapel train`` takes it.

    Args:
        out: the search's folder.
        recipe: a shipped recipe's name, or a path.
        changes: that all trials share.
        best: the trial.
        schema: of the dataset: what a shipped recipe says of tasks that it has not is left out.

    Raises:
        StorageError: the folder cannot be written; the file is whole or as before.
    """
    loaded = load_recipe(recipe, {**changes, **best.values})
    fitted = without_unlearned(loaded, recipe, schema)[0]
    # Only what was said: defaults that change one day change for it as well as for its origin.
    values = fitted.model_dump(mode="json", exclude_unset=True, exclude={"tune", "stands_for"})
    values["name"] = f"{fitted.name}-tuned"
    values["about"] = (
        f"{fitted.name} with the values of trial {best.number}, which had a score of "
        f"{best.score:.4f} on validation"
    )
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    write_atomically(out / BEST, text.encode())
