"""Learning on from a model that has learned: in the order that pays, and to the same end."""

from __future__ import annotations

import csv
import json
import os
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import yaml
from safetensors.numpy import load_file

from lapel.inference.bundle import Bundle
from lapel.schema.errors import RecipeError, TrainingError
from lapel.training.recorder import Quiet
from lapel.training.stopping import RunInterruptedError
from lapel.training.train import Trained, train
from lapel.training.transfer import course

#: A network for tests, made by timm's authors: three small stages behind a stem.
BASE: dict[str, Any] = {
    "batch": 16,
    "average": 0,
    "model.backbone": "test_efficientnet",
    "model.dropout": 0,
    "preprocess.channels": 1,
    "preprocess.mean": [0.3],
    "preprocess.std": [0.3],
    "preprocess.height": 28,
    "preprocess.width": 28,
    "preprocess.reduced": False,
    "augment": "none",
    "precision": "float32",
    "optimiser.learning_rate": 0.004,
    "schedule.epochs": 2,
}


@pytest.fixture(scope="module")
def former(patterns: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run from scratch, whose backbone the others begin from."""
    run = tmp_path_factory.mktemp("runs") / "former"
    changes = {**BASE, "model.options.weights": "none", "schedule.epochs": 8}
    train("photos", data=patterns, out=run, changes=changes)
    return run


def go_on(former: Path, patterns: Path, run: Path, **changes: Any) -> Trained:
    """Learn on from a former run; keyword a__b is key a.b."""
    keys = {key.replace("__", "."): value for key, value in changes.items()}
    everything = {**BASE, "model.options.weights": str(former), **keys}
    return train("photos", data=patterns, out=run, changes=everything)


def log_of(run: Path) -> list[dict[str, str]]:
    with (run / "log.csv").open() as file:
        return list(csv.DictReader(file))


def resolved(run: Path) -> dict[str, Any]:
    recipe: dict[str, Any] = yaml.safe_load((run / "recipe.yaml").read_text())
    return recipe


def test_from_scratch_there_are_no_heads_first(former: Path) -> None:
    assert resolved(former)["transfer"]["heads_first"] is False
    assert resolved(former)["optimiser"]["backbone_share"] == 1.0
    assert log_of(former)[0]["epoch"] == "1"


def test_heads_alone_learn_without_a_step_and_leave_the_backbone_as_it_was(
    former: Path, patterns: Path, tmp_path: Path
) -> None:
    trained = go_on(former, patterns, tmp_path / "run", transfer__train="heads", schedule__epochs=0)
    assert trained.best_epoch == 0
    assert trained.best_score > 0.9
    assert [(row["epoch"], row["step"]) for row in log_of(trained.run)] == [("0.0", "0.0")]
    assert changed_since(former, trained) == {"heads"}
    assert Bundle.load(trained.bundle).provenance["parity"]["changed_answers"] == 0


def changed_since(former: Path, trained: Trained) -> set[str]:
    """Which parts of a network are no longer what they were."""
    before = load_file(former / "bundle" / "weights.safetensors")
    after = load_file(trained.bundle / "weights.safetensors")
    moved = [name for name in after if (after[name] != before[name]).any()]
    return {name.partition(".")[0] for name in moved}


@pytest.mark.parametrize("once", [True, False])
def test_upper_stages_learn_and_the_lower_ones_rest(
    once: bool, former: Path, patterns: Path, tmp_path: Path
) -> None:
    trained = go_on(
        former,
        patterns,
        tmp_path / "run",
        transfer__train="upper",
        transfer__upper=2,
        transfer__frozen_once=once,
        transfer__views=2 if once else 1,
        augment__flip=0.5,
    )
    assert trained.best_score > 0.9
    assert [float(row["epoch"]) for row in log_of(trained.run)] == [0, 1, 2]
    before = load_file(former / "bundle" / "weights.safetensors")
    checkpoints = sorted((trained.run / "checkpoints").iterdir())
    after = {
        name.removeprefix("network."): value
        for name, value in load_file(checkpoints[-1]).items()
        if name.startswith("network.")
    }
    moved = {name for name in after if (after[name] != before[name]).any()}
    assert any(name.startswith("backbone.network.conv_head") for name in moved)
    assert not any(name.startswith("backbone.network.conv_stem") for name in moved)
    assert not any(name.startswith("backbone.network.bn1") for name in moved)


def test_all_stages_learn_at_rates_of_their_own(
    former: Path, patterns: Path, tmp_path: Path
) -> None:
    trained = go_on(former, patterns, tmp_path / "run", augment="strong", average=0.9, batch=32)
    assert trained.best_score > 0.9
    assert len(log_of(trained.run)) == 3


@pytest.mark.parametrize("stage", ["upper", "all"])
def test_a_run_stopped_after_its_heads_goes_on_to_the_same_weights(
    stage: str, former: Path, patterns: Path, tmp_path: Path
) -> None:
    options = {"transfer__train": stage, "transfer__upper": 2, "augment": "gentle"}
    whole = go_on(former, patterns, tmp_path / "whole", **options)
    keys = {key.replace("__", "."): value for key, value in options.items()}
    changes = {**BASE, "model.options.weights": str(former), **keys}
    with pytest.raises(RunInterruptedError, match=r"--resume"):
        train("photos", data=patterns, out=tmp_path / "run", changes=changes, reporter=Stops(at=5))
    again = train(resume=tmp_path / "run")
    assert [row["step"] for row in log_of(again.run)] == [row["step"] for row in log_of(whole.run)]
    assert (again.bundle / "weights.safetensors").read_bytes() == (
        whole.bundle / "weights.safetensors"
    ).read_bytes()


class Stops(Quiet):
    """Asks the run to end, as Ctrl-C does, at one of its steps."""

    def __init__(self, *, at: int) -> None:
        self.left = at

    def step(self, learner: object, plan: object, tally: object) -> None:  # noqa: ARG002 - the shape of Reporter
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize(
    ("stage", "enough"), [("upper", True), ("upper", False), ("heads", True), ("heads", False)]
)
def test_a_run_goes_on_with_what_it_began_to_learn_from_however_much_memory_is_free_by_then(
    *,
    stage: str,
    enough: bool,
    former: Path,
    patterns: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def have_memory(*, much: bool) -> None:
        monkeypatch.setattr(course, "free_memory", lambda _: 2**40 if much else 0)

    options = {"transfer.train": stage, "transfer.upper": 2, "augment": "gentle"}
    changes = {**BASE, "model.options.weights": str(former), **options}
    have_memory(much=enough)
    whole = train("photos", data=patterns, out=tmp_path / "whole", changes=changes)
    with pytest.raises(RunInterruptedError, match=r"--resume"):
        train("photos", data=patterns, out=tmp_path / "run", changes=changes, reporter=Stops(at=5))
    have_memory(much=not enough)
    again = train(resume=tmp_path / "run")
    assert (again.bundle / "weights.safetensors").read_bytes() == (
        whole.bundle / "weights.safetensors"
    ).read_bytes()
    facts = json.loads((again.run / "run.json").read_text())
    assert facts["learns_from"] == ("features" if enough else "pictures")


def test_features_are_computed_once_for_all_runs(
    former: Path, patterns: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAPEL_CACHE", str(tmp_path / "cache"))
    options: dict[str, Any] = {"transfer__train": "heads", "schedule__epochs": 0}
    first = go_on(former, patterns, tmp_path / "first", **options)
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*.safetensors")}
    assert kept
    second = go_on(former, patterns, tmp_path / "second", **options)
    assert kept == {
        path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*.safetensors")
    }
    weights = [run.bundle / "weights.safetensors" for run in (first, second)]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    none = go_on(former, patterns, tmp_path / "none", data__cache=False, **options)
    assert none.best_score == first.best_score


def test_a_budget_is_resolved_into_the_recipe_of_the_run(
    former: Path, patterns: Path, tmp_path: Path
) -> None:
    trained = go_on(former, patterns, tmp_path / "run", budget="2m", schedule__epochs=1)
    recipe = resolved(trained.run)
    assert recipe["budget"] == "2m"
    assert 0 < recipe["schedule"]["seconds"] < 120
    assert recipe["transfer"]["train"] in {"heads", "upper", "all"}
    assert Bundle.load(trained.bundle).provenance["learning"]["budget"] == "2m"


def test_a_budget_for_nothing_says_what_it_would_take(
    former: Path, patterns: Path, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match=r"--budget 1s is too little here.*--budget \d+s"):
        go_on(former, patterns, tmp_path / "run", budget="1s")
    assert not (tmp_path / "run" / "run.json").exists()


def test_time_that_is_up_ends_a_run_with_a_bundle(
    former: Path, patterns: Path, tmp_path: Path
) -> None:
    trained = go_on(former, patterns, tmp_path / "run", schedule__seconds=1e-6, schedule__epochs=50)
    assert [float(row["step"]) for row in log_of(trained.run)] == [0, 0]
    assert trained.bundle.is_dir()


def test_what_comes_with_the_weights_is_written_into_the_run(
    former: Path, patterns: Path, tmp_path: Path
) -> None:
    open_ones = {f"preprocess__{name}": None for name in ("height", "width", "mean", "std")}
    trained = go_on(
        former,
        patterns,
        tmp_path / "run",
        transfer__train="heads",
        schedule__epochs=0,
        **open_ones,
    )
    assert resolved(trained.run)["preprocess"]["height"] == 28
    assert resolved(trained.run)["preprocess"]["mean"] == [0.3]


def test_a_backbone_without_weights_needs_a_size(patterns: Path, tmp_path: Path) -> None:
    changes = {**BASE, "model.backbone": "lapel-small", "preprocess.height": None}
    with pytest.raises(RecipeError, match=r"leaves out preprocess\.height, and the backbone"):
        train("photos", data=patterns, out=tmp_path / "run", changes=changes)
    assert not (tmp_path / "run").exists()


def test_a_run_stopped_while_features_are_computed_says_how_to_go_on(
    former: Path, patterns: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAPEL_CACHE", str(tmp_path / "cache"))

    class StopsEarly(Quiet):
        def track(
            self, items: Iterable[Any], /, total: int | None, description: str
        ) -> Iterator[Any]:
            if description.startswith("Computing features"):
                os.kill(os.getpid(), signal.SIGTERM)
            return super().track(items, total, description)

    changes = {**BASE, "model.options.weights": str(former)}
    run = tmp_path / "run"
    with pytest.raises(RunInterruptedError, match=r"prepared for it is kept.*train --resume"):
        train("photos", data=patterns, out=run, changes=changes, reporter=StopsEarly())
    assert train(resume=run).best_score > 0.9


def test_heads_learn_on_pictures_that_change_where_nothing_is_to_be_kept(
    former: Path, patterns: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        pytest.fail("features were computed once")

    monkeypatch.setattr(course, "extract", never)
    trained = go_on(
        former,
        patterns,
        tmp_path / "run",
        transfer__train="heads",
        transfer__heads_first=False,
        transfer__frozen_once=False,
    )
    assert not any("backbone" in name for name in changed_since(former, trained))


def test_what_fits_here_may_not_fit_where_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    room = {"cpu": 2**40, "cuda": 1000}
    monkeypatch.setattr(course, "free_memory", lambda device: room[device.type])
    extractor: Any = SimpleNamespace(row_length=100)
    recipe: Any = SimpleNamespace(transfer=SimpleNamespace(views=1))
    for device, fits in (("cpu", True), ("cuda", False)):
        material: Any = SimpleNamespace(
            train=range(90), validation=range(10), device=torch.device(device)
        )
        assert course._room(extractor, material, recipe).is_enough == fits
