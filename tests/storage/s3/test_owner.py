"""A place that one process at a time writes to."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any

import pytest

from lapel.schema.errors import StorageError
from lapel.storage.processes import surroundings
from lapel.storage.s3 import owner as module
from lapel.storage.s3.client import ChangedError
from lapel.storage.s3.location import S3Location
from lapel.storage.s3.owner import OWNER, Owner, TakenError
from lapel.storage.s3.store import S3Store


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beats and patience of tests."""
    monkeypatch.setattr(module, "BEAT", 0.05)
    monkeypatch.setattr(module, "LEASE", 0.6)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Owners seem to be on other machines: nothing is known of their processes."""
    monkeypatch.setattr(module, "_gone_from_here", lambda _: False)


def silent(owner: Owner) -> None:
    """Let an owner stop to beat, as if it had been killed."""
    owner._ended.set()
    owner._thread.join()


@pytest.mark.usefixtures("elsewhere")
def test_the_second_is_refused_while_the_first_lives(place: S3Location) -> None:
    first = Owner.take(place)
    said: list[str] = []
    with pytest.raises(TakenError, match=rf"another process writes to {place}: process \d+ on"):
        Owner.take(place, said.append)
    assert "to see whether it still lives" in said[0]
    first.beat()
    first.release()
    second = Owner.take(place, said.append)
    assert len(said) == 1, "a place that was given back is taken at once"
    second.release(forget=True)
    assert not S3Store(place).exists(OWNER)


@pytest.mark.usefixtures("elsewhere")
def test_one_that_is_silent_is_taken_over_and_learns_of_it(place: S3Location) -> None:
    first = Owner.take(place)
    silent(first)
    second = Owner.take(place)
    with pytest.raises(TakenError, match=rf"{place} was taken over by process \d+ on"):
        first.beat()
    assert first.lost
    with pytest.raises(TakenError):
        first.beat()
    first.release()  # takes nothing from the other
    second.beat()
    assert not second.lost
    second.release()


@pytest.mark.usefixtures("elsewhere")
def test_one_that_was_cut_off_learns_of_it_by_its_own_beat(place: S3Location) -> None:
    first = Owner.take(place)
    store = S3Store(place)
    _, tag = store.read_tagged(OWNER)
    taken = False
    while not taken:  # between two of its beats
        with suppress(ChangedError):
            store.exchange(OWNER, json.dumps({"process": 1, "machine": "other"}).encode(), tag)
            taken = True
        _, tag = store.read_tagged(OWNER)
    until = time.monotonic() + 5
    while not first.lost and time.monotonic() < until:
        time.sleep(0.02)
    assert "taken over by process 1 on other" in first.lost


@pytest.mark.usefixtures("elsewhere")
def test_a_beat_whose_answer_was_lost_is_its_own(
    place: S3Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Owner.take(place)
    silent(first)
    write = S3Store.exchange

    def unanswered(store: S3Store, *words: Any) -> str:
        write(store, *words)
        raise StorageError("the connection failed")

    with monkeypatch.context() as cut:
        cut.setattr(S3Store, "exchange", unanswered)
        with pytest.raises(StorageError, match="the connection failed"):
            first.beat()
    first.beat()
    assert not first.lost
    with monkeypatch.context() as cut:
        cut.setattr(S3Store, "exchange", unanswered)
        with pytest.raises(StorageError, match="the connection failed"):
            first.beat()
    first.release()
    assert json.loads(S3Store(place).read(OWNER))["released"] is True


@pytest.mark.usefixtures("elsewhere")
def test_what_is_another_s_by_now_is_not_deleted(
    place: S3Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taken over between the last beat and the end, as of a process that slept in between."""
    first = Owner.take(place)
    delete = S3Store.delete

    def slept(store: S3Store, name: str, **words: str) -> None:
        store.write(OWNER, b'{"process": 1, "machine": "other"}')
        delete(store, name, **words)

    monkeypatch.setattr(S3Store, "delete", slept)
    first.release(forget=True)
    assert json.loads(S3Store(place).read(OWNER))["machine"] == "other"


def test_a_process_of_this_machine_that_is_gone_is_not_waited_for(place: S3Location) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    told = {"process": ended.pid, "machine": "here", "surroundings": surroundings()}
    S3Store(place).write(OWNER, json.dumps(told).encode())
    said: list[str] = []
    owner = Owner.take(place, said.append)
    assert said == []
    owner.release()


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("data", [b"", b"no JSON", b"[1]"])
def test_an_owner_that_says_nothing_sensible_is_waited_for(place: S3Location, data: bytes) -> None:
    S3Store(place).write(OWNER, data)
    owner = Owner.take(place)
    owner.release()
