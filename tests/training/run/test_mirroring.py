"""Runs that are kept in S3."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cloud_account import ObjectStore
from faulty_proxy import FaultyProxy, faulty_proxy, slow_down
from training_runs import SMALL

from lapel.inference.predictor import Predictor
from lapel.schema.errors import StorageError, TrainingError, UsageError
from lapel.storage.places import put_file
from lapel.storage.s3 import owner as owning
from lapel.storage.s3 import retrying
from lapel.storage.s3.location import S3Location
from lapel.storage.s3.manifest import MANIFEST
from lapel.storage.s3.owner import OWNER, Owner
from lapel.storage.s3.store import S3Store
from lapel.storage.s3.transfer import push
from lapel.training.recorder import Quiet
from lapel.training.run import mirrored_files, mirroring
from lapel.training.train import Trained, train

OFTEN: dict[str, Any] = {**SMALL, "schedule.epochs": 3, "checkpoint.every_steps": 7}


class Cut(Quiet):
    """Ends a run in its middle."""

    def epoch(self, row: dict[str, float]) -> None:
        if row["epoch"] == 2:
            raise KeyboardInterrupt


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Another machine: a cache by name, with nothing in it."""

    def begin(name: str) -> Path:
        monkeypatch.setenv("LAPEL_CACHE", str(tmp_path / name))
        return tmp_path / name

    return begin


@pytest.fixture
def place(aws: ObjectStore, machine: Callable[[str], Path]) -> str:
    machine("one")
    return f"s3://{aws.bucket()}/runs/first"


