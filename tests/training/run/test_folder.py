"""The folder of a run: held by one process, and read as somebody may have left it."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import pytest

from lapel.schema.errors import RecipeError, TrainingError
from lapel.training.run.folder import LOCK, RECIPE, RUN, RunFolder


def test_of_two_that_come_together_one_holds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunFolder(tmp_path / "run")
    with run.locked():
        # The other one looked before this one came.
        monkeypatch.setattr(Path, "exists", lambda _: False)
        with pytest.raises(TrainingError, match="another process is training"), run.locked():
            pass


def test_a_refused_run_leaves_nothing(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    with pytest.raises(TrainingError, match="refused"), run.locked():
        raise TrainingError("refused")
    assert not run.folder.exists()


def test_a_refused_run_leaves_a_folder_that_was_there(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    with run.locked():
        pass
    with pytest.raises(TrainingError, match="refused"), run.locked():
        raise TrainingError("refused")
    assert tmp_path.is_dir()


def test_a_run_that_began_stays_when_it_fails(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")

    def begin_and_fail() -> None:
        with run.locked():
            (run.folder / RUN).write_text("{}")
            raise TrainingError("failed")

    with pytest.raises(TrainingError, match="failed"):
        begin_and_fail()
    assert (run.folder / RUN).is_file()


def test_who_waited_for_a_refused_run_does_not_hold_what_it_took_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, other = RunFolder(tmp_path / "run"), RunFolder(tmp_path / "run")
    opened = run._lock

    def opened_too_early() -> IO[str]:
        """The first file is gone by the time that it is held."""
        file = opened()
        monkeypatch.setattr(run, "_lock", opened)
        (run.folder / LOCK).unlink()
        return file

    monkeypatch.setattr(run, "_lock", opened_too_early)
    with run.locked(), pytest.raises(TrainingError, match="another process"), other.locked():
        pass


def test_a_slip_in_its_recipe_is_told(tmp_path: Path) -> None:
    (tmp_path / RUN).write_text("{}")
    (tmp_path / RECIPE).write_text("a: [")
    with pytest.raises(RecipeError, match="is not YAML"):
        RunFolder(tmp_path).recipe()
