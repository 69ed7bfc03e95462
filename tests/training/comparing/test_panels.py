"""Which figures a comparison has, and that they show what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from compared_runs import all_made, failed, made

from lapel.training.comparing.figures import curves_figure, median_curve, side_by_side_figure
from lapel.training.comparing.grid import grid_of
from lapel.training.comparing.panels import panels_of
from lapel.training.comparing.report import About, write_report
from lapel.training.comparing.results import Result, outcomes_of

ABOUT = About(
    recipe="photos",
    dataset="옷 <b>",
    fingerprint="f00",
    settings={},
    seeds=(0,),
    score="on validation",
)
FOUR = (
    "model.heads=separate,joint",
    "model.backbone=resnet50,resnet18",
    "augment=none,standard",
    "optim=sgd,adamw",
)
WORTH = {"separate": 0.02, "resnet50": 0.04, "standard": 0.08, "sgd": 0.16}


def worth(values: tuple[str, ...], seed: int) -> float:
    return 0.5 + sum(WORTH.get(value, 0.0) for value in values) + 0.001 * seed


def sized(results: list[Result]) -> list[Result]:
    """The same, with networks of different sizes."""
    sizes = {"resnet50": 23_500_000, "resnet18": 11_200_000}
    return [made(r.run, r.score or 0.0, parameters=sizes[r.run.choice.values[1]]) for r in results]


def test_the_four_figures_of_the_seed_are_there_and_differ_in_one_thing_alone() -> None:
    grid = grid_of(FOUR)
    panels = panels_of(grid, outcomes_of(sized(all_made(grid, worth))))
    by_title = {panel.title: panel for panel in panels}
    assert list(by_title) == [
        "One vector or a head a task: model.heads",
        "By network size: model.backbone, model.heads=separate",
        "By network size: model.backbone, model.heads=joint",
        "By augmentation: augment",
        "By way of training: optim",
    ]
    joint = by_title["By network size: model.backbone, model.heads=joint"]
    assert list(joint.curves) == ["resnet18", "resnet50"], "the small one first"
    shown = [outcome.choice.values for outcome in joint.curves.values()]
    assert shown == [
        ("joint", "resnet18", "standard", "sgd"),
        ("joint", "resnet50", "standard", "sgd"),
    ]
    assert joint.others == {"augment": "standard", "optim": "sgd"}
    assert {one.choice.values[0] for having in joint.all.values() for one in having} == {"joint"}
    augment = by_title["By augmentation: augment"]
    assert [one.choice.values for one in augment.curves.values()] == [
        ("separate", "resnet50", "none", "sgd"),
        ("separate", "resnet50", "standard", "sgd"),
    ]
    assert len(augment.all["none"]) == 8


def test_every_run_that_is_done_is_a_dot_and_every_value_a_line() -> None:
    grid = grid_of(FOUR)
    outcomes = outcomes_of(all_made(grid, worth, seeds=(0, 1)))
    panel = panels_of(grid, outcomes)[-1]
    dots = side_by_side_figure(panel.all, list(panel.curves))
    assert len(re.findall("<circle", dots)) == 32
    lines = curves_figure(panel.curves)
    # A line a seed, and their median.
    assert len(re.findall("<polyline", lines)) == 2 * (2 + 1)
    assert "sgd" in lines
    assert "adamw" in lines
    assert ">1.5<" not in lines, "between two epochs there is nothing to name"


def test_the_median_is_drawn_over_the_epochs_that_all_seeds_have() -> None:
    curves = [[(1, 0.1), (2, 0.5), (3, 0.9)], [(1, 0.3), (2, 0.7)], [(1, 0.2), (2, 0.6)]]
    assert median_curve(curves) == [(1, 0.2), (2, 0.6)]


def test_a_run_that_failed_is_named_and_not_drawn(tmp_path: Path) -> None:
    grid = grid_of(["optim=sgd,adamw"])
    runs = grid.runs({}, [0])
    results = [made(runs[0], 0.8), failed(runs[1], "the loss is nan <script>")]
    write_report(tmp_path, ABOUT, grid, outcomes_of(results))
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "Runs that failed" in page
    assert "the loss is nan &lt;script&gt;" in page
    assert page.count("<circle") == 1
    assert "no run is done" in page


@pytest.mark.parametrize("texts", [["optim=sgd,adamw"], []], ids=["varied", "seeds alone"])
def test_before_the_first_run_ends_there_is_a_page_already(
    texts: list[str], tmp_path: Path
) -> None:
    grid = grid_of(texts)
    results = [failed(run, "not yet") for run in grid.runs({}, [0, 1])]
    write_report(tmp_path, ABOUT, grid, outcomes_of(results))
    assert "Results" in (tmp_path / "report.html").read_text("utf-8")


def test_a_page_needs_nothing_else_and_what_was_typed_stays_text(tmp_path: Path) -> None:
    grid = grid_of(["model.backbone=<img src=x>,스타일"])
    write_report(tmp_path, ABOUT, grid, outcomes_of(all_made(grid, worth)))
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "<img" not in page
    assert "&lt;img src=x&gt;" in page
    assert "스타일" in page
    assert "옷 &lt;b&gt;" in page
    assert not re.search(r"(src|href)=\"?(https?:)?//", page)