@pytest.fixture(scope="module")
def undisturbed(patterns: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that nothing happens to, here. Not to be changed."""
    out = tmp_path_factory.mktemp("runs") / "undisturbed"
    return train("fashion-mnist-fast", data=patterns, out=out, changes=OFTEN).run


@pytest.fixture(scope="module")
def cut_run(patterns: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that was cut in its middle, here. Not to be changed."""
    out = tmp_path_factory.mktemp("runs") / "cut"
    with pytest.raises(KeyboardInterrupt):
        train("fashion-mnist-fast", data=patterns, out=out, changes=OFTEN, reporter=Cut())
    return out


def lay(run: Path, place: str) -> None:
    """Put a run in a place, as if it had been learned into it."""
    with mirroring.run_at(place, lambda _: None) as mirrored:
        shutil.copytree(run, mirrored.folder, dirs_exist_ok=True)


def weights_there(place: str) -> bytes:
    return S3Store(place).read("bundle/weights.safetensors")


def learn(data: object, place: str, **options: Any) -> Trained:
    return train("fashion-mnist-fast", data=str(data), out=place, changes=OFTEN, **options)


def test_a_run_in_s3_is_the_run_that_it_would_have_been_here(
    patterns: Path, place: str, undisturbed: Path
) -> None:
    done = learn(patterns, place)
    store = S3Store(place)
    names = list(store.names())
    files = [path for path in done.run.rglob("*") if path.is_file() and path.name != "run.lock"]
    *older, newest = sorted(path for path in files if path.parent.name == "checkpoints")
    wanted = {path.relative_to(done.run).as_posix(): path for path in files if path not in older}
    for name, path in wanted.items():
        assert store.read(name) == path.read_bytes()
    others = {name for name in names if "checkpoints/" not in name or newest.name in name}
    assert others == {OWNER, *wanted}
    assert sum("checkpoints/" in name for name in names) <= 2
    assert json.loads(store.read(OWNER))["released"] is True
    assert weights_there(place) == (undisturbed / "bundle" / "weights.safetensors").read_bytes()
    assert Predictor.load(place).bundle.name == "fashion-mnist-fast"


def test_a_run_that_was_cut_goes_on_on_another_machine(
    patterns: Path,
    aws: ObjectStore,
    place: str,
    undisturbed: Path,
    machine: Callable[[str], Path],
) -> None:
    data = f"s3://{aws.bucket()}/patterns"
    push(patterns, data)
    with pytest.raises(KeyboardInterrupt):
        learn(data, place, reporter=Cut())
    cache = machine("two")
    done = train(resume=place)
    assert done.run.is_relative_to(cache)
    assert weights_there(place) == (undisturbed / "bundle" / "weights.safetensors").read_bytes()
    rows = S3Store(place).read("log.csv").decode().splitlines()
    assert [row.split(",")[0] for row in rows[1:]] == ["1", "2", "3"]


def test_a_dataset_that_lies_elsewhere_by_now_is_named(
    patterns: Path,
    place: str,
    undisturbed: Path,
    cut_run: Path,
    machine: Callable[[str], Path],
    tmp_path: Path,
) -> None:
    lay(cut_run, place)
    machine("two")
    moved = tmp_path / "moved"
    moved.symlink_to(patterns)
    train(resume=place, data=moved)
    assert weights_there(place) == (undisturbed / "bundle" / "weights.safetensors").read_bytes()


def test_a_place_with_a_run_is_no_place_for_another(
    patterns: Path, place: str, cut_run: Path
) -> None:
    lay(cut_run, place)
    with pytest.raises(UsageError, match=rf"{place} holds a run already; go on with it"):
        learn(patterns, place)
    assert S3Store(place).exists("run.json")


def test_where_there_is_no_run_nothing_goes_on_and_nothing_is_left(place: str) -> None:
    with pytest.raises(UsageError, match=rf"{place} holds no run to resume"):
        train(resume=place)
    assert list(S3Store(place).names()) == []


def test_a_second_process_is_refused(
    patterns: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owning, "BEAT", 0.1)
    monkeypatch.setattr(owning, "_gone_from_here", lambda _: False)
    first = Owner.take(S3Location.parse(place))
    with pytest.raises(StorageError, match=rf"another process writes to {place}"):
        learn(patterns, place)
    first.release()


def test_a_process_whose_run_was_taken_over_ends(
    patterns: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owning, "BEAT", 0.05)

    class TakenOver(Quiet):
        def epoch(self, row: dict[str, float]) -> None:
            if row["epoch"] == 1:
                told = {"process": 1, "machine": "two"}
                S3Store(place).write(OWNER, json.dumps(told).encode())

    with pytest.raises(TrainingError, match="taken over by process 1 on two: it goes on"):
        train(
            "fashion-mnist-fast",
            data=patterns,
            out=place,
            changes={**OFTEN, "schedule.epochs": 200},
            reporter=TakenOver(),
        )
    assert json.loads(S3Store(place).read(OWNER))["machine"] == "two"


@pytest.mark.parametrize("noticed", ["while it runs", "at its end"])
def test_taken_over_in_the_middle_of_a_save_nothing_more_is_put(
    noticed: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owning, "BEAT", 3600.0)  # as of a machine that slept
    put, store = put_file, S3Store(place)

    def put_and_lose(path: Path, target: str) -> None:
        put(path, target)
        told = {"process": 1, "machine": "two"}
        store.write(OWNER, json.dumps(told).encode())

    monkeypatch.setattr(mirroring, "put_file", put_and_lose)

    def save() -> None:
        with mirroring.run_at(place, lambda _: None) as run:
            run.folder.mkdir(parents=True, exist_ok=True)
            for name in ("recipe.yaml", "run.json", "log.csv"):
                (run.folder / name).write_text("mine")
            run.saved()
            until = time.monotonic() + 5 * (noticed == "while it runs")
            while not is_taken() and time.monotonic() < until:
                time.sleep(0.01)

    def is_taken() -> bool:
        told: dict[str, str] = json.loads(store.read(OWNER))
        return told["machine"] == "two"

    with pytest.raises(StorageError, match="taken over by process 1 on two"):
        save()
    assert sorted(store.names()) == [OWNER, "recipe.yaml"]


def test_a_large_log_that_grows_keeps_nothing_waiting(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirrored_files, "SMALL", 1000)
    monkeypatch.setattr(mirroring, "SHARE", 1e6)
    put: list[str] = []

    def note_and_put(path: Path, target: str) -> None:
        put_file(path, target)
        put.append(target.removeprefix(f"{place}/"))

    monkeypatch.setattr(mirroring, "put_file", note_and_put)
    with mirroring.run_at(place, lambda _: None) as run:
        run.bundle.mkdir(parents=True)
        run.checkpoints.mkdir()
        log, hidden = run.folder / "events.log", run.folder / ".events.log"
        hidden.write_bytes(bytes(2000))
        hidden.rename(log)  # large from the first moment that it can be seen
        for name in ("bundle/lapel.json", "bundle/weights", "recipe.yaml"):
            (run.folder / name).write_bytes(bytes(2000))
        for epoch in range(1, 4):
            if epoch > 1:
                with log.open("ab") as file:
                    file.write(bytes(2000))
            checkpoint = f"checkpoints/step-{epoch}.safetensors"
            (run.folder / checkpoint).write_bytes(b"1")
            run.saved()
            wait_for(checkpoint, put)
        wait_for(log.name, put)
        assert put.count(log.name) == 1, "not put anew with each checkpoint"
        order = mirrored_files.in_order(mirrored_files.files_of(run.folder))
    assert order == ["recipe.yaml", checkpoint, "bundle/weights", "bundle/lapel.json", log.name]
    assert S3Store(place).read(log.name) == bytes(6000), "in the end it is there"


def wait_for(name: str, put: list[str]) -> None:
    latest = time.monotonic() + 60
    while name not in put:
        assert time.monotonic() < latest
        time.sleep(0.01)


def test_no_connection_for_a_while_costs_no_learning(
    patterns: Path, aws: ObjectStore, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(retrying, "LONGEST_WAIT", 0.01)
    monkeypatch.setattr(mirroring, "TRIED_AGAIN", 0.05)

    class Cutting(Quiet):
        def __init__(self, proxy: FaultyProxy) -> None:
            self.proxy = proxy

        def say(self, text: str) -> None:
            said.append(text)

        def epoch(self, row: dict[str, float]) -> None:
            away = row["epoch"] < 3
            self.proxy.rule = (lambda _: slow_down) if away else (lambda _: None)

    with faulty_proxy(aws.endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        learn(patterns, place, reporter=Cutting(proxy))
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint)
    assert S3Store(place).exists("bundle/lapel.json")


def test_learning_on_from_a_model_in_s3(
    patterns: Path, place: str, undisturbed: Path, machine: Callable[[str], Path]
) -> None:
    lay(undisturbed, place)
    machine("two")
    on = f"{place}-on"
    done = train(data=patterns, out=on, from_=place, changes={"schedule.epochs": 1})
    assert json.loads((done.run / "run.json").read_text())["from"]["folder"] == f"{place}/bundle"
    machine("three")
    assert train(resume=on).best_score == done.best_score


def test_what_never_reached_s3_is_not_lost(
    cut_run: Path, place: str, machine: Callable[[str], Path]
) -> None:
    lay(cut_run, place)
    store = S3Store(S3Location.parse(place))
    newest = max(name for name in store.names() if name.startswith("checkpoints/"))
    store.delete(newest)  # as if S3 had been away when it was put
    with mirroring.run_at(place, lambda _: None) as run:
        assert (run.folder / newest).is_file()
    assert newest in set(store.names())
    machine("two")
    with mirroring.run_at(place, lambda _: None) as run:
        assert (run.folder / newest).read_bytes() == (cut_run / newest).read_bytes()


def away(_: Path, place: str) -> None:
    """Stands for putting a file where S3 is away."""
    raise StorageError(f"{place} could not be reached")


def test_a_run_of_which_nothing_reached_s3_is_there_to_go_on_with(
    patterns: Path, place: str, cut_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as changed:
        changed.setattr(mirroring, "put_file", away)
        with pytest.raises(StorageError, match="It is whole in"):
            lay(cut_run, place)
    assert "run.json" not in set(S3Store(place).names())

    # The same command again is not begun on an empty place, and what was learned goes on.
    with pytest.raises(UsageError, match="holds a run already"):
        learn(patterns, place)
    assert S3Store(place).exists("run.json")
    assert train(resume=place).best_score > 0


@pytest.mark.parametrize("sent", ["by itself", "by hand"])
def test_what_was_removed_from_s3_is_not_put_there_again(
    sent: str, place: str, cut_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if sent == "by hand":  # as the error advises
        with monkeypatch.context() as changed:
            changed.setattr(mirroring, "put_file", away)
            with pytest.raises(StorageError, match="send it: lapel cloud s3 push"):
                lay(cut_run, place)
        push(cut_run, place)
        with mirroring.run_at(place, lambda _: None):
            pass
    else:
        lay(cut_run, place)
    store = S3Store(place)
    for name in list(store.names()):
        store.delete(name)
    with pytest.raises(UsageError, match="holds no run to resume"):
        train(resume=place)


def test_a_run_that_was_pushed_by_hand_has_no_list_that_grows_old(
    cut_run: Path, place: str
) -> None:
    push(cut_run, place)
    store = S3Store(S3Location.parse(place))
    assert MANIFEST in set(store.names())
    with mirroring.run_at(place, lambda _: None):
        pass
    assert MANIFEST not in set(store.names())
