"""Searches are tested by searching: small networks, real processes, real kills."""

from __future__ import annotations

import csv
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml
from training_runs import PRELOADED, SMALL

from lapel.inference.bundle import Bundle
from lapel.schema.errors import TrainingError, UsageError
from lapel.training.many_runs import pool
from lapel.training.recipe import load_recipe
from lapel.training.train import train
from lapel.training.tuning.folder import Tuned
from lapel.training.tuning.ranges import parse_range, ranges_of
from lapel.training.tuning.standing import Standing
from lapel.training.tuning.study import distributions, open_study
from lapel.training.tuning.trials import Trials
from lapel.training.tuning.tune import Silent, tune

RECIPE = "fashion-mnist-fast"
CHANGES: dict[str, Any] = {**SMALL, "schedule.epochs": 3, "model.options.widths": "[8]"}
TRIALS = 3
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


class Hanger(Silent):
    """Stops the process that learns, once, when the first epoch of a trial was judged."""

    def __init__(self, trial: int) -> None:
        self.said: list[str] = []
        self._trial = trial
        self._hung = False

    def say(self, text: str) -> None:
        self.said.append(text)

    def progress(self, standing: Standing) -> None:
        if self._trial in standing.notes and not self._hung:
            self._hung = True
            children = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
            os.kill(int(children.split()[-1]), signal.SIGSTOP)


@dataclass(frozen=True)
class Disturbed:
    """A search that was disturbed, and what was said of it."""

    tuned: Tuned
    said: list[str]


@pytest.fixture(scope="module")
def disturbed(patterns: Path, tmp_path_factory: pytest.TempPathFactory) -> Disturbed:
    """A search that was killed in the middle of its second trial, and gone on with; then the
    process that learned its third one hung.
    """
    out = tmp_path_factory.mktemp("searches") / "조율"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    process = context.Process(target=search, args=(out, patterns), kwargs={"trials": TRIALS})
    process.start()
    second = out / "runs" / "trial-0001" / "log.csv"
    latest = time.monotonic() + 120
    while not second.exists():
        assert process.is_alive(), "it ended before it was killed"
        assert time.monotonic() < latest
        time.sleep(0.02)
    process.kill()
    process.join()
    hanger = Hanger(trial=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "SILENCE", 6.0)
        tuned = search(out, patterns, trials=TRIALS, onlooker=hanger)
    return Disturbed(tuned, hanger.said)


@pytest.fixture(scope="module")
def tuned(disturbed: Disturbed) -> Tuned:
    return disturbed.tuned


def test_killed_it_goes_on_with_the_trial_that_it_was_at(tuned: Tuned) -> None:
    assert [record.number for record in tuned.trials] == list(range(TRIALS))
    assert {record.state for record in tuned.trials} == {"done"}
    assert "Going on from step" in (tuned.out / "logs" / "trial-0001.txt").read_text("utf-8")
    # The values are those that the same scores lead to without any kill.
    study = optuna.create_study(direction="maximize")
    ranges = ranges_of(load_recipe(RECIPE, CHANGES), dict(map(parse_range, RANGES)), CHANGES)
    replayed = Trials(study, ranges, seed=load_recipe(RECIPE).seed, home="here", host="")
    replayed.begin_with(tuned.trials[0].values)
    for record in tuned.trials:
        drawn = replayed.draw()
        assert drawn is not None
        assert drawn.values == record.values
        replayed.done(drawn.number, record.scores, 1.0)


def test_a_worker_that_hangs_is_killed_and_costs_no_trial(disturbed: Disturbed) -> None:
    (said,) = disturbed.said
    assert said.startswith("trial 2: its process gave no sign of life for 6 s and was killed")
    assert said.endswith("; going on with it")


@pytest.mark.parametrize("trial", [1, 2])
def test_what_was_cut_off_ends_as_if_it_had_not_been(
    trial: int, tuned: Tuned, patterns: Path, tmp_path: Path
) -> None:
    record = tuned.trials[trial]
    if record == tuned.best:
        pytest.skip("the best one is learned again by its recipe, below")
    alone = train(
        RECIPE, data=patterns, out=tmp_path / "alone", changes={**CHANGES, **record.values}
    )
    assert alone.best_score == record.score


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
    again = search(tuned.out, patterns, trials=TRIALS)
    assert again.trials == tuned.trials
    for others, message in (
        ({"ranges": RANGES[:1]}, "other ranges; name a new --out"),
        ({"changes": {**CHANGES, "batch": 8}}, "other recipe or --set"),
        ({"trials": None}, "--trials 30, --budget 2h"),
        ({"budget": "soon"}, "--budget soon"),
    ):
        with pytest.raises(UsageError, match=message):
            search(tuned.out, patterns, **{"trials": TRIALS, **others})
    with pytest.raises(UsageError, match="is not empty and holds no search"):
        search(tuned.out / "logs", patterns, trials=1)


class Listener(Silent):
    """Remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


def test_a_trial_that_falls_behind_is_ended_and_one_that_fails_costs_no_search(
    patterns: Path, tmp_path: Path
) -> None:
    """Beside four trials that were better than any can be."""
    key, choices = "optimiser.learning_rate", "0.01,0.02,0.03,0.04,0.05,1e30"
    study = open_study(str(tmp_path / "shared.db"), "lapel")
    ranges = ranges_of(
        load_recipe(RECIPE, CHANGES), dict([parse_range(f"{key}={choices}")]), CHANGES
    )
    for rate in (0.01, 0.02, 0.03, 0.04):
        study.add_trial(
            optuna.create_trial(
                params={key: rate},
                distributions=distributions(ranges),
                value=1.5,
                intermediate_values={1: 1.5, 2: 1.5, 3: 1.5},
            )
        )
    listener = Listener()
    tuned = search(
        tmp_path / "out",
        patterns,
        trials=9,
        ranges=(f"{key}={choices}",),
        study=tmp_path / "shared.db",
        onlooker=listener,
    )
    # Six values, and nine trials asked for.
    assert listener.said == ["Every combination of the values was tried"]
    by_rate = {record.values[key]: record for record in tuned.trials[4:]}
    behind, failed = by_rate[0.05], by_rate[1e30]
    assert (behind.state, behind.last_epoch) == ("pruned", 2)
    assert tuned.run is None  # another machine has the best
    folder = tmp_path / "out" / "runs" / f"trial-{behind.number:04d}"
    assert (folder / "log.csv").is_file()
    assert not (folder / "bundle").exists()
    log = tmp_path / "out" / "logs" / f"{folder.name}.txt"
    assert "Exported" not in log.read_text("utf-8")
    assert failed.state == "failed"
    assert "the loss is" in failed.fault
    page = tuned.report.read_text("utf-8").replace("&#x27;", "'")
    assert failed.fault.splitlines()[0] in page


def test_a_budget_that_is_too_little_leaves_something_to_go_on_with(
    patterns: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with pytest.raises(TrainingError, match="no trial is done"):
        search(out, patterns, budget="0.01s")
    assert (out / "report.html").is_file()
