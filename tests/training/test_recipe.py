"""Recipes are checked whole before anything is learned."""

from __future__ import annotations

from pathlib import Path

import huggingface_hub
import pytest
import torch

from lapel.imaging.preprocess import Preprocess
from lapel.models.multitask import Network
from lapel.models.networks import build_network
from lapel.schema.errors import RecipeError
from lapel.schema.labels import Schema, TaskSpec
from lapel.training.material import architecture_of
from lapel.training.recipe import (
    Recipe,
    load_recipe,
    parse_changes,
    seconds_of,
    shipped_recipes,
)
from lapel.training.recipe_parts import PRESETS, AugmentPart
from lapel.training.resolve import resolve

CATEGORY = TaskSpec(name="category", kind="single_label", labels=("coat", "dress", "hat"))
HEMS = TaskSpec(name="landmarks", kind="landmarks", labels=("left hem", "right hem"))

GARMENTS = TaskSpec(name="garments", kind="garments", labels=("coat", "hat"))

#: By the kind of network, what it is asked.
SCHEMAS = {
    "plain": Schema((CATEGORY,)),
    "landmark-attention": Schema((CATEGORY, HEMS)),
    "mask-rcnn": Schema((GARMENTS,)),
}


def build(recipe: Recipe, schema: Schema | None = None) -> Network:
    schema = schema or SCHEMAS[recipe.model.network]
    values = {"resample": "bilinear"} | recipe.preprocess.model_dump(mode="json", exclude_none=True)
    preprocess = Preprocess.from_json(values)
    return build_network(schema, architecture_of(recipe, preprocess))


@pytest.mark.parametrize("name", shipped_recipes())
def test_every_shipped_recipe_says_what_it_is_and_makes_a_network_that_answers(name: str) -> None:
    recipe = load_recipe(name)
    if recipe.model.options.get("weights", "none") != "none":
        # What it leaves open comes with its weights, which a test does not fetch.
        recipe = resolve(load_recipe(name, {"model.options.weights": "none"}))
    assert recipe.name == name
    assert recipe.about
    assert recipe.stands_for
    part = recipe.preprocess
    assert part.height is not None
    assert part.width is not None
    pixels = torch.randint(0, 256, (1, part.channels, part.height, part.width), dtype=torch.uint8)
    with torch.no_grad():
        outputs = build(recipe).eval()(pixels)
    (found,) = (outputs[name] for name in outputs if name in {"category", "garments"})
    shape = (1, 3) if "category" in outputs else (1, recipe.model.detector.detections, 6 + 28 * 28)
    assert found.shape == shape
    assert torch.isfinite(found).all()


@pytest.mark.parametrize(
    ("name", "fewer_than"), [("fashion-mnist-tiny", 100_000), ("fashion-mnist", 1_000_000)]
)
def test_networks_stay_within_the_size_that_their_results_stand_for(
    name: str, fewer_than: int
) -> None:
    garments = TaskSpec(name="category", kind="single_label", labels=tuple("0123456789"))
    assert build(load_recipe(name), Schema((garments,))).parameter_count < fewer_than


def test_an_unknown_recipe_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="did you mean fashion-mnist"):
        load_recipe("fashion-mnst")
    with pytest.raises(RecipeError, match="there is no recipe file"):
        load_recipe(tmp_path / "mine.yaml")


def test_all_faults_are_listed_at_once_with_the_nearest_key() -> None:
    changes = {
        "schedule.epoch": 3,
        "optimiser.name": "sdg",
        "batch": 0,
        "augment.flop": 1,
    }
    with pytest.raises(RecipeError) as caught:
        load_recipe("fashion-mnist-fast", changes)
    message = str(caught.value)
    assert "has 4 faults" in message
    assert "schedule.epoch: no such key; did you mean 'epochs'?" in message
    assert "augment.flop: no such key; did you mean 'flip'?" in message
    assert "optimiser.name: " in message
    assert "found 'sdg'" in message
    assert "batch: " in message


def test_a_weight_below_zero_and_a_list_without_brackets_are_refused() -> None:
    changes = {"loss.task_weights.category": "-2", "tasks": "category,tags"}
    with pytest.raises(RecipeError) as caught:
        load_recipe("fashion-mnist-fast", changes)
    message = str(caught.value)
    assert "loss.task_weights.category: Input should be greater than or equal to 0" in message
    assert "tasks: Input should be a list, such as [a, b], found 'category,tags'" in message


def test_a_change_takes_its_place_and_its_type() -> None:
    changes = parse_changes(["model.options.widths=[8, 16]", "schedule.epochs=0.5", "seed=7"])
    recipe = load_recipe("fashion-mnist-fast", changes)
    assert recipe.model.options["widths"] == [8, 16]
    assert recipe.schedule.epochs == 0.5
    assert recipe.seed == 7


@pytest.mark.parametrize("setting", ["schedule.epochs", "=3", ""])
def test_a_setting_without_key_or_value_is_refused(setting: str) -> None:
    with pytest.raises(RecipeError, match="KEY=VALUE"):
        parse_changes([setting])


