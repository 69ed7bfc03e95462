"""Answers are kept: none is lost, none is overwritten unseen, nothing said is forgotten."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lapel.review.leases import Leases
from lapel.review.progress import agreement_of, progress_of
from lapel.review.proposing import given_answers
from lapel.review.records import ConflictError, Proposed, checked_annotator_name
from lapel.review.store import ReviewStore
from lapel.schema.errors import DatasetError, SchemaError, StorageError, UsageError
from lapel.schema.labels import Schema, TaskSpec

TASKS = Schema(
    (
        TaskSpec(name="category", kind="single_label", labels=("dress", "hat", "shoes")),
        TaskSpec(name="details", kind="multi_label", labels=("lace", "zip")),
    )
)


def pictures(count: int) -> list[Proposed]:
    return [
        Proposed(
            image=f"{number}.jpg",
            size=(40, 30),
            machine={
                "category": {
                    "label": "dress",
                    "probability": 0.6,
                    "top": [{"label": "dress", "probability": 0.6}],
                },
                "details": {"labels": [{"label": "zip", "probability": 0.7}], "top": []},
            },
            standing={"category": "hat"},
            doubt=1 - number / 10,
        )
        for number in range(count)
    ]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ReviewStore]:
    with ReviewStore(tmp_path / "review.sqlite") as opened:
        opened.begin_round(pictures(4), tasks=TASKS)
        yield opened


def say(store: ReviewStore, item: int, who: str, label: str | None, revision: int = 0) -> int:
    answers = {} if label is None else {"category": label}
    given = given_answers(store.item(item), store.round().tasks, answers)
    return store.submit(item, who, given, revision=revision)


def test_an_answer_says_what_became_of_the_proposal(store: ReviewStore) -> None:
    item = store.item(1)
    zipped = {"yes": ["zip"], "unknown": []}
    confirmed = given_answers(item, TASKS, {"category": "dress", "details": zipped})
    assert [one.verdict for one in confirmed.values()] == ["confirmed", "confirmed"]
    mended = given_answers(item, TASKS, {"category": "hat"})
    assert [one.verdict for one in mended.values()] == ["mended", "skipped"]
    assert given_answers(item, TASKS, {"category": None}) == {}
    bare = Proposed(image="x", size=(1, 1))
    assert given_answers(bare, TASKS, {"category": "hat"})["category"].verdict == "given"
    with pytest.raises(SchemaError, match="nobody asked for size"):
        given_answers(item, TASKS, {"size": "L"})


def test_people_are_asked_in_order_and_not_twice(store: ReviewStore) -> None:
    assert list(store.waiting("mina")) == [1, 2, 3, 4]
    say(store, 1, "mina", "hat")
    say(store, 2, "mina", None)
    assert list(store.waiting("mina")) == [3, 4]
    # What she passed over somebody else may know, or she herself later.
    assert list(store.waiting("jun")) == [2, 3, 4]
    assert list(store.waiting("mina", again=True)) == [2]
    assert progress_of(store).people == {"mina": (1, 1)}


def test_the_second_of_two_answers_is_a_conflict_and_changes_nothing(store: ReviewStore) -> None:
    assert say(store, 1, "mina", "hat") == 1
    with pytest.raises(ConflictError, match="meanwhile by mina") as caught:
        say(store, 1, "jun", "shoes")
    assert caught.value.revision == 1
    (standing,) = caught.value.standing
    assert (standing.annotator, standing.answers["category"].value) == ("mina", "hat")
    # Who has seen it may mend it: then that stands, and the other is history.
    assert say(store, 1, "jun", "shoes", revision=1) == 2
    assert [one.annotator for one in store.opinions()] == ["jun"]
    assert store.ask("SELECT COUNT(*) FROM submissions") == [(2,)]
    store.undo("jun")
    assert [one.annotator for one in store.opinions()] == ["mina"]


def test_where_several_opinions_are_asked_for_they_do_not_conflict(tmp_path: Path) -> None:
    with ReviewStore(tmp_path / "review.sqlite") as store:
        store.begin_round(pictures(2), tasks=TASKS, overlap=2)
        say(store, 1, "mina", "hat")
        say(store, 1, "jun", "hat")
        say(store, 2, "mina", "hat")
        assert list(store.waiting("sora")) == [2]
        assert list(store.waiting("jun")) == [2]
        say(store, 2, "jun", "shoes")
        with pytest.raises(ConflictError):
            say(store, 2, "jun", "dress")  # from another window of his
        assert progress_of(store).done == 2
        (agreed,) = [one for task, one in agreement_of(store).items() if task == "category"]
        assert (agreed.items, agreed.people, agreed.observed) == (2, 2, 0.5)


def test_taking_back_is_history_too(store: ReviewStore) -> None:
    say(store, 1, "mina", "hat")
    say(store, 2, "mina", "shoes")
    undone = store.undo("mina")
    assert undone is not None
    item, former = undone
    assert (item.number, former["category"].value) == (2, "shoes")
    assert store.revision(2, "mina") == 2
    assert list(store.waiting("mina")) == [2, 3, 4]
    say(store, 2, "mina", "dress", revision=2)
    assert store.undo("mina") is not None
    assert store.undo("mina") is not None
    assert store.undo("mina") is None
    actions = [action for (action,) in store.ask("SELECT action FROM submissions ORDER BY number")]
    assert actions == ["answered", "answered", "undone", "answered", "undone", "undone"]
    assert progress_of(store).done == 0


def test_progress_counts_what_was_taken_as_proposed(store: ReviewStore) -> None:
    say(store, 1, "mina", "dress")
    say(store, 2, "mina", "hat")
    say(store, 3, "jun", "dress")
    category, details = progress_of(store).tasks
    assert (category.confirmed, category.mended) == (2, 1)
    assert category.accepted == pytest.approx(2 / 3)
    assert (details.left, details.accepted) == (3, None)


def test_a_later_round_keeps_what_was_said_before(store: ReviewStore) -> None:
    say(store, 1, "mina", "hat")
    assert store.answered_images(["category", "details"]) == {"0.jpg"}
    assert store.answered_images(["category", "size"]) == set()  # nobody was asked for its size
    store.begin_round(pictures(2), tasks=TASKS)
    assert store.round().number == 2
    assert list(store.waiting("mina")) == [5, 6]
    say(store, 5, "mina", "shoes")
    assert [(one.round, one.answers["category"].value) for one in store.opinions()] == [
        (1, "hat"),
        (2, "shoes"),
    ]


def test_many_people_at_once_lose_nothing(tmp_path: Path) -> None:
    with ReviewStore(tmp_path / "many.sqlite") as many:
        many.begin_round(pictures(60), tasks=TASKS)

        def answer(number: int) -> None:
            say(many, number + 1, f"person {number % 5}", "hat")

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(answer, range(60)))
        assert progress_of(many).done == 60
        assert len(list(many.opinions())) == 60


ANSWERS = """
import sys
from pathlib import Path
from lapel.review.records import Given
from lapel.review.store import ReviewStore

