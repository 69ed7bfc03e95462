"""``lapel compare`` as it is typed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lapel.cli.compare import Onlooker, ending
from lapel.cli.display import Lines
from lapel.training.comparing.learning import Standing

SHORT = (
    "--set=batch=16",
    "--set=schedule.epochs=1",
    "--set=precision=float32",
    "--set=model.options.widths=[8]",
    "--set=doubtful_labels.folds=0",
)


def lapel(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lapel", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def test_it_prints_the_table_the_files_and_at_the_end_what_failed(
    small_dataset: Path, tmp_path: Path
) -> None:
    vary = "--vary=optim=muon,sgd+optimiser.learning_rate=1e30"
    arguments = ("fashion-mnist-fast", "--data", small_dataset, "--out", "tries", vary)
    result = lapel("compare", *arguments, *SHORT, cwd=tmp_path)
    assert result.returncode == 1, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].split("\t")[:2] == ["optim", "score"]
    assert lines[1].startswith("muon\t")
    assert lines[1].endswith("\t1 done")
    assert lines[2].endswith("\t1 failed")
    assert "wrote tries/report.html" in lines
    assert "optim-muon: done" in result.stderr
    assert "lapel: 1 run of 2 failed:" in result.stderr
    assert "the loss is" in result.stderr
    assert "Traceback" not in result.stderr
    for name in ("report.html", "table.md", "runs.csv", "epochs.csv"):
        assert (tmp_path / "tries" / name).stat().st_size > 0
    assert (tmp_path / "tries" / "runs" / "optim-muon" / "bundle" / "lapel.json").is_file()


def test_a_wrong_command_is_told_so(small_dataset: Path, tmp_path: Path) -> None:
    where = ("--data", small_dataset, "--out", "tries")
    result = lapel("compare", "fashion-mnist-fast", *where, "--vary", "batch=8", cwd=tmp_path)
    assert result.returncode == 2, result.stderr
    assert "--vary batch needs two values or more" in result.stderr
    assert not list(tmp_path.iterdir())


def test_a_line_in_a_while_says_how_far_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.monotonic", lambda: 100.0)
    onlooker = Onlooker(Lines())
    monkeypatch.setattr("time.monotonic", lambda: 200.0)
    standing = Standing(runs=4, ended=["a"], shares={"b": 0.0}, started=0.0)
    standing.notes["b"] = "epoch 3, 81.20 %"
    onlooker.progress(standing)
    onlooker.progress(standing)
    said = capsys.readouterr().err
    assert said == "1 of 4 runs, about 10 min 0 s left; now b (epoch 3, 81.20 %)\n"


def test_how_a_run_ended_is_one_line() -> None:
    assert ending("a", None) == "a: done"
    assert ending("a", "no\x1b[2J memory\nmore") == "a: failed: no\\x1b[2J memory"
