"""What is varied is what was typed, and a recipe that does not take it is told before anything."""

from __future__ import annotations

import pytest

from lapel.schema.errors import RecipeError, UsageError
from lapel.schema.labels import Schema, TaskSpec
from lapel.training.recipe import load_recipe
from lapel.training.tuning.ranges import (
    Range,
    check_ranges,
    every_combination,
    own_values,
    parse_range,
    ranges_of,
)

TINY = "fashion-mnist-tiny"


def typed(*texts: str) -> tuple[Range, ...]:
    return ranges_of(load_recipe(TINY), dict(map(parse_range, texts)), {})


def test_numbers_are_whole_where_the_recipe_has_whole_ones() -> None:
    batch, rate, shift = typed(
        "batch=16..256:log", "optimiser.learning_rate=1..3", "augment.shift=0..3"
    )
    assert (batch.kind, batch.log) == ("integer", True)
    assert rate.kind == "number"
    assert (shift.kind, shift.values()) == ("integer", (0, 1, 2, 3))


def test_steps_end_within_the_range() -> None:
    (dropout,) = typed("model.dropout=0..0.5:step=0.2")
    assert dropout.high == pytest.approx(0.4)
    assert dropout.values() == pytest.approx((0, 0.2, 0.4))
    assert dropout.holds(0.4)
    assert not dropout.holds(0.3)
    (flip,) = typed("augment.flip=0..0.3:step=0.1")
    assert flip.values() == (0, 0.1, 0.2, 0.3)  # three times 0.1 is more to a computer
    assert flip.high == 0.3
    (shift,) = typed("model.options.shift=-0.3..0.3:step=0.1")
    assert shift.values() == (-0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3)
    assert shift.as_written(-0.3 + 3 * 0.1) == 0.0  # which is 5.6e-17


def test_choices_are_read_as_settings_are_and_lists_stay_whole() -> None:
    flip, widths, augment = typed(
        "augment.flip=0,0.5", "model.options.widths=[8,16],[16,32]", "model.pool=max,average"
    )
    assert flip.choices == (0, 0.5)
    assert typed("optimiser.weight_decay=1e-3,0")[0].choices == (0.001, 0)
    assert widths.choices == ("[8,16]", "[16,32]")
    assert augment.choices == ("max", "average")
    combinations = every_combination((flip, widths, augment))
    assert combinations is not None
    assert len(combinations) == 8
    changed = load_recipe(TINY, dict(combinations[0]))
    assert changed.model.options["widths"] == [8, 16]


def test_ranges_of_the_recipe_are_taken_and_typed_ones_come_before_them() -> None:
    recipe = load_recipe(
        TINY, {"tune": {"batch": {"low": 8, "high": 64}, "optim": {"choices": ["sgd", "adamw"]}}}
    )
    ranges = ranges_of(recipe, dict([parse_range("batch=16..32")]), {})
    assert [(one.key, one.low, one.high) for one in ranges[:1]] == [("batch", 16, 32)]
    assert ranges[1].key == "optimiser.name"


def test_the_recipe_itself_is_known_where_it_lies_within() -> None:
    recipe = load_recipe(TINY)
    inside = typed("optimiser.learning_rate=0.01..0.1:log", "augment.flip=0,0.5")
    assert own_values(recipe, inside) == {"optimiser.learning_rate": 0.06, "augment.flip": 0.5}
    assert own_values(recipe, typed("optimiser.learning_rate=0.1..0.2")) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("batch", "takes KEY=LOW..HIGH"),
        ("batch=3", "one value for all trials is given with --set"),
        ("batch=8..2", "low is below high"),
        ("batch=0..8:log", "with log, low is above 0"),
        ("batch=a..b", "could not convert"),
        ("batch=1..8:often", "found 'often'"),
    ],
)
def test_what_is_no_range_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_range(text)


@pytest.mark.parametrize(
    ("texts", "settings", "message"),
    [
        ((), {}, "has no ranges to search"),
        (("seed=0..9",), {}, "seed cannot be searched"),
        (("batch=8..16",), {"batch": "8"}, "batch is searched, and batch is set"),
        (("augment=none,gentle", "augment.flip=0,0.5"), {}, "leave out one of them"),
    ],
)
def test_what_does_not_go_together_is_refused(
    texts: tuple[str, ...], settings: dict[str, str], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        ranges_of(load_recipe(TINY), dict(map(parse_range, texts)), settings)


def test_all_values_that_the_recipe_does_not_take_are_told_at_once() -> None:
    schema = Schema((TaskSpec(name="kind", kind="single_label", labels=("a", "b")),))
    ranges = typed("augment.flip=0..2", "model.pool=max,middle")
    with pytest.raises(RecipeError, match="nothing was begun") as caught:
        check_ranges(TINY, {}, ranges, schema)
    assert "augment.flip=2" in str(caught.value)
    assert "model.pool=middle" in str(caught.value)