store = ReviewStore(Path(sys.argv[1]))
for item in store.waiting("mina"):
    given = {"category": Given(value="hat", verdict="mended")}
    store.submit(item, "mina", given, revision=0)
    print(item, flush=True)
"""


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "review.sqlite"
    with ReviewStore(path) as store:
        store.begin_round(pictures(3000), tasks=TASKS)
    program = [sys.executable, "-c", ANSWERS, str(path)]
    acknowledged: set[int] = set()
    for stop_after in (7, 40):
        with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                acknowledged.add(int(line))
                if len(acknowledged) >= stop_after:
                    break
            os.kill(process.pid, signal.SIGKILL)
            acknowledged |= {int(line) for line in process.stdout if line.endswith("\n")}
    with ReviewStore(path, create=False) as store:
        kept = {one.item for one in store.opinions()}
        assert acknowledged <= kept
        assert len(kept) - len(acknowledged) <= 2  # on the disk, and not said any more
        assert store.ask("PRAGMA integrity_check") == [("ok",)]


def test_nothing_is_half_written(store: ReviewStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(store, "_settle", fails)
    with pytest.raises(StorageError, match="disk I/O error; what was answered before is kept"):
        say(store, 1, "mina", "hat")
    monkeypatch.undo()
    assert store.ask("SELECT COUNT(*) FROM submissions") == [(0,)]
    assert say(store, 1, "mina", "hat") == 1


def test_what_is_no_review_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="nobody has answered yet"):
        ReviewStore(tmp_path / "none.sqlite", create=False)
    torn = tmp_path / "torn.sqlite"
    torn.write_bytes(b"no database at all, but long enough to be looked at" * 40)
    with pytest.raises(DatasetError, match="damaged, or no review"):
        ReviewStore(torn)
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE notes (text)")
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(DatasetError, match="format 99, this version of Lapel reads 1"):
        ReviewStore(other)


@pytest.mark.parametrize("name", ["", "  ", "x" * 65, "a\nb", "\u202eevil", None, 3])
def test_names_that_cannot_be_read_are_refused(name: object) -> None:
    with pytest.raises(UsageError, match="1 to 64 letters"):
        checked_annotator_name(name)


def test_two_people_are_not_given_one_photo() -> None:
    now = [0.0]
    leases = Leases(seconds=10, clock=lambda: now[0])

    def take(who: str, count: int = 2, held: tuple[int, ...] = ()) -> list[int]:
        return leases.take(who, range(1, 9), count=count, room=lambda _: 1, held=held)

    assert take("mina") == [1, 2]
    assert take("jun") == [3, 4]
    now[0] = 8.0
    assert take("mina", 1, held=(1, 2)) == [5]  # she is still there, so 1 and 2 stay hers
    now[0] = 12.0
    assert take("sora", 3) == [3, 4, 6]  # jun has gone
    leases.let_go("mina", 1)
    assert take("sora", 1, held=(3, 4, 6)) == [1]


def test_a_photo_may_be_given_to_as_many_as_are_to_answer_it() -> None:
    leases = Leases(seconds=10, clock=lambda: 0.0)
    for who, given in (("mina", [1]), ("jun", [1]), ("sora", [2])):
        assert leases.take(who, range(1, 9), count=1, room=lambda _: 2) == given


def test_a_label_that_cannot_be_is_mended_and_not_in_the_way() -> None:
    points = Schema((TaskSpec(name="points", kind="landmarks", labels=("hem",)),))
    far = [{"name": "hem", "x": -20.0, "y": 5.0, "state": "visible"}]
    near = [{"name": "hem", "x": 2.0, "y": 5.0, "state": "visible"}]
    item = Proposed(image="x.jpg", size=(10, 10), standing={"points": far})
    assert given_answers(item, points, {"points": near})["points"].verdict == "mended"