def test_another_backbone_does_not_inherit_the_options_of_the_first() -> None:
    recipe = load_recipe("class-folders", {"model.backbone": "resnet18"})
    assert recipe.model.options == {}
    both = {"model.backbone": "resnet18", "model.options.small_images": "true"}
    assert load_recipe("class-folders", both).model.options == {"small_images": True}


def test_weights_asked_for_are_asked_for_of_another_backbone_too() -> None:
    recipe = load_recipe("photos", {"model.backbone": "resnet18"})
    assert recipe.model.options == {"weights": "pretrained"}


def test_a_preset_stands_for_its_options_and_any_of_them_can_be_changed() -> None:
    recipe = load_recipe("photos", parse_changes(["augment=standard", "augment.flip=0"]))
    assert recipe.augment.flip == 0
    assert recipe.augment.mixup == PRESETS["standard"]["mixup"]
    assert load_recipe("photos", {"augment": "none"}).augment == AugmentPart()
    with pytest.raises(RecipeError, match=r"augment: .*no such preset.*none, gentle, standard"):
        load_recipe("photos", {"augment": "wild"})


def test_no_preset_but_the_strong_one_turns_colours_or_cuts_deep() -> None:
    for name, options in PRESETS.items():
        part = AugmentPart.model_validate(options)
        assert name == "strong" or (not part.trivial and part.crop <= 0.25 and not part.cutmix)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("1.5h", 5400), ("45", 45), (" 2 m ", 120)]
)
def test_a_budget_is_a_time(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


def test_a_budget_without_a_unit_is_seconds() -> None:
    for setting in ("budget=45", "budget=45s"):
        budget = load_recipe("photos", parse_changes([setting])).budget
        assert budget is not None
        assert seconds_of(budget) == 45


@pytest.mark.parametrize("text", ["soon", "0m", "-3m", "3 d", ""])
def test_a_budget_that_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(RecipeError, match=r"budget: .*a time above 0, as 90s, 10m or 1\.5h"):
        load_recipe("photos", {"budget": text or "''"})


def test_a_group_below_a_value_is_refused() -> None:
    with pytest.raises(RecipeError, match="'batch' is a value"):
        load_recipe("fashion-mnist-fast", {"batch.size": 3})


def test_means_for_other_channels_are_refused() -> None:
    with pytest.raises(
        RecipeError, match=r"preprocess\.mean needs 3 numbers, one a channel, found 1"
    ):
        load_recipe(
            "fashion-mnist-fast", {"preprocess.channels": 3, "preprocess.from_photo": False}
        )


@pytest.mark.parametrize(
    ("text", "message"),
    [("- a\n", "holds no keys"), ("a: [", "is not YAML"), ("", "holds no keys")],
)
def test_a_file_that_is_no_recipe_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=message):
        load_recipe(path)


def test_backbones_that_do_not_exist_or_do_not_fit_are_refused() -> None:
    with pytest.raises(RecipeError, match="did you mean resnet18"):
        build(load_recipe("fashion-mnist-resnet18", {"model.backbone": "resnet81"}))
    with pytest.raises(RecipeError, match=r"model\.options do not fit backbone 'lapel-small'"):
        build(load_recipe("fashion-mnist-fast", {"model.options.width": 3}))
    changes = {"model.backbone": "mobilenetv2_100", "model.options.small_images": True}
    with pytest.raises(RecipeError, match="cannot be adapted to small images"):
        build(load_recipe("fashion-mnist-resnet18", changes))


def test_weights_that_cannot_be_fetched_name_the_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    changes = {"model.options.weights": "pretrained"}
    with pytest.raises(
        RecipeError, match=r"weights of 'resnet18' .* could not be had.*from scratch"
    ):
        build(load_recipe("fashion-mnist-resnet18", changes))


def test_landmark_attention_learns_as_a_whole() -> None:
    for change in ({"transfer.train": "upper"}, {"transfer.heads_first": True}, {"budget": "10m"}):
        with pytest.raises(RecipeError, match="learns as a whole"):
            resolve(load_recipe("deepfashion-landmark-attention", change))
    scratch = {"model.options.weights": "none", "transfer.heads_first": True}
    assert not resolve(load_recipe("deepfashion-modern", scratch)).transfer.heads_first


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("doubtful_labels.folds", 1, "2 or more, or 0"),
        ("seed", -1, "greater than or equal to 0"),
        ("data.workers", -1, "data.workers"),
        ("tasks", "[category", r"--set tasks=\[category is not YAML"),
        ("about", "a: b: c", "--set about=a: b: c is not YAML"),
    ],
)
def test_values_that_the_work_would_stumble_over_are_refused(
    key: str, value: object, said: str
) -> None:
    with pytest.raises(RecipeError, match=said):
        load_recipe("fashion-mnist-fast", {key: value})


def test_a_recipe_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes("about: \uc637".encode("cp949"))
    with pytest.raises(RecipeError, match=r"mine\.yaml is no text in UTF-8"):
        load_recipe(path)
