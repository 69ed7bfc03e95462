"""Several processes carry out one run: equal to one process's, broken off and gone on with."""

from __future__ import annotations

import csv
import re
import shutil
import signal
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from learning_pair import apart
from safetensors.numpy import load
from shared_runs import (
    LONG,
    SLOW_AFTER,
    begun,
    begun_in_parts,
    hanging_the_second,
    launched_and_killed,
    launched_and_stopped,
    losing_the_second,
    resumed,
    stopping_the_second,
)
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure

from lapel.inference.predictor import Predictor
from lapel.schema.errors import TrainingError
from lapel.training.processes import pulse
from lapel.training.processes.launch import exit_code
from lapel.training.run.checkpoint import newest_checkpoint
from lapel.training.train import train

#: A process that is left alone by the others ends within so many seconds.
SOON = 60

#: Of a share of pictures: one of 60 more or less.
A_PICTURE = 0.017


def weights_of(run: Path) -> bytes:
    return (run / "bundle" / "weights.safetensors").read_bytes()


def far_apart(first: Path, second: Path) -> float:
    """The largest difference of weights, as a share of the largest of each tensor."""
    one, other = (load(weights_of(run)) for run in (first, second))
    return max(
        float(np.abs(one[name] - other[name]).max()) / max(float(np.abs(one[name]).max()), 1e-3)
        for name in one
        if one[name].dtype == np.float32
    )


def rows_of(run: Path) -> list[dict[str, str]]:
    with (run / "log.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def alone(patterns: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process learns."""
    run = tmp_path_factory.mktemp("runs") / "alone"
    train("fashion-mnist-fast", data=patterns, out=run, changes=LONG)
    return run


@pytest.fixture(scope="module")
def by_two(patterns: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes learn."""
    run: Path = tmp_path_factory.mktemp("runs") / "two"
    first, second = apart(begun, patterns, run, {})
    assert isinstance(first, float), first
    assert first == second
    return run


def test_two_processes_end_as_one_does(alone: Path, by_two: Path) -> None:
    assert far_apart(alone, by_two) < 0.02
    for one, two in zip(rows_of(alone), rows_of(by_two), strict=True):
        assert one["step"] == two["step"]
        assert float(two["train_loss"]) == pytest.approx(float(one["train_loss"]), rel=1e-2)
        accuracy = float(one["validation_accuracy"])
        assert float(two["validation_accuracy"]) == pytest.approx(accuracy, abs=A_PICTURE)
    pictures = [np.full((28, 28), 90, np.uint8)] * 3
    assert len(list(Predictor.load(by_two).predict(pictures))) == 3


@pytest.fixture(scope="module")
def cut_off(patterns: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two processes of which the second was killed. Not to be changed."""
    folder: Path = tmp_path_factory.mktemp("runs")
    run, said = folder / "cut-off", folder / "said.txt"
    started = time.monotonic()
    assert apart(losing_the_second, patterns, run, said) == [1, None]
    assert time.monotonic() - started < SOON
    assert "lapel: process 0 of 2 (from 0) lost the others" in said.read_text()
    assert "lapel train --resume" in said.read_text()
    assert "Traceback" not in said.read_text()
    assert not (run / "bundle").exists()
    return run


def test_a_process_that_hangs_ends_the_others_and_one_that_is_slow_does_not(
    patterns: Path, tmp_path: Path
) -> None:
    run, said = tmp_path / "run", tmp_path / "said.txt"
    assert apart(hanging_the_second, patterns, run, said) == [None, "it hangs"]
    assert "process 0 of 2 (from 0) ends, since process 1 gave no sign of life" in said.read_text()
    assert "lapel train --resume RUN" in said.read_text()
    newest, _ = newest_checkpoint(run / "checkpoints")
    assert newest is not None
    assert newest.state["progress"]["step"] > SLOW_AFTER
    assert pulse.EVERY * (pulse.LOOKS + 2) < SOON


def test_a_run_that_lost_a_process_goes_on_to_the_same_weights(
    cut_off: Path, by_two: Path, tmp_path: Path
) -> None:
    run = shutil.copytree(cut_off, tmp_path / "run")
    assert isinstance(apart(resumed, run)[0], float)
    assert weights_of(run) == weights_of(by_two)


def test_what_two_began_one_goes_on_with(cut_off: Path, by_two: Path, tmp_path: Path) -> None:
    run = shutil.copytree(cut_off, tmp_path / "run")
    resumed(run)
    assert far_apart(run, by_two) < 0.02


def test_files_of_a_network_in_parts_are_those_of_a_whole_one(
    patterns: Path, by_two: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    first, _ = apart(begun_in_parts, patterns, run, {"schedule.epochs": 1})
    assert isinstance(first, float), first
    names = [path.name for path in by_two.glob("bundle/*")]
    assert sorted(path.name for path in run.glob("bundle/*")) == sorted(names)
    found, _ = newest_checkpoint(run / "checkpoints")
    whole, _ = newest_checkpoint(by_two / "checkpoints")
    assert found is not None
    assert whole is not None
    shapes = {name: value.shape for name, value in whole.tensors.items()}
    assert {name: value.shape for name, value in found.tensors.items()} == shapes


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"batch": 15}, "a batch of 15 cannot be shared out evenly to 2 processes: --set batch=14"),
        ({"budget": "1m"}, "--budget measures what one process does"),
    ],
)
def test_what_several_cannot_do_is_said_before_anything_is_written(
    changes: dict[str, object], said: str, patterns: Path, tmp_path: Path
) -> None:
    first, second = apart(begun, patterns, tmp_path / "run", changes)
    assert said in first
    assert isinstance(second, str)
    assert not (tmp_path / "run" / "run.json").exists()


