"""A run is cut on one machine and goes on on another, through a real S3 server (SeaweedFS)."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cloud_account import ObjectStore
from training_runs import SMALL, pattern_dataset

from lapel.data.dataset import Dataset
from lapel.data.shards import write_shards
from lapel.storage.s3.location import S3Location
from lapel.storage.s3.owner import OWNER
from lapel.storage.s3.store import S3Store
from lapel.storage.s3.transfer import list_objects

SETTINGS = {**SMALL, "schedule.epochs": 60, "checkpoint.every_steps": 5}

#: Machines on which the run is cut, one after another.
CUTS = 4

Machine = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def server(object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    return object_store


@pytest.fixture
def machine(server: ObjectStore, tmp_path: Path) -> Machine:
    """Starts ``lapel train`` on a machine of a name: another folder, and a cache of its own."""

    def start(name: str, *arguments: str) -> subprocess.Popen[str]:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        environment = {**os.environ, **server.environment, "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            [sys.executable, "-m", "lapel", "train", *arguments],
            cwd=folder,
            env=environment | {"LAPEL_CACHE": str(folder / "cache")},
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


@pytest.fixture
def data(server: ObjectStore, tmp_path: Path) -> str:
    """A dataset in shards, in S3."""
    made = pattern_dataset(tmp_path / "patterns", {"train": 300, "validation": 60})
    place = f"s3://{server.bucket()}/patterns"
    write_shards(made, place, size="60KB")
    return place


def settings() -> list[str]:
    return [f"--set={key}={value}" for key, value in SETTINGS.items()]


def newest_there(place: str) -> str:
    names = [one.name for one in list_objects(S3Location.parse(place), "checkpoints/")]
    return max(names, default="")


def wait_for_news(place: str, process: subprocess.Popen[str], since: str) -> None:
    """Wait until a newer checkpoint is in S3."""
    until = time.monotonic() + 120
    while newest_there(place) <= since:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < until
        time.sleep(0.05)


def weights_there(place: str) -> bytes:
    return S3Store(place).read("bundle/weights.safetensors")


def test_killed_on_one_machine_after_another_it_ends_in_the_same_weights(
    server: ObjectStore, machine: Machine, data: str
) -> None:
    chance = random.Random(11)
    undisturbed, place = (f"s3://{server.bucket()}/runs/{name}" for name in ("whole", "cut"))
    new = ("fashion-mnist-fast", "--data", data, *settings())
    whole = machine("undisturbed", *new, "--out", undisturbed)
    said = whole.communicate(timeout=240)[1]
    assert whole.returncode == 0, said

    places = set()
    for number in range(CUTS):
        since = newest_there(place)
        arguments = (*new, "--out", place) if number == 0 else ("--resume", place)
        process = machine(f"instance-{number}", *arguments)
        wait_for_news(place, process, since)
        time.sleep(chance.uniform(0, 0.5))  # be it while the next is on its way
        process.send_signal(signal.SIGKILL)
        process.communicate()
        places.add(newest_there(place))
    assert len(places) == CUTS
    last = machine("instance-last", "--resume", place)
    said = last.communicate(timeout=240)[1]
    assert last.returncode == 0, said
    assert "Going on from step" in said
    assert weights_there(place) == weights_there(undisturbed)
    names = {one.name for one in list_objects(S3Location.parse(place))}
    assert {"recipe.yaml", "run.json", "log.csv", "bundle/lapel.json", OWNER} <= names


def test_a_machine_that_is_taken_back_saves_to_s3_within_seconds(
    server: ObjectStore, machine: Machine, data: str
) -> None:
    place = f"s3://{server.bucket()}/runs/spot"
    process = machine("spot", "fashion-mnist-fast", "--data", data, "--out", place, *settings())
    wait_for_news(place, process, "")
    process.send_signal(signal.SIGTERM)
    started = time.monotonic()
    said = process.communicate(timeout=60)[1]
    assert time.monotonic() - started < 10
    assert process.returncode == 128 + signal.SIGTERM
    assert f"Go on with: lapel train --resume {place}" in said
    on = machine("next", "--resume", place)
    wait_for_news(place, on, newest_there(place))
    on.send_signal(signal.SIGKILL)
    on.communicate()


def test_while_one_learns_another_is_refused(
    server: ObjectStore, machine: Machine, data: str
) -> None:
    place = f"s3://{server.bucket()}/runs/one"
    process = machine("first", "fashion-mnist-fast", "--data", data, "--out", place, *settings())
    wait_for_news(place, process, "")
    second = machine("second", "--resume", place)
    said = second.communicate(timeout=60)[1]
    assert second.returncode == 1
    assert f"another process writes to {place}: process {process.pid} on" in said
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)


def test_a_dataset_and_a_model_are_used_where_they_lie(
    server: ObjectStore, machine: Machine, data: str, lapel: Callable[..., str]
) -> None:
    assert len(Dataset.open(data)) == 360
    place = f"s3://{server.bucket()}/runs/short"
    short = [*settings(), "--set=schedule.epochs=2"]
    process = machine("one", "fashion-mnist-fast", "--data", data, "--out", place, *short)
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 0, said
    report = f"s3://{server.bucket()}/report"
    said = lapel("evaluate", place, data, "--split", "validation", "--out", report)
    assert f"wrote {report}/report.html" in said
    assert S3Store(report).exists("metrics.json")
