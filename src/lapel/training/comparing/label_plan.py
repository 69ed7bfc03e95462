"""What a comparison of labels before and after a cleaning is, checked before anything is begun."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lapel.data.cleaning.mapping import MAPPING_JSON, LabelMapping, mapping_files, read_mappings
from lapel.data.dataset import Dataset
from lapel.inference.bundle import Bundle
from lapel.schema.errors import UsageError
from lapel.storage.local import write_atomically
from lapel.training.checks import tasks_of
from lapel.training.comparing.grid import Choice, PlannedRun
from lapel.training.fewer_tasks import without_unlearned
from lapel.training.many_runs.worker import RUNS
from lapel.training.recipe import load_recipe
from lapel.training.resolve import resolve
from lapel.training.run.folder import LOCK

KEPT = "compare-labels.json"

#: What the two runs are called.
BEFORE, AFTER = "before", "after"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelPlan:
    """All that is to be done.

    Attributes:
        recipe: as given.
        changes: to it, for all runs.
        data: the dataset of before.
        cleaned: the dataset of after.
        mapping: between their labels.
        seeds: of the runs.
        given: bundles that exist and are not learned again, by ``before`` and ``after``.
        split: that is judged.
        out: the folder.
        recipes: what each model is learned by, as JSON, by ``before`` and ``after``; without those
            that a budget has yet to choose.
    """

    recipe: str
    changes: Mapping[str, str]
    data: Dataset
    cleaned: Dataset
    mapping: LabelMapping
    seeds: tuple[int, ...]
    given: Mapping[str, Path]
    split: str
    out: Path
    recipes: Mapping[str, object]

    def runs(self) -> list[tuple[str, PlannedRun]]:
        """(``before`` or ``after``, run) of every run that is to be learned, seed by seed."""
        return [
            (which, _run(self.name(which, seed), which, seed, self.changes))
            for seed in self.seeds
            for which in (BEFORE, AFTER)
            if which not in self.given
        ]

    def name(self, which: str, seed: int) -> str:
        """Of a run's folder."""
        return which if seed == self.seeds[0] else f"{which}_seed-{seed}"

    def model(self, which: str, seed: int) -> Path:
        """Where its bundle is, or the run that holds it."""
        return self.given.get(which, self.out / RUNS / self.name(which, seed))


def make_label_plan(
    recipe: str,
    changes: dict[str, str],
    data: Path,
    cleaned: Path,
    seeds: int,
    given: Mapping[str, str | Path | None],
    split: str,
    out: Path,
) -> LabelPlan:
    """What is to be done, checked before anything is begun; see ``compare_labels``.

    Raises:
        UsageError: datasets that do not belong together, or several seeds of a model that is
            given.
        RecipeError: a recipe with faults.
        DatasetError: no such dataset or split.
        BundleError: a model that is given is none.
    """
    models = {which: Path(model) for which, model in given.items() if model is not None}
    if seeds < 1 or (models and seeds > 1):
        raise UsageError(
            f"found {seeds} seeds; take 1 or more, and 1 where a model is given that has learned"
        )
    resolved = load_recipe(recipe, changes)
    old, new = Dataset.open(data), Dataset.open(cleaned)
    for part in ({"train", "validation"} if len(models) < 2 else set()) | {split}:
        if old.split(part).names() != new.split(part).names() and part != "train":
            raise UsageError(
                f"the {part} splits of {data} and {cleaned} are not the same images, so that "
                "nothing can be compared; `lapel data clean` never leaves any out of them"
            )
    recipes: dict[str, object] = {}
    for which, dataset in ((BEFORE, old), (AFTER, new)):
        fitted, _ = without_unlearned(resolve(resolved), recipe, dataset.schema)
        tasks_of(fitted, dataset.schema)
        if fitted.budget is None:
            recipes[which] = fitted.model_dump(mode="json")
    mapping = _mapping_between(old, new)
    for which, model in models.items():
        bundle = Bundle.load(model)
        _check_not_swapped(which, bundle, mapping)
        recipes[which] = bundle.provenance.get("recipe")
    return LabelPlan(
        recipe=recipe,
        changes=changes,
        data=old,
        cleaned=new,
        mapping=mapping,
        seeds=tuple(range(resolved.seed, resolved.seed + seeds)),
        given=models,
        split=split,
        out=out,
        recipes=recipes,
    )


def _mapping_between(old: Dataset, new: Dataset) -> LabelMapping:
    """The mapping beside the cleaned dataset that leads from the one's labels to the other's."""
    there = {task.name: task for task in new.schema}
    wanted = [(task, there.get(task.name)) for task in old.schema]
    for mapping in read_mappings(new.folder) if mapping_files(new.folder) else []:
        leads = {one.before.name: (one.before, one.after) for one in mapping.tasks}
        steps = [leads.get(task.name, (task, task)) for task in old.schema]
        if leads and steps == wanted:
            return mapping
    raise UsageError(
        f"{new.folder} has no {MAPPING_JSON} that leads from the labels of {old.folder} to its "
        "own; make it of that dataset by `lapel data clean`"
    )


def _check_not_swapped(which: str, model: Bundle, mapping: LabelMapping) -> None:
    """Refuse a model that has learned the labels of the other dataset.

    Raises:
        UsageError: it has.
    """
    learned = {task.name: set(task.labels) for task in model.schema}
    for one in mapping.tasks:
        labels = {BEFORE: set(one.before.labels), AFTER: set(one.after.labels)}
        own, other = labels.pop(which), *labels.values()
        if own != other and learned.get(one.before.name) == other:
            of = "cleaned labels" if which == BEFORE else "labels of before the cleaning"
            raise UsageError(
                f"--{which} {model.folder} has learned the {of}; are --{BEFORE} and --{AFTER} "
                "swapped?"
            )


def _kept_facts(plan: LabelPlan) -> dict[str, Any]:
    return {
        "recipe": plan.recipe,
        "changes": dict(plan.changes),
        "data": plan.data.fingerprint,
        "cleaned": plan.cleaned.fingerprint,
    }


def check_label_folder(plan: LabelPlan) -> None:
    """See that the folder is new, or holds the same comparison.

    Raises:
        UsageError: it holds something else.
    """
    path = plan.out / KEPT
    if path.is_file():
        if json.loads(path.read_text("utf-8")) != _kept_facts(plan):
            raise UsageError(
                f"{plan.out} holds a comparison of other labels, or by another recipe; name a new "
                "--out"
            )
    elif plan.out.is_dir() and any(entry.name != LOCK for entry in plan.out.iterdir()):
        raise UsageError(f"{plan.out} is not empty and holds no comparison; name a new --out")


def keep_label_plan(plan: LabelPlan) -> None:
    """Write down what is compared, for :func:`check_label_folder`."""
    text = json.dumps(_kept_facts(plan), indent=2, ensure_ascii=False)
    write_atomically(plan.out / KEPT, text.encode())


def _run(name: str, which: str, seed: int, changes: Mapping[str, str]) -> PlannedRun:
    choice = Choice(name=which, values=(which,), changes={})
    return PlannedRun(name=name, choice=choice, seed=seed, changes={**changes, "seed": str(seed)})
