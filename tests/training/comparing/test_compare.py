"""Comparisons are tested by comparing: small networks, real processes."""

from __future__ import annotations

import csv
import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from compared_runs import tagged_patterns
from training_runs import SMALL

from lapel.inference.bundle import Bundle
from lapel.schema.errors import DatasetError, RecipeError, UsageError
from lapel.training.comparing.compare import Comparison, Silent, compare
from lapel.training.comparing.learning import Standing
from lapel.training.stopping import RunInterruptedError
from lapel.training.train import train

CHANGES: Mapping[str, Any] = {**SMALL, "schedule.epochs": 2, "model.options.widths": "[8]"}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Processes of their own would share the cores badly."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


def run_compare(out: Path, data: Path, *vary: str, **others: Any) -> Comparison:
    return compare(
        "fashion-mnist-fast",
        data=data,
        out=out,
        vary=vary,
        **{"changes": CHANGES, "devices": [""], **others},
    )


@pytest.fixture(scope="module")
def compared(patterns: Path, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """Two runs, side by side."""
    out = tmp_path_factory.mktemp("comparisons") / "flips"
    return run_compare(out, patterns, "augment.flip=0,0.5", devices=["", ""])


def states(comparison: Comparison) -> dict[str, str]:
    return {result.run.name: result.state for result in comparison.results}


def test_every_run_is_a_run_like_any_other(
    compared: Comparison, patterns: Path, tmp_path: Path
) -> None:
    assert states(compared) == {"flip-0": "done", "flip-0.5": "done"}
    alone = train(
        "fashion-mnist-fast",
        data=patterns,
        out=tmp_path / "alone",
        changes={**CHANGES, "augment.flip": 0.5},
    )
    mine, theirs = Bundle.load(compared.out / "runs" / "flip-0.5"), Bundle.load(alone.bundle)
    assert mine.read("weights.safetensors") == theirs.read("weights.safetensors")
    assert mine.provenance["recipe"]["augment"]["flip"] == 0.5
    assert "300 training and 60 validation" in (compared.out / "logs" / "flip-0.txt").read_text()


def test_tables_and_page_are_there(compared: Comparison) -> None:
    with (compared.out / "epochs.csv").open(newline="") as file:
        epochs = list(csv.DictReader(file))
    assert [(row["run"], row["epoch"]) for row in epochs] == [
        ("flip-0", "1"),
        ("flip-0", "2"),
        ("flip-0.5", "1"),
        ("flip-0.5", "2"),
    ]
    assert all(float(row["validation.pattern.macro_f1"]) >= 0 for row in epochs)
    assert compared.report.read_text("utf-8").count("<svg") == 2
    assert (compared.out / "table.md").read_text().count("\n") == 2 + 2


def test_the_same_call_keeps_what_is_done_goes_on_with_what_broke_and_names_what_fails(
    compared: Comparison, patterns: Path
) -> None:
    done, broken = compared.out / "runs" / "flip-0", compared.out / "runs" / "flip-0.5"
    before = {path: path.stat().st_mtime_ns for path in done.rglob("*") if path.is_file()}
    weights = Bundle.load(broken).read("weights.safetensors")
    (broken / "bundle" / "lapel.json").unlink()
    again = run_compare(compared.out, patterns, "augment.flip=1+optimiser.learning_rate=1e30,0,0.5")
    failing = "flip-1-optimiser.learning_rate=1e30"
    assert states(again) == {failing: "failed", "flip-0": "done", "flip-0.5": "done"}
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert Bundle.load(broken).read("weights.safetensors") == weights
    assert "the loss is" in again.results[0].fault
    assert "the loss is" in (compared.out / "runs.csv").read_text()
    assert "Going on from step" in (compared.out / "logs" / "flip-0.5.txt").read_text()


def test_several_tasks_with_a_head_each_or_one_vector_stand_side_by_side(tmp_path: Path) -> None:
    data = tagged_patterns(tmp_path / "무늬").folder
    changes = {**CHANGES, "schedule.epochs": 4}
    comparison = run_compare(
        tmp_path / "heads", data, "model.heads=separate,joint", changes=changes
    )
    assert set(states(comparison).values()) == {"done"}
    header = (comparison.out / "table.md").read_text("utf-8").splitlines()[0]
    assert "| pattern.accuracy | tags.map |" in header
    for result in comparison.results:
        # Chance: a third of the patterns; a mean over tags of how many bear each.
        assert result.numbers["pattern.accuracy"] > 0.6
        assert result.numbers["tags.map"] > 0.7
    assert "무늬" in comparison.report.read_text("utf-8")


class Stopper(Silent):
    """Sends a signal when the first epoch was judged."""

    def progress(self, standing: Standing) -> None:
        if standing.notes:
            os.kill(os.getpid(), signal.SIGTERM)


def test_stopped_it_saves_and_goes_on(patterns: Path, tmp_path: Path) -> None:
    out = tmp_path / "stopped"
    changes = {**CHANGES, "schedule.epochs": 60}
    with pytest.raises(RunInterruptedError, match="The same command goes on") as caught:
        run_compare(out, patterns, "model.dropout=0,0.1", changes=changes, onlooker=Stopper())
    assert caught.value.signal_number == signal.SIGTERM
    assert list((out / "runs" / "dropout-0" / "checkpoints").glob("step-*"))
    assert "1 unfinished" in (out / "table.md").read_text()
    assert "1 waiting" in (out / "table.md").read_text()


@pytest.mark.parametrize(
    ("vary", "others", "error", "message"),
    [
        ([], {}, UsageError, "nothing to compare"),
        (["batch=8,16"], {"changes": {"batch": "8"}}, UsageError, "leave out one of them"),
        (["augment=none,strong"], {"changes": {"augment.flip": "1"}}, UsageError, "say the same"),
        (["seed=1,2"], {"seeds": 2}, UsageError, "say the same"),
        (["model.dropout=0,0.1"], {"seeds": 0}, UsageError, "a number from 1 on, found 0"),
        (["model.dropout=0,two,3"], {}, RecipeError, "dropout-two: .*\n.*\ndropout-3: "),
        (["batsh=8,16"], {}, RecipeError, "did you mean 'batch'"),
        (["model.backbone=lapel-small,resnet999"], {}, RecipeError, "no backbone 'resnet999'"),
        (["tasks=[pattern],[colour]"], {}, RecipeError, "tasks-colour: no task 'colour'"),
        (["select=pattern.top,pattern.nll"], {}, RecipeError, "has no number 'top'"),
        (["model.dropout=0,0.1"], {"data": "nowhere"}, DatasetError, "nowhere"),
    ],
)
def test_what_cannot_be_compared_is_said_before_anything_is_made(
    vary: list[str],
    others: dict[str, Any],
    error: type[Exception],
    message: str,
    patterns: Path,
    tmp_path: Path,
) -> None:
    data = others.pop("data", patterns)
    with pytest.raises(error, match=message):
        run_compare(tmp_path / "out", data, *vary, **others)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("vary", "others", "message"),
    [
        (["model.dropout=0,0.1"], {}, "a comparison of other keys"),
        (["augment.flip=0,0.5"], {"changes": {**CHANGES, "batch": 8}}, "another recipe"),
        (["augment.flip=0,0.5"], {"changes": {}}, "another recipe"),
    ],
)
def test_a_folder_of_another_comparison_is_left_alone(
    vary: list[str], others: dict[str, Any], message: str, compared: Comparison, patterns: Path
) -> None:
    before = sorted(compared.out.rglob("*"))
    with pytest.raises(UsageError, match=message):
        run_compare(compared.out, patterns, *vary, **others)
    assert sorted(compared.out.rglob("*")) == before


def test_a_folder_of_somebody_else_is_left_alone(patterns: Path, tmp_path: Path) -> None:
    (tmp_path / "holiday.txt").write_text("photos")
    with pytest.raises(UsageError, match="is not empty and holds no comparison"):
        run_compare(tmp_path, patterns, "model.dropout=0,0.1")
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.txt"]
