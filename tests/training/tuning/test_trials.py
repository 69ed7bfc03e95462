"""What comes next, what is not tried twice, and what becomes of work that is lost."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import optuna
import pytest

from lapel.schema.errors import StorageError, UsageError
from lapel.training.tuning.figures import best_so_far
from lapel.training.tuning.ranges import Range, Value
from lapel.training.tuning.records import Drawn, best_of
from lapel.training.tuning.study import agree, importance_of, open_study, pruner_of, shown
from lapel.training.tuning.trials import ATTEMPTS, Trials

RATE = Range(key="rate", kind="number", low=0.001, high=1.0, log=True)
FLIP = Range(key="flip", kind="choice", choices=(0, 0.5))
LAYERS = Range(key="layers", kind="integer", low=1, high=3)


class Clock:
    """Seconds that pass when told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def new_study() -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize")
    study.pruner = pruner_of("median", epochs=4)
    return study


def trials_of(
    study: optuna.Study, *ranges: Range, home: str = "here", clock: Clock | None = None
) -> Trials:
    return Trials(study, ranges, seed=3, home=home, host="box", clock=clock or Clock())


def quality(values: Mapping[str, Value]) -> float:
    """Best at a rate of 0.1 with flips."""
    rate, flip = values["rate"], values["flip"]
    assert isinstance(rate, float)
    return 1 / (1 + abs(rate - 0.1)) - (0.2 if flip == 0 else 0.0)


def drawn(trials: Trials) -> Drawn:
    found = trials.draw()
    assert found is not None
    return found


def test_it_finds_what_is_good() -> None:
    trials = trials_of(new_study(), RATE, FLIP)
    for _ in range(30):
        one = drawn(trials)
        trials.done(one.number, {1: quality(one.values)}, 1.0)
    best = best_of(trials.records())
    assert best is not None
    assert best.score is not None
    assert best.score > 0.97
    late = [record.values["flip"] for record in trials.records()[15:]]
    assert late.count(0.5) > late.count(0)


def test_a_search_that_was_stopped_draws_what_it_would_have_drawn() -> None:
    undisturbed, stopped = new_study(), new_study()
    whole = trials_of(undisturbed, RATE, FLIP)
    for number in range(14):
        one = drawn(whole)
        whole.done(one.number, {1: quality(one.values)}, 1.0)
        again = trials_of(stopped, RATE, FLIP)  # as after a new start
        other = drawn(again)
        if number == 7:  # killed while it is learned, and taken up again
            (other,) = trials_of(stopped, RATE, FLIP).unfinished()
        again.done(other.number, {1: quality(other.values)}, 1.0)
    assert [r.values for r in whole.records()] == [r.values for r in again.records()]


def test_nothing_is_tried_twice_and_the_end_is_known() -> None:
    trials = trials_of(new_study(), FLIP, LAYERS)
    seen = []
    while (one := trials.draw()) is not None:
        seen.append(tuple(one.values.values()))
        trials.done(one.number, {1: 0.5}, 1.0)
    assert len(seen) == len(set(seen)) == 6
    assert len(trials.records()) == 6


def test_a_value_between_steps_is_one_however_it_came_about() -> None:
    study = new_study()
    trials = trials_of(study, Range(key="drop", kind="number", low=0.0, high=0.3, step=0.1))
    trials.begin_with({"drop": 0.3})  # as the recipe has it; three steps of 0.1 are not quite that
    values = []
    while found := trials.draw():
        values.append(found.values["drop"])
        trials.done(found.number, {1: 0.5}, 1.0)
    assert sorted(map(str, values)) == ["0.0", "0.1", "0.2", "0.3"]
    assert sorted(str(record.values["drop"]) for record in trials.records()) == [
        "0.0", "0.1", "0.2", "0.3",
    ]  # fmt: skip


def test_the_recipe_as_it_is_comes_first() -> None:
    trials = trials_of(new_study(), RATE, FLIP)
    trials.begin_with({"rate": 0.25, "flip": 0})
    trials.begin_with({"rate": 0.25, "flip": 0})
    assert drawn(trials).values == {"rate": 0.25, "flip": 0}
    assert drawn(trials).values != {"rate": 0.25, "flip": 0}


def test_who_is_worse_than_the_median_of_the_others_is_ended_but_not_at_once() -> None:
    trials = trials_of(new_study(), RATE, FLIP)
    for _ in range(4):
        trials.done(drawn(trials).number, {1: 0.5, 2: 0.6, 3: 0.7}, 1.0)
    worse = drawn(trials)
    assert not trials.report(worse.number, 1, 0.1)
    assert trials.report(worse.number, 2, 0.2)
    trials.pruned(worse.number, 1.0)
    record = trials.records()[-1]
    assert (record.state, record.score, record.last_epoch) == ("pruned", None, 2)
    better = drawn(trials)
    assert not trials.report(better.number, 2, 0.9)


