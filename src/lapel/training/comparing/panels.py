"""Which figures a comparison has, and what each of them shows.

They are those of the report that the CE7454 course's DeepFashion challenge was handed in with
(github.com/lcskxj/DeepFashion-Attribute-Prediction-Challenge, figs/256_*.png): accuracy over
epochs by network size, once for one joint vector and once for separate heads; with and without
augmentation; and for several ways of training. Here they are drawn for whichever keys were varied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lapel.training.comparing.grid import Grid, Varied
from lapel.training.comparing.results import Outcome, ranked
from lapel.training.recipe import full_key

HEADS = "model.heads"

#: Keys that say how large a network is, beside all of ``model.options``.
SIZES = ("model.backbone", "model.hidden")


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One pair of figures: the values of one key.

    Attributes:
        title: in words.
        key: that is looked at.
        under: keys to values that hold for everything shown, such as ``model.heads``: ``joint``.
        others: keys to values of the runs that the curves show: as in the best run.
        curves: value to the choice that has it, all else being equal; values without any
            run that began are left out.
        all: value to every choice that has it, whatever else it has.
    """

    title: str
    key: str
    under: Mapping[str, str]
    others: Mapping[str, str]
    curves: Mapping[str, Outcome]
    all: Mapping[str, Sequence[Outcome]]


def panels_of(grid: Grid, outcomes: Sequence[Outcome]) -> list[Panel]:
    """A panel a varied key; for a network's size, one for each way of the heads."""
    panels = []
    for varied in grid.varied:
        for under in _conditions(grid, varied):
            panel = _panel(grid, varied, under, outcomes)
            if panel is not None:
                panels.append(panel)
    return panels


def is_size(key: str) -> bool:
    """Whether a key says how large a network is."""
    key = full_key(key)
    return key in SIZES or key.startswith("model.options")


def _conditions(grid: Grid, varied: Varied) -> list[dict[str, str]]:
    heads = next((one for one in grid.varied if full_key(one.key) == HEADS), None)
    if heads is None or not is_size(varied.key):
        return [{}]
    return [{heads.key: value.text} for value in heads.values]


def _panel(
    grid: Grid, varied: Varied, under: dict[str, str], outcomes: Sequence[Outcome]
) -> Panel | None:
    """None where no run that belongs to it is done."""
    kept = [one for one in outcomes if under.items() <= _by_key(grid, one).items()]
    best = next((one for one in ranked(kept) if one.score is not None), None)
    if best is None:
        return None
    others = _without(_by_key(grid, best), varied.key)
    curves, everything = {}, {}
    for value in varied.values:
        having = [one for one in kept if _by_key(grid, one)[varied.key] == value.text]
        everything[value.text] = having
        for one in having:
            if _without(_by_key(grid, one), varied.key) == others:
                curves[value.text] = one
    return Panel(
        title=_title(varied.key, under),
        key=varied.key,
        under=under,
        others={key: value for key, value in others.items() if key not in under},
        curves=_by_size(varied.key, curves),
        all=everything,
    )


def _by_key(grid: Grid, outcome: Outcome) -> dict[str, str]:
    return dict(zip(grid.keys, outcome.choice.values, strict=True))


def _without(values: Mapping[str, str], key: str) -> dict[str, str]:
    return {name: value for name, value in values.items() if name != key}


def _by_size(key: str, curves: Mapping[str, Outcome]) -> dict[str, Outcome]:
    """Networks in the order of their size; other values as they were typed."""
    if not is_size(key):
        return dict(curves)

    def size(item: tuple[str, Outcome]) -> float:
        done = item[1].done
        return done[0].parameters if done else float("inf")

    return dict(sorted(curves.items(), key=size))


def _title(key: str, under: Mapping[str, str]) -> str:
    part = full_key(key).partition(".")[0]
    if is_size(key):
        words = "By network size"
    elif full_key(key) == HEADS:
        words = "One vector or a head a task"
    elif part == "augment":
        words = "By augmentation"
    elif part in {"optimiser", "transfer", "schedule"}:
        words = "By way of training"
    else:
        words = "By setting"
    also = "".join(f", {name}={value}" for name, value in under.items())
    return f"{words}: {key}{also}"
