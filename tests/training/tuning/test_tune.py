"""Searches are tested by searching: small networks, real processes, real kills."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml
from training_runs import SMALL

from lapel.inference.bundle import Bundle
from lapel.schema.errors import TrainingError, UsageError
from lapel.training.recipe import load_recipe
from lapel.training.train import train
from lapel.training.tuning.ranges import parse_range, ranges_of
from lapel.training.tuning.records import Record
from lapel.training.tuning.standing import Standing
from lapel.training.tuning.study import distributions, open_study
from lapel.training.tuning.trials import Trials
from lapel.training.tuning.tune import Silent, Tuned, tune

RECIPE = "fashion-mnist-fast"
CHANGES: dict[str, Any] = {**SMALL, "schedule.epochs": 3, "model.options.widths": "[8]"}
RANGES = ("optimiser.filter_learning_rate=0.0001..0.2:log", "model.dropout=0,0.2")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Processes of their own would share the cores badly."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


def search(out: Path, data: Path, **others: Any) -> Tuned:
    return tune(
        RECIPE, data=data, out=out, **{"ranges": RANGES, "changes": CHANGES, "workers": 1, **others}
    )


def typed(out: Path, data: Path, trials: int) -> list[str]:
    """The same as it is typed."""
    settings = [f"--set={key}={value}" for key, value in CHANGES.items()]
    words = ["tune", RECIPE, "--data", str(data), "--out", str(out), "--trials", str(trials)]
    return [sys.executable, "-m", "lapel", *words, *(f"--range={one}" for one in RANGES), *settings]


@pytest.fixture(scope="module")
def tuned(patterns: Path, tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    """A search that was killed in the middle of its second trial, and gone on with."""
    out = tmp_path_factory.mktemp("searches") / "조율"
    process = subprocess.Popen(typed(out, patterns, 4), stderr=subprocess.DEVNULL)
    second = out / "runs" / "trial-0001" / "log.csv"
    latest = time.monotonic() + 120
    while not second.exists():
        assert process.poll() is None, "it ended before it was killed"
        assert time.monotonic() < latest
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return search(out, patterns, trials=4)


def test_killed_it_goes_on_with_the_trial_that_it_was_at(tuned: Tuned, patterns: Path) -> None:
    assert [record.number for record in tuned.trials] == [0, 1, 2, 3]
    assert {record.state for record in tuned.trials} == {"done"}
    assert "Going on from step" in (tuned.out / "logs" / "trial-0001.txt").read_text("utf-8")
    # What was cut off ended as if it had not been.
    second = tuned.trials[1]
    alone = train(
        RECIPE, data=patterns, out=tuned.out.parent / "alone", changes={**CHANGES, **second.values}
    )
    assert alone.best_score == second.score
    # And the values after it are those that the same scores lead to without any kill.
    study = optuna.create_study(direction="maximize")
    ranges = ranges_of(load_recipe(RECIPE, CHANGES), dict(map(parse_range, RANGES)), CHANGES)
    replayed = Trials(study, ranges, seed=load_recipe(RECIPE).seed, home="here", host="")
    replayed.begin_with(tuned.trials[0].values)
    for record in tuned.trials:
        drawn = replayed.draw()
        assert drawn is not None
        assert drawn.values == record.values
        replayed.done(drawn.number, record.scores, 1.0)


def test_it_beats_chance_by_far_and_says_with_what(tuned: Tuned) -> None:
    assert tuned.best.score is not None
    assert tuned.best.score > 0.85  # a third is chance
    assert tuned.best.score == max(record.score or 0.0 for record in tuned.trials)
    assert tuned.trials[0].values["model.dropout"] == 0  # the recipe as it is
    assert tuned.unseen_split == "test"
    page = tuned.report.read_text("utf-8")
    assert page.count("<svg") >= 4
    assert "patterns, tuned" in page
    with (tuned.out / "tuned.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["score"]) for row in rows] == [record.score for record in tuned.trials]
    for row, record in zip(rows, tuned.trials, strict=True):
        assert {key: float(row[key]) for key in record.values} == record.values


def test_the_best_recipe_learns_the_best_run_again(tuned: Tuned, patterns: Path) -> None:
    assert tuned.run is not None
    again = train(str(tuned.recipe), data=patterns, out=tuned.out.parent / "again")
    mine, theirs = Bundle.load(again.bundle), Bundle.load(tuned.run)
    assert mine.read("weights.safetensors") == theirs.read("weights.safetensors")
    written = yaml.safe_load(tuned.recipe.read_text("utf-8"))
    assert written["name"] == "fashion-mnist-fast-tuned"
    assert "tune" not in written


def test_of_the_others_only_what_tells_how_they_went_is_kept(tuned: Tuned) -> None:
    for record in tuned.trials:
        folder = tuned.out / "runs" / f"trial-{record.number:04d}"
        assert (folder / "log.csv").is_file()
        assert (folder / "bundle").exists() == (folder == tuned.run)


def test_the_same_call_does_nothing_and_another_search_is_refused(
    tuned: Tuned, patterns: Path
) -> None:
    again = search(tuned.out, patterns, trials=4)
    assert again.trials == tuned.trials
    for others, message in (
        ({"ranges": RANGES[:1]}, "other ranges; name a new --out"),
        ({"changes": {**CHANGES, "batch": 8}}, "other recipe or --set"),
        ({"trials": None}, "--trials 30, --budget 2h"),
        ({"budget": "soon"}, "--budget soon"),
    ):
        with pytest.raises(UsageError, match=message):
            search(tuned.out, patterns, **{"trials": 4, **others})
    with pytest.raises(UsageError, match="is not empty and holds no search"):
        search(tuned.out / "logs", patterns, trials=1)


def test_a_trial_that_falls_behind_is_ended_without_a_bundle(
    patterns: Path, tmp_path: Path
) -> None:
    """Beside four trials that were better than any can be."""
    study = open_study(str(tmp_path / "shared.db"), "lapel")
    ranges = ranges_of(load_recipe(RECIPE, CHANGES), dict(map(parse_range, RANGES)), CHANGES)
    for place in range(4):
        values = {"optimiser.filter_learning_rate": 0.01 * (place + 1), "model.dropout": 0}
        study.add_trial(
            optuna.create_trial(
                params=values,
                distributions=distributions(ranges),
                value=1.0,
                intermediate_values={1: 1.0, 2: 1.0, 3: 1.0},
            )
        )
    tuned = search(tmp_path / "out", patterns, trials=5, study=tmp_path / "shared.db")
    last = tuned.trials[-1]
    assert (last.state, last.last_epoch) == ("pruned", 2)
    assert tuned.run is None  # another machine has the best
    folder = tmp_path / "out" / "runs" / "trial-0004"
    assert (folder / "log.csv").is_file()
    assert not (folder / "bundle").exists()
    assert "Exported" not in (tmp_path / "out" / "logs" / "trial-0004.txt").read_text("utf-8")


class Killer(Silent):
    """Kills the process that learns, once, when its first epoch was judged."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.records: list[Record] = []
        self.killed = False

    def say(self, text: str) -> None:
        self.said.append(text)

    def progress(self, standing: Standing) -> None:
        if standing.notes and not self.killed:
            self.killed = True
            children = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
            os.kill(int(children.split()[-1]), signal.SIGKILL)

    def ended(self, record: Record, best: Record | None) -> None:  # noqa: ARG002 - the shape of Onlooker
        self.records.append(record)


@pytest.mark.skipif(sys.platform != "linux", reason="children are found in /proc")
def test_a_killed_worker_costs_no_trial_and_a_failed_trial_no_search(
    patterns: Path, tmp_path: Path
) -> None:
    killer = Killer()
    ranges = ("optimiser.learning_rate=0.03,1e30",)
    tuned = search(tmp_path / "out", patterns, trials=9, ranges=ranges, onlooker=killer)
    assert "its process ended with signal 9; going on with it" in " ".join(killer.said)
    # Two values, and nine trials asked for.
    assert killer.said[-1] == "Every combination of the values was tried"
    states = {r.values["optimiser.learning_rate"]: r.state for r in tuned.trials}
    assert states == {0.03: "done", 1e30: "failed"}
    assert tuned.best.score is not None
    (fault,) = [record.fault for record in tuned.trials if record.state == "failed"]
    assert "the loss is" in fault
    assert fault.splitlines()[0] in tuned.report.read_text("utf-8").replace("&#x27;", "'")


def test_a_budget_that_is_too_little_leaves_something_to_go_on_with(
    patterns: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with pytest.raises(TrainingError, match="no trial is done"):
        search(out, patterns, budget="0.5s")
    assert (out / "report.html").is_file()