def test_a_fault_is_kept_and_its_trial_is_never_the_best() -> None:
    trials = trials_of(new_study(), RATE, FLIP)
    one = drawn(trials)
    trials.report(one.number, 1, 0.99)
    trials.failed(one.number, "the loss is nan")
    (record,) = trials.records()
    assert (record.state, record.fault, record.score) == ("failed", "the loss is nan", None)
    assert best_of(trials.records()) is None


def test_what_another_machine_lost_is_tried_again_by_one_alone() -> None:
    study, clock = new_study(), Clock()
    gone = trials_of(study, RATE, FLIP, home="gone", clock=clock)
    here = trials_of(study, RATE, FLIP, home="here", clock=clock)
    also = trials_of(study, RATE, FLIP, home="also", clock=clock)
    lost = drawn(gone)
    assert here.take_over(60) == also.take_over(60) == []
    clock.now = 50
    gone.beat([lost.number])
    assert here.take_over(60) == also.take_over(60) == []
    clock.now = 100
    assert here.take_over(60) == []  # a sign since then
    clock.now = 120
    assert here.take_over(60) == [lost.number]
    assert also.take_over(60) == []
    again = drawn(also)
    assert again.values == lost.values
    # Whoever was taken for lost is not heard any more.
    assert gone.report(lost.number, 1, 0.9)
    gone.done(lost.number, {1: 0.9}, 1.0)
    assert [record.number for record in here.records()] == [again.number]


def test_what_is_lost_again_and_again_is_given_up() -> None:
    study, clock = new_study(), Clock()
    gone = trials_of(study, RATE, FLIP, home="gone", clock=clock)
    here = trials_of(study, RATE, FLIP, home="here", clock=clock)
    first = drawn(gone)
    for attempt in range(ATTEMPTS):
        here.take_over(60)
        clock.now += 100
        assert here.take_over(60)
        if attempt + 1 < ATTEMPTS:
            assert drawn(gone).values == first.values
    (record,) = here.records()
    assert record.state == "failed"
    assert "lost 3 times" in record.fault
    assert not here.waiting()


@pytest.mark.parametrize("file", ["study.db", "study.journal"])
def test_a_study_in_a_file_is_there_again_and_is_of_one_search(tmp_path: Path, file: str) -> None:
    place = str(tmp_path / "새 폴더" / file)
    study = open_study(place, "lapel")
    agree(study, {"ranges": [1], "data": "a"}, place)
    trials = trials_of(study, RATE, FLIP)
    one = drawn(trials)
    trials.report(one.number, 1, 0.5)
    again = open_study(place, "lapel")
    agree(again, {"ranges": [1], "data": "a"}, place)
    (record,) = trials_of(again, RATE, FLIP).records()
    assert (record.state, record.scores, record.values) == ("running", {1: 0.5}, one.values)
    with pytest.raises(UsageError, match="searches with other data; give this search another"):
        agree(again, {"ranges": [1], "data": "b"}, place)
    agree(open_study(place, "other"), {"ranges": [1], "data": "b"}, place)


def test_a_database_that_is_not_there_is_named_without_its_password() -> None:
    place = "postgresql://me:secret@127.0.0.1:9/studies"
    assert "secret" not in shown(place)
    with pytest.raises(
        StorageError, match=r"127\.0\.0\.1:9/studies could not be reached"
    ) as caught:
        open_study(place, "lapel")
    assert "secret" not in str(caught.value)
    with pytest.raises(UsageError, match="is no address of a database"):
        open_study("wrong://x", "lapel")


def test_what_mattered_is_told_once_there_is_enough() -> None:
    study = new_study()
    trials = trials_of(study, RATE, FLIP)
    assert importance_of(study) == {}
    for _ in range(24):
        one = drawn(trials)
        trials.done(one.number, {1: 0.9 if one.values["flip"] == 0.5 else 0.1}, 1.0)
    importance = importance_of(study)
    assert next(iter(importance)) == "flip"
    assert sum(importance.values()) == pytest.approx(1)


def test_the_best_so_far_is_a_staircase() -> None:
    trials = trials_of(new_study(), RATE, FLIP)
    for score in (0.5, 0.4, 0.7):
        trials.done(drawn(trials).number, {1: score}, 1.0)
    assert best_so_far(trials.records()) == [(0, 0.5), (1, 0.5), (2, 0.5), (2, 0.7)]


def test_of_two_machines_that_draw_the_last_trial_at_once_one_learns_it() -> None:
    study = new_study()
    here = trials_of(study, RATE, FLIP)
    there = trials_of(study, RATE, FLIP, home="there")
    drawn(here)
    # Both have looked, and found one left.
    assert here.count() == there.count() == 1
    assert there.draw(2) is not None
    assert here.draw(2) is None
    assert here.count() == 2
