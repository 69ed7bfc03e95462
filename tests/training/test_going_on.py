"""``lapel train --from``: what a model learned is kept, as far as the new labels allow."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import load_file
from training_runs import PATTERNS, SMALL, draw_pattern, pattern_dataset

from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.inference.bundle import Bundle
from lapel.schema.annotation import Annotation
from lapel.schema.errors import DatasetError, UsageError
from lapel.schema.labels import Schema, TaskSpec
from lapel.training.recorder import Quiet
from lapel.training.train import train

#: A rate at which nothing is learned: the new run ends where the former one did.
STILL: dict[str, Any] = {
    "schedule.epochs": 1,
    "optimiser.learning_rate": 1e-9,
    "optimiser.filter_learning_rate": 1e-9,
    "optimiser.weight_decay": 0.0,
}


class Listener(Quiet):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture(scope="module")
def former(patterns: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("former") / "run"
    train("fashion-mnist-fast", data=patterns, out=run, changes=dict(SMALL))
    return run


def two_tasks(folder: Path) -> Dataset:
    """Other pictures, asked for the same pattern and for something else."""
    random = np.random.default_rng(3)
    schema = Schema(
        (
            TaskSpec(name="tone", kind="single_label", labels=("dark", "light")),
            TaskSpec(name="pattern", kind="single_label", labels=PATTERNS),
        )
    )
    pictures, annotations = [], []
    for number in range(90):
        light = bool(number // 3 % 2)
        picture = draw_pattern(number % 3, random)
        pictures.append(picture // 2 + 100 * light)
        annotations.append(
            Annotation(
                image=f"images.npy#{number}",
                split="train" if number < 60 else "validation",
                labels={"tone": "light" if light else "dark", "pattern": PATTERNS[number % 3]},
            )
        )
    return create_dataset(
        folder,
        name="two",
        schema=schema,
        annotations=annotations,
        images=np.stack(pictures).astype(np.uint8),
    )


def weights_of(run: Path) -> dict[str, np.ndarray]:
    return load_file(run / "bundle" / "weights.safetensors")


def test_with_the_same_labels_all_weights_go_on(
    former: Path, patterns: Path, tmp_path: Path
) -> None:
    listener = Listener()
    again = train(
        data=patterns, out=tmp_path / "again", changes=STILL, from_=former, reporter=listener
    )

    before, after = weights_of(former), weights_of(again.run)
    assert before.keys() == after.keys()
    heads = [name for name in before if name.startswith("heads.")]
    assert heads
    for name in heads:
        np.testing.assert_allclose(after[name], before[name], atol=1e-5, err_msg=name)
    same = [line for line in listener.said if line.startswith("On the same 60 validation")]
    was = Bundle.load(former).scores["validation"]["pattern.accuracy"]
    now = Bundle.load(again.bundle).scores["validation"]["pattern.accuracy"]
    words = f"pattern.accuracy {100 * was:.2f} % with the former model, {100 * now:.2f} % now"
    assert same == [f"On the same 60 validation pictures: {words}"]
    said = [line for line in listener.said if line.startswith("Going on from")]
    assert said == [f"Going on from {former / 'bundle'}: its backbone and its heads of pattern"]


def test_without_any_label_the_advice_is_to_label(tmp_path: Path) -> None:
    schema = Schema((TaskSpec(name="pattern", kind="single_label", labels=PATTERNS),))
    silent = create_dataset(
        tmp_path / "silent",
        name="silent",
        schema=schema,
        annotations=[
            Annotation(image=f"images.npy#{n}", split=split, labels={})
            for n, split in enumerate(["train", "validation"] * 4)
        ],
        images=np.zeros((8, 28, 28), np.uint8),
    )
    with pytest.raises(DatasetError, match=r"no picture of silent has a label yet .* lapel review"):
        train("fashion-mnist-fast", data=silent.folder, out=tmp_path / "run")


def test_few_validation_pictures_are_told(former: Path, patterns: Path, tmp_path: Path) -> None:
    listener = Listener()
    train(data=patterns, out=tmp_path / "again", changes=STILL, from_=former, reporter=listener)
    (few,) = [line for line in listener.said if line.startswith("Only 60 validation pictures")]
    assert "10 points higher or lower" in few


def test_the_recipe_is_the_model_s_own_where_none_is_named(
    former: Path, patterns: Path, tmp_path: Path
) -> None:
    train(data=patterns, out=tmp_path / "again", changes=STILL, from_=former)

    own = Bundle.load(former).provenance["recipe"]
    recipe = Bundle.load(tmp_path / "again").provenance["recipe"]
    assert recipe["batch"] == own["batch"] == SMALL["batch"]
    assert recipe["model"]["options"]["widths"] == [8, 16]
    assert recipe["schedule"]["epochs"] == 1


def test_the_record_says_from_what_a_run_went_on(
    former: Path, patterns: Path, tmp_path: Path
) -> None:
    train(data=patterns, out=tmp_path / "again", changes=STILL, from_=former)

    facts = json.loads((tmp_path / "again" / "run.json").read_text())["from"]
    bundle = Bundle.load(former)
    assert facts["folder"] == str((former / "bundle").resolve())
    assert facts["weights"] == bundle.files["weights.safetensors"]
    assert facts["heads"] == ["pattern"]
    kept = Bundle.load(tmp_path / "again").provenance["from"]
    assert kept == {key: value for key, value in facts.items() if key != "folder"}


def test_with_other_labels_the_backbone_goes_on_and_the_heads_that_fit(
    former: Path, tmp_path: Path
) -> None:
    data = two_tasks(tmp_path / "two")
    listener = Listener()
    train(data=data.folder, out=tmp_path / "more", changes=STILL, from_=former, reporter=listener)

    before, after = weights_of(former), weights_of(tmp_path / "more")
    # The pattern stands first in the former schema, and second here.
    moved = {name.replace("heads.0.", "heads.1."): name for name in before if "heads.0." in name}
    assert moved
    for name, was in moved.items():
        np.testing.assert_allclose(after[name], before[was], atol=1e-5, err_msg=name)
    assert any("new heads of tone" in line for line in listener.said)
    (same,) = [line for line in listener.said if line.startswith("On the same")]
    assert "pattern.accuracy" in same
    assert "tone" not in same


def test_a_model_that_went_on_tells_of_all_pictures_that_it_has_seen(
    former: Path, patterns: Path, tmp_path: Path
) -> None:
    data = two_tasks(tmp_path / "two")
    train(data=data.folder, out=tmp_path / "more", changes=STILL, from_=former)

    bundle = Bundle.load(tmp_path / "more")
    for dataset in (Dataset.open(patterns), data):
        digests = dataset.split("train").table["sha256"].to_list()
        assert bundle.has_seen("train", digests) == len(digests)
    fresh = Dataset.open(patterns).split("test").table["sha256"].to_list()
    assert bundle.has_seen("train", fresh) < len(fresh) / 10


def test_few_more_labels_teach_a_model_that_goes_on_quickly(former: Path, tmp_path: Path) -> None:
    """One epoch of few pictures is too little from scratch, and enough to go on."""
    few = pattern_dataset(tmp_path / "few", {"train": 30, "validation": 60})
    changes = {**SMALL, "schedule.epochs": 1}
    on = train(data=few.folder, out=tmp_path / "on", changes=changes, from_=former)
    anew = train("fashion-mnist-fast", data=few.folder, out=tmp_path / "anew", changes=changes)

    assert on.best_score > 0.9
    assert on.best_score > anew.best_score + 0.1


def test_a_run_that_goes_on_can_itself_be_resumed(
    former: Path, patterns: Path, tmp_path: Path
) -> None:
    data, out = patterns, tmp_path / "again"
    whole = train(data=data, out=out, changes=STILL, from_=former)
    expected = weights_of(whole.run)
    for path in (out / "bundle").iterdir():
        path.unlink()
    (out / "bundle").rmdir()
    for path in (out / "checkpoints").iterdir():
        path.unlink()

    train(resume=out)
    after = weights_of(out)
    for name, value in expected.items():
        np.testing.assert_array_equal(after[name], value, err_msg=name)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"from_": "nowhere"}, "there is no such folder"),
        ({"changes": {"model.options.weights": "none"}}, "leave out one of them"),
    ],
)
def test_what_cannot_be_gone_on_from_is_refused(
    arguments: dict[str, Any], said: str, former: Path, patterns: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=said):
        train(**{"data": patterns, "out": tmp_path / "again", "from_": former, **arguments})
    assert not (tmp_path / "again").exists()


def test_another_backbone_is_refused_with_the_way_out(
    former: Path, patterns: Path, tmp_path: Path
) -> None:
    from lapel.schema.errors import RecipeError

    with pytest.raises(RecipeError, match=r"--set model.backbone=lapel-small"):
        train(
            "fashion-mnist-resnet18",
            data=patterns,
            out=tmp_path / "again",
            from_=former,
            changes={"model.backbone": "resnet18"},
        )


def test_a_resumed_run_takes_no_other_model(former: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="give nothing else"):
        train(resume=tmp_path, from_=former)
    with pytest.raises(UsageError, match="--data DATASET is missing"):
        train(from_=former, out=tmp_path / "again")


def test_pictures_of_which_nothing_is_known_are_left_out(patterns: Path, tmp_path: Path) -> None:
    """A photo that waits for its label costs nothing, and may be judged on later."""
    data = tmp_path / "data"
    shutil.copytree(patterns, data)
    table = pl.read_parquet(data / "annotations.parquet").with_row_index()
    known = (pl.col("split") != "train") | (pl.col("index") < 30)
    table = table.with_columns(pattern=pl.when(known).then("pattern")).drop("index")
    table.write_parquet(data / "annotations.parquet")
    listener = Listener()
    changes = {**SMALL, "schedule.epochs": 1}
    train("fashion-mnist-fast", data=data, out=tmp_path / "run", changes=changes, reporter=listener)

    assert any("Leaving out 270 of 300 training pictures" in line for line in listener.said)
    assert any("30 training and 60 validation pictures" in line for line in listener.said)
    digests = Dataset.open(data).split("train").table["sha256"].to_list()
    assert Bundle.load(tmp_path / "run").has_seen("train", digests[:30]) == 30
    assert Bundle.load(tmp_path / "run").has_seen("train", digests[30:]) < 27
