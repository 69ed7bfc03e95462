"""Rules and profiles of runs that really learn."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file
from training_runs import SMALL, pattern_dataset

from lapel.schema.errors import RecipeError, TrainingError
from lapel.training.train import train

WATCHED = {"watch.rules": True, "watch.every": 2}


def learn(folder: Path, data: Path, changes: dict[str, Any]) -> Path:
    train("fashion-mnist-fast", data=data, out=folder, changes={**SMALL, **changes})
    return folder


def findings(run: Path) -> dict[str, dict[str, Any]]:
    path = run / "findings.json"
    return {one["rule"]: one for one in json.loads(path.read_text())} if path.is_file() else {}


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text())))


def test_watching_changes_nothing_and_leaves_a_page(patterns: Path, tmp_path: Path) -> None:
    plain = learn(tmp_path / "plain", patterns, {})
    changes = {**WATCHED, "watch.profile": True, "watch.profile_steps": 2}
    watched = learn(tmp_path / "watched", patterns, changes)
    one, other = (load_file(run / "bundle" / "weights.safetensors") for run in (plain, watched))
    assert all((one[name] == other[name]).all() for name in one)
    assert not (plain / "watching.html").exists()
    page = (watched / "watching.html").read_text()
    assert "Where the time goes" in page
    assert "Gradients" in page
    looks = table(watched / "looks.csv")
    assert [int(row["step"]) for row in looks][:2] == [2, 4]
    assert all(float(row["gradient"]) > 0 for row in looks)
    times = table(watched / "times.csv")
    assert float(times[0]["backward"]) > 0
    events = json.loads((watched / "profile" / "trace.json").read_text())["traceEvents"]
    names = {event.get("name") for event in events}
    assert {"lapel.forward", "lapel.backward", "lapel.step"} <= names
    operations = table(watched / "profile" / "operations.csv")
    assert any("conv" in row["operation"] for row in operations)


def test_a_rate_of_nothing_stalls_and_ends_the_run(patterns: Path, tmp_path: Path) -> None:
    changes = {
        **WATCHED,
        "watch.stop_on": ["stalled_loss"],
        "optimiser.learning_rate": 1e-12,
        "optimiser.filter_learning_rate": 1e-12,
        "schedule.kind": "constant",
        "schedule.warmup": 0.0,
        "schedule.epochs": 9,
        "augment": "none",
    }
    run = learn(tmp_path / "run", patterns, changes)
    found = findings(run)["stalled_loss"]
    assert found["stopped"]
    assert found["epoch"] < 9
    rows = table(run / "log.csv")
    assert len(rows) == found["epoch"]
    assert (run / "bundle" / "lapel.json").is_file()
    assert "It ended the run" in (run / "watching.html").read_text()


def test_a_run_that_learns_well_is_left_alone(patterns: Path, tmp_path: Path) -> None:
    run = learn(tmp_path / "run", patterns, WATCHED)
    assert not set(findings(run)) & {"vanishing_gradients", "exploding_gradients", "stalled_loss"}


def test_a_rate_far_too_high_is_noticed(patterns: Path, tmp_path: Path) -> None:
    changes = {**WATCHED, "watch.every": 1, "optimiser.name": "sgd", "schedule.epochs": 4}
    changes |= {"optimiser.learning_rate": 30.0, "schedule.kind": "constant"}
    changes |= {"precision": "float32"}
    said: set[str] = set()
    try:
        said = set(findings(learn(tmp_path / "run", patterns, changes)))
    except TrainingError:  # the loss may become no number, which ends a run as ever
        said = set(findings(tmp_path / "run")) | {"not a number"}
    assert said & {"exploding_gradients", "dead_units", "stalled_loss", "not a number"}


def test_a_gradient_is_seen_as_it_was_before_it_was_clipped(patterns: Path, tmp_path: Path) -> None:
    changes = {**WATCHED, "optimiser.clip": 1e-6, "schedule.epochs": 1}
    looks = table(learn(tmp_path / "run", patterns, changes) / "looks.csv")
    assert all(float(row["gradient"]) > 1e-3 for row in looks)


def test_rare_labels_are_told_before_the_first_step(tmp_path: Path) -> None:
    data = pattern_dataset(tmp_path / "data", {"train": 120, "validation": 40}).folder
    run = learn(tmp_path / "run", data, {**WATCHED, "schedule.epochs": 0.1})
    assert "class_imbalance" not in findings(run)


def test_a_rule_that_is_not_there(patterns: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no rule 'stalled'; there are: vanishing_gradients"):
        learn(tmp_path / "run", patterns, {"watch.stop_on": ["stalled"]})
