"""Whatever happens to a run, it goes on to the weights that it would have had."""

from __future__ import annotations

import copy
import csv
import errno
import multiprocessing
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.tensorboard.writer import SummaryWriter
from training_runs import SMALL, Start, train_until

from lapel.models.export import export_onnx
from lapel.models.multitask import Network
from lapel.schema.errors import CheckpointError, StorageError, TrainingError, UsageError
from lapel.training import carry_out as carrying
from lapel.training import finish as finishing
from lapel.training.recorder import Quiet
from lapel.training.run.checkpoint import newest_checkpoint
from lapel.training.stopping import RunInterruptedError
from lapel.training.train import train

KILLS = 20

#: Enough steps for twenty kills, and a checkpoint every few of them.
LONG = {"schedule.epochs": 24, "checkpoint.every_steps": 7, "average": 0.9}


#: ... and with what comes after learning.
DOUBTED = {"schedule.epochs": 2, "checkpoint.every_steps": 7, "doubtful_labels.folds": 2}


def weights_of(run: Path) -> bytes:
    return (run / "bundle" / "weights.safetensors").read_bytes()


def losses_of(run: Path) -> list[tuple[str, ...]]:
    with (run / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    numbers = ("epoch", "step", "train_loss", "validation_loss")
    return [tuple(row[number] for number in numbers) for row in rows]


def newest_step(run: Path) -> int:
    names = [path.name for path in (run / "checkpoints").glob("step-*.safetensors")]
    return max((int(name[5:14]) for name in names), default=0)


def wait_for_checkpoints(run: Path, process: ForkServerProcess, *, more: int) -> None:
    seen = newest_step(run)
    while more and process.exitcode is None:
        time.sleep(0.002)
        if newest_step(run) > seen:
            seen, more = newest_step(run), more - 1


def whole_run(start_run: Start, data: Path, run: Path, changes: Mapping[str, Any]) -> Path:
    """A run to its end."""
    process = start_run(run, data, changes)
    process.join(120)
    assert process.exitcode == 0
    return run


@pytest.fixture(scope="module")
def undisturbed(start_run: Start, patterns: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return whole_run(start_run, patterns, tmp_path_factory.mktemp("runs") / "undisturbed", LONG)


def test_twenty_kills_at_random_moments_end_in_the_same_weights(
    start_run: Start, patterns: Path, undisturbed: Path, tmp_path: Path
) -> None:
    chance = random.Random(3)
    run = tmp_path / "killed"
    places = set()
    for _ in range(KILLS):
        process = start_run(run, patterns, LONG)
        # Somewhere after so many more checkpoints, be it while the next is being written.
        wait_for_checkpoints(run, process, more=chance.randrange(4))
        process.join(chance.uniform(0, 0.05))
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        places.add(newest_step(run))
    last = start_run(run, patterns, LONG)
    last.join(120)
    assert last.exitcode == 0
    assert len(places) > KILLS / 2, f"the kills fell on few places: {sorted(places)}"
    assert weights_of(run) == weights_of(undisturbed)
    assert losses_of(run) == losses_of(undisturbed)


#: What is flushed to the disk at the moment of a kill, and for which time.
MOMENTS = {
    "a checkpoint is written and not yet there": (r"checkpoints/\.step-.*\.partial$", 3),
    "a checkpoint is there and older ones too": (r"/checkpoints$", 3),
    "the bundle is half there": (r"\.partial/model\.onnx$", 1),
    "doubtful labels are written and not yet there": (r"/\.out_of_sample\.csv.*\.partial$", 1),
}


@pytest.fixture(scope="module")
def doubted(start_run: Start, patterns: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that nothing happens to, with doubtful labels looked for. Not to be changed."""
    return whole_run(start_run, patterns, tmp_path_factory.mktemp("runs") / "doubted", DOUBTED)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="tells open files by Linux's /proc")
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_kill_while_files_are_written_ends_in_the_same(
    moment: str, start_run: Start, patterns: Path, doubted: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    arguments = {
        "recipe": "fashion-mnist-fast", "data": patterns, "out": run,
        "changes": {**SMALL, **DOUBTED},
    }  # fmt: skip
    context = multiprocessing.get_context("forkserver")  # as of start_run: torch is loaded there
    process = context.Process(target=train_until, args=(*MOMENTS[moment], arguments))
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    last = start_run(run, patterns)
    last.join(120)
    assert last.exitcode == 0
    assert weights_of(run) == weights_of(doubted)
    assert losses_of(run) == losses_of(doubted)
    name = "out_of_sample.csv"
    assert (run / name).read_bytes() == (doubted / name).read_bytes()
    assert not list(run.rglob("*.partial"))


def test_sigterm_saves_and_says_so(patterns: Path, undisturbed: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    settings = [f"--set={key}={value}" for key, value in {**SMALL, **LONG}.items()]
    command = [sys.executable, "-m", "lapel", "train"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [*command, "fashion-mnist-fast", "--data", str(patterns), "--out", str(run), *settings],
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    while not (run / "log.csv").exists():  # the first epoch is done
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM
    assert re.search(r"stopped by SIGTERM; [\d,]+ steps? learned and saved\. Go on", said)
    assert "lapel train --resume" in said
    assert "Traceback" not in said
    result = subprocess.run([*command, "--resume", str(run)], check=True, env=environment)
    assert result.returncode == 0
    assert weights_of(run) == weights_of(undisturbed)


@pytest.mark.parametrize("method", ["__init__", "add_scalar"])
def test_without_room_for_tensorboard_a_run_goes_on(
    method: str, patterns: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []

    class Listening(Quiet):
        def say(self, text: str) -> None:
            said.append(text)

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(SummaryWriter, method, full)
    run = tmp_path / "run"
    train("fashion-mnist-fast", data=patterns, out=run, changes=SMALL, reporter=Listening())
    assert sum("TensorBoard's log could not be written: No space left" in one for one in said) == 1
    assert len(losses_of(run)) == SMALL["schedule.epochs"]


@pytest.mark.parametrize("moment", ["export", "doubtful labels"])
def test_asked_to_stop_after_learning_it_says_how_to_go_on(
    moment: str, patterns: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, name = {
        "export": (finishing, "export_onnx"),
        "doubtful labels": (carrying, "find_doubtful_labels"),
    }[moment]
    real = getattr(module, name)

    def stopped(*arguments: Any, **options: Any) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        return real(*arguments, **options)

    changes = {**SMALL, "schedule.epochs": 2, "doubtful_labels.folds": 2}
    run = tmp_path / "run"
    monkeypatch.setattr(module, name, stopped)
    with pytest.raises(RunInterruptedError, match=r"all steps are learned and saved\. Go on with"):
        train("fashion-mnist-fast", data=patterns, out=run, changes=changes)
    assert (run / "bundle").exists() == (moment == "doubtful labels")
    monkeypatch.setattr(module, name, real)
    train(resume=run)
    assert (run / "out_of_sample.csv").is_file()
    whole = train("fashion-mnist-fast", data=patterns, out=tmp_path / "whole", changes=changes)
    assert weights_of(run) == weights_of(whole.run)


def test_a_network_that_answers_otherwise_once_exported_is_no_bundle(
    patterns: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other(network: Network, **sizes: int) -> bytes:
        changed = copy.deepcopy(network)
        with torch.no_grad():
            for values in changed.parameters():
                values.add_(0.1)
        return export_onnx(changed, **sizes)

    run = tmp_path / "run"
    monkeypatch.setattr(finishing, "export_onnx", other)
    with pytest.raises(TrainingError, match="the run is kept, no bundle was written"):
        train("fashion-mnist-fast", data=patterns, out=run, changes=SMALL)
    assert not (run / "bundle").exists()
    monkeypatch.setattr(finishing, "export_onnx", export_onnx)
    assert train(resume=run).bundle.is_dir()


@pytest.mark.parametrize(
    "fault", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO], ids=errno.errorcode.get
)
def test_a_disk_that_fails_keeps_the_checkpoints_before(
    fault: int, patterns: Path, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, real = tmp_path / "run", os.fsync

    def failing(descriptor: int) -> None:
        if newest_step(run) >= 14:
            raise OSError(fault, os.strerror(fault))
        real(descriptor)

    def learn(**given: Any) -> None:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # as the undisturbed run has
        try:
            train(**given)
        finally:
            torch.set_num_threads(threads)

    with monkeypatch.context() as changed:
        changed.setattr(os, "fsync", failing)
        with pytest.raises(StorageError, match=f"could not be written: {os.strerror(fault)}"):
            learn(recipe="fashion-mnist-fast", data=patterns, out=run, changes={**SMALL, **LONG})
    assert newest_step(run) in {14, 21}  # renamed before its folder's entry could be flushed
    assert not list(run.rglob("*.partial"))
    learn(resume=run)
    assert weights_of(run) == weights_of(undisturbed)


def interrupted_run(start_run: Start, data: Path, run: Path) -> list[Path]:
    """A run killed in its middle, with two checkpoints; the newest first."""
    process = start_run(run, data, LONG)
    while len(list((run / "checkpoints").glob("step-*"))) < 2:
        assert process.exitcode is None
        time.sleep(0.005)
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    return sorted((run / "checkpoints").glob("step-*"), reverse=True)


@pytest.mark.parametrize("damage", ["torn", "flipped bit"])
def test_a_damaged_checkpoint_is_found_and_the_one_before_is_taken(
    damage: str, start_run: Start, patterns: Path, undisturbed: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    newest, before, *_ = interrupted_run(start_run, patterns, run)
    data = bytearray(newest.read_bytes())
    if damage == "torn":
        del data[len(data) // 2 :]
    else:
        data[len(data) // 2] ^= 1
    newest.write_bytes(data)
    checkpoint, notes = newest_checkpoint(run / "checkpoints")
    assert checkpoint is not None
    assert f"step-{checkpoint.state['progress']['step']:09d}" in before.name
    assert "damaged" in notes[0]
    assert "falling back" in notes[0]
    process = start_run(run, patterns)
    process.join(120)
    assert weights_of(run) == weights_of(undisturbed)


def test_no_whole_checkpoint_is_an_error_and_not_a_new_beginning(
    start_run: Start, patterns: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    for path in interrupted_run(start_run, patterns, run):
        path.write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match=r"no checkpoint in .* is whole"):
        train(resume=run)


def test_a_full_disk_is_named_and_leaves_no_half_file(patterns: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    settings = [f"--set={key}={value}" for key, value in {**SMALL, **LONG}.items()]
    arguments = ["train", "fashion-mnist-fast", "--data", str(patterns), "--out", str(run)]
    # Larger than the recipe and the log, smaller than a checkpoint.
    script = 'ulimit -f 16; exec "$0" -m lapel "$@"'
    result = subprocess.run(
        ["bash", "-c", script, sys.executable, *arguments, *settings],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1, result.stderr
    assert str(run / "checkpoints") in result.stderr
    assert "could not be written" in result.stderr
    assert "Traceback" not in result.stderr
    assert not list((run / "checkpoints").iterdir())


def test_two_runs_in_one_folder_the_second_is_refused(
    start_run: Start, patterns: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    process = start_run(run, patterns, LONG)
    while not (run / "run.json").exists():
        time.sleep(0.005)
    with pytest.raises(TrainingError, match="another process is training in"):
        train(resume=run)
    process.kill()
    process.join()


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_last_good_checkpoint(
    patterns: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    changes = {
        **SMALL,
        "optimiser.name": "sgd",
        "optimiser.learning_rate": 1e30,
        "schedule.kind": "constant",
        "schedule.warmup": 0.9,
        "checkpoint.every_steps": 1,
    }
    with pytest.raises(TrainingError, match=r"the loss is (nan|inf) by") as raised:
        train("fashion-mnist-fast", data=patterns, out=run, changes=changes)
    told = re.search(r"by step (\d+), at learning rate [\d.e+]+", str(raised.value))
    assert told
    checkpoint, _ = newest_checkpoint(run / "checkpoints")
    assert checkpoint is not None
    assert 0 < checkpoint.state["progress"]["step"] < int(told[1])
    assert all(bool(values.isfinite().all()) for values in checkpoint.tensors.values())
    assert not (run / "bundle").exists()


def test_a_second_start_in_the_same_folder_names_resume(patterns: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    train("fashion-mnist-fast", data=patterns, out=run, changes=SMALL)
    with pytest.raises(UsageError, match="--resume"):
        train("fashion-mnist-fast", data=patterns, out=run, changes=SMALL)


def test_a_folder_with_other_files_is_left_alone(patterns: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(UsageError, match=r"not empty \(it holds thesis.txt\)"):
        train("fashion-mnist-fast", data=patterns, out=tmp_path, changes=SMALL)
    assert (tmp_path / "thesis.txt").read_text() == "precious"
