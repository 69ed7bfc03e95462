"""``lapel tune`` as it is typed; searches themselves are in tests/training/tuning."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lapel.cli.display import Lines
from lapel.cli.tune import Onlooker, ending
from lapel.training.tuning.records import Record
from lapel.training.tuning.standing import Standing

Run = Callable[..., tuple[int, str, str]]


def record(state: str, **others: object) -> Record:
    facts = {"number": 7, "values": {"augment.flip": 0.51234}, "scores": {1: 0.5, 2: 0.8}, **others}
    return Record(state=state, **facts)  # type: ignore[arg-type] # of a dictionary


def test_how_a_trial_ended_is_one_line() -> None:
    done = record("done")
    assert ending(done, done) == "trial 7: 80.00 %, the best so far (augment.flip=0.5123)"
    early = ending(record("pruned"), None)
    assert early == "trial 7: 80.00 % after epoch 2, ended early (augment.flip=0.5123)"
    failed = ending(record("failed", fault="no\x1b[2J memory\nmore"), None)
    assert failed == "trial 7: failed: no\\x1b[2J memory (augment.flip=0.5123)"


def test_a_line_in_a_while_says_how_far_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.monotonic", lambda: 100.0)
    onlooker = Onlooker(Lines())
    monkeypatch.setattr("time.monotonic", lambda: 200.0)
    standing = Standing(ended=3, wanted=20, here={3: 0.5}, best=0.812, seconds_left=600)
    standing.notes[3] = "epoch 2, 71.00 %"
    onlooker.progress(standing)
    onlooker.progress(standing)
    said = capsys.readouterr().err
    assert said == (
        "3 of 20 trials, best 81.20 %, about 10 min 0 s left; now trial 3 (epoch 2, 71.00 %)\n"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--trials=2",), "has no ranges to search"),
        (("--range=batch=8..16",), "say when the search ends"),
        (("--range=batch=8", "--trials=2"), "one value for all trials is given with --set"),
        (("--range=batch=8..16", "--trials=2", "--pruner=some"), "--pruner takes median"),
        (("--range=batch=8..16", "--trials=2", "--workers=0"), "--workers takes a number"),
    ],
)
def test_a_wrong_command_is_told_so(
    run: Run, small_dataset: Path, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    out = tmp_path / "tuned"
    code, _, said = run("tune", "fashion-mnist-tiny", "--data", small_dataset, "--out", out, *words)
    assert code == 2, said
    assert message in said
    assert not out.exists()
