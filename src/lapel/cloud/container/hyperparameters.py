"""Hyperparameters of a training job, which are keys of the recipe and a few words of our own."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml

from lapel.cloud.container.layout import HYPERPARAMETERS, OptMl
from lapel.schema.errors import CloudError
from lapel.training.recipe import ALIASES, Recipe

#: What names the recipe; the layout of data that is no dataset yet; whether the model is judged
#: in the end; how many processes learn on each machine.
RECIPE, FORMAT, REPORT, PROCESSES = "recipe", "format", "report", "processes"

#: What AWS's tools add for themselves.
FOREIGN = re.compile(r"sagemaker_.*|_tuning_objective_metric|_kfold.*|model_dir")

#: Stands for a dot, where a launcher makes names of environment variables of the keys.
DOT = "__"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a job was asked to do.

    Attributes:
        recipe: a shipped recipe's name, or a file's; none: the channel ``recipe`` holds it.
        format: layout of the data, where it is no dataset of ours yet.
        report: judge the model in the end.
        processes: to learn with on each machine; none: one for each GPU.
        changes: dotted key of the recipe to its value as YAML.
        ignored: hyperparameters that mean nothing to us.
    """

    recipe: str | None = None
    format: str | None = None
    report: bool = False
    processes: int | None = None
    changes: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()

    def digest(self, recipe: bytes = b"") -> str:
        """A short name of what is learned: jobs of other settings have another.

        Args:
            recipe: the content of the recipe's file, where it is one.
        """
        text = json.dumps([self.recipe, self.format, sorted(self.changes.items())])
        return hashlib.sha256(text.encode() + recipe).hexdigest()[:12]


def settings_of(values: Mapping[str, object]) -> Settings:
    """What hyperparameters ask for.

    Keys of the recipe are written with dots, as ``schedule.epochs``, or ``schedule__epochs``.
    Values are JSON, as AWS's tools of version 2 encode them, or plain text, as version 3 and
    SageMaker's tuning leave them.

    Args:
        values: as SageMaker hands them over: texts, or values that were decoded already.

    Raises:
        CloudError: ``report`` or ``processes`` is no such value.
    """
    known = {*Recipe.model_fields, *ALIASES}
    own: dict[str, object] = {}
    changes: dict[str, str] = {}
    ignored = []
    for name, value in sorted(values.items()):
        key = name.replace(DOT, ".")
        if name in {RECIPE, FORMAT, REPORT, PROCESSES}:
            own[name] = _decoded(value)
        elif key.split(".")[0] in known:
            changes[key] = _as_yaml(_decoded(value))
        elif not FOREIGN.fullmatch(name):
            ignored.append(name)
    return Settings(
        recipe=_text(own.get(RECIPE)),
        format=_text(own.get(FORMAT)),
        report=_truth(own.get(REPORT, False)),
        processes=_count(own.get(PROCESSES)),
        changes=changes,
        ignored=tuple(ignored),
    )


def read_settings(layout: OptMl, environment: Mapping[str, str] = os.environ) -> Settings:
    """What this job was asked to do: from SageMaker's file, else from ``SM_HPS``.

    Raises:
        CloudError: either is torn, or holds values that cannot be.
    """
    values = layout.read(HYPERPARAMETERS)
    if not values and "SM_HPS" in environment:
        try:
            values = dict(json.loads(environment["SM_HPS"]))
        except (ValueError, TypeError) as error:
            raise CloudError(f"SM_HPS holds no hyperparameters: {error}") from error
    return settings_of(values)


def _decoded(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        decoded: object = json.loads(value)
    except ValueError:
        return value
    return decoded


def _as_yaml(value: object) -> str:
    """A value in a line of YAML, which is what recipes read."""
    if isinstance(value, str):
        return value
    text: str = yaml.safe_dump(value, default_flow_style=True, width=2**31)
    return text.removesuffix("...\n").strip()


def _text(value: object) -> str | None:
    return None if value is None or value == "" else str(value)


def _truth(value: object) -> bool:
    if value in (True, False):
        return bool(value)
    raise CloudError(f"hyperparameter {REPORT}: found {value!r}, expected true or false")


def _count(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    raise CloudError(f"hyperparameter {PROCESSES}: found {value!r}, expected 1 or more")