def test_told_to_end_one_process_takes_the_other_along(patterns: Path, tmp_path: Path) -> None:
    run, said = tmp_path / "run", tmp_path / "said.txt"
    code = 128 + signal.SIGTERM
    assert apart(stopping_the_second, patterns, run, said) == [code, code]
    told = re.findall(
        r"stopped by SIGTERM; [\d,]+ steps? learned and saved\. Go on", said.read_text()
    )
    assert len(told) == 1, said.read_text()
    assert "Traceback" not in said.read_text()
    assert newest_checkpoint(run / "checkpoints")[0] is not None


def test_the_command_stops_all_processes_and_leaves_nothing() -> None:
    assert apart(launched_and_stopped, ["train", "--resume=nowhere"], count=1) == [
        128 + signal.SIGTERM
    ]
    left = [path.name for path in Path(tempfile.gettempdir()).iterdir()]
    assert not [name for name in left if name.startswith(("torchelastic_", "lapel-processes-"))]


def test_the_command_ends_when_a_process_is_killed() -> None:
    (said,) = apart(launched_and_killed, ["train", "--resume=nowhere"], count=1)
    assert "process 1 (from 0) was ended by SIGKILL, and the others with it" in said
    assert "lapel train --resume" in said


@pytest.mark.parametrize(
    ("codes", "meant"),
    [
        ({0: 2, 1: -signal.SIGTERM}, 2),  # the first was refused, the second left over
        ({1: 1, 0: 143}, 143),
        ({1: 1}, 1),
        ({0: 1, 1: -signal.SIGKILL}, "process 1 (from 0) was ended by SIGKILL"),
        ({1: -signal.SIGTERM}, "process 1 (from 0) was ended by SIGTERM"),
    ],
)
def test_the_exit_code_is_that_of_who_speaks_for_all(
    codes: dict[int, int], meant: int | str
) -> None:
    failures = {
        rank: ProcessFailure(local_rank=rank, pid=1, exitcode=code, error_file="")
        for rank, code in codes.items()
    }
    failed = ChildFailedError("lapel", failures)
    if isinstance(meant, int):
        assert exit_code(failed) == meant
    else:
        with pytest.raises(TrainingError, match=re.escape(meant)):
            exit_code(failed)
