"""Hyperparameters mean the same however a launcher writes them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lapel.cloud.container.hyperparameters import read_settings, settings_of
from lapel.cloud.container.layout import OptMl
from lapel.schema.errors import CloudError, RecipeError
from lapel.training.recipe import load_recipe

#: The same values as version 2 of AWS's tools encodes them, as version 3 and the API leave them,
#: and as SM_HPS has them, decoded.
ENCODED = {
    "recipe": '"fashion-mnist-fast"',
    "schedule.epochs": "2",
    "optimiser.learning_rate": "1e-05",
    "model.options.widths": "[8, 16]",
    "augment": '"gentle"',
    "deterministic": "true",
}
PLAIN = ENCODED | {"recipe": "fashion-mnist-fast", "augment": "gentle"}
DECODED = {name: json.loads(value) for name, value in ENCODED.items()}
UNDERSCORED = {name.replace(".", "__"): value for name, value in PLAIN.items()}


@pytest.mark.parametrize("values", [ENCODED, PLAIN, DECODED, UNDERSCORED])
def test_both_encodings_give_the_same_recipe(values: dict[str, object]) -> None:
    settings = settings_of(values)
    assert settings.recipe == "fashion-mnist-fast"
    recipe = load_recipe(settings.recipe, settings.changes)
    assert recipe.schedule.epochs == 2
    assert recipe.optimiser.learning_rate == 1e-5
    assert recipe.model.options["widths"] == [8, 16]
    assert recipe.augment.flip == 0.5
    assert recipe.deterministic is True
    assert settings.digest() == settings_of(ENCODED).digest()


def test_values_as_people_type_them_are_understood() -> None:
    settings = settings_of({"tasks": "[category, tags]", "loss.task_weights": "{tags: 10}"})
    recipe = load_recipe("deepfashion-small", settings.changes)
    assert recipe.tasks == ("category", "tags")
    assert recipe.loss.task_weights == {"tags": 10}


def test_what_tools_add_is_passed_over_and_what_nobody_knows_is_named() -> None:
    values = {
        "sagemaker_program": "train.py",
        "_tuning_objective_metric": "validation_accuracy",
        "epochs": "3",
        "learning-rate": "0.1",
    }
    settings = settings_of(values)
    assert settings.changes == {}
    assert settings.ignored == ("epochs", "learning-rate")


def test_a_key_that_is_nearly_one_is_refused_by_the_recipe() -> None:
    settings = settings_of({"schedule.epoch": "3"})
    with pytest.raises(RecipeError, match="did you mean 'epochs'"):
        load_recipe("fashion-mnist-fast", settings.changes)


def test_jobs_of_other_values_have_runs_of_other_names() -> None:
    one = settings_of({"schedule.epochs": "3"})
    assert one.digest() != settings_of({"schedule.epochs": "4"}).digest()
    assert one.digest() != one.digest(b"another recipe")


def test_the_file_counts_and_the_variable_stands_in_for_it(tmp_path: Path) -> None:
    layout = OptMl(tmp_path)
    variable = {"SM_HPS": '{"recipe": "fashion-mnist-tiny"}'}
    assert read_settings(layout, variable).recipe == "fashion-mnist-tiny"
    layout.config.mkdir(parents=True)
    (layout.config / "hyperparameters.json").write_text('{"recipe": "fashion-mnist"}')
    assert read_settings(layout, variable).recipe == "fashion-mnist"
    (layout.config / "hyperparameters.json").write_text("{torn")
    with pytest.raises(CloudError, match=r"hyperparameters\.json could not be read"):
        read_settings(layout, variable)


@pytest.mark.parametrize(("name", "value"), [("processes", "0"), ("report", "maybe")])
def test_values_that_cannot_be_are_refused(name: str, value: str) -> None:
    with pytest.raises(CloudError, match=f"hyperparameter {name}: found"):
        settings_of({name: value})
