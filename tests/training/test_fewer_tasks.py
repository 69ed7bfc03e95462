"""Shipped recipes learn fewer tasks than they speak of, without being told twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lapel.data.creating import create_dataset
from lapel.inference.bundle import Bundle
from lapel.schema.annotation import Annotation, Tags
from lapel.schema.errors import RecipeError
from lapel.schema.geometry import Landmark, Landmarks
from lapel.schema.labels import Schema, TaskSpec
from lapel.training.checks import tasks_of
from lapel.training.fewer_tasks import without_unlearned
from lapel.training.recipe import load_recipe
from lapel.training.recorder import Quiet
from lapel.training.train import train

ALL = ("category", "texture", "fabric", "shape", "part", "style", "landmarks")
ATTRIBUTES = ALL[1:-1]
NAME = "deepfashion-landmark-attention"


def schema_of(*names: str) -> Schema:
    kinds = {"category": "single_label", "landmarks": "landmarks"}
    return Schema(
        tuple(
            TaskSpec(name=name, kind=kinds.get(name, "multi_label"), labels=("left hem", "b"))
            for name in names
        )
    )


def test_all_tasks_leave_a_recipe_as_it_is() -> None:
    recipe = load_recipe(NAME)
    assert without_unlearned(recipe, NAME, schema_of(*ALL)) == (recipe, ())


@pytest.mark.parametrize("name", [NAME, "deepfashion-small"])
def test_weights_and_stages_of_other_tasks_are_dropped_and_named(name: str) -> None:
    recipe = load_recipe(name, {"tasks": "[category, landmarks]"})
    fitted, dropped = without_unlearned(recipe, name, schema_of(*ALL))
    assert set(dropped) == set(ATTRIBUTES)
    assert set(fitted.loss.task_weights) <= {"category", "landmarks"}
    assert [stage.share for stage in fitted.schedule.stages] == [0.25, 0.75]
    assert fitted.schedule.stages[0].task_weights["category"] == 0
    assert [spec.name for spec in tasks_of(fitted, schema_of(*ALL))] == ["category", "landmarks"]


def test_a_dataset_of_fewer_tasks_is_as_a_choice_of_them() -> None:
    fitted, dropped = without_unlearned(load_recipe(NAME), NAME, schema_of("category", "texture"))
    assert set(dropped) == {"fabric", "shape", "part", "style", "landmarks"}
    # The first stage learned landmarks alone; the other is all that is left.
    assert [stage.share for stage in fitted.schedule.stages] == [0.75]
    assert fitted.loss.task_weights == {"texture": 0.2}


def test_what_a_user_wrote_is_refused_where_there_is_no_such_task(tmp_path: Path) -> None:
    schema = schema_of("category", "landmarks")
    for changes in (
        {"loss.task_weights.style": "0.7"},
        {"loss.task_weights.stile": "0.2"},
        {"schedule.stages": "[{share: 1, task_weights: {style: 0}}]"},
    ):
        fitted, _ = without_unlearned(load_recipe(NAME, changes), NAME, schema)
        with pytest.raises(RecipeError, match=r"the recipe speaks of (style|stile)"):
            tasks_of(fitted, schema)
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "name: mine\npreprocess: {height: 32, width: 32}\noptimiser: {learning_rate: 0.1}\n"
        "schedule: {epochs: 1}\nloss: {task_weights: {style: 0.5}}\n"
    )
    recipe = load_recipe(mine)
    assert without_unlearned(recipe, mine, schema) == (recipe, ())


class Listening(Quiet):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


def test_the_small_recipe_learns_two_of_three_tasks_and_says_what_it_left_out(
    tmp_path: Path,
) -> None:
    random = np.random.default_rng(5)
    pictures = random.integers(0, 256, (24, 40, 40, 3), dtype=np.uint8)
    annotations = [
        Annotation(
            image=f"images.npy#{row}",
            split="validation" if row % 3 == 0 else "train",
            labels={
                "category": ("left hem", "b")[row % 2],
                "texture": Tags(("b",)),
                "landmarks": Landmarks({"left hem": Landmark(5, 30), "b": Landmark(35, 30)}),
            },
        )
        for row in range(24)
    ]
    data = create_dataset(
        tmp_path / "data",
        name="d",
        schema=schema_of("category", "texture", "landmarks"),
        annotations=annotations,
        images=pictures,
    ).folder
    reporter = Listening()
    changes = {
        "tasks": "[category, landmarks]",
        "batch": 8,
        "preprocess.height": 64,
        "preprocess.width": 64,
        "model.options.widths": [8, 8, 8, 8],
        "model.hidden": 8,
        "schedule.epochs": 1,
        "precision": "float32",
    }
    trained = train(
        "deepfashion-small", data=data, out=tmp_path / "run", changes=changes, reporter=reporter
    )
    assert [spec.name for spec in Bundle.load(trained.bundle).schema] == ["category", "landmarks"]
    said = next(line for line in reporter.said if line.startswith("Leaving out what the recipe"))
    assert "says of texture, fabric, shape, part, style, which are not learned here" in said
