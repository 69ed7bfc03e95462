"""The tables of a comparison: medians for people, every value for programs."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from compared_runs import all_made, failed, made

from lapel.training.comparing.grid import grid_of
from lapel.training.comparing.results import outcomes_of, ranked
from lapel.training.comparing.tables import (
    sentence,
    summary_header,
    summary_rows,
    write_markdown,
    write_tables,
)


def by_seed(values: tuple[str, ...], seed: int) -> float:
    return (0.9 if values[0] == "sgd" else 0.5) + 0.01 * seed


def test_several_seeds_are_a_median_and_a_spread_and_the_best_stands_first() -> None:
    grid = grid_of(["optim=adamw,sgd"])
    outcomes = outcomes_of(all_made(grid, by_seed, seeds=(0, 1, 2, 3)))
    rows = [
        dict(zip(summary_header(grid.keys, outcomes), row, strict=True))
        for row in summary_rows(outcomes)
    ]
    assert [row["optim"] for row in rows] == ["sgd", "adamw"]
    assert rows[0]["score: median (least to most)"] == "91.50 % (90.00 to 93.00)"
    assert rows[0]["tags.map"] == "45.75 %"
    assert rows[0]["learned in"] == "2 min 0 s"
    assert rows[0]["runs"] == "4 done"


def test_what_is_not_done_stands_last_and_is_said() -> None:
    grid = grid_of(["optim=adamw,sgd"])
    runs = grid.runs({}, [0, 1])
    results = [failed(runs[0], "no"), made(runs[1], 0.3), failed(runs[2], "no"), made(runs[3], 0.4)]
    outcomes = outcomes_of(results)
    assert [one.choice.values for one in ranked(outcomes)] == [("sgd",), ("adamw",)]
    assert [row[-1] for row in summary_rows(outcomes)] == ["2 done", "2 failed"]
    assert sentence(results) == "2 of 4 runs done, 2 failed"


def test_the_csv_files_hold_every_run_and_every_value_of_every_epoch(tmp_path: Path) -> None:
    grid = grid_of(["optim=adamw,sgd"])
    results = all_made(grid, by_seed, seeds=(0, 1))
    results[1] = failed(results[1].run, "=cmd()\nover two lines")
    write_tables(tmp_path, grid.keys, results)
    with (tmp_path / "runs.csv").open(newline="", encoding="utf-8") as file:
        runs = list(csv.DictReader(file))
    assert [run["run"] for run in runs] == [result.run.name for result in results]
    assert float(runs[0]["validation.tags.map"]) == 0.25
    assert runs[1]["fault"] == "'=cmd() over two lines"
    assert runs[1]["score"] == ""
    with (tmp_path / "epochs.csv").open(newline="", encoding="utf-8") as file:
        epochs = list(csv.DictReader(file))
    assert len(epochs) == 3 * 3
    assert [row["validation_accuracy"] for row in epochs[:3]] == [
        row["validation_accuracy"] for row in results[0].history
    ]
    assert {row["seed"] for row in epochs} == {"0", "1"}


@pytest.mark.parametrize("value", ["a|b", "`x`", "[link](there)", "<b>"])
def test_what_was_typed_stays_in_its_cell_of_markdown(value: str, tmp_path: Path) -> None:
    grid = grid_of([f"model.backbone={value},other"])
    results = all_made(grid, by_seed)
    write_markdown(tmp_path, grid.keys, outcomes_of(results))
    lines = (tmp_path / "table.md").read_text("utf-8").splitlines()
    cells = [line.replace("\\|", "").count("|") for line in lines]
    assert len(set(cells)) == 1
    assert value not in lines[2] + lines[3]
