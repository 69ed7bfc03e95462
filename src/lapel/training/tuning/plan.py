"""What a search is: checked before the first trial, and written down so that it goes on as it is.

The folder that it fills:

- ``tune.json``: what is searched, and the folder's own name in the study
- ``study.db``: the trials (SQLite), where no other place is named
- ``runs/trial-0007/``: a run each; ``logs/trial-0007.txt``: what it said
- ``report.html``, ``tuned.csv``, ``best.yaml``: written anew after each trial
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lapel.data.dataset import Dataset
from lapel.schema.errors import UsageError
from lapel.schema.labels import Schema
from lapel.storage.local import write_atomically
from lapel.storage.machine import usable_cores
from lapel.training.checks import tasks_of
from lapel.training.fewer_tasks import without_unlearned
from lapel.training.many_runs.devices import available_devices
from lapel.training.recipe import Recipe, load_recipe, seconds_of
from lapel.training.resolve import resolve
from lapel.training.run.folder import LOCK
from lapel.training.tuning.ranges import Range, check_ranges, parse_range, ranges_of
from lapel.training.tuning.study import shown

KEPT = "tune.json"
DATABASE = "study.db"
FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """All that is to be known before the first trial.

    Attributes:
        recipe: as given: a shipped recipe's name or a path.
        base: the recipe with the settings that all trials share.
        learned: the tasks that are learned.
        ranges: what is varied.
        settings: changes that all trials share.
        dataset: to learn from.
        out: the folder.
        study: a URL or a file.
        alone: whether nobody else can work on the study.
        name: of the study.
    """

    recipe: str
    base: Recipe
    learned: Schema
    ranges: tuple[Range, ...]
    settings: Mapping[str, Any]
    dataset: Dataset
    out: Path
    study: str
    alone: bool
    name: str

    @property
    def facts(self) -> dict[str, Any]:
        """What all who work on one study agree on."""
        recipe = self.base.model_dump(mode="json", exclude_unset=True, exclude={"tune"})
        return {
            "recipe or --set": recipe,
            "data": self.dataset.fingerprint,
            "ranges": [one.as_json() for one in self.ranges],
        }


def make_search(
    recipe: str,
    data: str | Path,
    out: Path,
    *,
    ranges: Sequence[str],
    changes: Mapping[str, Any],
    study: str | None,
    name: str,
) -> Search:
    """What a search is, checked before anything is begun.

    Args:
        recipe: a shipped recipe's name, or a path.
        data: a dataset folder.
        out: the folder to fill.
        ranges: ``KEY=LOW..HIGH`` and the like, beside those of the recipe.
        changes: that all trials share.
        study: where trials are kept; None: in the folder.
        name: of the study.

    Raises:
        UsageError: nothing to search, or arguments that do not go together.
        RecipeError: a recipe with faults, or one that does not take all values.
        DatasetError: no such dataset, or one without a train or validation split.
    """
    base = load_recipe(recipe, changes)
    varied = ranges_of(base, dict(map(parse_range, ranges)), changes)
    dataset = Dataset.open(data)
    for split in ("train", "validation"):
        dataset.split(split)
    learned = tasks_of(without_unlearned(resolve(base), recipe, dataset.schema)[0], dataset.schema)
    check_ranges(recipe, changes, varied, dataset.schema)
    return Search(
        recipe=recipe,
        base=base,
        learned=learned,
        ranges=varied,
        settings=dict(changes),
        dataset=dataset,
        out=out,
        study=study or str(out / DATABASE),
        alone=study is None,
        name=name,
    )


def check_folder(search: Search) -> str:
    """See that the folder is new, or holds the same search.

    Returns:
        The folder's own name in the study.

    Raises:
        UsageError: it holds something else.
    """
    path = search.out / KEPT
    if not path.is_file():
        there = search.out.iterdir() if search.out.is_dir() else ()
        if any(entry.name not in {LOCK, Path(search.study).name} for entry in there):
            raise UsageError(f"{search.out} is not empty and holds no search; name a new --out")
        return secrets.token_hex(8)
    kept = json.loads(path.read_text("utf-8"))
    now = _kept(search, kept["home"])
    apart = [name for name in now if kept.get(name) != now[name]]
    if apart:
        raise UsageError(
            f"{search.out} holds a search with other {', '.join(apart)}; name a new --out"
        )
    home: str = kept["home"]
    return home


def keep(search: Search, home: str) -> None:
    """Write down what is searched, for :func:`check_folder`."""
    text = json.dumps(_kept(search, home), indent=2, ensure_ascii=False)
    write_atomically(search.out / KEPT, text.encode())


def _kept(search: Search, home: str) -> dict[str, Any]:
    place = "" if search.alone else shown(search.study)
    return {"format": FORMAT, "home": home, "study": place, "name": search.name, **search.facts}


def seconds_of_budget(budget: str | None) -> float | None:
    """Seconds of a time as typed.

    Raises:
        UsageError: it is none.
    """
    try:
        return None if budget is None else seconds_of(budget)
    except ValueError as error:
        raise UsageError(f"--budget {budget}: {error}") from None


def slots_of(workers: int | None) -> list[tuple[str, dict[str, str]]]:
    """Of each worker, its device and what its environment has beside ours.

    Args:
        workers: how many; None: one an accelerator, or one.

    Raises:
        UsageError: fewer than 1.
    """
    devices = available_devices()
    count = len(devices) if workers is None else workers
    if count < 1:
        raise UsageError(f"--workers takes a number from 1 on, found {count}")
    also = {}
    if count > 1 and devices == [""] and "OMP_NUM_THREADS" not in os.environ:
        also = {"OMP_NUM_THREADS": str(max(1, usable_cores() // count))}
    return [(devices[place % len(devices)], also) for place in range(count)]
